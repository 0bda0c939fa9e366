"""Signing keys, and signature sectors that somebody made who wants in: for tests of host and device.

    key("a")                           an RSA-3072 key, the same within a process; other names, other keys
    block(content, key, …)             a Secure Boot v2 block, with whatever is wrong about it
    sector(block, …)                   a whole sector of blocks
    hostile_sectors(content, key)      name -> sector: none may be taken for `content`, though `key` is trusted
    odd_sectors(content, key)          name -> sector: not as espsecure writes it, but a signature holds

Written from ESP-IDF's `secure_boot.h`, not from the code under test: they must agree. Tests in `tests/host` import
`release_fixtures` first, which puts this folder on the path.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

BLOCK_BYTES = 1216
SECTOR_BYTES = 4096
NUMBER_BYTES = 384
FIELDS = {  # name -> (offset, size)
    "digest": (4, 32),
    "modulus": (36, 384),
    "exponent": (420, 4),
    "r_squared": (424, 384),
    "m_prime": (808, 4),
    "signature": (812, 384),
}
MGFS: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}


def key(name: str = "a", bits: int = 3072, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """A key of this name, made when it is first asked for: 0.3 s for 3072 bits."""
    return _made(name, bits, exponent)


@cache
def _made(name: str, bits: int, exponent: int) -> rsa.RSAPrivateKey:
    # `name` tells keys apart. The cache is here since key() and key("a") would be two to it.
    return rsa.generate_private_key(exponent, bits)


def digest_of(private: rsa.RSAPrivateKey) -> bytes:
    """The digest by which boards trust a key."""
    return claimed_digest(block(b"", private))


def claimed_digest(of: bytes) -> bytes:
    """Digest of the key that a block, or the first block of a sector, says it is signed with."""
    return hashlib.sha256(of[36:812]).digest()


def block(
    content: bytes,
    private: rsa.RSAPrivateKey,
    *,
    magic: int = 0xE7,
    version: int = 2,
    reserved: int = 0,
    digest: bytes | None = None,
    signed_digest: bytes | None = None,
    salt_bytes: int = 32,
    mgf: str = "sha256",
    pkcs1: bool = False,
    modulus: int | None = None,
    exponent: int | None = None,
    r_squared: int | None = None,
    m_prime: int | None = None,
    signature: int | None = None,
    above_modulus: bool = False,
    flip: tuple[int, ...] = (),
    crc_xor: int = 0,
    tail: bytes = bytes(16),
) -> bytes:
    """One block of 1216 bytes: right but for what is said otherwise, its CRC too.

    digest: what the block says of the content. signed_digest: what the key signs, by default `digest`. modulus …
    signature: numbers in place of the right ones, cut to their fields. above_modulus: the signature plus n, the
    same modulo n. flip: offsets of bytes in which one bit is inverted, before the CRC is taken.
    """
    digest = hashlib.sha256(content).digest() if digest is None else digest
    numbers = private.public_key().public_numbers()
    n = numbers.n if modulus is None else modulus
    if signature is None:
        pss = padding.PSS(padding.MGF1(MGFS[mgf]()), salt_bytes)
        scheme = padding.PKCS1v15() if pkcs1 else pss
        signature = _signature(private, signed_digest or digest, scheme, above_modulus)
    # An even modulus has none.
    right = (pow(1 << 3072, 2, n), -pow(n, -1, 1 << 32)) if n % 2 else (0, 0)
    raw = bytearray(struct.pack("<BBH32s", magic, version, reserved, digest))
    raw += _little(n, NUMBER_BYTES) + _little(numbers.e if exponent is None else exponent, 4)
    raw += _little(right[0] if r_squared is None else r_squared, NUMBER_BYTES)
    raw += _little(right[1] if m_prime is None else m_prime, 4) + _little(signature, NUMBER_BYTES)
    for offset in flip:
        raw[offset] ^= 0x10
    return bytes(raw) + struct.pack("<I", zlib.crc32(raw) ^ crc_xor) + tail


def _little(value: int, size: int) -> bytes:
    return (value % (1 << 8 * size)).to_bytes(size, "little")


def _signature(
    private: rsa.RSAPrivateKey,
    digest: bytes,
    scheme: padding.AsymmetricPadding,
    above_modulus: bool = False,
) -> int:
    n = private.public_key().public_numbers().n
    while True:
        made = int.from_bytes(private.sign(digest, scheme, Prehashed(hashes.SHA256())), "big")
        if not above_modulus:
            return made
        if made + n < 1 << 3072:  # PSS is salted: one in a few is small enough
            return made + n


def sector(*blocks: bytes, behind: bytes = b"") -> bytes:
    """A sector of 4096 bytes with these blocks and what is `behind` them, 0xFF to its end."""
    return b"".join((*blocks, behind)).ljust(SECTOR_BYTES, b"\xff")


def hostile_sectors(content: bytes, private: rsa.RSAPrivateKey) -> dict[str, bytes]:
    """Sectors by somebody without the private key, or by a broken signer: who trusts `private` takes none.

    Who trusts their `claimed_digest` instead takes none but those with `r_squared` or `m_prime` altered, which
    only the chip's hardware uses.
    """
    good = block(content, private)
    n = private.public_key().public_numbers().n
    other = hashlib.sha256(content + b"another").digest()
    wrong = {
        **{f"{name} altered": {"flip": (at,)} for name, (at, _size) in FIELDS.items()},
        **{
            f"end of {name} altered": {"flip": (at + size - 1,)}
            for name, (at, size) in FIELDS.items()
        },
        "of another content": {"digest": other},
        "signature of another content": {"signed_digest": other},
        "crc": {"crc_xor": 1},
        "no salt": {"salt_bytes": 0},
        "salt of 20": {"salt_bytes": 20},
        "salt of 33": {"salt_bytes": 33},
        "longest salt": {"salt_bytes": 384 - 32 - 2},
        "mgf sha1": {"mgf": "sha1"},
        "mgf sha512": {"mgf": "sha512"},
        "pkcs1 v1.5": {"pkcs1": True},
        "signature above the modulus": {"above_modulus": True},
        "signature 0": {"signature": 0},
        "signature 1": {"signature": 1},
        "signature n - 1": {"signature": n - 1},
        "signature n": {"signature": n},
        "signature all ones": {"signature": (1 << 3072) - 1},
        "modulus 0": {"modulus": 0},
        "modulus 1": {"modulus": 1},
        "modulus even": {"modulus": n - 1},
        "exponent 0": {"exponent": 0},
        "exponent 1": {"exponent": 1},
        "exponent 1 and its own encoding": {"exponent": 1, "signature": _encoded(content, private)},
        "version 1": {"version": 1},
        "version 3, ECDSA": {"version": 3},
    }
    weak = {
        "key of 2048 bits": key("small", 2048),
        "key of 4096 bits": key("large", 4096),
        "key with exponent 3": key("three", 3072, 3),
    }
    return {
        **{name: sector(block(content, private, **faults)) for name, faults in wrong.items()},  # type: ignore[arg-type]
        **{name: sector(block(content, one)) for name, one in weak.items()},
        "blank": sector(),
        "zeros": bytes(SECTOR_BYTES),
        "magic altered": sector(block(content, private, magic=0xE6)),
        "key without its signature": sector(good[:812]),
    }


def _encoded(content: bytes, private: rsa.RSAPrivateKey) -> int:
    """What verifying must give for `content`: with an exponent of 1, a signature that anybody can write down."""
    numbers = private.public_key().public_numbers()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    made = _signature(private, hashlib.sha256(content).digest(), pss)
    return pow(made, numbers.e, numbers.n)


def odd_sectors(content: bytes, private: rsa.RSAPrivateKey) -> dict[str, bytes]:
    """Sectors whose signature holds, while what it does not cover is not as espsecure writes it."""
    good = block(content, private)
    return {
        "reserved bytes": sector(block(content, private, reserved=1)),
        "bytes behind the CRC": sector(block(content, private, tail=b"\1" * 16)),
        "garbage behind the block": sector(good, behind=b"garbage"),
        "garbage at the end": sector(good)[:-1] + b"\0",
        "half a block behind the block": sector(good, good[:600]),
        "the same block twice": sector(good, good),
        "damaged block behind it": sector(good, block(content, key("other"), crc_xor=1)),
        "an empty place before it": sector(b"\xff" * BLOCK_BYTES, good),
        "zeros before it": sector(bytes(BLOCK_BYTES), good),
        "damaged block before it": sector(block(content, key("other"), crc_xor=1), good),
    }
