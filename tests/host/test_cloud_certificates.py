"""The stand-in's authorities and server certificates: kept, renewed, and shown wrong at will."""

from __future__ import annotations

import datetime as dt
import hashlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cloud_fixtures import WAIT_S, add, https, tls_context, wait_for
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from host_tools.cloud import certs
from host_tools.cloud.server import CloudThread
from host_tools.cloud.switches import SWITCHES, Switches
from host_tools.cloud.tls import ServerTls

HOSTS = ("mqtts", "http_broker")
NOW = dt.datetime.now(dt.UTC)


def made(folder: Path, hostname: str = "localhost") -> ServerTls:
    return ServerTls(folder, hostname, Switches())


def server_pem(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())


# --- in the state folder


@pytest.mark.parametrize(("stem", "number"), [("ca", ""), ("ca2", " 2")])
def test_authorities_are_ec_p256_backdated_and_last_for_years(
    tmp_path: Path, stem: str, number: str
) -> None:
    made(tmp_path)
    ca = x509.load_der_x509_certificate((tmp_path / f"{stem}.der").read_bytes())
    assert ca.subject.rfc4514_string() == f"CN=EnOS stand-in CA{number}"
    assert isinstance(ca.public_key(), ec.EllipticCurvePublicKey)
    assert ca.public_key().curve.name == "secp256r1"
    assert ca.not_valid_before_utc < NOW - dt.timedelta(hours=23)
    assert ca.not_valid_after_utc > NOW + dt.timedelta(days=3600)


def test_server_certificate_names_the_host_and_is_signed_by_the_first_authority(
    tmp_path: Path,
) -> None:
    tls = made(tmp_path, "gateway.lan")
    server = server_pem(tmp_path)
    server.verify_directly_issued_by(tls.authorities["first"].certificate)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("gateway.lan")]


def test_other_hostname_makes_another_certificate_for_the_same_key_and_authority(
    tmp_path: Path,
) -> None:
    pins = made(tmp_path).pins
    kept = [(tmp_path / name).read_bytes() for name in ("ca.der", "ca2.der", "server.key")]
    server = server_pem(tmp_path)
    assert made(tmp_path).pins == pins
    assert server_pem(tmp_path) == server
    assert made(tmp_path, "gateway.lan").pins == pins
    assert server_pem(tmp_path) != server
    assert [(tmp_path / name).read_bytes() for name in ("ca.der", "ca2.der", "server.key")] == kept


def test_certificate_about_to_expire_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certs, "SERVER_LIFETIME", dt.timedelta(days=29))
    pins = made(tmp_path).pins
    server = server_pem(tmp_path)
    monkeypatch.undo()
    assert made(tmp_path).pins == pins
    assert server_pem(tmp_path) != server


def test_certificate_for_another_key_is_made_again(tmp_path: Path) -> None:
    pins = made(tmp_path).pins
    (tmp_path / "server.key").unlink()
    assert made(tmp_path).pins != pins
    assert certs.pin(certs.private_key(tmp_path / "server.key")) == pin_of(server_pem(tmp_path))


@pytest.mark.parametrize("lost", ["ca.der", "ca.key"])
def test_certificate_of_an_authority_that_was_lost_is_made_again(tmp_path: Path, lost: str) -> None:
    pins = made(tmp_path).pins
    (tmp_path / lost).unlink()
    tls = made(tmp_path)
    assert tls.pins == pins
    server_pem(tmp_path).verify_directly_issued_by(tls.authorities["first"].certificate)
    assert tls.authorities["first"].der == (tmp_path / "ca.der").read_bytes()


