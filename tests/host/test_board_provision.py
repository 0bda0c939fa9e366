"""`enos-ota provision` and `monitor` against a simulated board and the stand-in."""

from __future__ import annotations

import json
import os
import select
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from desk_fixtures import Desk, desk
from factory_fixtures import CONFIG, Issuer
from test_board_switch import CutError, Memory, Tree

from host_tools import paths
from host_tools.board import first_contact
from host_tools.board import provision as work
from host_tools.board.certificates import PairReader
from host_tools.board.port import attached
from host_tools.cli import main
from host_tools.cloud.server import CloudThread
from host_tools.factory.files import der_names
from host_tools.simboard.board_files import BoardFiles

EXAMPLE = str(paths.DEVICE / "example")
TODAY = datetime.now(UTC).date().isoformat()
EXPIRED = "the certificate has expired (clock %s)"
NOT_YET = "the certificate is not valid yet (clock %s)"
QUICK = ("--set", "spread_s=1", "--set", "trial_app_s=2")


@cache
def deployed() -> bytes:
    """The flash of a board after `deploy`."""
    with tempfile.TemporaryDirectory() as folder, desk(Path(folder) / "board") as board:
        result = board.run("deploy", "--app", EXAMPLE, "--version", "1.0.0")
        assert result.exit_code == 0, result.output
        board.board.power_off()
        return BoardFiles(board.folder).flash.read_bytes()


@contextmanager
def online(folder: Path) -> Iterator[tuple[Desk, CloudThread]]:
    """A deployed board, not provisioned, that could reach a stand-in."""
    flash = deployed()
    with CloudThread(folder / "cloud") as cloud:
        ntp = {"123": cloud.client.endpoints["ntp"]["port"]}
        with desk(folder / "board", flash=flash, ports=ntp) as board:
            yield board, cloud


def provision(board: Desk, cloud: CloudThread, *arguments: str) -> Any:
    home = ("--cloud", str(cloud.client.home))
    return board.run("provision", *home, *QUICK, *arguments)


def test_provision_writes_both_copies_connects_and_shows_the_inform_accepted(
    tmp_path: Path,
) -> None:
    with online(tmp_path) as (board, cloud):
        result = provision(board, cloud, "--stand-in", "desk")
        device = cloud.client.device("desk")
        board.board.power_off()
        files = board.files()
    assert result.exit_code == 0, result.output
    assert "EnOS accepted its inform: version 1.0.0" in result.output
    assert device is not None
    assert device["version"] == "1.0.0"
    assert files["/enos.json"] == files["/enos.bak"]
    settings = json.loads(files["/enos.json"])
    (ca,) = settings["ca"]
    assert files[ca] == (tmp_path / "cloud" / "ca.der").read_bytes()
    assert settings["device_secret"] not in result.output
    assert settings["wifi"][0]["password"] not in result.output


def test_provision_again_changes_one_setting_and_keeps_the_rest(tmp_path: Path) -> None:
    with online(tmp_path) as (board, cloud):
        first = provision(board, cloud, "--stand-in", "desk", "--no-connect")
        assert first.exit_code == 0, first.output
        result = provision(board, cloud, "--set", "check_s=600", "--json")
        board.board.power_off()
        settings = json.loads(board.files()["/enos.json"])
    document = json.loads(result.stdout)
    assert (settings["check_s"], settings["device_key"]) == (600, "desk")
    assert (document["connected"], document["version"]) == (True, "1.0.0")
    assert document["settings"]["device_secret"] == "***"


def test_provision_with_a_wrong_secret_names_the_code_of_enos(tmp_path: Path) -> None:
    with online(tmp_path) as (board, cloud):
        result = provision(board, cloud, "--stand-in", "desk", "--set", "device_secret=wrong")
    assert result.exit_code == 1
    assert "login refused" in result.output
    assert "742" in result.output


