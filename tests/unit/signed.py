"""Signatures by the key a of tests, and blocks and sectors around any: by RFC 8017 and ESP-IDF's secure_boot.h."""

import binascii
import hashlib
import struct

from testkey import PRIVATE

BLOCK_BYTES = 1216
SECTOR = 4096


def number(text):
    """The number that base64 holds, little-endian as in a block."""
    return int.from_bytes(binascii.a2b_base64(text), "little")


def little(value, size=384):
    return (value % (1 << 8 * size)).to_bytes(size, "little")


N = number(PRIVATE["p"]) * number(PRIVATE["q"])


def sign(digest):
    """The signature by key a of a digest: EMSA-PSS, salt of zeros, Chinese remainder. Takes 0.3 s."""
    seed = hashlib.sha256(bytes(8) + digest + bytes(32)).digest()
    message = bytearray(351) + seed + b"\xbc"
    message[318] = 1
    for at in range(351):
        if at % 32 == 0:
            mask = hashlib.sha256(seed + struct.pack(">I", at // 32)).digest()
        message[at] ^= mask[at % 32]
    message[0] &= 0x7F
    signed = int.from_bytes(message, "big")
    p, q = number(PRIVATE["p"]), number(PRIVATE["q"])
    found = pow(signed % q, number(PRIVATE["dq"]), q)
    other = pow(signed % p, number(PRIVATE["dp"]), p)
    return found + q * ((other - found) * number(PRIVATE["inverse"]) % p)


def with_crc(block):
    """A block with the CRC that its fields have."""
    struct.pack_into("<I", block, 1196, binascii.crc32(memoryview(block)[:1196]))
    return block


def block(digest, s, *, n=N, e=65537, version=2, crc=0, into=None):
    """A block with a signature `s` of a digest, by a key with the modulus `n`; `crc` alters its own.

    In a buffer, to spare the heap.
    """
    r, m = 0, 0
    if n % 2:
        r = pow(2, 6144, n)
        m = 1  # 1/n modulo 2^32: each turn doubles the bits that are right
        for _ in range(5):
            m = m * (2 - n * m) % (1 << 32)
    made = bytearray(BLOCK_BYTES) if into is None else into
    struct.pack_into("<BBH", made, 0, 0xE7, version, 0)
    made[4:36] = digest
    made[36:420] = little(n)
    made[420:424] = little(e, 4)
    made[424:808] = little(r)
    made[808:812] = little(-m, 4)
    made[812:1196] = little(s)
    with_crc(made)
    made[1196] ^= crc
    return made


def key_of(made):
    """The digest of the key in a block, in hex."""
    return binascii.hexlify(hashlib.sha256(memoryview(made)[36:812]).digest()).decode()


KEY = key_of(block(bytes(32), 0))


def sector(*blocks, into=None):
    """A sector with these blocks; in a buffer, to spare the heap."""
    into = bytearray(SECTOR) if into is None else into
    for i in range(SECTOR):
        into[i] = 0xFF
    for place, made in enumerate(blocks):
        into[place * BLOCK_BYTES : place * BLOCK_BYTES + len(made)] = made
    return into
