"""A file's last sector: up to three signature blocks, by anybody's key."""

import binascii
import hashlib
import struct

from dice import mutate
from enos_ota.errors import VerifyError
from enos_ota.signature import check, is_signed
from rig import meter

DECLARED = (VerifyError,)
SHARE = 0.4  # a power modulo 3072 bits takes long
with open("tests/vectors/release-signed.bin", "rb") as _file:
    _file.seek(-4096, 2)
    _RIGHT = _file.read(4096)
_BLOCK_BYTES = 1216


def make(dice):
    """A sector; which of its keys are trusted, and which revoked."""
    block = bytearray(_RIGHT[:_BLOCK_BYTES])
    blocks = []
    for _ in range(dice.often(1, 2, 3)):
        one = bytearray(block)
        for _ in range(dice.below(3)):
            _spoil(dice, one)
        if not dice.wrong(6):
            struct.pack_into("<I", one, 1196, binascii.crc32(bytes(one[:1196])))
        blocks.append(bytes(one))
    sector = b"".join(blocks)
    sector = (sector + b"\xff" * 4096)[:4096]
    if dice.wrong(6):
        sector = (mutate(dice, sector) + bytes(4096))[:4096]
    return [sector, bytes((dice.often(7, dice.below(8)), dice.often(0, dice.below(8))))]


def _spoil(dice, block) -> None:
    at, size = dice.pick(
        ((0, 4), (4, 32), (36, 384), (420, 4), (424, 388), (812, 384), (1196, 4), (1200, 16))
    )
    kind = dice.below(4)
    if kind == 0:
        block[at + dice.below(size)] ^= 1 << dice.below(8)
    else:
        block[at : at + size] = (bytes(size), b"\xff" * size, dice.bytes(size))[kind - 1]


def play(parts):
    sector, (trusted, revoked) = parts
    keys = [
        binascii.hexlify(hashlib.sha256(sector[n * _BLOCK_BYTES + 36 :][:776]).digest()).decode()
        for n in range(3)
    ]
    trusted = [key for n, key in enumerate(keys) if trusted & 1 << n]
    revoked = [key for n, key in enumerate(keys) if revoked & 1 << n]
    is_signed(sector)
    found = check(bytearray(sector), trusted, revoked)
    # Whoever signs this: it is the right block or one that says the same.
    if found != _RIGHT[4:36]:
        meter.complain("a signature for %r" % found)
    return "signed"
