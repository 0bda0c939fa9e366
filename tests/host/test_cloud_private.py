"""What nobody else may read: files of the stand-in, whatever the umask, and secrets in its words."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from click.testing import CliRunner
from cloud_fixtures import (
    RawDevice,
    add,
    download_target,
    http_login,
    https,
    online,
    served,
    tls_context,
)

from host_tools.cli import main
from host_tools.cloud import signing, told
from host_tools.cloud.apply import Identity, apply
from host_tools.cloud.client import AdminClient, AdminError
from host_tools.cloud.server import CloudThread
from host_tools.cloud.switches import SWITCHES


@pytest.fixture
def _anybody() -> Iterator[None]:
    """Files are made as open as they can be."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder.parent)): stat.S_IMODE(path.stat().st_mode)
        for path in [folder, *folder.rglob("*")]
    }


def exercised(cloud: CloudThread) -> None:
    """A run in which every kind of file is written."""
    device = online(cloud)
    cloud.client.add_firmware(b"one", "1.1.0")
    http_login(cloud, device)
    for position in SWITCHES["server_certificate"].positions:
        cloud.client.set_switch("server_certificate", position)
        with contextlib.suppress(ssl.SSLError):
            https(cloud, "GET", "/")
    device.close()


PRIVATE = {
    "ca.key", "ca.der", "ca2.key", "ca2.der", "server.key", "server.pem", "spare.key", "lock",
    "cloud.sqlite", "cloud.sqlite-wal", "cloud.sqlite-shm", "endpoints.json",
}  # fmt: skip


