"""Signing keys as files, and the commands that make, name, use and check them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from release_fixtures import app, build_time, make, refused, run, vm  # noqa: F401

from host_tools import paths
from host_tools.release.arguments import PASSPHRASE
from host_tools.release.check import check_release
from host_tools.release.commands import release
from host_tools.release.errors import KeyFileError
from host_tools.release.keys import write_pair
from host_tools.release.signature import sign_release
from signing import digest_of, hostile_sectors, key

SECRET = "a phrase nobody guesses"


@pytest.fixture(autouse=True)
def no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSPHRASE, raising=False)


def write(path: Path, private: rsa.RSAPrivateKey, secret: str = "", public: bool = False) -> Path:
    encryption = BestAvailableEncryption(secret.encode()) if secret else NoEncryption()
    path.write_bytes(
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if public
        else private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, encryption)
    )
    return path


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    return write(tmp_path / "a.pem", key())


# --- keygen ----------------------------------------------------------------------------------


def test_keygen_writes_a_pair_only_its_owner_can_read_and_names_the_digest(tmp_path: Path) -> None:
    out = tmp_path / "new" / "key.pem"
    result = run("keygen", "--out", out)
    assert result.exit_code == 0
    private = load_pem_private_key(out.read_bytes(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert (private.key_size, private.public_key().public_numbers().e) == (3072, 65537)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    public = tmp_path / "new" / "key.pub.pem"
    digest = digest_of(private).hex()
    assert f'"keys": ["{digest}"]' in result.output
    for path in (out, public):
        assert json.loads(run("key-digest", path, "--json").output)["digest"] == digest
    assert sorted(path.name for path in out.parent.iterdir()) == ["key.pem", "key.pub.pem"]


def test_keygen_never_overwrites_either_file(tmp_path: Path) -> None:
    for there, options in (("key.pem", ("--passphrase",)), ("other.pub.pem", ("--json",))):
        (tmp_path / there).write_bytes(b"mine")
        out = tmp_path / there.replace(".pub", "")
        refused(run("keygen", "--out", out, *options), f"{there}: is there already")
        assert (tmp_path / there).read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.pem", "other.pub.pem"]


def test_keygen_through_a_dangling_link_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "key.pem").symlink_to(tmp_path / "elsewhere")
    refused(run("keygen", "--out", tmp_path / "key.pem"), "is there already")
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_pair_whose_second_file_cannot_be_written_leaves_no_first(tmp_path: Path) -> None:
    (tmp_path / "key.pub.pem").symlink_to(tmp_path / "nowhere")
    with pytest.raises(KeyFileError, match=r"key\.pub\.pem: is there already"):
        write_pair(key(), tmp_path / "key.pem")
    assert [path.name for path in tmp_path.iterdir()] == ["key.pub.pem"]


def test_keygen_into_an_impossible_place_is_one_line(pem: Path) -> None:
    refused(run("keygen", "--out", pem / "key.pem"), "cannot be written")


def test_keygen_with_a_passphrase_encrypts_and_shows_it_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE, SECRET)
    out = tmp_path / "key.pem"
    result = run("keygen", "--out", out, "--passphrase")
    assert result.exit_code == 0
    assert out.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert SECRET not in result.output
    assert load_pem_private_key(out.read_bytes(), SECRET.encode())
    monkeypatch.setenv(PASSPHRASE, "another")
    refused(run("key-digest", out), "passphrase is wrong")


def on_terminal(command: list[str], typed: list[bytes], folder: Path) -> tuple[int, str]:
    """Run the command on a terminal and type an answer to each question; exit code, and what it showed."""
    ours, theirs = pty.openpty()
    program = [sys.executable, "-m", "host_tools", "release", *command]
    process = subprocess.Popen(
        program, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=os.environ | PYTHON
    )
    os.close(theirs)
    shown, answered = b"", 0
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # how Linux says that the other side is closed
            break
        if shown.count(b"hrase: ") + shown.count(b"confirmation: ") > answered:
            os.write(ours, typed[answered] + b"\n")
            answered += 1
    os.close(ours)
    return process.wait(timeout=60), shown.decode()


PYTHON = {"PYTHONPATH": str(paths.ROOT)}


def test_passphrase_typed_on_a_terminal_is_asked_twice_and_not_shown(tmp_path: Path) -> None:
    typed = [SECRET.encode(), SECRET.encode()]
    code, shown = on_terminal(["keygen", "--out", "k.pem", "--passphrase"], typed, tmp_path)
    assert (code, SECRET in shown) == (0, False), shown
    code, shown = on_terminal(["key-digest", "k.pem"], [SECRET.encode()], tmp_path)
    assert (code, SECRET in shown) == (0, False), shown
    digest = digest_of(load_pem_private_key((tmp_path / "k.pem").read_bytes(), SECRET.encode()))
    assert digest.hex() in shown


def test_passphrase_without_a_terminal_names_the_variable(tmp_path: Path) -> None:
    refused(run("keygen", "--out", tmp_path / "k.pem", "--passphrase"), f"set {PASSPHRASE} in")
    assert not list(tmp_path.iterdir())
    refused(run("key-digest", write(tmp_path / "k.pem", key(), SECRET)), f"set {PASSPHRASE} in")


# --- what is no key --------------------------------------------------------------------------


def sec1() -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "not a key in PEM"),
        (b"\xe9\x05", "not a key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a key in PEM"),
        (b"-----BEGIN CERTIFICATE-----\n", "a certificate, not a key"),
    ],
)
def test_file_that_is_no_key_is_one_line(content: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    path.write_bytes(content)
    refused(run("key-digest", path), f"{path}: {text}")


def test_keys_that_boards_do_not_verify_are_named(tmp_path: Path, vm: Path, app: Path) -> None:
    (tmp_path / "ec.pem").write_bytes(sec1())
    for path, text in (
        (tmp_path / "ec.pem", "an EC key (secp256r1)"),
        (write(tmp_path / "2048.pem", key("small", 2048)), "an RSA-2048 key"),
        (write(tmp_path / "4096.pem", key("large", 4096)), "an RSA-4096 key"),
        (write(tmp_path / "3.pem", key("three", 3072, 3)), "exponent 3"),
        (write(tmp_path / "pub.pem", key(), public=True), "a public key: only the private"),
        (tmp_path / "absent.pem", "No such file"),
    ):
        signed = run("sign", make(vm, app).path, "--key", path)
        refused(signed, f"{path}: {text}" if "exponent" not in text else text)
        if "public" not in text:
            refused(run("key-digest", path), text)
    small = write(tmp_path / "small.pub.pem", key("small", 2048), public=True)
    refused(run("verify", make(vm, app).path, "--key", small), "RSA-2048")


# --- sign and verify -------------------------------------------------------------------------


def test_sign_in_place_changes_only_what_is_behind(vm: Path, app: Path, pem: Path) -> None:
    path = make(vm, app).path
    before = path.read_bytes()
    result = run("sign", path, "--key", pem)
    data = path.read_bytes()
    assert result.exit_code == 0
    assert data[:-4096] == before
    assert "1.1.0, sequence 2" in result.output
    for text in (digest_of(key()).hex(), hashlib.sha256(data).hexdigest()):
        assert text in result.output
    verified = run("verify", path, "--key", pem)
    assert (verified.exit_code, digest_of(key()).hex() in verified.output) == (0, True)


def test_sign_to_another_file_leaves_the_first(vm: Path, app: Path, pem: Path) -> None:
    path, out = make(vm, app).path, vm.parent / "signed.bin"
    before = path.read_bytes()
    refused(run("sign", path, "--key", pem, "--out", "signed.img"), "name it signed.bin")
    told = json.loads(run("sign", path, "--key", pem, "--out", out, "--json").output)
    assert path.read_bytes() == before
    assert told["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (told["path"], told["signed_by"]) == (str(out), [digest_of(key()).hex()])


def test_sign_through_a_link_signs_what_it_leads_to(vm: Path, app: Path, pem: Path) -> None:
    path, link = make(vm, app).path, vm.parent / "latest.bin"
    link.symlink_to(path)
    assert run("sign", link, "--key", pem).exit_code == 0
    assert link.is_symlink()
    assert check_release(path.read_bytes()).signatures


def test_rotation_takes_append_and_a_mistake_replace(vm: Path, app: Path, pem: Path) -> None:
    path, new = make(vm, app).path, write(vm.parent / "b.pem", key("b"))
    assert run("sign", path, "--key", pem).exit_code == 0
    refused(run("sign", path, "--key", new), "signed already: --append adds a signature")
    assert run("sign", path, "--key", new, "--append").exit_code == 0
    refused(run("sign", path, "--key", new, "--append"), "signed by this key already")
    for digest in (digest_of(key("a")), digest_of(key("b"))):
        told = json.loads(run("verify", path, "--key", digest.hex(), "--json").output)
        assert (told["verified"], told["signed_by"]) == (True, [digest.hex()])
    shown = " ".join(run("inspect", path).output.split())
    assert f"signed by 2 keys, valid key 0 {digest_of(key()).hex()}" in shown
    assert run("sign", path, "--key", new, "--replace").exit_code == 0
    refused(run("verify", path, "--key", pem), "none of the keys given")
    assert run("sign", path, "--key", new, "--replace", "--append").exit_code == 2


def test_sign_by_two_keys_at_once_is_as_one_after_the_other(vm: Path, app: Path, pem: Path) -> None:
    path, new = make(vm, app).path, write(vm.parent / "b.pem", key("b"), SECRET)
    refused(run("sign", path, "--key", pem, "--key", pem), "signed by this key already")
    environment = {PASSPHRASE: SECRET}
    result = CliRunner(env=environment).invoke(
        release, ["sign", str(path), "--key", str(pem), "--key", str(new)]
    )
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert len(check_release(path.read_bytes()).signatures) == 2


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda data: data[:-1], "record"),
        (lambda data: data[:5000] + b"\0\0\0\0" + data[5004:], "damaged image"),
        (lambda data: b"<html>", "web page"),
        (lambda data: data + b"garbage", "record"),
    ],
)
def test_sign_of_what_is_not_sound_is_refused_and_changes_nothing(
    damage: Callable[[bytes], bytes], text: str, vm: Path, app: Path, pem: Path
) -> None:
    path = make(vm, app).path
    data = damage(path.read_bytes())
    path.write_bytes(data)
    refused(run("sign", path, "--key", pem), text)
    assert path.read_bytes() == data


def test_sign_of_an_image_followed_by_something_is_refused(vm: Path, pem: Path) -> None:
    vm.write_bytes(vm.read_bytes() + b"something")
    refused(run("sign", vm, "--key", pem), "not signed, since it is damaged")


def test_sign_of_a_plain_vm_image_verifies(vm: Path, pem: Path) -> None:
    assert run("sign", vm, "--key", pem).exit_code == 0
    assert "plain VM image" in run("verify", vm, "--key", pem).output
    shown = run("inspect", vm)
    assert (shown.exit_code, "signed by 1 key, valid" in shown.output) == (0, True)


def test_plain_vm_image_with_a_hostile_sector_is_not_sound(vm: Path, pem: Path) -> None:
    content = vm.read_bytes().ljust(12_288, b"\xff")
    for name, sector in hostile_sectors(content, key()).items():
        vm.write_bytes(content + sector)
        if name != "blank":  # erased flash
            assert run("inspect", vm).exit_code == 1, name
        assert run("verify", vm, "--key", pem).exit_code == 1, name


def test_sign_of_a_release_that_fills_the_slot_is_refused(vm: Path, app: Path, pem: Path) -> None:
    path = make(vm, app).path
    size = path.stat().st_size
    refused(run("sign", path, "--key", pem, "--slot-size", size), "4,096 more than a slot")
    assert run("sign", path, "--key", pem, "--slot-size", size + 4096).exit_code == 0


def test_sign_of_sequence_0_warns_and_signs(vm: Path, app: Path, pem: Path) -> None:
    path = make(vm, app, sequence=0).path
    result = run("sign", path, "--key", pem)
    assert result.exit_code == 0
    assert "warning: sequence 0" in result.output
    told = json.loads(run("sign", path, "--key", pem, "--replace", "--json").output)
    assert "sequence 0" in told["warnings"][0]


def test_make_with_keys_signs_at_once(vm: Path, app: Path, pem: Path) -> None:
    options = ("--version", "1.1.0", "--sequence", 2, "--no-agent", "--out", vm.parent / "r.bin")
    result = run("make", "--vm", vm, "--app", app, *options, "--key", pem)
    assert result.exit_code == 0
    assert "signature 4,096 bytes" in " ".join(result.output.split())
    assert digest_of(key()).hex() in result.output
    assert run("verify", vm.parent / "r.bin", "--key", pem).exit_code == 0
    public = write(vm.parent / "pub.pem", key(), public=True)
    refused(run("make", "--vm", vm, "--app", app, *options, "--key", public), "a public key")


def test_verify_that_fails_says_why_and_exits_1(vm: Path, app: Path, pem: Path) -> None:
    path = make(vm, app).path
    refused(run("verify", path, "--key", pem), f"{path}: it is not signed")
    refused(run("verify", path, "--key", "12ab"), "neither a file nor the 64 hex digits")
    content = path.read_bytes()
    for name, sector in hostile_sectors(content, key()).items():
        path.write_bytes(content + sector)
        result = run("verify", path, "--key", pem, "--json")
        assert result.exit_code == 1, name
        told = json.loads(result.output)
        assert (told["verified"], told["signed_by"]) == (False, [])
        assert told["reason"]


@pytest.mark.parametrize("which", ["first", "second"])
def test_verify_checks_both_records(which: str, vm: Path, app: Path, pem: Path) -> None:
    path = make(vm, app).path
    data = bytearray(path.read_bytes())
    data[12_288 + 40 if which == "first" else -4096 + 40] ^= 1
    path.write_bytes(sign_release(bytes(data), key()))
    refused(run("verify", path, "--key", pem), f"{which} record: the release record is damaged")


def test_inspect_of_a_signed_release_with_a_damaged_image_still_names_it(
    vm: Path, app: Path
) -> None:
    path = make(vm, app, keys=[key()]).path
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(bytes(data))
    result = run("inspect", path)
    assert (result.exit_code, "damaged release" in result.output) == (1, True)
    assert "1.1.0" in result.output


def test_inspect_of_a_signed_release_tells_json_of_each_block(
    vm: Path, app: Path, pem: Path
) -> None:
    path = make(vm, app, keys=[key("a"), key("b")]).path
    told = json.loads(run("inspect", path, "--json").output)
    assert [(one["key_digest"], one["valid"]) for one in told["signatures"]] == [
        (digest_of(key("a")).hex(), True),
        (digest_of(key("b")).hex(), True),
    ]
    data = bytearray(path.read_bytes())
    data[-4096 + 1216 + 900] ^= 1
    path.write_bytes(bytes(data))
    result = run("inspect", path)
    assert result.exit_code == 1
    assert "signed by 1 key, valid" in result.output
    assert "invalid: it is damaged (CRC)" in result.output
    told = json.loads(run("inspect", path, "--json").output)
    assert [one["valid"] for one in told["signatures"]] == [True, False]
    assert told["record"]["version"] == "1.1.0"
