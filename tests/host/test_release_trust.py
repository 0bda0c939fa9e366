"""What a release makes boards trust: judged, added to an app folder, released, explained."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from release_fixtures import app, build_time, make, refused, run, vm  # noqa: F401

from host_tools import settings
from host_tools.factory.files import is_ours
from host_tools.release import appfs, record, trust
from host_tools.release.check import check_release
from host_tools.release.errors import TrustError
from host_tools.release.inspect import explain
from signing import digest_of, key

A, B, C, D = (f"{n:064x}" for n in range(0xA, 0xE))


@cache
def ca(name: str = "EnOS Root", days: int = 3650) -> bytes:
    """A self-signed CA, DER, that ends in so many days."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=4000))
        .not_valid_after(end)
        .sign(private, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


def as_pem(*ders: bytes) -> bytes:
    loaded = [x509.load_der_x509_certificate(der) for der in ders]
    return b"".join(one.public_bytes(Encoding.PEM) for one in loaded)


NAME = trust.ca_name(ca())
OLD = "enos-old.der"
FILES = {
    NAME: ca(),
    OLD: ca("old", -1),
    "enos-text.der": b"no certificate",
    "enos-p.der": as_pem(ca()),
    "ca.der": ca(),
}
WHOLE = {
    "keys": [A, B, C],
    "revoked": [D],
    "ca": [NAME],
    "hosts": ["files.example.com", "files:8443"],
    "pins": [A, B],
    "mqtt": "mqtts://enos.example.com:18883",
    "http_broker": "https://enos.example.com",
    "base_url": "https://api.example.com:8443",
    "ntp": "pool.ntp.org",
}


# --- judged ----------------------------------------------------------------------------------


def test_trust_that_says_everything_is_sound_and_read_back() -> None:
    assert trust.check(WHOLE, FILES) == []
    assert trust.parse(trust.dump(WHOLE)) == WHOLE
    assert trust.of_app(FILES | {trust.NAME: trust.dump(WHOLE)}) == WHOLE
    assert trust.of_app(FILES) == {}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kays": []}, "'kays' is unknown: known are keys, revoked"),
        ({"signature": "off"}, "'signature' is unknown"),
        ({"plain": ["mqtt"]}, "'plain' is unknown"),
        ({"keys": A}, "keys must be a list of texts"),
        ({"keys": [1]}, "keys must be a list of texts"),
        ({"keys": [A[1:]]}, "is not 64 hex digits in lower case, the digest of a key"),
        ({"keys": [A.upper()]}, "is not 64 hex digits in lower case"),
        ({"keys": [A, A]}, "keys names one twice"),
        ({"keys": [A, B, C, "f" * 64]}, "keys has 4 entries: boards trust 3 at most"),
        ({"revoked": [D, A]}, f"the key {A} is both trusted and revoked"),
        ({"revoked": ["g" * 64]}, "is not 64 hex digits"),
        ({"revoked": [hashlib.sha256(ca()).hexdigest()]}, "is both trusted and revoked"),
        ({"pins": [A]}, "pins has one only"),
        ({"pins": [f"{n:064x}" for n in range(9)]}, "pins has 9 entries: boards hold 8 at most"),
        ({"pins": [A, A]}, "pins names one twice"),
        ({"ca": ["enos-00000000.der"]}, "there is no enos-00000000.der beside it"),
        ({"ca": ["ca.der"]}, "is not the name of a DER file beside it, like enos-1a2b3c4d.der"),
        ({"ca": ["boot.py"]}, "is not the name of a DER file"),
        ({"ca": ["enos-.der"]}, "is not the name of a DER file"),
        ({"ca": ["enos-a.b.der"]}, "is not the name of a DER file"),
        ({"ca": ["enos-../ca.der"]}, "is not the name of a DER file"),
        ({"ca": ["/enos-ca.der"]}, "is not the name of a DER file"),
        ({"ca": ["enos-text.der"]}, "enos-text.der is not a certificate in DER"),
        ({"ca": ["enos-p.der"]}, "enos-p.der is not a certificate in DER"),
        ({"hosts": ["https://files"]}, "is not a host"),
        ({"hosts": [""]}, "is not a host"),
        ({"hosts": ["a\nb"]}, "is not a host"),
        ({"mqtt": "enos.example.com"}, "mqtt must be like mqtts://host"),
        ({"mqtt": "https://enos.example.com"}, "mqtt must be like mqtts://host"),
        ({"mqtt": "mqtts://user@enos.example.com"}, "mqtt must be like"),
        ({"http_broker": "https://enos.example.com/path"}, "http_broker must be like https://"),
        ({"base_url": ""}, "base_url must be a text; leave it out"),
        ({"base_url": None}, "base_url must be a text"),
        ({"ntp": "pool.ntp.org/x"}, "is not the name of a host"),
    ],
)
def test_trust_that_makes_no_sense_is_one_problem_that_names_the_key(
    change: dict[str, object], text: str
) -> None:
    problems = trust.check(WHOLE | change, FILES)
    assert len(problems) == 1
    assert text in problems[0]


