"""The stand-in put together: its parts, its life, and what the MQTT broker reports."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from . import http_guard, limits, sntp, told
from .admin import AdminApi
from .broker import MqttBroker
from .certificate_desk import CertificateDesk
from .envelope import DeviceId
from .faults import Faults
from .firmware import FirmwareShelf
from .home import Home, HomeError, file_service_credentials
from .http_broker import HttpBroker
from .jobs import JobDesk
from .limits import Limits
from .listener import Listener
from .logins import Logins
from .ota import OtaService
from .ports import LOOPBACK, STANDARD, Ports, opened
from .store import Store
from .switches import SWITCHES, SwitchError, Switches, Value
from .tls import FIRST, ServerTls

OnEvent = Callable[[float, str, str], None]


class Cloud:
    """The stand-in: `start`, `stop`, and what the MQTT broker reports in between."""

    def __init__(
        self,
        home: Path | str,
        *,
        ports: Ports = STANDARD,
        bind: str = LOOPBACK,
        hostname: str = "localhost",
        switches: Mapping[str, Value] | None = None,
        on_event: OnEvent | None = None,
        now: Callable[[], float] = time.time,
        limits: Limits = limits.STANDARD,
    ) -> None:
        self._ports, self._bind, self._hostname = ports, bind, hostname
        self._on_event, self._now, self._limits = on_event, now, limits
        self._home = Home(Path(home))
        folder = self._home.folder
        try:
            self.store = Store(folder / "cloud.sqlite")
            self._set_switches(switches or {})
            self._tls = ServerTls(folder, hostname, self.switches)
        except (sqlite3.Error, OSError, ValueError) as error:
            self._home.release()
            raise HomeError(f"home {home} cannot be used: {error}") from error
        self.faults = Faults(self._tell)
        self.logins = Logins(self.store, self.switches)
        self._broker = MqttBroker(self, self.faults, limits)
        self.certificates = CertificateDesk(
            self.store, self._tls.authorities[FIRST], now, self._revoked
        )
        self.shelf = FirmwareShelf(self.store, folder / "firmware", now)
        self.service = OtaService(
            store=self.store, switches=self.switches, shelf=self.shelf, transport=self._broker,
            now=now, tell=self._tell_device, faults=self.faults,
        )  # fmt: skip
        self.desk = JobDesk(self.store, self.shelf, self.service, now)
        self._token = secrets.token_urlsafe(24)
        self._timer: asyncio.TimerHandle | None = None
        self._sntp: asyncio.DatagramTransport | None = None
        self._closers: list[Callable[[], Any]] = []
        self.endpoints: dict[str, Any] = {}

    # --- life

    async def start(self) -> None:
        """Open all listeners, then announce them in `endpoints.json`.

        Raises: HomeError for a port in use.
        """
        self.admin = AdminApi(
            token=self._token, store=self.store, switches=self.switches, shelf=self.shelf,
            service=self.service, desk=self.desk, faults=self.faults, changed=self._tick,
            certificates=self.certificates,
        )  # fmt: skip
        ports, tls = self._ports, self._tls.context
        await self._broker.start()
        listen = self._broker.listen
        mqtt = await opened(ports.mqtt, listen(self._bind, ports.mqtt, None))
        mqtts = await opened(ports.mqtts, listen(self._bind, ports.mqtts, tls))
        credentials = file_service_credentials(self.store)
        http = HttpBroker(
            store=self.store, switches=self.switches, shelf=self.shelf, service=credentials,
            logins=self.logins, limits=self._limits, now=self._now, tell=self._tell,
            faults=self.faults,
        )  # fmt: skip
        https = await opened(ports.https, self._serve(http.app, self._bind, ports.https, tls))
        api = self._serve(self.admin.app, LOOPBACK, ports.admin, None)
        admin = await opened(ports.admin, api)
        self._sntp, ntp = await opened(
            ports.ntp, sntp.listen(self._bind, ports.ntp, lambda: sntp.clock(self.switches))
        )
        self.shelf.file_service = f"https://{self._hostname}:{https}"
        self.endpoints = self._addresses(mqtt, mqtts, ntp) | {
            "admin": f"http://{LOOPBACK}:{admin}", "admin_token": self._token,
            **vars(credentials),
        }  # fmt: skip
        # What became due while no stand-in ran.
        self._tick()
        self._home.announce(self.endpoints)

    def _addresses(self, mqtt: int, mqtts: int, ntp: int) -> dict[str, Any]:
        host, folder = self._hostname, self._home.folder
        return {
            "mqtt": f"mqtt://{host}:{mqtt}", "mqtts": f"mqtts://{host}:{mqtts}",
            "http_broker": self.shelf.file_service, "file_service": self.shelf.file_service,
            "ca_der": str(folder / "ca.der"), "ca2_der": str(folder / "ca2.der"),
            "pins": self._tls.pins, "ntp": {"host": host, "port": ntp},
        }  # fmt: skip

    async def stop(self) -> None:
        """Close everything; what is remembered is in the state folder."""
        if self._sntp is not None:
            self._sntp.close()
        await self._broker.stop()
        for close in self._closers:
            await close()
        if self._timer is not None:
            self._timer.cancel()
        self.store.close()
        self._home.release()

    async def _serve(
        self,
        app: web.Application,
        bind: str,
        port: int,
        context: Callable[[], ssl.SSLContext] | None,
    ) -> int:
        def refused(reason: str) -> None:
            self._tell("http", reason)

        runner = http_guard.runner(app, self._limits, refused)
        await runner.setup()
        assert runner.server is not None
        listener = Listener(runner.server, refused, self._limits, context)
        self._closers += [listener.close, runner.cleanup]
        return await listener.open(bind, port)

    # --- switches

    def _set_switches(self, wanted: Mapping[str, Value]) -> None:
        self.switches = Switches(on_change=self._switched)
        for name in SWITCHES:
            stored = self.store.setting(f"switch.{name}")
            if stored is not None:
                # A position that a newer or older version knew is no reason not to start.
                with contextlib.suppress(SwitchError):
                    self.switches.put(name, stored)
        for name, value in wanted.items():
            self.switches.set(name, value)

    def _switched(self, name: str, value: Value) -> None:
        self.store.set_setting(f"switch.{name}", str(value))
        self._tell("cloud", f"switch {name} = {value}")

    def _revoked(self, device: DeviceId, serials: list[str]) -> None:
        self._broker.evict(device)
        self.store.forget_sessions(device)
        self._tell_device(device, f"certificates revoked: {', '.join(serials)}")

    # --- events and time

    def _tell(self, who: str, what: str) -> None:
        if self._on_event is not None:
            self._on_event(self._now(), told.printable(who), told.line(what))

    def _tell_device(self, device: DeviceId, what: str) -> None:
        self._tell(str(device), what)

    def _after(self) -> None:
        """Something happened: wake those who read the log, set the timer for what is due next."""
        self.admin.wake()
        if self._timer is not None:
            self._timer.cancel()
        at = self.service.tasks.next_event_at()
        if at is not None:
            delay_s = max(at - self._now(), 0.01)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self.service.tick()
        self._after()

    # --- what the MQTT broker reports

    def login(
        self,
        client_id: str,
        user: str | None,
        password: str | None,
        keepalive_s: int,
        certificate: bytes | None,
    ) -> DeviceId:
        """The device that sent a CONNECT. Raises: signing.LoginError."""
        return self.logins.mqtt(client_id, user, password, keepalive_s, certificate)

    def connected(self, device: DeviceId, *, clean_session: bool) -> None:
        """A device is connected."""
        self.service.connected(device, clean_session=clean_session)
        self._after()

    def disconnected(self, device: DeviceId) -> None:
        """A device's last connection is gone."""
        self.service.disconnected(device)

    def uplink(self, device: DeviceId, topic: str, payload: bytes) -> None:
        """A device published."""
        self.service.uplink(device, topic, payload)
        self._after()

    def refused(self, reason: str, device: DeviceId | None = None) -> None:
        """A login, a client or something that a device wanted was refused."""
        self._tell(str(device or "mqtt"), reason)

    def undelivered(self, device: DeviceId, topic: str) -> None:
        """A message was not acknowledged."""
        self._tell(str(device), f"did not acknowledge {topic}")

    def connack_code(self) -> int:
        """CONNACK code of a refusal."""
        return self.switches.number("connack_code")

    def downlink_qos(self) -> int:
        """QoS of all messages to devices."""
        return self.switches.number("downlink_qos")