@pytest.mark.usefixtures("_anybody")
def test_home_is_private_with_any_umask(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b" / "cloud"
    with CloudThread(home) as running:
        exercised(running)
        found = modes(home)
    folders = {"cloud", "cloud/firmware"}
    assert {found.pop(name) for name in folders} == {0o700}
    assert set(found.values()) == {0o600}
    names = {name.removeprefix("cloud/") for name in found}
    assert {name for name in names if "/" not in name} == PRIVATE
    assert len([name for name in names if name.startswith("firmware/")]) == 1
    for parent in (home.parent, home.parent.parent):
        assert stat.S_IMODE(parent.stat().st_mode) == 0o755


def test_home_that_was_open_is_private_from_then_on(tmp_path: Path) -> None:
    home = tmp_path / "cloud"
    with CloudThread(home) as first:
        exercised(first)
    for path in [home, *home.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    outside = tmp_path / "outside"
    outside.write_text("not the stand-in's")
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    with CloudThread(home):
        assert {mode & 0o077 for name, mode in modes(home).items() if name != "cloud/link"} == {0}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


@pytest.mark.usefixtures("_anybody")
def test_device_certificate_files_are_private_with_any_umask(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as running:
        running.client.add_device("dk1")
        command = ["device", "certificate", "dk1", "--out-dir", str(tmp_path / "out")]
        done = CliRunner().invoke(main, [*command, "--home", str(running.home)])
        assert done.exit_code == 0, done.output
    found = modes(tmp_path / "out")
    assert found["out/dk1-key.der"] == 0o600
    assert found["out"] & 0o022 == 0


# --- secrets


class Secrets:
    """Collects what must not show anywhere."""

    def __init__(self) -> None:
        self.known: set[str] = set()

    def add(self, *values: str | bytes) -> None:
        for value in values:
            self.known.add(value.hex() if isinstance(value, bytes) else value)

    def found_in(self, text: str) -> list[str]:
        return [one for one in self.known if one.lower() in text.lower()]


def refusals(cloud: AdminClient, thread: CloudThread, folder: Path) -> Secrets:
    """A session with every kind of refusal; returns what was secret in it."""
    secrets = Secrets()
    secrets.add(*(thread.endpoints[n] for n in ("admin_token", "access_key", "secret_key")))
    for name in ("ca.key", "ca2.key", "server.key", "spare.key"):
        pem = (thread.home / name).read_text()
        secrets.add(*re.findall(r"[A-Za-z0-9+/]{60,}", pem))
    device, other = add(thread, "dk1"), add(thread, "dk2")
    secrets.add(device.secret, other.secret, "a wrong secret")
    identity = apply(cloud, "dk1")
    secrets.add(identity.key, identity.key[40:72])
    for wrong in ({"secret": "a wrong secret"}, {"user": "nobody&pk_demo"}, {"mode": "3"},
                  {"client_id": device.secret}, {"user": device.secret}):  # fmt: skip
        password = connect_password(device, **wrong)
        secrets.add(password)
        assert device.connect(**wrong) == 4
    assert device.connect() == 0
    secrets.add(connect_password(device))
    device.subscribe("#", f"/sys/pk_demo/dk2/{other.secret}", "$SYS/#")
    device.publish(f"/sys/pk_demo/dk2/{other.secret}", b"{}")
    device.publish("inform", b"rubbish")
    device.write(0x34, b"\0\1x\0\1")
    http_refusals(thread, cloud, device, other, secrets)
    certificates(thread, cloud, device, identity, folder)
    for request in (lambda: cloud.add_device("dk1"), lambda: cloud.add_firmware(b"", "1"),
                    lambda: cloud.set_switch("etag", device.secret),
                    lambda: cloud.revoke_certificates("nobody")):  # fmt: skip
        with pytest.raises(AdminError) as error:
            request()
        assert secrets.found_in(str(error.value).replace(device.secret, "")) == []
    return secrets


def connect_password(device: RawDevice, secret: str = "", **_: str) -> str:
    stamp = "2524608000000"
    claim = signing.ConnectClaim(device.key, device.product, device.key, "sha256", stamp, "")
    return signing.connect_password(claim, secret or device.secret)


def http_refusals(
    thread: CloudThread, cloud: AdminClient, device: RawDevice, other: RawDevice, secrets: Secrets
) -> None:
    uri = quote(cloud.add_firmware(b"one", "1.1.0")["file_url"], safe="")
    path, sign = (
        f"/auth/pk_demo/{other.key}",
        signing.login_sign("pk_demo", "dk1", 9, device.secret),
    )
    secrets.add(sign, sign.upper())
    session = http_login(thread, device).json["data"]["sessionId"]
    secrets.add(session)
    body = {"signMethod": "sha256", "lifetime": 9, "sign": sign}
    for position in ("status", "code"):
        cloud.set_switch("login_failure", position)
        https(thread, "POST", path, body=body)
    good = download_target(device, session, uri)
    for target in (good, download_target(other, session, uri), good + "x", good.replace("ota", ""),
                   f"/{session}/{device.secret}", f"/files/{sign}", good.replace("?", "%3f")):  # fmt: skip
        https(thread, "GET", target)
    get_file = signing.getfile_signs(
        thread.endpoints["access_key"], thread.endpoints["secret_key"], "o1", "/x", "1"
    )
    secrets.add(*get_file)
    https(
        thread, "GET",
        f"/commonFileService/files?accessKey={thread.endpoints['access_key']}&orgId=o1"
        f"&sign={get_file[0]}&path=/x&requestTimestamp=1",
    )  # fmt: skip
    where = urlsplit(thread.endpoints["http_broker"])
    for rubbish in (f"GET {good}{'x' * 9000} HTTP/1.1", f"GET {good} HTTP/7", f"{session} {sign}"):
        with (
            socket.create_connection((where.hostname, where.port), 10) as plain,
            tls_context(thread).wrap_socket(plain, server_hostname=where.hostname) as sock,
        ):
            sock.sendall(rubbish.encode() + b"\r\n\r\n")
            sock.recv(1000)


def certificates(
    thread: CloudThread, cloud: AdminClient, device: RawDevice, identity: Identity, folder: Path
) -> None:
    from test_cloud_mutual_tls import of_another_authority, showing

    cloud.set_switch("tls_client_certificate", "required")
    for one in (
        None,
        of_another_authority(),
        apply(cloud, "dk2"),
        apply(cloud, "dk1", valid_days=-1),
    ):
        context = showing(thread, one, folder)
        device._context, device._tls = context, True
        with contextlib.suppress(OSError, EOFError):
            device.connect()
        with contextlib.suppress(OSError):
            http_login(thread, device, context=context)
    device._tls, device._context = False, None
    assert device.connect() == 4
    cloud.revoke_certificates("dk1")
    device._context, device._tls = showing(thread, identity, folder), True
    assert device.connect() == 4


def test_no_secret_shows_in_events_or_in_the_message_log(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as running:
        secrets = refusals(running.client, running, tmp_path)
        served(running, "inform")
        events = json.dumps([(who, what) for _at, who, what in running.events])
        log = json.dumps(running.client.messages())
        for text in ("742", "705", "770", "746", "1009", "1220", "QoS 2", "subscription refused",
                     "TLS failed", "is revoked", "401", "404", "400 malformed"):  # fmt: skip
            assert text in events
        assert secrets.found_in(events) == []
        # A topic is kept there as it came: this device was so foolish to name a secret in it.
        assert [one for one in secrets.found_in(log) if f"dk2/{one}" not in log] == []
        assert len(secrets.known) > 15


@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_shows_on_the_console(tmp_path: Path, as_json: bool) -> None:
    home = tmp_path / "cloud"
    command = [sys.executable, "-m", "host_tools", "cloud", "--home", str(home), "--port-base", "0"]
    process = subprocess.Popen(
        command + ["--json"] * as_json,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    try:
        thread = CloudThread(home)
        thread.client = AdminClient(home)
        thread.endpoints = thread.client.endpoints
        secrets = refusals(thread.client, thread, tmp_path)
        served(thread, "inform")
    finally:
        process.send_signal(signal.SIGINT)
    shown = first + process.stdout.read()
    assert process.wait(20) == 0
    assert ("login refused (742" in shown) is not as_json
    assert "Traceback" not in shown
    assert secrets.found_in(shown) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fetched 1.1.0, bytes 0-9", "fetched 1.1.0, bytes 0-9"),
        ("a\r\nb\x1b[2J\u202e", "a??b?[2J?"),
        ("x" * 1000, "x" * told.LINE_LIMIT),
        ("at 5b0c8e3a-6d4f-4b7e-9a2d-0123456789ab.", "at (hidden)."),
        ("of " + "0aB" * 21 + "0" + " it", "of (hidden) it"),
        ("md5 " + "0" * 32 + "," + "f" * 32, "md5 (hidden),(hidden)"),
        ("x" * 390 + "0" * 32, "x" * 390 + "(hidden)"),
        ("commit " + "0123456789" * 4, "commit " + "0123456789" * 4),
        ("certificate " + "a" * 39, "certificate " + "a" * 39),
    ],
)
def test_line_of_an_event_is_printable_short_and_without_what_looks_secret(
    text: str, line: str
) -> None:
    assert told.line(text) == line
