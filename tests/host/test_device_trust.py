"""Whom and what time a board believes, under CPython: against email.utils, cryptography, the host's own code."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from email import utils as email_utils
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509.oid import NameOID
from device_fixtures import JSON, device, quick
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_tools.release import trust as host_trust

# ---- the time that a server tells, against email.utils

SECONDS = st.integers(946_684_800, 3_092_601_599)  # 2000 to 2067


@quick
@given(SECONDS)
@example(951_782_400)  # 29 February 2000
@example(3_092_601_599)
def test_date_as_servers_write_it_is_the_second_that_it_means(told_s: int) -> None:
    date = email_utils.formatdate(told_s, usegmt=True)
    assert device.servertime.parse(date) == told_s
    assert device.servertime.parse(f"  {date.lower()} ") == told_s  # as it stands in a header


WRONG = {  # in place of a part of a date
    0: ("Sun,", "sun", "", "xyz,", "2,"),
    1: ("00", "1", "30", "31", "32", "-1", "+1", "1_0"),
    2: ("Jan", "feb", "DEC", "anf", "Ja", "janfeb", "jän", ""),
    3: ("1999", "2000", "2004", "2067", "2068", "26", "02026", "-2026"),
    4: (
        "24:00:00",
        "23:60:00",
        "23:59:60",
        "23:59:61",
        "1:2:3",
        "12:34",
        "1:2:3:4",
        "::",
        "-1:00:00",
    ),
    5: ("gmt", "UTC", "+0100", "-0000", "GMTX", "GMT GMT", ""),
}


def _with_a_part(date: str, at: int, which: int) -> str:
    parts = date.split(" ")
    parts[at] = WRONG[at][which % len(WRONG[at])]
    return " ".join(parts)


@settings(deadline=None, max_examples=500)
@given(
    st.text(st.characters(max_codepoint=127), max_size=45)
    | st.builds(
        _with_a_part,
        SECONDS.map(lambda told_s: email_utils.formatdate(told_s, usegmt=True)),
        st.sampled_from([*WRONG]),
        st.integers(0, 8),
    )
)
@example("Tue, 31 Feb 2026 00:00:00 GMT")
@example("Sat, 31 Dec 2016 23:59:60 GMT")
@example("0 1 JAN 2000 0:0:0 GMT")
def test_date_of_any_text_is_none_or_what_the_standard_library_reads(date: str) -> None:
    found_s = device.servertime.parse(date)
    if not found_s:
        return
    assert 946_684_800 <= found_s <= 3_092_601_600  # a leap second may end the last day
    try:  # the day of the week tells nothing that the rest does not
        known = email_utils.parsedate_to_datetime("Mon, " + date.strip().partition(" ")[2])
    except ValueError:
        # Some second near it: of a 31 February, or a leap second.
        assert ":60 " in date or date.split()[1] in {"29", "30", "31"}
    else:
        assert found_s == known.replace(tzinfo=known.tzinfo or UTC).timestamp()


# ---- the public key in a certificate, against cryptography


@cache
def _signer(kind: str) -> Any:
    return {
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
        "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
    }[kind]()


def _certificate(kind: str, serial: int, names: list[str], extra: bytes = b"") -> bytes:
    private = _signer(kind)
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, n) for n in names])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([*subject, *subject]))
        .public_key(private.public_key())
        .serial_number(serial)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2060, 1, 1, tzinfo=UTC))
    )
    if extra:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.1"), extra)
        builder = builder.add_extension(unknown, critical=False)
    made = builder.sign(private, None if kind == "ed25519" else hashes.SHA256())
    return made.public_bytes(Encoding.DER)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["p256", "p521", "ed25519", "rsa2048", "rsa4096"]),
    st.integers(1, 2**159 - 1),
    st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=60), max_size=9),
    st.binary(max_size=2000),
)
def test_public_key_of_any_certificate_is_the_one_that_cryptography_finds(
    kind: str, serial: int, names: list[str], extra: bytes
) -> None:
    der = _certificate(kind, serial, names, extra)
    public = _signer(kind).public_key()
    wanted = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert device.der.public_key(der) == wanted


@settings(deadline=None, max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=3))
def test_public_key_of_a_damaged_certificate_is_refused_or_the_one_that_cryptography_finds(
    damage: list[tuple[int, int]],
) -> None:
    der = bytearray(_certificate("p256", 7, ["someone"], bytes(200)))
    for at, byte in damage:
        der[at % len(der)] = byte
    try:
        found = device.der.public_key(bytes(der))
    except ValueError:
        found = b""
    try:
        with warnings.catch_warnings(action="ignore"):  # a serial number of 0 is one
            loaded = x509.load_der_x509_certificate(bytes(der))
        known = loaded.public_key()
    except (
        Exception
    ):  # whatever it is: cryptography takes it for no certificate, or its key for none
        return
    assert found in loaded.tbs_certificate_bytes
    assert load_der_public_key(found) == known


@quick
@given(st.binary(max_size=300))
def test_public_key_of_any_bytes_is_a_slice_or_value_error(data: bytes) -> None:
    for start in (b"", b"\x30\x82", b"\x30\x03\x30\x01", b"\x30\x20\x30\x1e\xa0\x03\x02\x01\x02"):
        with contextlib.suppress(ValueError):
            found = device.der.public_key(start + data)
            assert found and found in start + data


# ---- what a release says about whom to trust

DIGESTS = [f"{n:064x}" for n in range(0xA, 0x10)]
DIGEST = st.sampled_from(DIGESTS)
BASE = {"product_key": "p", "device_key": "d", "device_secret": "s", "mqtt": "mqtts://old.example"}
CAS = [_certificate("p256", serial, []) for serial in (1, 2)]
FILES = {host_trust.ca_name(der): der for der in CAS}
TRUST = st.fixed_dictionaries(
    {},
    optional={
        "keys": st.lists(DIGEST, max_size=4, unique=True),
        "revoked": st.lists(DIGEST, max_size=4, unique=True),
        "ca": st.lists(st.sampled_from([*FILES]), max_size=2, unique=True),
        "hosts": st.lists(st.sampled_from(["cdn.example", "*"]), max_size=2, unique=True),
        "pins": st.lists(DIGEST, max_size=4, unique=True),
        "mqtt": st.sampled_from(["mqtts://new.example", "", "mqtt://plain.example"]),
        "ntp": st.sampled_from(["pool.example", ""]),
    },
)
FILE = st.none() | TRUST | JSON | st.dictionaries(st.sampled_from(["keys", "ca", "mqtt"]), JSON)
OWN_KEYS = st.lists(DIGEST | DIGEST.map(str.upper), max_size=3)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "keys": OWN_KEYS,
        "revoked": st.lists(DIGEST, max_size=2),
        "pins": st.lists(DIGEST, min_size=2, max_size=8),
        "hosts": st.just(["own.example"]),
        "signature": st.sampled_from(["required", "if_present", "off"]),
    },
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A board's root, with /app in it, in which the device looks for what a release says."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "app").mkdir()
    with (
        mock.patch.object(device.trust, "_OWN", f"{folder}/app/"),
        mock.patch.object(device.trust, "_KEPT", f"{folder}/"),
    ):
        yield folder


def say(root: Path, own: object, kept: object) -> None:
    """Put the release's file and the copy of an earlier one there; None: there is none."""
    for folder, content in ((root / "app", own), (root, kept)):
        file = folder / "enos_trust.json"
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(json.dumps(content))


