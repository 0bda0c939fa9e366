"""A stand-in for EnOS and one simulated board in this process, with everything they say recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from host_tools.cloud.client import AdminClient
from host_tools.cloud.server import CloudThread
from host_tools.demo.badnet import LOOPBACK, BadNet
from host_tools.demo.secrecy import SecretLeakError, leaks, secrets_of
from host_tools.demo.workshop import owner_digest
from host_tools.simboard.make import make_board
from host_tools.simboard.supervisor import DEFAULT_VM_HEAP_BYTES, Board

Json = dict[str, Any]
DEVICE = "demo-board"
POLL_S = 0.05
_NET_NAMES = {"mqtt": "mqtts", "http": "http_broker"}


class RigTimeoutError(Exception):
    """Something did not happen in time; the text says what, and what the board said last."""


class Rig:
    """`with Rig(folder) as rig:` runs the stand-in; the board is made and switched on by calls.

    `events` holds what the board did and printed: {"t", "source": "board"|"console", …}.
    No secret of the board may show in any of that: leaving raises SecretLeakError if one did.
    With `badnet`, the board reaches the stand-in through `net`, whose names are "mqtt" and "http".
    """

    def __init__(
        self,
        folder: Path,
        on_event: Callable[[Json], None] = lambda event: None,
        badnet: bool = False,
        **cloud_options: Any,
    ) -> None:
        self.folder = folder
        self.events: list[Json] = []
        self._on_event = on_event
        self._cloud = CloudThread(folder / "cloud", **cloud_options)
        self._badnet = badnet
        self.board: Board
        self.net: BadNet

    def __enter__(self) -> Self:
        self._cloud.__enter__()
        if self._badnet:
            ports = {name: _port(self.endpoints[key]) for name, key in _NET_NAMES.items()}
            self.net = BadNet({name: (LOOPBACK, port) for name, port in ports.items()})
            self.net.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leaked: list[str] = []
        if hasattr(self, "board"):
            self.board.power_off()
            leaked = [] if error else self.leaks()
        if hasattr(self, "net"):
            self.net.__exit__(kind, error, trace)
        self._cloud.__exit__(kind, error, trace)
        if leaked:
            raise SecretLeakError("\n".join(leaked))

    def leaks(self) -> list[str]:
        """What the board printed or sent, or the stand-in logged, that holds a secret of the board."""
        texts = self.console()
        texts += [f"{m['topic']} {m['payload']}" for m in self.cloud.messages(0, limit=10_000)]
        texts += [f"{who}: {what}" for _, who, what in self.cloud_events]
        return leaks(texts, secrets_of(self._settings))

    @property
    def cloud(self) -> AdminClient:
        """The stand-in's admin API."""
        return self._cloud.client

    @property
    def cloud_events(self) -> list[tuple[float, str, str]]:
        """What the stand-in logged so far: (Unix seconds, who, what)."""
        return self._cloud.events

    @property
    def endpoints(self) -> Json:
        """Where the stand-in listens."""
        return self._cloud.endpoints

    def settings(self, **changes: Any) -> Json:
        """The board's /enos.json: a device of the stand-in, quick trials; None removes a key."""
        known = self.cloud.device(DEVICE)
        if known is None:
            self._device = self.cloud.add_device(DEVICE)
        mqtt, broker, files = (
            self._reached(self.endpoints[key]) for key in ("mqtts", "http_broker", "file_service")
        )
        config: Json = {
            **{key: self._device[key] for key in ("product_key", "device_key", "device_secret")},
            "mqtt": mqtt,
            "http_broker": broker,
            "base_url": files,
            "ca": ["/ca.der"],
            "keys": [owner_digest()],
            "wifi": [{"ssid": "demo", "password": "demo-password"}],
            "ntp": "localhost",
            "spread_s": 1,
            "trial_app_s": 2,
            "trial_s": 60,
            **changes,
        }
        self._settings = {key: value for key, value in config.items() if value is not None}
        return self._settings

    def _reached(self, url: str) -> str:
        """An address of the stand-in as the board is given it: the name stays, for TLS."""
        if not self._badnet:
            return url
        names = {_port(self.endpoints[key]): name for name, key in _NET_NAMES.items()}
        return f"{url.rpartition(':')[0]}:{self.net.ports[names[_port(url)]]}"

    def make_board(
        self,
        release: Path,
        *,
        ca_der: bytes | None = None,
        table: str = "ours",
        vm_heap_bytes: int = DEFAULT_VM_HEAP_BYTES,
        extra_files: dict[str, bytes] | None = None,
        idf: str = "1.26.1",
        timing: str = "none",
        **settings: Any,
    ) -> None:
        """Make the board with `release` in its first slot; it stays off."""
        make_board(
            self.folder / "board",
            release,
            self.settings(**settings),
            ca_der or Path(self.endpoints["ca_der"]).read_bytes(),
            table=table,
            ports={"123": self.endpoints["ntp"]["port"]},
            extra_files=extra_files,
            idf=idf,
            timing=timing,
        )
        self.board = Board(
            self.folder / "board",
            on_console=lambda line: self._note({"source": "console", "line": line}),
            on_event=lambda event: self._note({"source": "board", **event}),
            vm_heap_bytes=vm_heap_bytes,
        )

    def start(self, release: Path, version: str = "1.0.0", **options: Any) -> None:
        """Make the board, switch it on, and wait until it has informed the version of `release`."""
        self.make_board(release, **options)
        self.board.power_on()
        self.wait_version(version)

    def _note(self, event: Json) -> None:
        event = {"t": time.time(), **event}
        self.events.append(event)
        self._on_event(event)

    def wait(self, what: str, condition: Callable[[], Any], timeout_s: float = 30) -> Any:
        """The condition's first true value. Raises: RigTimeoutError."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(POLL_S)
        last = "\n".join(self.console()[-15:])
        raise RigTimeoutError(f"{what} did not happen within {timeout_s:g} s; the board:\n{last}")

    def console(self) -> list[str]:
        """The lines that the board printed so far."""
        return [event["line"] for event in self.events if event["source"] == "console"]

    def wait_console(self, text: str, timeout_s: float = 30, count: int = 1) -> str:
        """The `count`-th line that contains `text`."""

        def found() -> str | None:
            lines = [line for line in self.console() if text in line]
            return lines[count - 1] if len(lines) >= count else None

        return str(self.wait(f"the console line {text!r}", found, timeout_s))

    def version(self) -> str | None:
        """The version that the device informed last."""
        device = self.cloud.device(DEVICE)
        return device["version"] if device else None

    def wait_version(self, version: str, timeout_s: float = 30) -> None:
        """Until the device has informed `version`."""
        self.wait(f"inform {version}", lambda: self.version() == version, timeout_s)

    def messages(self, tail: str = "", since: int = 0) -> list[Json]:
        """Messages on the wire: seq, time, direction, topic, tail, and the payload parsed."""
        found = []
        for message in self.cloud.messages(since, limit=10_000):
            last = message["topic"].rsplit("/", 1)[-1]
            if tail in ("", last):
                payload = json.loads(message["payload"])
                found.append({**message, "tail": last, "payload": payload})
        return found

    def push(self, release: Path, version: str, **options: Any) -> int:
        """Upload a release and push it to the device; the job's number."""
        firmware = {key: options.pop(key) for key in ("sign_method", "url_shape") if key in options}
        self.cloud.add_firmware(release, version, **firmware)
        return int(self.cloud.create_job([version], [DEVICE], **options)["id"])

    def wait_task(
        self,
        job_id: int,
        timeout_s: float = 60,
        on_change: Callable[[Json], None] = lambda task: None,
    ) -> Json:
        """The device's task of a job once it is final; `on_change(task)` as it goes."""
        last: Json = {}

        def final() -> Json | None:
            nonlocal last
            tasks = self.cloud.job(job_id)["tasks"]
            if tasks and tasks[0] != last:
                last = tasks[0]
                on_change(last)
            return last if last.get("final") else None

        return dict(self.wait(f"the end of job {job_id}", final, timeout_s))


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