def test_ca_that_is_not_what_it_is_named_after_is_a_problem() -> None:
    files = {NAME: ca("another")}
    assert "not the certificate that it is named after" in trust.check({"ca": [NAME]}, files)[0]


def test_expired_ca_is_refused_for_a_new_release_and_no_damage_of_an_old_one() -> None:
    found = {"ca": [OLD]}
    assert trust.check(found, FILES) == []
    with pytest.raises(TrustError, match=r"the CA enos-old\.der expired on 20"):
        trust.of_app(FILES | {trust.NAME: trust.dump(found)})


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"keys": [], "keys": []}', "a key stands there twice"),
        (b'\xff{"keys": []}', "not JSON"),
        (b"[" * 4000, "not JSON"),
        (b"{" + b" " * 4096 + b"}", "4,098 bytes, 4,096 are allowed"),
    ],
)
def test_trust_that_is_no_object_is_refused(raw: bytes, text: str) -> None:
    with pytest.raises(TrustError, match=text):
        trust.parse(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([A, B, NAME, OLD]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*WHOLE, "x"]), JSON, max_size=6))
@examples(max_examples=300, deadline=None)
def test_any_json_is_judged_without_a_crash_and_shown_if_sound(found: dict[str, object]) -> None:
    parsed = trust.parse(json.dumps(found).encode()[:4096]) if len(str(found)) < 600 else found
    problems = trust.check(parsed, FILES)
    assert all("\n" not in problem for problem in problems)
    if not problems:
        trust.expired(parsed, FILES)
        trust.rows(parsed, FILES)


def test_damaged_certificates_are_judged_without_a_crash() -> None:
    chance, der = random.Random(1), ca()
    verdicts = set()
    for _ in range(3000):
        damaged = bytearray(der)
        for _ in range(chance.choice((1, 1, 2, 5))):
            damaged[chance.randrange(200)] = chance.randrange(256)
        files = {"enos-x.der": bytes(damaged)}
        problems = trust.check({"ca": ["enos-x.der"]}, files)
        verdicts.add(bool(problems))
        if not problems:
            shown = trust.rows({"ca": ["enos-x.der"]}, files)[0][1]
            assert shown.isprintable()
            trust.expired({"ca": ["enos-x.der"]}, files)
    assert verdicts == {True, False}


def test_limits_are_those_of_the_settings_and_names_those_of_a_board() -> None:
    device = settings._device()["_DIGESTS"]
    assert (device["keys"][1], device["pins"]) == (trust.MAX_KEYS, trust.PINS)
    assert set(trust.TEXTS) | {"keys", "ca", "hosts", "pins"} <= set(settings.defaults())
    assert is_ours("/" + NAME) and trust.is_ours(NAME) and not trust.is_ours(OLD)


# --- added to an app folder ------------------------------------------------------------------