def test_provision_with_another_ca_says_that_the_server_is_not_trusted(tmp_path: Path) -> None:
    other = CloudThread(tmp_path / "other")
    with other:
        pass
    with online(tmp_path) as (board, cloud):
        ca = str(tmp_path / "other" / "ca.der")
        result = provision(board, cloud, "--stand-in", "desk", "--ca", ca)
    assert result.exit_code == 1
    assert "TLS refused" in result.output
    assert "--ca" in result.output


@pytest.mark.parametrize(
    ("position", "refusal", "advice"),
    [
        ("expired", "the certificate has expired", "renew the server's certificate"),
        ("future", "the certificate is not valid yet", "--set ntp=HOST"),
        ("wrong_name", "the certificate names another host", "the host in mqtt"),
        ("unknown_ca", "not signed by a trusted CA", "--ca"),
    ],
)
def test_provision_at_a_server_that_cannot_be_trusted_says_why(
    tmp_path: Path, position: str, refusal: str, advice: str
) -> None:
    with online(tmp_path) as (board, cloud):
        cloud.client.set_switch("server_certificate", position)
        result = provision(board, cloud, "--stand-in", "desk")
    assert result.exit_code == 1
    assert f"not connected: link: TLS refused: {refusal}" in result.output
    assert advice in result.output.partition("→")[2]


def test_provision_at_a_server_that_demands_a_certificate_connects_once_it_is_given_one(
    tmp_path: Path,
) -> None:
    with online(tmp_path) as (board, cloud):
        cloud.client.set_switch("tls_client_certificate", "required")
        without = provision(board, cloud, "--stand-in", "desk")
        home = ["--home", str(cloud.client.home)]
        arguments = ["device", "certificate", "desk", "--out-dir", str(tmp_path), *home]
        issued = CliRunner().invoke(main, arguments)
        assert issued.exit_code == 0, issued.output
        files = [tmp_path / f"desk-{name}.der" for name in ("cert", "key")]
        pair = ("--cert", str(files[0]), "--key-file", str(files[1]))
        result = provision(board, cloud, *pair)
    assert without.exit_code == 1
    assert "TLS refused: the server refuses our certificate" in without.output
    assert "--cert FILE --key-file FILE" in without.output.partition("→")[2]
    assert "EnOS accepted its inform: version 1.0.0" in result.output, result.output


def test_provision_with_pins_knows_the_broker_by_its_key_alone(tmp_path: Path) -> None:
    server = str(tmp_path / "cloud" / "server.pem")
    with online(tmp_path) as (board, cloud):
        others = ("--pin", "ab" * 32, "--pin", "cd" * 32)
        refused = provision(board, cloud, "--stand-in", "desk", *others)
        # Signed by nobody whom the board knows.
        cloud.client.set_switch("server_ca", "second")
        result = provision(board, cloud, "--pin", server, "--pin", "cd" * 32)
    assert refused.exit_code == 1
    assert "TLS refused: no pin matches" in refused.output
    assert "EnOS accepted its inform: version 1.0.0" in result.output, result.output


def test_provision_without_the_network_in_the_air_says_so(tmp_path: Path) -> None:
    with online(tmp_path) as (board, cloud):
        board.board.set_air(False)
        result = provision(board, cloud, "--stand-in", "desk")
    assert result.exit_code == 1
    assert "Wi-Fi" in result.output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--set", "watchdog=3"), "did you mean watchdog_s"),
        (("--set", "watchdog_s=long"), "must be JSON"),
        (("--set", "downgrade=1"), "downgrade must be true or false"),
        (("--set", "cert=/a.der"), "cert needs key"),
        (("--cert", __file__), "give both"),
        (("--pin", "ab" * 32), "pins must be two at least"),
        (("--signing-key", "ab"), "neither a file nor the 64 hex digits"),
        (("--set", "device_secret:TOP"), "not like KEY=VALUE"),
        (("--set", "device_secrte=TOP"), "did you mean device_secret"),
        (("--set", "mqtt=broker"), "mqtt must be like mqtts://host"),
        ((), "product_key is missing"),
        (("--ca", __file__), "neither PEM nor DER"),
        (("--stand-in", "desk"), "cloud"),
    ],
    ids=[
        "unknown",
        "type",
        "bool",
        "no-key",
        "half",
        "one-pin",
        "no-digest",
        "no-pair",
        "typo",
        "url",
        "missing",
        "ca",
        "no-stand-in",
    ],
)
def test_provision_with_bad_settings_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    with desk(tmp_path / "board") as board:
        result = board.run("provision", "--cloud", str(tmp_path / "none"), *arguments)
        board.board.power_off()
        files = board.files()
    assert result.exit_code == 1
    assert why in result.output
    assert "TOP" not in result.output
    assert list(files) == ["/boot.py"]