def test_hostname_option_is_what_boards_verify(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud", hostname="board.test") as running:
        assert running.endpoints["mqtts"].startswith("mqtts://board.test:")
        port = int(running.endpoints["mqtts"].rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            tls_context(running).wrap_socket(plain, server_hostname="board.test") as tls,
        ):
            assert tls.version() in ("TLSv1.2", "TLSv1.3")


# --- as shown to clients


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud") as running:
        yield running


@pytest.fixture
def cloud(shared: CloudThread) -> Iterator[CloudThread]:
    yield shared
    for name in ("server_certificate", "server_ca"):
        shared.client.set_switch(name, SWITCHES[name].default)


def pin_of(certificate: x509.Certificate) -> str:
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def shown(cloud: CloudThread, host: str, context: ssl.SSLContext | None = None) -> x509.Certificate:
    """What a server shows, to a client that verifies nothing or with `context`."""
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    where = urlsplit(cloud.endpoints[host])
    with (
        socket.create_connection((where.hostname, where.port), WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname=where.hostname) as tls,
    ):
        return x509.load_der_x509_certificate(tls.getpeercert(True))


def verifying(cloud: CloudThread, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in names:
        context.load_verify_locations(cadata=Path(cloud.endpoints[name]).read_bytes())
    return context


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("position", "text"),
    [
        ("expired", "certificate has expired"),
        ("future", "certificate is not yet valid"),
        ("wrong_name", "Hostname mismatch"),
        ("unknown_ca", "certificate signature failure"),
    ],
)
def test_bad_certificate_is_refused_by_a_client_that_verifies(
    cloud: CloudThread, host: str, position: str, text: str
) -> None:
    assert shown(cloud, host, tls_context(cloud)) == server_pem(cloud.home)
    cloud.client.set_switch("server_certificate", position)
    with pytest.raises(ssl.SSLCertVerificationError, match=text):
        shown(cloud, host, tls_context(cloud))
    cloud.client.set_switch("server_certificate", "good")
    assert shown(cloud, host, tls_context(cloud)) == server_pem(cloud.home)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("position", "pin"),
    [("good", 0), ("renewed", 0), ("new_key", 1), ("expired", 0), ("future", 0),
     ("wrong_name", 0), ("unknown_ca", None)],
)  # fmt: skip
def test_certificate_has_a_key_of_the_pins_unless_a_stranger_shows_it(
    cloud: CloudThread, host: str, position: str, pin: int | None
) -> None:
    pins = cloud.endpoints["pins"]
    assert len(set(pins)) == 2
    cloud.client.set_switch("server_certificate", position)
    found = shown(cloud, host)
    assert pin_of(found) in pins if pin is not None else pin_of(found) not in pins
    assert pin is None or pin_of(found) == pins[pin]
    assert (found == server_pem(cloud.home)) is (position == "good")
    assert found.issuer.rfc4514_string() == "CN=EnOS stand-in CA"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("position", ["renewed", "new_key"])
def test_renewed_certificate_is_good_for_a_client_that_verifies(
    cloud: CloudThread, host: str, position: str
) -> None:
    cloud.client.set_switch("server_certificate", position)
    assert shown(cloud, host, tls_context(cloud)) != server_pem(cloud.home)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("position", ["good", "renewed", "new_key"])
def test_second_authority_is_trusted_by_those_who_hold_it_only(
    cloud: CloudThread, host: str, position: str
) -> None:
    cloud.client.set_switch("server_ca", "second")
    cloud.client.set_switch("server_certificate", position)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shown(cloud, host, verifying(cloud, "ca_der"))
    found = shown(cloud, host, verifying(cloud, "ca2_der"))
    assert shown(cloud, host, verifying(cloud, "ca_der", "ca2_der")) == found
    assert pin_of(found) == cloud.endpoints["pins"][position == "new_key"]


def test_connections_that_are_made_stay_and_the_choice_outlives_a_restart(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as first:
        device = add(first, tls=True)
        assert device.connect() == 0
        first.client.set_switch("server_certificate", "expired")
        assert device.ask("inform", {"version": "1"})["code"] == 200
        pins = first.endpoints["pins"]
    with CloudThread(tmp_path / "cloud") as second:
        assert second.endpoints["pins"] == pins
        assert shown(second, "mqtts").not_valid_after_utc < NOW


def test_client_that_refuses_the_server_is_told(cloud: CloudThread) -> None:
    cloud.client.set_switch("server_certificate", "unknown_ca")
    told = len(cloud.events)
    with pytest.raises(ssl.SSLError):
        https(cloud, "GET", "/")
    wait_for(cloud, lambda: len(cloud.events) > told)
    (_, who, what) = cloud.events[told]
    assert (who, what.startswith("127.0.0.1 TLS failed: tls")) == ("http", True)
