"""The signature of a release: Espressif's Secure Boot v2 blocks, RSA-3072 with PSS and SHA-256. Pure.

They fill the last 4096 bytes of a file and speak for all bytes before. Each of at most three has 1216 bytes
(ESP-IDF, secure_boot.h), whose numbers are little-endian: 0 magic 0xE7, 1 version, 4 SHA-256 of the content,
36 modulus, 420 exponent, 424 two numbers made from these, 812 signature, 1196 CRC-32 of all before. The digest
of a key is the SHA-256 of bytes 36 to 811.
"""

import binascii
import gc
import hashlib
import struct

from micropython import const

from .errors import VerifyError

SECTOR_BYTES = 4096
_BLOCKS = const(3)
_BLOCK_BYTES = const(1216)
_NUMBER_BYTES = const(384)
_KEY = const(36)
_EXPONENT = const(420)
_SIGNATURE = const(812)
_CRC = const(1196)
_F4 = const(65537)
_MASKED_BYTES = const(351)  # of the 384: 32 of a hash and a final 0xBC follow
_SALT = const(319)


def is_signed(sector) -> bool:
    """Whether a file's last sector claims to be a signature, of whatever kind."""
    return sector[0] == 0xE7 and 1 <= sector[1] <= 3


def wanted(config, sector) -> bytes:
    """The SHA-256 of the content that the last sector of a file vouches for; b"" where no signature is asked for.

    Raises: VerifyError (step -3) when there is none that counts.
    """
    policy = config.signature
    if policy == "off" or (policy == "if_present" and not is_signed(sector)):
        return b""
    return check(sector, config.keys, config.revoked)


def check(sector, keys: list, revoked: list) -> bytes:
    """The SHA-256 of the content that a signature sector vouches for.

    sector: 4096 bytes. keys, revoked: digests in lower-case hex; one block by a key that is among `keys` and not
    `revoked` suffices.
    Raises: VerifyError (step -3) when there is none.
    """
    reason = "not signed"
    for number in range(_BLOCKS):
        block = memoryview(sector)[number * _BLOCK_BYTES :][:_BLOCK_BYTES]
        if not is_signed(block):
            break
        reason = _trouble(block, keys, revoked)
        if not reason:
            return bytes(block[4:_KEY])
    raise VerifyError(reason)


def _trouble(block, keys: list, revoked: list) -> str:
    if block[1] != 2:
        return "signed, but not with RSA"
    if binascii.crc32(block[:_CRC]) != struct.unpack_from("<I", block, _CRC)[0]:
        return "the signature block is damaged"
    key = binascii.hexlify(hashlib.sha256(block[_KEY:_SIGNATURE]).digest()).decode()
    if key in revoked:
        return "signed with key %s, which is revoked" % key[:8]
    if key not in keys:
        return "signed with key %s, which is not trusted" % key[:8]
    modulus = _number(block, _KEY)
    signature = _number(block, _SIGNATURE)
    exponent = struct.unpack_from("<I", block, _EXPONENT)[0]
    if exponent != _F4 or not block[_EXPONENT - 1] & 0x80 or signature >= modulus:
        return "the signature is not one of RSA-3072"
    gc.collect()  # the power takes 4 KB, in pieces of 770 bytes that must not meet garbage
    # 0.1 to 0.3 s on an ESP32, at a stretch.
    encoded = pow(signature, _F4, modulus).to_bytes(_NUMBER_BYTES, "big")
    return "" if _fits(bytearray(encoded), bytes(block[4:_KEY])) else "the signature is wrong"


def _number(block, at: int) -> int:
    return int.from_bytes(bytes(block[at : at + _NUMBER_BYTES]), "little")


def _fits(encoded, digest: bytes) -> bool:
    # EMSA-PSS-VERIFY of RFC 8017, 9.1.2, for 3071 bits, SHA-256, MGF1 with it, and 32 bytes of salt.
    seed = bytes(encoded[_MASKED_BYTES : _MASKED_BYTES + 32])
    if encoded[-1] != 0xBC or encoded[0] & 0x80:
        return False
    for start in range(0, _MASKED_BYTES, 32):
        mask = hashlib.sha256(seed + struct.pack(">I", start // 32)).digest()
        for i in range(start, min(start + 32, _MASKED_BYTES)):
            encoded[i] ^= mask[i - start]
    encoded[0] &= 0x7F
    for i in range(_SALT - 1):
        if encoded[i]:
            return False
    salt = bytes(encoded[_SALT:_MASKED_BYTES])
    return encoded[_SALT - 1] == 1 and hashlib.sha256(bytes(8) + digest + salt).digest() == seed