def test_provision_keeps_settings_of_a_newer_agent_and_the_users_own_ca_file(
    tmp_path: Path,
) -> None:
    settings = {"product_key": "p", "device_key": "d", "device_secret": "s", "sung": ["k"]}
    settings |= {"mqtt": "mqtts://localhost", "ca": ["/ca.der"]}
    files = {"boot.py": b"", "ca.der": b"mine", "enos.json": json.dumps(settings).encode()}
    with CloudThread(tmp_path / "cloud") as cloud, desk(tmp_path / "board", files) as board:
        ca = str(tmp_path / "cloud" / "ca.der")
        result = provision(board, cloud, "--ca", ca, "--set", "check_s=60")
        board.board.power_off()
        found = board.files()
    assert result.exit_code == 0, result.output
    written = json.loads(found["/enos.json"])
    assert (written["sung"], written["check_s"]) == (["k"], 60)
    assert found["/ca.der"] == b"mine"
    assert written["ca"][0] in found


def sound(folder: Path, **more: Any) -> tuple[str, ...]:
    """Arguments that provision a board which no server is asked about."""
    path = folder / "board.json"
    path.write_text(json.dumps(CONFIG | more))
    ca = folder / "ca.der"
    ca.write_bytes(Issuer().der)
    return ("--config", str(path), "--ca", str(ca), "--no-connect")


def test_provision_brings_certificate_and_key_and_removes_those_they_replace(
    tmp_path: Path,
) -> None:
    issuer, first, second = Issuer(), tmp_path / "first", tmp_path / "second"
    kept = {"ca": ["enos-cccccccc.der"], "keys": []}
    files = {
        "boot.py": b"",
        "enos-cccccccc.der": b"of a release",
        "enos_trust.json": json.dumps(kept).encode(),
        "enos-aaaaaaaa.der": b"of one that was cut",
        "enos-bbbbbbbb.der.enos-new": b"of one that was cut in it",
        "mine.der": b"mine",
    }
    found = []
    with desk(tmp_path / "board", files) as board:
        for folder, days in ((first, 365), (second, 30)):
            folder.mkdir()
            certificate, key = issuer.pair(folder, days=days)
            pair = ("--cert", str(certificate), "--key-file", str(key))
            result = board.run("provision", *sound(tmp_path), *pair)
            assert result.exit_code == 0, result.output
            board.board.power_off()
            found.append(board.files())
            board.board.power_on()
        document = json.loads(board.run("provision", "--no-connect", "--json").stdout)
    for folder, there in zip((first, second), found, strict=True):
        settings = json.loads(there["/enos.json"])
        wanted = PairReader(lambda path: "").read(folder / "pump-1.pem", folder / "pump-1.key")
        assert [there[settings[name]] for name in ("cert", "key")] == wanted.ders
        ours = {"/enos.json", "/enos.bak", *settings["ca"], settings["cert"], settings["key"]}
        assert set(there) - ours == {
            "/boot.py", "/enos-cccccccc.der", "/enos_trust.json", "/mine.der",
        }  # fmt: skip
        for secret in (wanted.key.hex(), CONFIG["device_secret"]):
            assert secret not in result.output + json.dumps(document)
    assert "ends on 20" in result.output
    assert "releases are not signed" not in result.output
    assert document["settings"]["key"] == settings["key"]
    assert document["warnings"] == []


