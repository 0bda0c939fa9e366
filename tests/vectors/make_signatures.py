"""Make tests/unit/vectors.py and testkey.py anew: for tests of the board's code, which cannot make a key itself.

    python tests/vectors/make_signatures.py

Numbers only: the tests put the blocks together. Each run makes other keys; of the private ones only a's is
kept, by which the tests sign files of their own. Nobody else must trust it.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

import signing  # noqa: E402
from host_tools import paths  # noqa: E402

CONTENT = b"the content of a release"
DIGEST = hashlib.sha256(CONTENT).digest()
EM_BYTES = 384
DB_BYTES = EM_BYTES - 32 - 1

HEAD = '''"""Signatures of `CONTENT`: made by tests/vectors/make_signatures.py, not by hand."""

CONTENT = b"%s"
'''
KEY_HEAD = '''"""The key a of tests, made by tests/vectors/make_signatures.py: nobody else must trust it."""

# Primes, exponents modulo these less 1, inverse of q modulo p; little-endian.
PRIVATE = {
'''


def encoded(salt: bytes, faults: dict[str, int]) -> bytes:
    """EMSA-PSS of the content's digest (RFC 8017, 9.1.1), right but for `faults`: bytes that are changed.

    A number's name says where: "db N" is byte N of the unmasked data block, "em N" byte N of what is signed.
    """
    seed = hashlib.sha256(bytes(8) + DIGEST + salt).digest()
    block = bytearray(bytes(DB_BYTES - len(salt) - 1) + b"\1" + salt)
    for place, value in faults.items():
        if place.startswith("db "):
            block[int(place[3:])] = value
    mask = b"".join(hashlib.sha256(seed + struct.pack(">I", i)).digest() for i in range(11))
    message = bytearray(a ^ b for a, b in zip(block, mask, strict=False)) + seed + b"\xbc"
    message[0] &= 0x7F
    for place, value in faults.items():
        if place.startswith("em "):
            at = int(place[3:])
            message[at] = message[at] | 0x80 if value == 0x80 else value
    return bytes(message)


def raw(private: rsa.RSAPrivateKey, **faults: int) -> int:
    """A signature of a message that no signer makes, by who has the key."""
    numbers = private.private_numbers()
    n = numbers.public_numbers.n
    for salt in range(1000):
        told = {name.replace("_", " "): value for name, value in faults.items()}
        message = int.from_bytes(encoded(bytes([salt % 256]) * 32, told), "big")
        if message < n:
            return pow(message, numbers.d, n)
    raise AssertionError("no message is small enough")


def signature_of(block: bytes) -> int:
    """The number in a block."""
    return int.from_bytes(block[812:1196], "little")


def small(private: rsa.RSAPrivateKey) -> int:
    """A right signature that fits its field with the modulus added, too."""
    n = private.public_key().public_numbers().n
    return signature_of(signing.block(CONTENT, private, above_modulus=True)) - n


def by_espsecure(private: rsa.RSAPrivateKey) -> tuple[bytes, str]:
    """The block that espsecure makes for the content in a sector of its own, and its digest of the key."""
    with tempfile.TemporaryDirectory() as folder:
        key, data, out = (Path(folder) / name for name in ("key.pem", "data", "out"))
        form = serialization.PrivateFormat.TraditionalOpenSSL
        none = serialization.NoEncryption()
        key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, none))
        data.write_bytes(CONTENT.ljust(4096, b"\xff"))
        tool = paths.tool("espsecure")
        for command in (
            [tool, "sign-data", "--version", "2", "-k", key, "-o", out, data],
            [tool, "digest-sbv2-public-key", "-k", key, "-o", key.with_suffix(".digest")],
        ):
            subprocess.run(command, check=True, capture_output=True)
        return out.read_bytes()[4096:5312], key.with_suffix(".digest").read_bytes().hex()


def shown(name: str, data: bytes) -> str:
    """An entry of a dict, in base64."""
    lines = textwrap.wrap(base64.b64encode(data).decode(), 88)
    return f'    "{name}": (\n' + "".join(f'        "{line}"\n' for line in lines) + "    ),\n"


def number(value: int) -> bytes:
    """A number as in a block."""
    return (value % (1 << 3072)).to_bytes(EM_BYTES, "little")


def main() -> None:
    """Write the module."""
    a, b, c = (signing.key(name) for name in "abc")
    weak = {
        "2048": signing.key("2048", 2048),
        "4096": signing.key("4096", 4096),
        "three": signing.key("three", 3072, 3),
    }
    keys = {"a": a, "b": b, "c": c, **weak}
    made = {name: signature_of(signing.block(CONTENT, key)) for name, key in keys.items()}
    for name, faults in (
        ("no salt", {"salt_bytes": 0}),
        ("salt of 31", {"salt_bytes": 31}),
        ("salt of 33", {"salt_bytes": 33}),
        ("longest salt", {"salt_bytes": EM_BYTES - 34}),
        ("mgf sha1", {"mgf": "sha1"}),
        ("mgf sha512", {"mgf": "sha512"}),
        ("pkcs1", {"pkcs1": True}),
    ):
        made[name] = signature_of(signing.block(CONTENT, a, **faults))  # type: ignore[arg-type]
    made["small"] = small(a)
    made["raw"] = raw(a)
    made["first zero"] = raw(a, db_0=1)
    made["last zero"] = raw(a, db_317=1)
    made["no one"] = raw(a, db_318=2)
    made["trailer"] = raw(a, em_383=0xCC)
    made["top bit"] = raw(a, em_0=0x80)
    block, digest = by_espsecure(a)
    moduli = {name: number(key.public_key().public_numbers().n) for name, key in keys.items()}
    text = HEAD % CONTENT.decode()
    text += "\n# Little-endian, as in a block; of 4096 bits what fits.\nMODULI = {\n"
    text += "".join(shown(name, n) for name, n in moduli.items())
    text += "}\n\n# By key a, but for those by the key of their name.\nSIGNATURES = {\n"
    text += "".join(shown(name, number(value)) for name, value in made.items())
    text += "}\n\n# By key a, of the content and 0xFF up to 4096 bytes.\nESPSECURE = {\n"
    text += shown("block", block) + f'    "key": "{digest}",\n}}\n'
    (HERE.parent / "unit" / "vectors.py").write_text(text)
    private = a.private_numbers()
    text = KEY_HEAD
    for name, value in (
        ("p", private.p),
        ("q", private.q),
        ("dp", private.dmp1),
        ("dq", private.dmq1),
        ("inverse", private.iqmp),
    ):
        text += shown(name, value.to_bytes(EM_BYTES // 2, "little"))
    (HERE.parent / "unit" / "testkey.py").write_text(text + "}\n")


if __name__ == "__main__":
    main()
