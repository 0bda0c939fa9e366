"""The stand-in put together: its parts, its life, and what the MQTT broker reports."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from . import certs, signing, sntp
from .admin import AdminApi
from .broker import MqttBroker
from .envelope import DeviceId
from .faults import Faults
from .firmware import FirmwareShelf
from .home import Home, HomeError, file_service_credentials
from .http_broker import HttpBroker
from .jobs import JobDesk
from .ota import OtaService
from .ports import LOOPBACK, STANDARD, Ports, opened
from .store import Store
from .switches import SWITCHES, SwitchError, Switches, Value

KEEPALIVE_LIMITS_S = (30, 1200)
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
    ) -> None:
        self._ports, self._bind, self._hostname = ports, bind, hostname
        self._on_event, self._now = on_event, now
        self._home = Home(Path(home))
        folder = self._home.folder
        try:
            self.store = Store(folder / "cloud.sqlite")
            certs.ensure(folder, hostname)
            self._mqtt_tls = certs.server_context(folder)
            self._set_switches(switches or {})
        except (sqlite3.Error, OSError, ValueError) as error:
            self._home.release()
            raise HomeError(f"home {home} cannot be used: {error}") from error
        self.faults = Faults(self._tell)
        self._broker = MqttBroker(self, self.faults)
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
        )  # fmt: skip
        ports = self._ports
        await self._broker.start()
        listen = self._broker.listen
        mqtt = await opened(ports.mqtt, listen(self._bind, ports.mqtt, None))
        mqtts = await opened(ports.mqtts, listen(self._bind, ports.mqtts, self._mqtt_tls))
        credentials = file_service_credentials(self.store)
        http = HttpBroker(
            store=self.store, switches=self.switches, shelf=self.shelf, service=credentials,
            now=self._now, tell=self._tell, faults=self.faults,
        )  # fmt: skip
        tls = certs.server_context(self._home.folder)
        https = await opened(ports.https, self._serve(http.app, self._bind, ports.https, tls))
        api = self._serve(self.admin.app, LOOPBACK, ports.admin, None)
        admin = await opened(ports.admin, api)
        self._sntp, ntp = await opened(ports.ntp, sntp.listen(self._bind, ports.ntp))
        host = self._hostname
        self.shelf.file_service = f"https://{host}:{https}"
        self.endpoints = {
            "mqtt": f"mqtt://{host}:{mqtt}", "mqtts": f"mqtts://{host}:{mqtts}",
            "http_broker": self.shelf.file_service, "file_service": self.shelf.file_service,
            "ca_der": str(self._home.folder / "ca.der"), "ntp": {"host": host, "port": ntp},
            "admin": f"http://{LOOPBACK}:{admin}", "admin_token": self._token,
            **vars(credentials),
        }  # fmt: skip
        # What became due while no stand-in ran.
        self._tick()
        self._home.announce(self.endpoints)

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
        self, app: web.Application, bind: str, port: int, context: ssl.SSLContext | None
    ) -> int:
        listener = socket.create_server((bind, port))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=context).start()
        self._closers.append(runner.cleanup)
        return int(listener.getsockname()[1])

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
        self._apply_client_certificate()

    def _switched(self, name: str, value: Value) -> None:
        self.store.set_setting(f"switch.{name}", str(value))
        if name == "tls_client_certificate":
            self._apply_client_certificate()
        self._tell("cloud", f"switch {name} = {value}")

    def _apply_client_certificate(self) -> None:
        asked = self.switches["tls_client_certificate"] == "requested"
        self._mqtt_tls.verify_mode = ssl.CERT_OPTIONAL if asked else ssl.CERT_NONE

    # --- events and time

    def _tell(self, who: str, what: str) -> None:
        if self._on_event is not None:
            self._on_event(self._now(), who, what)

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
        self, client_id: str, user: str | None, password: str | None, keepalive_s: int
    ) -> DeviceId:
        """The device that sent a CONNECT. Raises: signing.LoginError."""
        claim = signing.parse_connect(client_id, user, password)
        known = self.store.device(DeviceId(claim.product_key, claim.device_key))
        if known is None:
            raise signing.LoginError(705, "no such device")
        expected = signing.connect_password(claim, known.device_secret)
        if not signing.same(expected, claim.password):
            raise signing.LoginError(742, f"signature check failed for {known.id}")
        low, high = KEEPALIVE_LIMITS_S
        limited = self.switches["keepalive_limits"] != "none"
        if limited and not low <= keepalive_s <= high:
            raise signing.LoginError(742, f"keepalive of {keepalive_s} s is not {low}-{high}")
        return known.id

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

    def refused(self, reason: str) -> None:
        """A login or a client was refused."""
        self._tell("mqtt", reason)

    def undelivered(self, device: DeviceId, topic: str) -> None:
        """A message was not acknowledged."""
        self._tell(str(device), f"did not acknowledge {topic}")

    def connack_code(self) -> int:
        """CONNACK code of a refusal."""
        return self.switches.number("connack_code")

    def downlink_qos(self) -> int:
        """QoS of all messages to devices."""
        return self.switches.number("downlink_qos")