def test_provision_with_a_path_that_is_not_on_the_board_writes_nothing(tmp_path: Path) -> None:
    with desk(tmp_path / "board", {"boot.py": b""}) as board:
        paths = sound(tmp_path, cert="/mine.der", key="/mine.key")
        result = board.run("provision", *paths)
        board.board.power_off()
        found = board.files()
    assert result.exit_code == 1
    assert "cert names /mine.der, and there is no such file on the board" in result.output
    assert list(found) == ["/boot.py"]


def named(tree: Tree) -> Any:
    """The settings that the agent of a board with these files would read; their files are whole."""
    for path in work.PATHS:
        try:
            settings = json.loads(tree[path])
        except (KeyError, ValueError):
            continue
        for der in (*settings["ca"], settings["cert"], settings["key"]):
            assert der in der_names([tree[der]])
        return settings
    raise AssertionError("no settings")


def test_provision_cut_at_any_step_leaves_the_old_or_the_new_and_repeated_no_old_key(
    tmp_path: Path,
) -> None:
    issuer, pairs = Issuer(), []
    for name in ("old", "new"):
        pairs.append(PairReader(lambda path: "").read(*issuer.pair(tmp_path, name)))
    old, new = (work.Brought([issuer.der], pair) for pair in pairs)
    before, after = (work.merged({}, CONFIG, brought) for brought in (old, new))
    whole: Any = Memory({"/main.py": b""})
    work.write(whole, before, old)
    seen = set()
    for steps in range(100):
        memory: Any = Memory(dict(whole.tree), steps)
        try:
            work.write(memory, after, new)
        except CutError:
            settings = named(memory.tree)
            assert settings in (before, after)
            seen.add(settings["key"])
            memory.left = 1000
            work.write(memory, work.merged(work.on_board(memory), CONFIG, new), new)
        else:
            break
        assert named(memory.tree) == after
        assert set(memory.tree) == {
            "/main.py", *work.PATHS, *after["ca"], after["cert"], after["key"],
        }  # fmt: skip
    assert steps > 10
    assert seen == {before["key"], after["key"]}


def test_provision_of_a_full_board_writes_nothing(tmp_path: Path) -> None:
    files = {"boot.py": b"", "log.txt": bytes(4096 * 43)}
    with CloudThread(tmp_path / "cloud") as cloud, desk(tmp_path / "board", files) as board:
        result = provision(board, cloud, "--stand-in", "desk")
        board.board.power_off()
        found = board.files()
    assert result.exit_code == 1
    assert "file system is full" in result.output
    assert found == {"/" + name: content for name, content in files.items()}


def test_provision_before_deploy_writes_and_names_the_next_command(tmp_path: Path) -> None:
    with CloudThread(tmp_path / "cloud") as cloud, desk(tmp_path / "board") as board:
        result = provision(board, cloud, "--stand-in", "desk")
    assert result.exit_code == 0
    assert "enos-ota deploy PORT" in result.output


def test_tools_hold_the_watchdog_while_they_work(tmp_path: Path) -> None:
    # Nobody feeds it while they do.
    with online(tmp_path) as (board, cloud):
        result = provision(board, cloud, "--stand-in", "desk", "--set", "watchdog_s=8")
        assert result.exit_code == 0, result.output
        slow = "import time; time.sleep(10); print('not reset')"
        with attached(board.port) as port:
            printed = port.exec(slow)
    assert printed.strip() == b"not reset"


