"""Signature sectors: written here, read by literal offsets, judged by espsecure; and those of an attacker."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from release_fixtures import app, build_time, make, refuse_flipped, vm  # noqa: F401

from host_tools import paths
from host_tools.release import signature
from host_tools.release.check import check_release, parse_release
from host_tools.release.errors import ReleaseError, SignatureError
from host_tools.release.inspect import explain
from host_tools.release.signature import append_signature, read_sector, sign_release, split
from signing import block, digest_of, hostile_sectors, key, odd_sectors, sector

CONTENT = bytes(range(256)) * 32


@pytest.fixture(scope="session")
def hostile() -> dict[str, bytes]:
    return hostile_sectors(CONTENT, key())


@pytest.fixture(scope="session")
def odd() -> dict[str, bytes]:
    return odd_sectors(CONTENT, key())


@cache
def good() -> bytes:
    """A sector that holds, made when it is first asked for: not when tests are collected."""
    return sector(block(CONTENT, key()))


def espsecure(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [paths.tool("espsecure"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def pem(folder: Path, name: str = "a") -> Path:
    path = folder / f"{name}.pem"
    path.write_bytes(
        key(name).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


# --- as Espressif's tool does ----------------------------------------------------------------


def test_sign_puts_every_field_where_the_table_says() -> None:
    signed = sign_release(CONTENT + b"x", key())
    content = CONTENT + b"x" + b"\xff" * 4095
    assert signed[:-4096] == content
    raw = signed[-4096:]
    n = key().public_key().public_numbers().n
    assert raw[:4] == b"\xe7\x02\0\0"
    assert raw[4:36] == hashlib.sha256(content).digest()
    assert raw[36:420] == n.to_bytes(384, "little")
    assert raw[420:424] == b"\x01\0\x01\0"
    assert int.from_bytes(raw[424:808], "little") == (1 << 6144) % n
    assert int.from_bytes(raw[808:812], "little") * n % (1 << 32) == (1 << 32) - 1
    assert int.from_bytes(raw[1196:1200], "little") == zlib.crc32(raw[:1196])
    assert raw[1200:] == bytes(16) + b"\xff" * 2880
    assert signature.key_digest(key().public_key()) == digest_of(key())


@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("a", "b", "c")])
def test_espsecure_verifies_what_we_sign(names: tuple[str, ...], tmp_path: Path) -> None:
    data = sign_release(CONTENT, key(names[0]))
    for name in names[1:]:
        data = append_signature(data, key(name))
    path = tmp_path / "signed.bin"
    path.write_bytes(data)
    for name in names:
        done = espsecure("verify-signature", "--version", 2, "-k", pem(tmp_path, name), path)
        assert done.returncode == 0, done.stdout
    stranger = espsecure("verify-signature", "--version", 2, "-k", pem(tmp_path, "other"), path)
    assert stranger.returncode != 0
    said = espsecure("signature-info-v2", path).stdout
    for name in names:
        assert digest_of(key(name)).hex(" ") in said


def test_what_espsecure_signs_holds_and_takes_our_signature_too(tmp_path: Path, vm: Path) -> None:
    first, second = tmp_path / "first.bin", tmp_path / "second.bin"
    for name, source, out in (("a", vm, first), ("b", first, second)):
        options = ("-k", pem(tmp_path, name), "-o", out)
        more = ("--append-signatures",) if source == first else ()
        done = espsecure("sign-data", "--version", 2, *options, *more, source)
        assert done.returncode == 0, done.stderr
    assert (
        append_signature(sign_release(vm.read_bytes(), key("a")), key("b"))[:12288]
        == (second.read_bytes()[:12288])
    )
    data = append_signature(second.read_bytes(), key("c"))
    checked = check_release(data)
    assert (checked.problems, checked.is_plain) == ((), True)
    assert [one.key_digest for one in checked.signatures] == [digest_of(key(n)) for n in "abc"]


def test_espsecure_names_the_key_digest_that_we_do(tmp_path: Path) -> None:
    out = tmp_path / "digest.bin"
    assert espsecure("digest-sbv2-public-key", "-k", pem(tmp_path), "-o", out).returncode == 0
    assert out.read_bytes() == signature.key_digest(key().public_key())


# --- an attacker's ---------------------------------------------------------------------------


def test_block_made_by_the_tests_is_taken_as_our_own() -> None:
    blocks, problems = read_sector(sector(block(CONTENT, key())), CONTENT)
    assert problems == []
    assert [(one.key_digest, one.problem) for one in blocks] == [(digest_of(key()), "")]


def test_no_hostile_sector_holds_a_valid_signature(hostile: dict[str, bytes]) -> None:
    for name, raw in hostile.items():
        blocks, problems = read_sector(raw, CONTENT)
        assert problems, name
        assert not [one for one in blocks if not one.problem], name


REASONS = {
    "digest altered": "of another content",
    "signature altered": "its key did not make this signature",
    "signature of another content": "its key did not make this signature",
    "modulus altered": "R² and M' do not belong",
    "r_squared altered": "R² and M' do not belong",
    "m_prime altered": "R² and M' do not belong",
    "exponent altered": "exponent 65553",
    "crc": "CRC",
    "no salt": "its key did not make this signature",
    "mgf sha1": "its key did not make this signature",
    "signature above the modulus": "not below the modulus",
    "signature n": "not below the modulus",
    "modulus even": "even",
    "key of 2048 bits": "2048 bits",
    "key with exponent 3": "exponent 3",
    "version 3, ECDSA": "version 3",
    "blank": "holds no signature",
}


def test_hostile_sector_is_refused_for_what_is_wrong_with_it(hostile: dict[str, bytes]) -> None:
    for name, reason in REASONS.items():
        assert reason in read_sector(hostile[name], CONTENT)[1][0], name


def test_sector_that_no_signer_writes_is_a_problem(odd: dict[str, bytes]) -> None:
    for name, raw in odd.items():
        assert read_sector(raw, CONTENT)[1], name


ESPSECURE_REFUSES = [
    "digest altered",
    "signature altered",
    "crc",
    "no salt",
    "salt of 33",
    "mgf sha512",
    "pkcs1 v1.5",
    "signature above the modulus",
    "exponent 1 and its own encoding",
]


def test_espsecure_refuses_what_the_tests_forge_and_only_that(
    tmp_path: Path, hostile: dict[str, bytes], odd: dict[str, bytes]
) -> None:
    keyfile, path = pem(tmp_path), tmp_path / "signed.bin"
    taken = ("bytes behind the CRC", "garbage behind the block", "damaged block before it")
    for name in (*ESPSECURE_REFUSES, *taken):
        path.write_bytes(CONTENT + (hostile | odd)[name])
        done = espsecure("verify-signature", "--version", 2, "-k", keyfile, path)
        assert (done.returncode == 0) == (name in taken), name


@given(st.integers(0, 4095), st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_sector_with_any_byte_altered_is_refused(at: int, change: int) -> None:
    raw = bytearray(good())
    raw[at] ^= change
    assert read_sector(bytes(raw), CONTENT)[1]


@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_content_with_any_bit_altered_is_refused(at: int, bit: int) -> None:
    raw = bytearray(CONTENT)
    raw[at] ^= 1 << bit
    assert "of another content" in read_sector(good(), bytes(raw))[1][0]


@given(st.integers(0, 4095))
@settings(max_examples=50, deadline=None)
def test_sector_cut_anywhere_is_refused(size: int) -> None:
    assert read_sector(good()[:size], CONTENT)[1]


@given(st.binary(max_size=5000) | st.binary(max_size=1300).map(lambda b: b"\xe7\x02\0\0" + b))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_no_signature_and_no_crash(raw: bytes) -> None:
    assert read_sector(raw, CONTENT)[1]


# --- what is not signed ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("maker", "text"),
    [
        (lambda: key("small", 2048), "RSA-2048"),
        (lambda: key("large", 4096), "RSA-4096"),
        (lambda: key("three", 3072, 3), "exponent 3"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), r"EC key \(secp256r1\)"),
    ],
)
def test_sign_with_a_key_that_boards_do_not_verify_is_refused(
    maker: Callable[[], rsa.RSAPrivateKey], text: str
) -> None:
    private = maker()
    with pytest.raises(SignatureError, match=text):
        sign_release(CONTENT, private)
    with pytest.raises(SignatureError, match=text):
        append_signature(CONTENT + good(), private)
    with pytest.raises(SignatureError, match=text):
        signature.key_digest(private.public_key())


def test_sign_of_a_signed_file_says_what_to_do() -> None:
    with pytest.raises(SignatureError, match="signed already: --append adds"):
        sign_release(CONTENT + good(), key("b"))


def test_append_refuses_a_fourth_the_same_and_an_invalid_one(hostile: dict[str, bytes]) -> None:
    data = CONTENT + good()
    with pytest.raises(SignatureError, match="not signed yet"):
        append_signature(CONTENT, key())
    with pytest.raises(SignatureError, match="signed by this key already"):
        append_signature(data, key())
    with pytest.raises(SignatureError, match=r"CRC.*--replace"):
        append_signature(CONTENT + hostile["crc"], key("b"))
    data = append_signature(append_signature(data, key("b")), key("c"))
    with pytest.raises(SignatureError, match="all there is room for"):
        append_signature(data, key("other"))


def test_append_leaves_the_signatures_that_are_there_as_they_are() -> None:
    data = append_signature(CONTENT + good(), key("b"))
    assert data[: len(CONTENT) + 1216] == CONTENT + good()[:1216]
    assert split(data) == (CONTENT, data[-4096:])
    assert read_sector(data[-4096:], CONTENT)[1] == []


# --- a release that is signed ----------------------------------------------------------------


def test_signed_release_is_sound_and_knows_its_keys(vm: Path, app: Path) -> None:
    plain = make(vm, app).path.read_bytes()
    info = make(vm, app, keys=[key("a"), key("b")])
    data = info.path.read_bytes()
    assert data[:-4096] == plain
    assert info.signed_by == (digest_of(key("a")).hex(), digest_of(key("b")).hex())
    assert info.size == sum(size for _name, size in info.parts) == len(data)
    assert parse_release(data)[1] == info.record
    assert explain(data).sound
    assert [one.key_digest for one in check_release(data).signatures] == [
        digest_of(key("a")),
        digest_of(key("b")),
    ]


def test_signature_counts_in_the_slot(vm: Path, app: Path) -> None:
    size = make(vm, app).size
    assert make(vm, app, slot_size=size + 4096, keys=[key()]).size == size + 4096
    with pytest.raises(ReleaseError, match=r"4,096 more than a slot.*signature 4,096"):
        make(vm, app, slot_size=size, keys=[key()])


def test_signed_release_with_any_byte_flipped_is_refused(vm: Path, app: Path) -> None:
    data = make(vm, app, keys=[key("a"), key("b")]).path.read_bytes()
    end = len(data) - 4096
    positions = [
        *range(0, end, 997),
        *range(end, end + 40),  # magic, version, digest, begin of the modulus
        *range(end + 40, end + 1196, 31),
        *range(end + 1196, end + 1220),  # CRC, zeros, begin of the second block
        *range(end + 1220, len(data), 61),
        len(data) - 1,
    ]
    refuse_flipped(data, positions)


def test_release_with_a_hostile_sector_is_a_damaged_release_that_says_so(
    vm: Path, app: Path
) -> None:
    content = make(vm, app).path.read_bytes()
    made = hostile_sectors(content, key()) | odd_sectors(content, key())
    for name, raw in made.items():
        report = explain(content + raw)
        assert report.kind == "damaged release", name
        assert report.record is not None and report.record.version == "1.1.0"
        assert report.device.startswith("refuses it, step -3: ")
        assert "signature" in report.problems[0] or "signed" in report.problems[0], name


def test_release_with_the_signature_of_another_release_is_refused(vm: Path, app: Path) -> None:
    first = make(vm, app, keys=[key()]).path.read_bytes()
    second = make(vm, app, version="1.2.0").path.read_bytes()
    with pytest.raises(ReleaseError, match="block 0: it is of another content"):
        parse_release(second + first[-4096:])


def test_signed_release_with_something_behind_is_refused(vm: Path, app: Path) -> None:
    data = make(vm, app, keys=[key()]).path.read_bytes()
    for behind in (b"\xff" * 4096, b"garbage", data[-4096:]):
        with pytest.raises(ReleaseError):
            parse_release(data + behind)
    for cut in (1, 16, 2880, 4095):
        with pytest.raises(ReleaseError):
            parse_release(data[:-cut])
