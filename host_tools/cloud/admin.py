"""The operator's JSON API on the loopback interface; every request carries the token."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from .admin_body import BadRequestError, body_of, device_key, error, refuse_others, text
from .certificate_desk import CertificateDesk
from .device_certs import VALID_DAYS, CertificateError
from .faults import FaultError, Faults
from .firmware import SIZE_LIMIT_BYTES, FirmwareError, FirmwareShelf
from .http_guard import paced
from .jobs import NOT_FOUND, JobDesk, JobError
from .model import Device, Firmware
from .ota import OtaService
from .store import Store
from .switches import SwitchError, Switches

REFUSALS = (FirmwareError, SwitchError, FaultError, CertificateError, BadRequestError)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
LONGEST_WAIT_S = 30.0
TOO_LARGE = "EnOS takes at most 100 MB"


class AdminApi:
    """Request handlers; `app` is what the server runs."""

    def __init__(
        self,
        *,
        token: str,
        store: Store,
        switches: Switches,
        shelf: FirmwareShelf,
        service: OtaService,
        desk: JobDesk,
        faults: Faults,
        certificates: CertificateDesk,
        changed: Callable[[], None],
    ) -> None:
        self._token, self._store, self._switches = token, store, switches
        self._shelf, self._service, self._desk, self._changed = shelf, service, desk, changed
        self._faults, self._certificates = faults, certificates
        self._news = asyncio.Event()
        self.app = web.Application(
            middlewares=[paced, self._guard], client_max_size=SIZE_LIMIT_BYTES + 1024
        )
        self.app.add_routes([
            web.get("/devices", self._devices),
            web.post("/devices", self._add_device),
            web.post("/certificates", self._issue),
            web.delete("/certificates", self._revoke),
            web.get("/firmware", self._firmware),
            web.post("/firmware", self._add_firmware),
            web.get("/jobs", self._jobs),
            web.post("/jobs", self._add_job),
            web.get(r"/jobs/{id:\d+}", self._job),
            web.post(r"/jobs/{id:\d+}/{act:cancel|retry|stop}", self._act),
            web.get("/messages", self._messages),
            web.get("/switches", self._list_switches),
            web.put("/switches/{name}", self._set_switch),
            web.get("/faults", self._list_faults),
            web.put("/faults/{name}", self._set_fault),
            web.delete("/faults", self._clear_faults),
        ])  # fmt: skip

    def wake(self) -> None:
        """A message was logged: let those who wait look."""
        self._news.set()
        self._news = asyncio.Event()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return error(401, 401, "the token of endpoints.json is missing or wrong")
        try:
            response = await handler(request)
        except JobError as refusal:
            status = 404 if refusal.code == NOT_FOUND else 409
            return error(status, refusal.code, str(refusal))
        except REFUSALS as refusal:
            return error(400, 400, str(refusal))
        except web.HTTPRequestEntityTooLarge:
            return error(413, 413, TOO_LARGE)
        if request.method != "GET":
            self._changed()
        return response

    # --- devices

    async def _devices(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response([self._device_view(d) for d in self._store.devices()])

    async def _add_device(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        device = device_key(body)
        if self._store.device(device) is not None:
            raise BadRequestError(f"there is a device {device} already")
        if any(mark in part for part in device for mark in "/+#&|"):
            raise BadRequestError("a key cannot hold / + # & |")
        secret = text(body, "device_secret", secrets.token_hex(16))
        added = Device(*device, secret, None, None)
        self._store.add_device(added)
        # The one answer that holds the secret, as the EnOS console shows it.
        return web.json_response(self._device_view(added) | {"device_secret": secret}, status=201)

    def _device_view(self, device: Device) -> dict[str, Any]:
        view = {name: value for name, value in asdict(device).items() if name != "device_secret"}
        return view | {"online": self._service.is_online(device.id)}

    # --- certificates

    async def _issue(self, request: web.Request) -> web.StreamResponse:
        """`csr` is DER in hex; the device keeps its private key to itself."""
        body = await body_of(request)
        valid_days = body.get("valid_days", VALID_DAYS)
        if not isinstance(valid_days, int) or isinstance(valid_days, bool):
            raise BadRequestError("valid_days is a number")
        asked = text(body, "csr", None)
        try:
            csr = bytes.fromhex(asked)
        except ValueError:
            raise BadRequestError("csr is not hex") from None
        return web.json_response(
            self._certificates.issue(device_key(body), csr, valid_days), status=201
        )

    async def _revoke(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._certificates.revoke(device_key(await body_of(request))))

    # --- firmware

    async def _firmware(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response([self._firmware_view(one) for one in self._shelf.all()])

    async def _add_firmware(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        added = self._shelf.add(
            await request.read(),
            query.get("name", ""),
            query.get("version", ""),
            query.get("sign_method", "sha256"),
            query.get("url_shape", "enos-connect"),
        )
        return web.json_response(self._firmware_view(added), status=201)

    def _firmware_view(self, firmware: Firmware) -> dict[str, Any]:
        view = asdict(firmware) | {"file_url": self._shelf.file_url(firmware)}
        del view["url"]
        return view

    # --- jobs

    async def _jobs(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response([self._desk.view(job) for job in self._store.jobs()])

    async def _job(self, request: web.Request) -> web.StreamResponse:
        job = self._desk.get(int(request.match_info["id"]))
        return web.json_response(self._desk.view(job))

    async def _add_job(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        known = {"versions", "devices", "on_request", "from_versions", "timeout_s",
                 "retry_count", "retry_interval_s"}  # fmt: skip
        refuse_others(body, known)
        try:
            job = self._desk.create(**body)
        except TypeError as error:
            raise BadRequestError(f"a job cannot be made of this: {error}") from None
        return web.json_response(self._desk.view(job), status=201)

    async def _act(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        job_id, act = int(request.match_info["id"]), request.match_info["act"]
        device = body.get("device")
        if act == "cancel":
            job = self._desk.cancel(job_id, device)
        elif act == "retry":
            job = self._desk.retry(job_id, device)
        else:
            job = self._desk.stop(job_id)
        return web.json_response(self._desk.view(job))

    # --- message log and switches

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        """`since`, `limit`; with `wait` seconds the answer waits for a first message."""
        try:
            since = int(request.query.get("since", "0"))
            limit = int(request.query.get("limit", "1000"))
            wait_s = min(float(request.query.get("wait", "0")), LONGEST_WAIT_S)
        except ValueError:
            raise BadRequestError("since, limit and wait are numbers") from None
        deadline = time.monotonic() + wait_s
        while True:
            found = self._store.messages(since, limit)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return web.json_response(found)
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    async def _list_switches(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._switches.table())

    async def _set_switch(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        name = request.match_info["name"]
        value = self._switches.set(name, body.get("value", ""))
        return web.json_response({"name": name, "value": value})

    # --- faults

    async def _list_faults(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._faults.table())

    async def _set_fault(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        refuse_others(body, {"times", "at", "value", "skip"})
        return web.json_response(self._faults.arm(request.match_info["name"], **body))

    async def _clear_faults(self, _request: web.Request) -> web.StreamResponse:
        self._faults.clear()
        return web.json_response([])