def test_monitor_of_a_url_shows_lines_until_the_text(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board, bridge(board.port) as url:
        arguments = ["monitor", url, "--reset", "--until", "MicroPython v1.26.1", "--seconds", "30"]
        seen = CliRunner().invoke(main, arguments)
        missed = CliRunner().invoke(main, ["monitor", url, "--until", "never", "--seconds", "0.5"])
    assert seen.exit_code == 0, seen.output
    assert "MicroPython v1.26.1" in seen.output
    assert missed.exit_code == 1


@contextmanager
def bridge(path: str) -> Iterator[str]:
    """A serial port as a URL of pyserial: socket://, as from a serial server."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            if not select.select([server], [], [], 0.1)[0]:
                continue
            client, _ = server.accept()
            pty = os.open(path, os.O_RDWR | os.O_NOCTTY)
            ends = {client.fileno(): pty, pty: client.fileno()}
            while not stop.is_set():
                ready = select.select(list(ends), [], [], 0.1)[0]
                pieces = [(fd, os.read(fd, 4096)) for fd in ready]
                if any(not piece for _, piece in pieces):
                    break
                for fd, piece in pieces:
                    os.write(ends[fd], piece)
            os.close(pty)
            client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
        server.close()


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("10:00:00 W enos: link: Wi-Fi: no configured network can be joined", "2.4 GHz"),
        ("10:00:00 W enos: link: login refused: CONNACK 5", "746"),
        ("10:00:00 W enos: link: login refused: CONNACK 5", "--cert FILE --key-file FILE"),
        # As agents said it before they knew pins.
        (
            "00:00:09 W enos: link: TLS refused (clock 2000): validity starts in the future",
            "ntp=HOST",
        ),
        ("10:00:00 W enos: link: TLS refused: not signed by a trusted CA", "--ca"),
        ("10:00:00 W enos: link: TLS refused: the certificate names another host", "host in mqtt"),
        ("10:00:00 W enos: link: TLS refused: no pin matches", "--pin of the spare key"),
        (
            "10:00:00 W enos: link: TLS refused: the server refuses our certificate, or misses it",
            "--cert FILE --key-file FILE",
        ),
        (f"{TODAY} W enos: link: TLS refused: {EXPIRED % TODAY}", "renew the server's"),
        (f"{TODAY} W enos: link: TLS refused: {NOT_YET % TODAY}", "begins later"),
        ("10:00:00 W enos: link: CA none is configured", "with --ca"),
        ("10:00:00 W enos: link: CA /enos-1a2b3c4d.der: revoked", "successor"),
        ("10:00:00 W enos: link: the device's certificate, or its key: 2", "--key-file"),
        (
            '10:00:00 E enos: settings /enos.json: mqtt is without TLS: plain must hold "mqtt"',
            "mqtts://",
        ),
        ("10:00:00 W enos: link: not enough memory for a TLS session", "doctor"),
        ("main: reset: ImportError: no module named 'nix'", "deploy again"),
    ],
)
def test_first_contact_knows_what_to_do_about_a_line(line: str, advice: str) -> None:
    contact = first_contact.watch(
        [line, "10:00:01 I enos: EnOS knows version 1.0.0"], lambda _: None
    )
    assert contact.version == ""
    assert advice in contact.advice


def test_first_contact_waits_while_the_agent_tries_other_clocks() -> None:
    lines = [
        f"W enos: link: TLS refused: {NOT_YET % '2000-01-01'}",
        "I enos: clock set by the server, unverified",
    ]
    knows = "I enos: EnOS knows version 1.0.0"
    assert first_contact.watch([*lines, knows], lambda _: None).version == "1.0.0"
    contact = first_contact.watch(lines, lambda _: None)
    assert (contact.version, contact.reason) == ("", lines[0].partition("enos: ")[2])
    assert "ntp=HOST" in contact.advice


def test_first_contact_does_not_stop_at_one_ca_of_several() -> None:
    lines = ["E enos: CA /old.der: revoked", "I enos: EnOS knows version 1.0.0"]
    assert first_contact.watch(lines, lambda _: None).version == "1.0.0"


def test_first_contact_of_a_silent_board_asks_whether_there_is_an_agent() -> None:
    contact = first_contact.watch(["ets Jul 29 2019", ">>> "], lambda _: None)
    assert "silent" in contact.reason