@pytest.fixture
def public(tmp_path: Path) -> Path:
    path = tmp_path / "a.pub.pem"
    path.write_bytes(
        key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return path


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    path = tmp_path / "root.pem"
    path.write_bytes(as_pem(ca()))
    return path


def held(folder: Path) -> dict[str, object]:
    return json.loads((folder / trust.NAME).read_bytes())


def test_trust_command_writes_what_is_added_and_copies_the_ca(
    app: Path, public: Path, ca_file: Path
) -> None:
    result = run(
        *("trust", app, "--key", public, "--key", B, "--revoke", C.upper(), "--ca", ca_file),
        *("--host", "files:8443", "--pin", A.upper(), "--pin", B, "--mqtt", "mqtts://b.example"),
        *("--http-broker", "https://b.example", "--base-url", "https://c.example", "--ntp", "n"),
    )
    assert result.exit_code == 0, result.output
    digest = digest_of(key()).hex()
    assert held(app) == {
        "keys": [digest, B],
        "revoked": [C],
        "ca": [NAME],
        "hosts": ["files:8443"],
        "pins": [A, B],
        "mqtt": "mqtts://b.example",
        "http_broker": "https://b.example",
        "base_url": "https://c.example",
        "ntp": "n",
    }
    assert (app / NAME).read_bytes() == ca()
    for text in (digest, C, NAME, "CN=EnOS Root", "mqtts://b.example"):
        assert text in result.output
    assert json.loads(run("trust", app, "--json").output) == held(app)


def test_trust_command_adds_to_what_is_there_each_once(app: Path, ca_file: Path) -> None:
    run("trust", app, "--key", A, "--mqtt", "mqtts://old.example")
    for _ in range(2):
        result = run("trust", app, "--key", B, "--ca", ca_file, "--mqtt", "mqtts://new.example")
        assert result.exit_code == 0
    assert held(app) == {"keys": [A, B], "ca": [NAME], "mqtt": "mqtts://new.example"}


def test_revoked_key_and_ca_are_trusted_no_longer(app: Path, public: Path, ca_file: Path) -> None:
    other = ca_file.with_name("other.der")
    other.write_bytes(ca("other"))
    run("trust", app, "--key", public, "--key", B, "--ca", ca_file, "--ca", other)
    assert run("trust", app, "--revoke", public, "--revoke", ca_file).exit_code == 0
    assert held(app) == {
        "keys": [B],
        "revoked": [digest_of(key()).hex(), hashlib.sha256(ca()).hexdigest()],
        "ca": [trust.ca_name(ca("other"))],
    }
    assert not (app / NAME).exists()
    refused(run("trust", app, "--key", public), "is both trusted and revoked")
    refused(run("trust", app, "--ca", ca_file), "is both trusted and revoked")
    assert not (app / NAME).exists()


def test_expired_ca_can_be_revoked_and_not_trusted(app: Path, tmp_path: Path) -> None:
    (tmp_path / "old.der").write_bytes(ca("old", -1))
    refused(run("trust", app, "--ca", tmp_path / "old.der"), "expired on")
    assert run("trust", app, "--revoke", tmp_path / "old.der").exit_code == 0
    assert held(app) == {"revoked": [hashlib.sha256(ca("old", -1)).hexdigest()]}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--key", A, "--revoke", A), "both trusted and revoked"),
        (("--key", A, "--key", B, "--key", C, "--key", D), "keys has 4 entries"),
        (("--pin", A), "pins has one only"),
        (("--key", "absent.pem"), "neither a file nor the 64 hex digits"),
        (("--revoke", "absent.pem"), "neither a file nor the 64 hex digits"),
        (("--mqtt", "broker"), "mqtt must be like mqtts://host"),
        (("--ca", "absent.pem"), "No such file"),
    ],
)
def test_trust_command_that_makes_no_sense_writes_nothing(
    options: tuple[str, ...], text: str, app: Path, ca_file: Path
) -> None:
    before = sorted(app.rglob("*"))
    refused(run("trust", app, *options, "--host", "h", "--ca", ca_file), text)
    assert sorted(app.rglob("*")) == before


def test_trust_command_on_a_broken_file_or_no_folder_is_one_line(app: Path) -> None:
    (app / trust.NAME).write_text("{")
    for options in ((), ("--key", A)):
        refused(run("trust", app, *options), f"{app / trust.NAME}: not JSON")
    (app / trust.NAME).write_text('{"ca": [5], "x": 1}')
    refused(run("trust", app, "--key", A), "'x' is unknown")
    refused(run("trust", app / "absent"), "not a folder")


