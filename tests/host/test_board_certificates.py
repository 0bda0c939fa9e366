"""A board's own certificate: what is refused on the host, and what MicroPython makes of the rest."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from factory_fixtures import Issuer, key_pem, pem

from host_tools import paths
from host_tools.board.certificates import PairReader, public_part
from host_tools.settings import SettingsError

KEYS: dict[str, Any] = {
    "RSA 2048": lambda: rsa.generate_private_key(65537, 2048),
    "RSA 3072": lambda: rsa.generate_private_key(65537, 3072),
    "RSA 4096": lambda: rsa.generate_private_key(65537, 4096),
    "EC P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EC P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
}
CLIENT = """\
import socket, sys, tls
ca, certificate, key = [open(name, "rb").read() for name in sys.argv[2:]]
context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
context.verify_mode = tls.CERT_REQUIRED
context.load_verify_locations(ca)
context.load_cert_chain(certificate, key)
raw = socket.socket()
raw.connect(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
session = context.wrap_socket(raw, server_hostname="localhost")
session.write(b"who am I?\\n")
print(session.readline().decode().strip())
"""


def nobody(path: Path) -> str:
    raise AssertionError(f"asked for the passphrase of {path}")


@contextlib.contextmanager
def demanding_server(folder: Path, issuer: Issuer) -> Iterator[int]:
    """The port of a TLS server that wants a certificate of the issuer, and tells its name."""
    key = ec.generate_private_key(ec.SECP256R1())
    chain, secret = folder / "server.pem", folder / "server.key"
    own = issuer.issue("server", key, usages=(ExtendedKeyUsageOID.SERVER_AUTH,))
    chain.write_bytes(pem(own))
    secret.write_bytes(key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    context.load_verify_locations(cadata=issuer.der)
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(connection, True) as session:
                    session.recv(100)
                    name = x509.load_der_x509_certificate(session.getpeercert(True) or b"").subject
                    session.sendall(name.rfc4514_string().encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize("kind", KEYS)
def test_pair_as_it_goes_onto_the_board_logs_micropython_in(tmp_path: Path, kind: str) -> None:
    issuer, key = Issuer(), KEYS[kind]()
    found = PairReader(nobody).read(*issuer.pair(tmp_path, "pump-1", key))
    names = ["ca.der", "certificate.der", "key.der"]
    for name, der in zip(names, (issuer.der, *found.ders), strict=True):
        (tmp_path / name).write_bytes(der)
    (tmp_path / "client.py").write_text(CLIENT)
    with demanding_server(tmp_path, issuer) as port:
        command = [paths.micropython(), "client.py", str(port), *names]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.stdout.strip() == "CN=pump-1", done.stderr
    assert public_part(key.public_key()) in found.key
    assert found.warnings == ()


def forms(key: Any) -> dict[str, bytes]:
    traditional = PrivateFormat.TraditionalOpenSSL
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return {
        "PEM, PKCS#8": key_pem(key),
        "PEM, PKCS#1 or SEC1": key_pem(key, form=traditional),
        "DER, PKCS#8": der,
        "DER, PKCS#1 or SEC1": key.private_bytes(Encoding.DER, traditional, NoEncryption()),
        "after the curve, as openssl ecparam writes it": b"-----BEGIN EC PARAMETERS-----\n"
        b"BggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + key_pem(key, form=traditional),
    }


@pytest.mark.parametrize("kind", ["RSA 2048", "EC P-256"])
def test_pair_in_every_form_becomes_the_same_der(tmp_path: Path, kind: str) -> None:
    issuer, key = Issuer(), KEYS[kind]()
    certificate = issuer.issue("pump-1", key)
    found = set()
    for content in forms(key).values():
        for encoding in (Encoding.PEM, Encoding.DER):
            (tmp_path / "a.crt").write_bytes(certificate.public_bytes(encoding))
            (tmp_path / "a.key").write_bytes(content)
            found.add(tuple(PairReader(nobody).read(tmp_path / "a.crt", tmp_path / "a.key").ders))
    assert len(found) == 1


def test_pair_of_an_encrypted_key_asks_once_for_several(tmp_path: Path) -> None:
    issuer = Issuer()
    asked = []

    def ask(path: Path) -> str:
        asked.append(path.name)
        return {"a.key": "of a", "c.key": "of c"}[path.name]

    reader = PairReader(ask)
    found = []
    for name, passphrase in (("a", "of a"), ("b", "of a"), ("c", "of c")):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, path = issuer.pair(tmp_path, name, key)
        path.write_bytes(key_pem(key, passphrase))
        if name == "b":  # so it may come, too
            how = BestAvailableEncryption(passphrase.encode())
            path.write_bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, how))
        found.append(public_part(key.public_key()) in reader.read(certificate, path).key)
    assert found == [True] * 3
    assert asked == ["a.key", "c.key"]


@pytest.mark.parametrize("typed", ["wrong", ""])
def test_pair_with_a_wrong_passphrase_is_refused_after_three(tmp_path: Path, typed: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, path = Issuer().pair(tmp_path, "a", key)
    path.write_bytes(key_pem(key, "right"))
    asked = []

    def ask(path: Path) -> str:
        asked.append(path)
        return typed

    with pytest.raises(SettingsError, match=r"a\.key: that is not its passphrase"):
        PairReader(ask).read(certificate, path)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (rsa.generate_private_key(65537, 1024), "RSA 1024: a board's TLS takes"),
        (ec.generate_private_key(ec.SECP521R1()), "EC secp521r1: a board's TLS takes"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519: a board's TLS takes"),
    ],
)
def test_pair_of_a_kind_that_the_chip_cannot_use_is_refused(
    tmp_path: Path, key: Any, text: str
) -> None:
    with pytest.raises(SettingsError, match=text):
        PairReader(nobody).read(*Issuer().pair(tmp_path, "a", key))


def test_pair_that_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    issuer = Issuer()
    certificate, _ = issuer.pair(tmp_path, "a")
    _, key = issuer.pair(tmp_path, "b")
    with pytest.raises(SettingsError, match=r"b\.key is not the key of .*a\.pem"):
        PairReader(nobody).read(certificate, key)


def test_pair_that_has_expired_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a\.pem: expired on 20\d\d-\d\d-\d\d: "):
        PairReader(nobody).read(*Issuer().pair(tmp_path, "a", days=-1))


@pytest.mark.parametrize(("days", "count"), [(89, 1), (92, 0)])
def test_pair_that_ends_within_90_days_is_warned_of(tmp_path: Path, days: int, count: int) -> None:
    found = PairReader(nobody).read(*Issuer().pair(tmp_path, "a", days=days))
    assert len(found.warnings) == count
    assert all("ends on 20" in text for text in found.warnings)


def test_pair_of_a_certificate_for_servers_is_warned_of(tmp_path: Path) -> None:
    issuer, key = Issuer(), ec.generate_private_key(ec.SECP256R1())
    certificate, path = issuer.pair(tmp_path, "a", key)
    for usages, count in (
        ((ExtendedKeyUsageOID.SERVER_AUTH,), 1),
        ((ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH), 0),
        ((), 0),
    ):
        certificate.write_bytes(pem(issuer.issue("a", key, usages=usages)))
        assert len(PairReader(nobody).read(certificate, path).warnings) == count


def test_pair_in_a_chain_is_the_boards_own_certificate_and_a_warning(tmp_path: Path) -> None:
    issuer, key = Issuer(), ec.generate_private_key(ec.SECP256R1())
    certificate, path = issuer.pair(tmp_path, "a", key)
    own = issuer.issue("a", key)
    certificate.write_bytes(pem(issuer.certificate, own))
    found = PairReader(nobody).read(certificate, path)
    assert found.certificate == own.public_bytes(Encoding.DER)
    assert "holds 2 certificates" in found.warnings[0]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.key", b"hello", "a.key: not a private key"),
        (
            "a.key",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "not a private",
        ),
        ("a.key", None, "a.key: No such file"),
        ("a.pem", b"hello", "a.pem: not a certificate"),
        ("a.pem", None, "a.pem: No such file"),
    ],
)
def test_pair_of_files_that_are_something_else_is_refused(
    tmp_path: Path, name: str, content: bytes | None, text: str
) -> None:
    files = Issuer().pair(tmp_path, "a")
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingsError, match=text):
        PairReader(nobody).read(*files)


def test_pair_does_not_show_its_key(tmp_path: Path) -> None:
    found = PairReader(nobody).read(*Issuer().pair(tmp_path, "a"))
    assert repr(found.key) not in repr(found)
    assert repr(found.certificate) in repr(found)
