"""--pin and --signing-key: what they take, and what becomes of it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from factory_fixtures import Issuer, key_pem, pem

import signing
from host_tools import paths
from host_tools.board.trust_options import TrustOptions, pin
from host_tools.release.errors import ReleaseError
from host_tools.settings import SettingsError

A, B = "a" * 64, "b" * 64


def options(keys: tuple[str, ...] = (), pins: tuple[str, ...] = ()) -> TrustOptions:
    return TrustOptions(None, None, keys, pins)


def public(key: ec.EllipticCurvePrivateKey, encoding: Encoding) -> bytes:
    return key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def test_pin_of_certificate_request_and_public_key_is_the_same(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = Issuer().issue("server", key)
    request = x509.CertificateSigningRequestBuilder(certificate.subject).sign(key, hashes.SHA256())
    wanted = hashlib.sha256(public(key, Encoding.DER)).hexdigest()
    path = tmp_path / "file"
    for content in (
        pem(certificate),
        certificate.public_bytes(Encoding.DER),
        request.public_bytes(Encoding.PEM),
        public(key, Encoding.PEM),
        public(key, Encoding.DER),
    ):
        path.write_bytes(content)
        assert pin(str(path)) == wanted
    assert pin(wanted.upper()) == wanted


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (key_pem(ec.generate_private_key(ec.SECP256R1())), "a private key: give a certificate"),
        (b"hello", "no certificate, request or public key"),
    ],
)
def test_pin_of_another_file_says_what_is_wanted(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=text):
        pin(str(path))


def test_pin_of_neither_a_file_nor_a_digest_says_so() -> None:
    with pytest.raises(SettingsError, match="neither a file nor the 64 hex digits"):
        pin("a" * 63)


def test_signing_key_is_the_digest_that_espsecure_makes(tmp_path: Path) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(
        signing.key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    digest = tmp_path / "digest.bin"
    subprocess.run(
        [paths.tool("espsecure"), "digest-sbv2-public-key", "-k", path, "-o", digest],
        capture_output=True,
        check=True,
    )
    found = options((str(path), A)).settings({"check_s": 5})
    assert found == {"check_s": 5, "keys": [digest.read_bytes().hex(), A]}


def test_signing_key_that_boards_do_not_verify_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "public.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(public(key, Encoding.PEM))
    with pytest.raises(ReleaseError, match="RSA-3072 only"):
        options((str(path),)).settings({})


def test_options_beside_other_digests_in_the_settings_are_refused() -> None:
    for found, option, name in (
        (options((A,)), "--signing-key", "keys"),
        (options((), (A, B)), "--pin", "pins"),
    ):
        with pytest.raises(SettingsError, match=f"{option}: the settings have {name} already"):
            found.settings({name: [B]})
    assert options((A,)).settings({"keys": [A]}) == {"keys": [A]}
    assert options().settings({"keys": [A], "pins": []}) == {"keys": [A], "pins": []}


def test_options_with_half_a_pair_ask_for_the_other_half(tmp_path: Path) -> None:
    for halves in ((tmp_path, None), (None, tmp_path)):
        with pytest.raises(SettingsError, match="give both"):
            TrustOptions(*halves, (), ()).pair()
    assert options().pair() is None