def revoked_by(said: object) -> set[str]:
    """What a file revokes, if the device can use it at all."""
    return set(said.get("revoked", ())) if device.trust._is_sound(said) else set()


@settings(deadline=None, max_examples=300)
@given(own=FILE, kept=FILE, mine=SETTINGS)
@example({"keys": DIGESTS[:1], "revoked": DIGESTS[1:3]}, None, {"keys": DIGESTS[1:3]})
@example({"revoked": DIGESTS[:1]}, None, {"keys": DIGESTS[:1]})
@example(None, {"revoked": DIGESTS[:1], "mqtt": "mqtt://x"}, {"keys": DIGESTS[:1]})
@example({"pins": DIGESTS[:1]}, {"revoked": DIGESTS[:1]}, {"revoked": DIGESTS[1:2]})
def test_sound_settings_load_whatever_a_release_says_and_what_is_revoked_stays_so(
    root: Path, own: object, kept: object, mine: dict[str, Any]
) -> None:
    say(root, own, kept)
    before = json.dumps(mine)
    config = device.settings.load(BASE | mine)
    assert json.dumps(mine) == before
    assert {*mine.get("revoked", ()), *revoked_by(own), *revoked_by(kept)} <= set(config.revoked)
    assert len(config.keys) <= 3
    assert len(config.pins) <= 8
    # A release changes no word about signatures, and a board that knows a key goes on to know one.
    asked = mine.get("signature")
    assert config.signature == (asked or ("required" if config.keys else "off"))
    assert config.keys or not mine.get("keys")
    assert config.signature == "required" or not config.hosts


@settings(deadline=None, max_examples=300)
@given(own=TRUST, kept=TRUST, keys=OWN_KEYS)
def test_trusted_keys_are_those_of_release_and_settings_but_for_the_revoked(
    root: Path, own: dict[str, Any], kept: dict[str, Any], keys: list[str]
) -> None:
    say(root, own, kept)
    said = own or kept
    known = list(dict.fromkeys([*said.get("keys", []), *(key.lower() for key in keys)]))
    left = [key for key in known if key not in revoked_by(own) | revoked_by(kept)]
    found = device.trust.extended(BASE | {"keys": keys})
    assert found["keys"] == ((left or known[:1])[:3] if said else keys)
    assert found["mqtt"] == (said.get("mqtt") or BASE["mqtt"])


@settings(deadline=None, max_examples=200)
@given(TRUST | JSON)
def test_trust_that_the_host_finds_sound_is_taken_by_the_device(said: Any) -> None:
    if not isinstance(said, dict):
        assert not device.trust._is_sound(said)
    elif not host_trust.check(said, FILES):
        assert device.trust._is_sound(said)
