"""EnOS's HTTP side: login and download of the HTTP broker, `getFile`, and plain file addresses."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from . import files, signing
from .envelope import DeviceId
from .fault_http import MOVED, HttpFaults
from .faults import Faults
from .firmware import CONNECT, LARK, FirmwareShelf
from .http_body import Body
from .model import Firmware
from .store import Store
from .switches import Switches

LIFETIME_DEFAULT_MS = 300_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpError(Exception):
    """A request is answered with an HTTP error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class FileService:
    """Cloud credentials of `getFile`."""

    access_key: str
    secret_key: str
    org_id: str


class HttpBroker:
    """Request handlers; `app` is what the server runs."""

    def __init__(
        self,
        *,
        store: Store,
        switches: Switches,
        shelf: FirmwareShelf,
        service: FileService,
        now: Callable[[], float],
        tell: Callable[[str, str], None],
        faults: Faults,
    ) -> None:
        self._store, self._switches, self._shelf = store, switches, shelf
        self._service, self._now, self._tell = service, now, tell
        self._faults = HttpFaults(faults, self._error)
        self.app = web.Application(middlewares=[self._errors])
        download = "/multipart/sys/{pk}/{dk}/file/download"
        self.app.add_routes([
            web.post("/auth/{pk}/{dk}", self._login),
            web.get(download, self._download),
            web.get(download + "/url", self._download_url),
            web.get("/commonFileService/files", self._get_file),
            web.get("/files/{name}", self._plain),
            web.get("/upload/firmware/{ms}/{name}", self._plain),
            web.get(MOVED + "{sha256}", self._moved),
        ])  # fmt: skip

    @web.middleware
    async def _errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except HttpError as error:
            # The path may hold keys but no secret; the query holds sessions and signatures.
            self._tell("http", f"{error.status} {error}: {request.path}")
            return self._error(error.status, str(error))
        except web.HTTPException as error:
            return self._error(error.status, error.reason)

    def _error(self, status: int, text: str) -> web.Response:
        body = self._switches["error_body"]
        if body == "html":
            page = f"<html><body><h1>{status}</h1></body></html>"
            return web.Response(status=status, text=page, content_type="text/html")
        if body == "empty":
            return web.Response(status=status)
        return web.json_response({"code": status, "message": text, "data": None}, status=status)

    # --- HTTP broker (device credentials)

    async def _login(self, request: web.Request) -> web.StreamResponse:
        faulty = await self._faults.login(request)
        if faulty is not None:
            return faulty
        device = _device(request)
        try:
            lifetime_ms = self._check_login(device, await _json(request))
        except signing.LoginError as error:
            if self._switches["login_failure"] == "status":
                raise HttpError(401, str(error)) from None
            self._tell(str(device), f"HTTP login refused ({error.code} {error})")
            return web.json_response({"code": error.code, "message": str(error), "data": None})
        session = str(uuid.uuid4())
        self._store.add_session(session, device, lifetime_ms, self._now())
        self._tell(str(device), "HTTP login")
        return web.json_response(
            {"code": 200, "message": "success", "data": {"sessionId": session}}
        )

    def _check_login(self, device: DeviceId, body: dict[str, Any]) -> int:
        lifetime_ms = body.get("lifetime", LIFETIME_DEFAULT_MS)
        if (
            not isinstance(lifetime_ms, int)
            or isinstance(lifetime_ms, bool)
            or not 0 < lifetime_ms < 2**31
        ):
            raise signing.LoginError(742, "lifetime is not a number of milliseconds")
        if str(body.get("signMethod", "")).lower() != "sha256":
            raise signing.LoginError(742, "signMethod is not sha256")
        known = self._store.device(device)
        if known is None:
            raise signing.LoginError(705, "no such device")
        expected = signing.login_sign(*device, lifetime_ms, known.device_secret)
        if not signing.same(expected, str(body.get("sign", ""))):
            raise signing.LoginError(742, "signature check failed")
        return lifetime_ms

    def _authorised_firmware(self, request: web.Request, *shapes: str) -> Firmware:
        if self._faults.expires(request):
            self._store.forget_sessions()
        device = _device(request)
        session = _query(request, "sessionId")
        uri = _query(request, "fileUri")
        _query(request, "category")
        if not self._store.use_session(session, device, self._now()):
            status = self._switches.number("expired_session_status")
            raise HttpError(status, "session is unknown or has expired")
        firmware = self._shelf.at(uri)
        if self._switches["relative_at_broker"] == "yes":
            shapes += ("relative",)
        if firmware is None or firmware.url_shape not in shapes:
            raise HttpError(404, "no such file")
        return firmware

    async def _download(self, request: web.Request) -> web.StreamResponse:
        firmware = self._authorised_firmware(request, CONNECT)
        ranges = self._switches["broker_range"] == "yes"
        return await self._send(request, firmware, str(_device(request)), ranges=ranges)

    async def _download_url(self, request: web.Request) -> web.StreamResponse:
        firmware = self._authorised_firmware(request, CONNECT, LARK)
        link = self._shelf.link(firmware)
        reply = {"id": "1", "code": 200, "message": "", "data": link}
        return web.json_response(reply)

    # --- file service (cloud credentials) and plain addresses (none)

    async def _get_file(self, request: web.Request) -> web.StreamResponse:
        names = ("accessKey", "sign", "orgId", "path", "requestTimestamp")
        access_key, sign, org_id, path, timestamp = (_query(request, name) for name in names)
        service = self._service
        expected = signing.getfile_signs(
            service.access_key, service.secret_key, service.org_id, path, timestamp
        )
        if (access_key, org_id) != (service.access_key, service.org_id) or not any(
            signing.same(digest, sign) for digest in expected
        ):
            raise HttpError(401, "accessKey, orgId or sign is wrong")
        firmware = self._shelf.at(path)
        if firmware is None or firmware.url_shape != "relative":
            raise HttpError(404, "no such file")
        return await self._send(request, firmware, "getFile")

    async def _plain(self, request: web.Request) -> web.StreamResponse:
        firmware = self._shelf.behind(request.rel_url.raw_path)
        if firmware is None:
            raise HttpError(404, "no such file")
        return await self._send(request, firmware, "file")

    async def _moved(self, request: web.Request) -> web.StreamResponse:
        digest = request.match_info["sha256"]
        firmware = next((one for one in self._shelf.all() if one.sha256 == digest), None)
        if firmware is None:
            raise HttpError(404, "no such file")
        return await self._send(request, firmware, "moved")

    async def _send(
        self, request: web.Request, firmware: Firmware, who: str, *, ranges: bool = True
    ) -> web.StreamResponse:
        faulty = await self._faults.instead(request, firmware.sha256)
        if faulty is not None:
            return faulty
        strong = files.strong_etag(firmware.sha256)
        etag = {"strong": strong, "weak": "W/" + strong, "absent": ""}[str(self._switches["etag"])]
        body = Body(self._shelf.path(firmware), firmware.size_bytes, etag, ranges)

        def tell(what: str) -> None:
            self._tell(who, f"fetched {firmware.version}, {what}")

        return await files.send(request, body, tell, self._faults)


def _device(request: web.Request) -> DeviceId:
    return DeviceId(request.match_info["pk"], request.match_info["dk"])


def _query(request: web.Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise HttpError(400, f"parameter {name} is missing")
    return value


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise HttpError(400, "body is not a JSON object")
    return body
