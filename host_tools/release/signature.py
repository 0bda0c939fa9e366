"""Signatures: Secure Boot v2 blocks, as `espsecure sign-data --version 2` writes them.

A signed file is its content, 0xFF up to whole sectors, and one more sector: up to three blocks of 1216 bytes,
0xFF behind them. Each block holds by itself, so a release can be signed by an old key and a new one. All numbers
are little-endian. Offset in a block, size, field:

    0    1  magic 0xE7               420   4  exponent e
    1    1  version 2, RSA           424 384  R² mod n, R = 2^3072
    2    2  zeros                    808   4  M' = -1/n mod 2^32
    4   32  SHA-256 of the content   812 384  signature
    36 384  modulus n               1196   4  CRC-32 of 0 .. 1195
                                    1200  16  zeros

The signature is RSA-3072 PSS over the content's digest: SHA-256, MGF1 with SHA-256, 32 bytes of salt.
(ESP-IDF, `secure_boot.h` of `esp_rom`.)
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from host_tools.release.errors import SignatureError
from host_tools.release.record import SECTOR_BYTES, padded

MAGIC = 0xE7
VERSION_RSA = 2
VERSION_ECDSA = 3
BLOCK_BYTES = 1216
MAX_BLOCKS = 3
KEY_BITS = 3072
EXPONENT = 65537
SALT_BYTES = 32

_NUMBER_BYTES = KEY_BITS // 8
_KEY = slice(36, 812)
_CRC_AT = 1196
_BLOCK = struct.Struct(f"<BBH32s{_NUMBER_BYTES}sI{_NUMBER_BYTES}sI{_NUMBER_BYTES}sI16s")
assert _BLOCK.size == BLOCK_BYTES
_PSS = padding.PSS(padding.MGF1(SHA256()), SALT_BYTES)


@dataclass(frozen=True)
class Block:
    """One signature: the digest of its key, and why it does not hold ("" when it does)."""

    key_digest: bytes
    problem: str = ""


def key_digest(key: rsa.RSAPublicKey) -> bytes:
    """SHA-256 by which boards know a public key: that of its part of a block, bytes 36 to 811.

    Raises: `SignatureError` for a key that boards do not verify.
    """
    check_key(key)
    return hashlib.sha256(_key_part(key.public_numbers())).digest()


def check_key(key: object) -> None:
    """Refuse a key, private or public, that boards do not verify. Raises: `SignatureError`."""
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        raise SignatureError(f"an EC key ({key.curve.name}): boards verify RSA-3072 only")
    if not isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        raise SignatureError("not an RSA key: boards verify RSA-3072 only")
    if key.key_size != KEY_BITS:
        raise SignatureError(f"an RSA-{key.key_size} key: boards verify RSA-3072 only")
    public = key.public_key() if isinstance(key, rsa.RSAPrivateKey) else key
    exponent = public.public_numbers().e
    if exponent != EXPONENT:
        raise SignatureError(f"an RSA key of exponent {exponent}: boards verify 65537 only")


def sign_release(data: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """Return `data`, filled up to whole sectors, with one signature behind it.

    Another one for the same content differs: PSS is salted.
    Raises: `SignatureError` when `data` is signed already, or boards do not verify such a key.
    """
    if split(data)[1]:
        raise SignatureError(
            "signed already: --append adds a signature, --replace leaves only the new"
        )
    content = data.ljust(padded(len(data)), b"\xff")
    return content + _sector([_signed_block(content, key)])


def append_signature(data: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """Return the signed `data` with one signature more, of another key.

    Raises: `SignatureError` when it has none, three, one of this key, or one that does not hold.
    """
    content, sector = split(data)
    if not sector:
        raise SignatureError("not signed yet: sign it without --append")
    blocks, problems = read_sector(sector, content)
    if problems:
        raise SignatureError(f"{problems[0]}: --replace signs anew")
    if len(blocks) == MAX_BLOCKS:
        raise SignatureError(f"signed by {MAX_BLOCKS} keys already, which is all there is room for")
    if key_digest(key.public_key()) in [block.key_digest for block in blocks]:
        raise SignatureError("signed by this key already")
    old = sector[: len(blocks) * BLOCK_BYTES]
    return content + _sector([old, _signed_block(content, key)])


def split(data: bytes) -> tuple[bytes, bytes]:
    """Content and signature sector of a file; the latter is empty where the file is not signed."""
    kinds = [struct.pack("<BBH", MAGIC, version, 0) for version in (VERSION_RSA, VERSION_ECDSA)]
    is_signed = len(data) % SECTOR_BYTES == 0 and data[-SECTOR_BYTES:][:4] in kinds
    return (data[:-SECTOR_BYTES], data[-SECTOR_BYTES:]) if is_signed else (data, b"")


def read_sector(sector: bytes, content: bytes) -> tuple[tuple[Block, ...], list[str]]:
    """The signatures in a sector, judged, and all that is wrong with it; nothing when all hold."""
    blocks: list[Block] = []
    problems = []
    for at in range(0, MAX_BLOCKS * BLOCK_BYTES, BLOCK_BYTES):
        raw = sector[at : at + BLOCK_BYTES]
        if len(raw) < BLOCK_BYTES or not raw.strip(b"\xff"):
            break
        block = Block(hashlib.sha256(raw[_KEY]).digest(), _judge(raw, content))
        if block.problem:
            problems.append(f"signature block {len(blocks)}: {block.problem}")
        blocks.append(block)
    if len(sector) != SECTOR_BYTES:
        problems.append(f"the signature sector has {len(sector):,} bytes, not {SECTOR_BYTES:,}")
    elif not blocks:
        problems.append("the signature sector holds no signature")
    if sector[len(blocks) * BLOCK_BYTES :].strip(b"\xff"):
        problems.append("there is something else behind the signature blocks")
    keys = {block.key_digest for block in blocks}
    if len(keys) < len(blocks):
        problems.append("one key signed twice")
    return tuple(blocks), problems


def _sector(blocks: list[bytes]) -> bytes:
    return b"".join(blocks).ljust(SECTOR_BYTES, b"\xff")


def _signed_block(content: bytes, key: rsa.RSAPrivateKey) -> bytes:
    check_key(key)
    digest = hashlib.sha256(content).digest()
    signature = key.sign(digest, _PSS, Prehashed(SHA256()))
    block = struct.pack("<BBH32s", MAGIC, VERSION_RSA, 0, digest)
    block += _key_part(key.public_key().public_numbers()) + signature[::-1]
    return block + struct.pack("<I16x", zlib.crc32(block))


def _key_part(numbers: rsa.RSAPublicNumbers) -> bytes:
    r_squared, m_prime = montgomery(numbers.n)
    return b"".join(
        (
            numbers.n.to_bytes(_NUMBER_BYTES, "little"),
            numbers.e.to_bytes(4, "little"),
            r_squared.to_bytes(_NUMBER_BYTES, "little"),
            m_prime.to_bytes(4, "little"),
        )
    )


def montgomery(modulus: int) -> tuple[int, int]:
    """R² mod n and M' of an odd modulus: what the chip's hardware wants beside it."""
    return pow(2, 2 * KEY_BITS, modulus), -pow(modulus, -1, 1 << 32) % (1 << 32)


def _judge(raw: bytes, content: bytes) -> str:
    """Why the block `raw` is no signature of `content`; "" when it is one."""
    fields = _BLOCK.unpack(raw)
    magic, version, reserved, digest, *_numbers, crc, tail = fields
    if magic != MAGIC:
        return f"it begins with 0x{magic:02X} instead of 0xE7"
    if version != VERSION_RSA:
        return f"it is of version {version}: boards verify RSA-3072, version 2"
    if zlib.crc32(raw[:_CRC_AT]) != crc:
        return "it is damaged (CRC)"
    if reserved or tail.strip(b"\0"):
        return "bytes that must be zero are not"
    if digest != hashlib.sha256(content).digest():
        return "it is of another content"
    return _judge_key(raw) or _judge_signature(raw)


def _judge_key(raw: bytes) -> str:
    modulus, exponent, r_squared, m_prime = _numbers(raw)[:4]
    if modulus.bit_length() != KEY_BITS:
        return f"its key has {modulus.bit_length()} bits: boards verify RSA-3072 only"
    if modulus % 2 == 0:
        return "its key is none: the modulus is even"
    if exponent != EXPONENT:
        return f"its key has exponent {exponent}: boards verify 65537 only"
    if (r_squared, m_prime) != montgomery(modulus):
        return "R² and M' do not belong to its key"
    return ""


def _judge_signature(raw: bytes) -> str:
    modulus, exponent, _r_squared, _m_prime, signature = _numbers(raw)
    if signature >= modulus:
        return "its signature is not below the modulus"
    try:
        rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(
            signature.to_bytes(_NUMBER_BYTES, "big"), raw[4:36], _PSS, Prehashed(SHA256())
        )
    except (InvalidSignature, ValueError):
        return "its key did not make this signature"
    return ""


def _numbers(raw: bytes) -> tuple[int, int, int, int, int]:
    n, e, r_squared, m_prime, signature = _BLOCK.unpack(raw)[4:9]
    little = [int.from_bytes(number, "little") for number in (n, r_squared, signature)]
    return little[0], e, little[1], m_prime, little[2]