def test_trust_command_without_anything_says_so(app: Path) -> None:
    result = run("trust", app)
    assert (result.exit_code, "what their settings say" in result.output) == (0, True)
    assert not (app / trust.NAME).exists()


# --- released --------------------------------------------------------------------------------


def test_release_carries_its_trust_and_explains_it(app: Path, vm: Path, ca_file: Path) -> None:
    run("trust", app, "--key", B, "--ca", ca_file, "--ntp", "pool.ntp.org")
    info = make(vm, app, keys=[key()])
    assert info.trust == held(app)
    assert info.warnings == ()
    data = info.path.read_bytes()
    checked = check_release(data)
    assert checked.trust == held(app)
    assert checked.files[NAME] == ca()
    shown = run("inspect", info.path).output
    for text in (B, NAME, "CN=EnOS Root", "pool.ntp.org"):
        assert text in shown
    assert json.loads(run("inspect", info.path, "--json").output)["trust"] == held(app)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({"keys": [A], "revoked": [A]}, "both trusted and revoked"),
        ({"pins": [A]}, "pins has one only"),
        ({"ca": ["enos-absent.der"]}, "there is no enos-absent.der beside it"),
        ({"ca": [OLD]}, "expired on"),
        ({"ca": ["ca.der"]}, "is not the name of a DER file beside it"),
        ({"key": A}, "'key' is unknown"),
    ],
)
def test_release_with_a_trust_that_makes_no_sense_is_not_made(
    found: dict[str, object], text: str, app: Path, vm: Path
) -> None:
    (app / trust.NAME).write_text(json.dumps(found))
    (app / OLD).write_bytes(ca("old", -1))
    out = vm.parent / "r.bin"
    options = ("--version", "1", "--sequence", 1, "--no-agent", "--out", out)
    result = run("make", "--vm", vm, "--app", app, *options)
    refused(result, f"{trust.NAME}: ")
    assert text in result.output
    assert not out.exists()


def test_release_that_revokes_its_own_key_warns(app: Path, vm: Path, public: Path) -> None:
    run("trust", app, "--key", B, "--revoke", public)
    info = make(vm, app, keys=[key()])
    assert len(info.warnings) == 1
    assert f"revokes the key {digest_of(key()).hex()[:8]}…" in info.warnings[0]
    assert make(vm, app, keys=[key("b")]).warnings == ()


def test_release_whose_trust_nothing_signs_warns(app: Path, vm: Path) -> None:
    run("trust", app, "--key", B)
    assert make(vm, app).warnings == (
        "enos_trust.json is in an unsigned release: who can change that can change whom boards trust",
    )


def test_release_that_gives_tls_up_warns(app: Path, vm: Path) -> None:
    run("trust", app, "--mqtt", "mqtt://b.example", "--base-url", "http://b.example")
    told = " ".join(make(vm, app, keys=[key()]).warnings)
    assert "mqtt is without TLS" in told and "base_url is without TLS" in told


def test_release_whose_trust_is_broken_is_a_damaged_release(app: Path, vm: Path) -> None:
    # No tool of ours makes one.
    for content, text in ((b"{", "not JSON"), (b'{"keys": 1}', "keys must be a list")):
        (app / "trust.of").write_bytes(content)
        data = make(vm, app).path.read_bytes()
        report = explain(_renamed(data))
        assert [text in problem for problem in report.problems] == [True]
        assert report.trust == {}


def _renamed(data: bytes) -> bytes:
    """The release `data` with its file trust.of named as a trust."""
    entry = check_release(data).record
    assert entry is not None
    files = dict(check_release(data).files)
    files[trust.NAME] = files.pop("trust.of")
    content = appfs.build(files)
    fields = entry.__dict__ | {
        "appfs_size_bytes": len(content.data),
        "appfs_block_count": content.block_count,
        "appfs_sha256": hashlib.sha256(content.data).digest(),
    }
    sector = record.pack(record.ReleaseRecord(**fields))
    return data[: entry.offset] + sector + content.data + sector
