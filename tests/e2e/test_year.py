"""A year in the life of a board, with all that changes in one, and no visit with a USB cable.

The stand-in lives at the dates of that year, in a process of its own; its certificates last 90 days. Each step is
a power cut of weeks: the board wakes up in the year 2000 and has to find its way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import life_fixtures as life
import pytest

import signing
from host_tools import paths
from host_tools.cloud.client import AdminClient
from host_tools.demo.workshop import Workshop
from host_tools.simboard.make import make_board
from host_tools.simboard.process import faketime_library
from host_tools.simboard.supervisor import Board

DAY_S = 86_400
BEGIN_S = int(time.time())
HERE = Path(__file__).parent
DEVICE = "year-board"
OLD, NEW = "enos.test", "enos.new.test"
APP = life.app("while True:\n    await asyncio.sleep(1)")


def digest(key: Any) -> str:
    return signing.digest_of(key).hex()


class Year:
    """The board, and the stand-in that is started anew at each date."""

    def __init__(self, folder: Path, port_base: int) -> None:
        self.folder = folder
        self.home = folder / "cloud"
        self.home.mkdir()
        self.port_base = port_base
        self.shop = Workshop(folder / "shop", ())
        self.lines: list[str] = []
        self.day = 0
        self.board: Board

    @contextmanager
    def on(self, day: int, names: str = OLD, **switches: str) -> Iterator[AdminClient]:
        """The stand-in on a day of the year; the board is switched on once it serves."""
        self.day = day
        library = faketime_library()
        environment = {
            **os.environ,
            "LD_PRELOAD": library.name,
            "LD_LIBRARY_PATH": str(library.parent),
            "FAKETIME": f"+{day}d",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "PYTHONPATH": str(paths.ROOT),
        }
        command = [
            sys.executable,
            str(HERE / "year_cloud.py"),
            str(self.home),
            str(self.port_base),
            names,
        ]
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            assert process.stdout.readline() == "serving\n"
            client = AdminClient(self.home)
            for name, value in {
                "sntp": "right",
                "http_date": "right",
                "server_ca": "first",
                **switches,
            }.items():
                client.set_switch(name, value)
            if day:
                self.lines.append(f"--- day {day}")
                self.board.power_on()
            yield client
        finally:
            if day:
                self.board.power_off()
            process.stdin.close()
            process.wait(20)

    def release(
        self, version: str, sequence: int, key: Any, trust: dict[str, Any], **files: bytes
    ) -> Path:
        """A release of this day with a trust file."""
        content: dict[str, Any] = {"enos_trust.json": json.dumps(trust), **files}
        return self.shop.release(
            version, sequence, app=APP, files=content, keys=(key,), name=f"{version}-{sequence}",
            build_time=BEGIN_S + self.day * DAY_S, min_sequence=max(sequence - 1, 0),
        ).path  # fmt: skip

    def wait(self, what: str, condition: Any, timeout_s: float = 60) -> Any:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"{what} did not happen:\n" + "\n".join(self.lines[-30:]))

    def wait_online(self, client: AdminClient, version: str) -> None:
        """Until the board has informed a version on this day."""
        text = f"EnOS knows version {version}"
        self.wait(text, lambda: any(text in line for line in self.today()))

    def today(self) -> list[str]:
        """What the board printed since it was switched on."""
        last = max(i for i, line in enumerate(self.lines) if line.startswith("--- day"))
        return self.lines[last:]

    def push(self, client: AdminClient, file: Path, version: str) -> dict[str, Any]:
        """Command a file; how that ended."""
        client.add_firmware(file, version)
        job = int(client.create_job([version], [DEVICE])["id"])

        def final() -> Any:
            tasks = client.job(job)["tasks"]
            return tasks[0] if tasks and tasks[0]["final"] else None

        return dict(self.wait(f"the end of {version}", final, 90))

    def upgrade(self, client: AdminClient, file: Path, version: str) -> None:
        task = self.push(client, file, version)
        assert (task["status"], task["progress"]) == ("succeeded", 100), (task, self.today())


@pytest.fixture
def year(tmp_path, unused_port_base) -> Year:
    return Year(tmp_path, unused_port_base)


@pytest.fixture
def unused_port_base() -> int:
    """Five ports in a row that nobody has, below those that systems give away: boards know them all year."""
    for base in range(20_000 + os.getpid() % 1000 * 8, 32_000, 8):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(base, base + 5):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return base
    raise AssertionError("no ports are free")


def test_year_of_changes_needs_no_visit_with_a_cable(year):  # noqa: PLR0915 - a year is long
    k1, k2, k3 = (signing.key(name) for name in ("first", "second", "third"))
    with year.on(0) as client:
        device = client.add_device(DEVICE)
        ends = json.loads((year.home / "endpoints.json").read_text())
        cas = [(year.home / name).read_bytes() for name in ("ca.der", "ca2.der")]
        first = year.release("1.0.0", 1, k1, {})
    ca2 = f"enos-{hashlib.sha256(cas[1]).hexdigest()[:8]}.der"
    settings = {
        **{key: device[key] for key in ("product_key", "device_key", "device_secret")},
        "mqtt": ends["mqtts"], "http_broker": ends["http_broker"], "ca": ["/ca.der"], "ntp": "localhost",
        "keys": [digest(k1)], "wifi": [{"ssid": "demo", "password": "demo-password"}],
        "spread_s": 1, "trial_app_s": 0, "trial_s": 60,
    }  # fmt: skip
    make_board(
        year.folder / "board", first, settings, cas[0], ports={"123": ends["ntp"]["port"]},
        hosts={"localhost": "127.0.0.1", OLD: "127.0.0.1", NEW: "127.0.0.1"},
    )  # fmt: skip
    year.board = Board(year.folder / "board", on_console=year.lines.append)

    with year.on(20) as client:
        # The next key and the next CA travel in a release that the first key signs.
        year.wait_online(client, "1.0.0")
        trust = {"keys": [digest(k2)], "ca": [ca2]}
        file = year.release("1.1.0", 2, k1, trust, **{ca2: cas[1]})
        year.upgrade(client, file, "1.1.0")

    with year.on(110, sntp="silent") as client:
        # NTP is blocked, and the certificate is younger than the board's last known day.
        year.wait_online(client, "1.1.0")
        assert any("not valid yet" in line for line in year.today())
        assert any("clock set by the server, unverified" in line for line in year.today())

    with year.on(120, server_ca="second") as client:
        # Another CA; the first rotation: 1.2.0 is signed by the second key, and revokes the first.
        year.wait_online(client, "1.1.0")
        trust = {"keys": [digest(k2)], "revoked": [digest(k1)], "ca": [ca2]}
        file = year.release("1.2.0", 3, k2, trust, **{ca2: cas[1]})
        year.upgrade(client, file, "1.2.0")

    with year.on(150, server_ca="second") as client:
        # The first key is stolen.
        year.wait_online(client, "1.2.0")
        task = year.push(client, year.release("6.6.6", 9, k1, {"keys": [digest(k1)]}), "6.6.6")
        assert task["progress"] == -3 and "revoked" in task["desc"], task
        client.add_firmware(first, "1.0.0")
        job = int(client.create_job(["1.0.0"], [DEVICE])["id"])
        task = year.wait("a refusal", lambda: [t for t in client.job(job)["tasks"] if t["final"]])[
            0
        ]
        assert task["progress"] == -3 and "revoked" in task["desc"], task

    with year.on(200, names=f"{OLD},{NEW}", server_ca="second", sntp="future") as client:
        # NTP lies; the host moves, and the second rotation begins.
        year.wait_online(client, "1.2.0")
        assert any("has expired" in line for line in year.today())
        trust = {
            "keys": [digest(k3)], "ca": [ca2], "revoked": [digest(k1)],
            "mqtt": settings["mqtt"].replace(OLD, NEW),
            "http_broker": settings["http_broker"].replace(OLD, NEW),
        }  # fmt: skip
        file = year.release("1.3.0", 4, k2, trust, **{ca2: cas[1]})
        year.upgrade(client, file, "1.3.0")

    with year.on(290, names=NEW, server_ca="second", sntp="past") as client:
        # The old host is gone; NTP lies the other way. The second rotation ends.
        year.wait_online(client, "1.3.0")
        assert any("tells a time that cannot be" in line for line in year.today())
        trust = {**trust, "revoked": [digest(k1), digest(k2)]}
        file = year.release("1.4.0", 5, k3, trust, **{ca2: cas[1]})
        year.upgrade(client, file, "1.4.0")

    with year.on(370, names=NEW, server_ca="second", sntp="silent") as client:
        # A year is over; the second key is stolen, too.
        year.wait_online(client, "1.4.0")
        task = year.push(client, year.release("6.6.7", 9, k2, {}), "6.6.7")
        assert task["progress"] == -3 and "revoked" in task["desc"], task
        file = year.release("1.5.0", 6, k3, {})
        year.upgrade(client, file, "1.5.0")

    with year.on(380, names=NEW, server_ca="second") as client:
        # 1.5.0 says nothing of trust: what was kept goes on.
        year.wait_online(client, "1.5.0")
