"""The device's judgement of signature sectors, on MicroPython with a small heap, whoever made them.

What `espsecure` and `release sign` write is taken; what `tests/signing.py` makes for somebody who wants in is not.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
import release_fixtures  # noqa: F401 - first: it puts the folder of `signing` on the path
from cryptography.hazmat.primitives import serialization

import signing
from host_tools import paths
from host_tools.release import signature

HEAP = "48k"
CONTENT = bytes(range(256)) * 32
JUDGE = """\
import json, sys
sys.path[:] = [{device!r}, {lib!r}, ".frozen"]
from enos_ota import signature
from enos_ota.errors import VerifyError
keys, revoked, names = json.loads({told!r})
sector = bytearray(4096)  # as the agent has one, for all that it does
for number, name in enumerate(names):
    with open("sector-%d" % number, "rb") as file:
        assert file.readinto(sector) == 4096
    try:
        print(json.dumps([name, signature.check(sector, keys, revoked).hex()]))
    except VerifyError as error:
        print(json.dumps([name, "refused: " + str(error)]))
"""


def judged(
    folder: Path, sectors: dict[str, bytes], keys: list[str], revoked: list[str] | None = None
) -> dict[str, str]:
    """Name -> the digest that the device takes a sector to vouch for, in hex, or `refused: …`."""
    for number, sector in enumerate(sectors.values()):
        (folder / f"sector-{number}").write_bytes(sector)
    script = folder / "judge.py"
    told = json.dumps([keys, revoked or [], list(sectors)])
    script.write_text(
        JUDGE.format(device=str(paths.DEVICE), lib=str(paths.UPY_LIB), told=told), "utf-8"
    )
    done = subprocess.run(
        [paths.micropython(), "-X", f"heapsize={HEAP}", str(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


def hex_of(private) -> str:
    return signing.digest_of(private).hex()


@pytest.fixture(scope="module")
def key():
    return signing.key("a")


def test_device_signature_as_our_tools_write_it_vouches_for_its_content(tmp_path, key):
    signed = signature.append_signature(signature.sign_release(CONTENT, key), signing.key("second"))
    sector = signed[-signature.SECTOR_BYTES :]
    for trusted in (key, signing.key("second")):
        found = judged(tmp_path, {"both": sector}, [hex_of(trusted)])
        assert found == {"both": hashlib.sha256(CONTENT).hexdigest()}


def test_device_signature_of_plain_espsecure_vouches_for_its_content(tmp_path, key):
    pem, plain, out = tmp_path / "key.pem", tmp_path / "plain", tmp_path / "out"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    plain.write_bytes(CONTENT)
    command = [paths.tool("espsecure"), "sign-data", "--version", "2"]
    command += ["--keyfile", str(pem), "--output", str(out), str(plain)]
    subprocess.run(command, check=True, capture_output=True)
    found = judged(tmp_path, {"espsecure": out.read_bytes()[-4096:]}, [hex_of(key)])
    assert found == {"espsecure": hashlib.sha256(CONTENT).hexdigest()}


def test_device_signature_by_somebody_else_is_refused_whatever_is_wrong_with_it(tmp_path, key):
    sectors = signing.hostile_sectors(CONTENT, key)
    digest = hashlib.sha256(CONTENT).hexdigest()
    found = judged(tmp_path, sectors, [hex_of(key)])
    assert found.keys() == sectors.keys()
    assert [name for name, said in found.items() if said == digest] == []
    # It may vouch for another content, which is then found not to be the file's.
    vouched = {name for name, said in found.items() if not said.startswith("refused: ")}
    assert vouched == {"of another content"}
    assert len(set(found.values())) > 5, "the reasons are told apart"


def test_device_signature_of_an_odd_trusted_key_is_refused(tmp_path, key):
    sectors = signing.hostile_sectors(CONTENT, key)
    digest = hashlib.sha256(CONTENT).hexdigest()
    # The chip's hardware alone uses these two.
    harmless = {
        "r_squared altered",
        "end of r_squared altered",
        "m_prime altered",
        "end of m_prime altered",
    }
    taken = set()
    for name, sector in sectors.items():
        claimed = signing.claimed_digest(sector).hex()
        if judged(tmp_path, {name: sector}, [claimed])[name] == digest:
            taken.add(name)
    assert taken == harmless


def test_device_signature_that_holds_counts_whatever_stands_behind_it(tmp_path, key):
    sectors = signing.odd_sectors(CONTENT, key)
    digest = hashlib.sha256(CONTENT).hexdigest()
    found = judged(tmp_path, sectors, [hex_of(key)])
    refused = {name for name, said in found.items() if said != digest}
    assert refused == {"an empty place before it", "zeros before it"}


def test_device_signature_of_a_revoked_key_is_refused_and_the_key_named(tmp_path, key):
    sector = signing.sector(signing.block(CONTENT, key))
    digest = hex_of(key)
    found = judged(tmp_path, {"revoked": sector}, [digest], [digest])
    assert found == {"revoked": f"refused: signed with key {digest[:8]}, which is revoked"}


def test_device_signature_by_a_revoked_and_a_trusted_key_counts(tmp_path, key):
    other = signing.key("second")
    sector = signing.sector(signing.block(CONTENT, other), signing.block(CONTENT, key))
    keys = [hex_of(other), hex_of(key)]
    found = judged(tmp_path, {"both": sector}, keys, [hex_of(other)])
    assert found == {"both": hashlib.sha256(CONTENT).hexdigest()}
