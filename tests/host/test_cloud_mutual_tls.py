"""Certificates of devices: issued, demanded by TLS, bound to their device, revoked."""

from __future__ import annotations

import datetime as dt
import json
import ssl
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cloud_fixtures import (
    RawDevice,
    cloud,
    download_target,
    http_login,
    https,
    lines,
    tls_context,
    told,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from host_tools.cli import main
from host_tools.cloud import certs, device_certs
from host_tools.cloud.apply import Identity, apply
from host_tools.cloud.client import AdminError
from host_tools.cloud.device_certs import CertificateError
from host_tools.cloud.envelope import DeviceId
from host_tools.cloud.server import CloudThread

__all__ = ["cloud"]

SWITCH = "tls_client_certificate"
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud") as running:
        running.client.add_firmware(b"one", "1.1.0")
        for key in ("dk1", "dk2"):
            running.client.add_device(key, device_secret=f"secret of {key}")
        running.client.set_switch(SWITCH, "required")
        yield running


def device(cloud: CloudThread, context: ssl.SSLContext | None, key: str = "dk1") -> RawDevice:
    added = {"product_key": "pk_demo", "device_key": key, "device_secret": f"secret of {key}"}
    return RawDevice(cloud, added, tls=True, context=context)


def showing(
    cloud: CloudThread,
    identity: Identity | None,
    folder: Path,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
) -> ssl.SSLContext:
    """A client's TLS that shows a certificate."""
    context = tls_context(cloud)
    context.maximum_version = version
    if identity is not None:
        key = load_der_private_key(identity.key, None)
        file = folder / f"{identity.serial}.pem"
        file.write_bytes(
            x509.load_der_x509_certificate(identity.certificate).public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context.load_cert_chain(file)
    return context


def of_another_authority(key: str = "dk1") -> Identity:
    """As good as a device's own, but signed by somebody who calls himself as the stand-in does."""
    stranger = certs.make_authority("EnOS stand-in CA")
    private, holder = device_certs.make_key(is_rsa=False), DeviceId("pk_demo", key)
    made = device_certs.issue(stranger, device_certs.request(private, holder), holder, 9)
    return Identity("00", 0, made.public_bytes(Encoding.DER), device_certs.key_der(private))


# --- issued


@pytest.mark.parametrize("is_rsa", [False, True], ids=["ec", "rsa"])
def test_certificate_names_its_device_and_is_signed_for_clients(
    shared: CloudThread, is_rsa: bool
) -> None:
    made = apply(shared.client, "dk1", is_rsa=is_rsa, valid_days=30)
    found = x509.load_der_x509_certificate(made.certificate)
    ca = x509.load_der_x509_certificate(Path(shared.endpoints["ca_der"]).read_bytes())
    found.verify_directly_issued_by(ca)
    assert device_certs.read(made.certificate) == (made.serial, DeviceId("pk_demo", "dk1"))
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    key = load_der_private_key(made.key, None)
    assert isinstance(key, rsa.RSAPrivateKey if is_rsa else ec.EllipticCurvePrivateKey)
    assert key.public_key() == found.public_key()
    left = found.not_valid_after_utc - dt.datetime.now(dt.UTC)
    assert dt.timedelta(days=29) < left <= dt.timedelta(days=30)
    assert repr(made.key) not in repr(made)


def test_certificate_of_an_unknown_device_or_too_long_a_key_is_refused(
    shared: CloudThread,
) -> None:
    with pytest.raises(AdminError, match="no device pk_demo/nobody: see"):
        apply(shared.client, "nobody")
    with pytest.raises(CertificateError, match="keys of 64 characters at most"):
        apply(shared.client, "k" * 65)
    with pytest.raises(AdminError, match="valid for 3650 days at most"):
        apply(shared.client, "dk1", valid_days=3651)


def test_request_that_is_none_is_refused(shared: CloudThread) -> None:
    for rubbish in (b"", b"rubbish"):
        with pytest.raises(AdminError, match=r"csr is missing|not a certificate signing request"):
            shared.client.issue_certificate("dk1", rubbish, 9)
    csr = bytearray(device_certs.request(device_certs.make_key(is_rsa=False), DeviceId("a", "b")))
    csr[-1] ^= 1
    with pytest.raises(AdminError, match="not signed by an EC or RSA key"):
        shared.client.issue_certificate("dk1", bytes(csr), 9)


def test_request_for_another_device_gets_a_certificate_of_the_one_asked_for(
    shared: CloudThread,
) -> None:
    csr = device_certs.request(device_certs.make_key(is_rsa=False), DeviceId("pk_demo", "dk2"))
    issued = shared.client.issue_certificate("dk1", csr, 9)
    found = device_certs.read(bytes.fromhex(issued["certificate"]))
    assert found == (issued["serial"], DeviceId("pk_demo", "dk1"))


# --- demanded by TLS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("is_rsa", [False, True], ids=["ec", "rsa"])
def test_device_with_its_certificate_logs_in_and_fetches(
    shared: CloudThread, tmp_path: Path, version: ssl.TLSVersion, is_rsa: bool
) -> None:
    context = showing(shared, apply(shared.client, "dk1", is_rsa=is_rsa), tmp_path, version)
    one = device(shared, context)
    assert one.connect() == 0
    assert one.ask("inform", {"version": "1.0.0"})["code"] == 200
    session = http_login(shared, one, context=context).json["data"]["sessionId"]
    uri = shared.client.firmware()[0]["file_url"]
    target = download_target(one, session, uri)
    assert https(shared, "GET", target, context=context).body == b"one"
    one.close()


REFUSED = {
    "none": (None, "certificate_required|handshake_failure", "did not return a certificate"),
    "stranger": (of_another_authority, "unknown_ca|unknown ca", "client certificate: "),
    "expired": (-1, "certificate_expired|certificate expired", "certificate has expired"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("which", REFUSED)
@pytest.mark.parametrize("host", ["mqtts", "https"])
def test_client_without_a_good_certificate_gets_an_alert_and_is_told(
    shared: CloudThread, tmp_path: Path, version: ssl.TLSVersion, which: str, host: str
) -> None:
    kind, alert, text = REFUSED[which]
    identity = kind() if callable(kind) else kind
    if kind == -1:
        identity = apply(shared.client, "dk1", valid_days=-1)
    context = showing(shared, identity, tmp_path, version)
    since = len(shared.events)
    with pytest.raises(ssl.SSLError) as error:
        if host == "mqtts":
            device(shared, context).connect()
        else:
            https(shared, "GET", "/", context=context)
    words = str(error.value).lower().replace(" ", "_")
    assert any(one.replace(" ", "_") in words for one in alert.split("|")), words
    told(shared, text)
    who = {"mqtts": "mqtt", "https": "http"}[host]
    (line,) = (line for line in lines(shared, since) if "TLS" in line)
    assert line.startswith(f"{who}: 127.0.0.1 TLS failed: ")
    assert text in line


def test_login_over_plain_mqtt_is_refused_with_746(shared: CloudThread) -> None:
    plain = device(shared, None)
    plain._tls = False
    assert plain.connect() == 4
    wanted = "mqtt: login refused (746 pk_demo/dk1 must log in by TLS with its certificate)"
    assert told(shared, "746") == wanted


def test_connection_made_before_certificates_were_demanded_cannot_log_in(
    cloud: CloudThread,
) -> None:
    cloud.client.add_device("dk1", device_secret="secret of dk1")
    waiting = device(cloud, None).open()
    cloud.client.set_switch(SWITCH, "required")
    waiting.open = lambda: waiting  # type: ignore[method-assign]
    assert waiting.connect() == 4
    told(cloud, "746")


# --- bound to its device, and revoked


@pytest.mark.parametrize("position", ["requested", "required"])
def test_certificate_of_another_device_is_refused_at_login_and_download(
    cloud: CloudThread, tmp_path: Path, position: str
) -> None:
    uri = cloud.client.add_firmware(b"one", "1.1.0")["file_url"]
    for key in ("dk1", "dk2"):
        cloud.client.add_device(key, device_secret=f"secret of {key}")
    cloud.client.set_switch(SWITCH, position)
    own, other = (showing(cloud, apply(cloud.client, key), tmp_path) for key in ("dk1", "dk2"))
    thief = device(cloud, other)
    assert thief.connect() == 4
    text = "742 pk_demo/dk1 shows the certificate of pk_demo/dk2"
    assert told(cloud, text) == f"mqtt: login refused ({text})"
    assert http_login(cloud, thief, context=other).status == 401
    session = http_login(cloud, thief, context=own).json["data"]["sessionId"]
    target = download_target(thief, session, uri)
    assert https(cloud, "GET", target, context=other).status == 403
    assert https(cloud, "GET", target, context=own).status == 200
    assert len([line for line in lines(cloud) if text in line]) == 3


def test_certificate_revoked_ends_the_connection_and_is_refused(
    cloud: CloudThread, tmp_path: Path
) -> None:
    cloud.client.add_device("dk1", device_secret="secret of dk1")
    cloud.client.set_switch(SWITCH, "required")
    identities = [apply(cloud.client, "dk1") for _ in range(2)]
    old, older = (showing(cloud, one, tmp_path) for one in identities)
    one = device(cloud, old)
    assert one.connect() == 0
    session = http_login(cloud, one, context=old).json["data"]["sessionId"]
    serials = cloud.client.revoke_certificates("dk1")
    assert sorted(serials) == sorted(one.serial for one in identities)
    with pytest.raises((EOFError, ConnectionError, ssl.SSLError)):
        one.packet()
    for context, identity in ((old, identities[0]), (older, identities[1])):
        assert device(cloud, context).connect() == 4
        told(cloud, f"(742 certificate {identity.serial} of pk_demo/dk1 is revoked)")
        assert http_login(cloud, one, context=context).status == 401
    target = download_target(one, session, "enos-connect://x")
    assert https(cloud, "GET", target, context=old).status == 401
    with pytest.raises(AdminError, match="has no certificate that is not revoked"):
        cloud.client.revoke_certificates("dk1")
    with pytest.raises(AdminError, match="no device pk_demo/nobody"):
        cloud.client.revoke_certificates("nobody")
    again = showing(cloud, apply(cloud.client, "dk1"), tmp_path)
    assert device(cloud, again).connect() == 0


def test_revocation_outlives_a_restart(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as first:
        first.client.add_device("dk1", device_secret="secret of dk1")
        identity = apply(first.client, "dk1")
        first.client.revoke_certificates("dk1")
        first.client.set_switch(SWITCH, "required")
    with CloudThread(tmp_path / "cloud") as second:
        assert device(second, showing(second, identity, tmp_path)).connect() == 4


# --- the commands


def run(cloud: CloudThread, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["device", *arguments, "--home", str(cloud.home)])


@pytest.mark.parametrize("kind", [[], ["--rsa"]], ids=["ec", "rsa"])
def test_command_writes_der_that_openssl_reads(
    cloud: CloudThread, tmp_path: Path, kind: list[str]
) -> None:
    cloud.client.add_device("dk1")
    out = tmp_path / "new" / "folder"
    shown = run(cloud, "certificate", "dk1", "--out-dir", str(out), "--valid-days", "9", *kind)
    assert shown.exit_code == 0, shown.output
    cert, key = out / "dk1-cert.der", out / "dk1-key.der"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert shown.stdout.splitlines()[1:] == [f"  {cert}", f"  {key}"]

    def openssl(*arguments: str) -> str:
        command = ["openssl", *arguments, "-inform", "DER"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    subject = openssl("x509", "-in", str(cert), "-noout", "-subject")
    assert subject.replace(" ", "").strip() == "subject=O=EnOSstand-in,OU=pk_demo,CN=dk1"
    public = openssl("x509", "-in", str(cert), "-noout", "-pubkey")
    assert openssl("pkey", "-in", str(key), "-pubout") == public
    revoked = run(cloud, "revoke-certificate", "dk1")
    serial = device_certs.read(cert.read_bytes())[0]
    assert (revoked.exit_code, revoked.stdout) == (0, f"certificate {serial} is revoked\n")


def test_command_as_json_holds_no_key(cloud: CloudThread, tmp_path: Path) -> None:
    cloud.client.add_device("dk1")
    shown = run(cloud, "certificate", "dk1", "--out-dir", str(tmp_path), "--json")
    document = json.loads(shown.stdout)
    assert set(document) == {"serial", "not_after", "cert", "key"}
    assert document["key"] == str(tmp_path / "dk1-key.der")
    serials = json.loads(run(cloud, "revoke-certificate", "dk1", "--json").stdout)
    assert serials == [document["serial"]]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ("certificate nobody --out-dir {}", 1, "Error: no device pk_demo/nobody: see `enos-ota"),
        ("certificate dk1", 2, "Usage: "),
        ("certificate dk1 --out-dir {} --valid-days 9999", 2, "Usage: "),
        ("certificate dk1 --out-dir {}/file", 2, "Usage: "),
        ("certificate dk1 --out-dir {}/file/below", 1, "Error: [Errno 20] Not a directory"),
        ("revoke-certificate dk1", 1, "Error: device pk_demo/dk1 has no certificate that"),
    ],
)
def test_command_refuses_in_one_line(
    cloud: CloudThread, tmp_path: Path, arguments: str, code: int, text: str
) -> None:
    cloud.client.add_device("dk1")
    (tmp_path / "file").write_text("")
    result = run(cloud, *arguments.format(tmp_path).split())
    assert result.exit_code == code
    assert result.stderr.startswith(text), result.stderr
    assert code == 2 or result.stderr.count("\n") == 1
