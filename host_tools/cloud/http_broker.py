"""EnOS's HTTP side: login and download of the HTTP broker, `getFile`, and plain file addresses."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from . import files, signing
from .envelope import DeviceId
from .fault_http import MOVED, HttpFaults
from .faults import Faults
from .firmware import CONNECT, LARK, FirmwareShelf
from .http_body import Body
from .http_guard import HttpError, json_object, paced, set_date
from .limits import Limits
from .logins import Logins
from .model import Firmware
from .signing import LoginError
from .store import Store
from .switches import Switches

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
        logins: Logins,
        limits: Limits,
        now: Callable[[], float],
        tell: Callable[[str, str], None],
        faults: Faults,
    ) -> None:
        self._store, self._switches, self._shelf = store, switches, shelf
        self._service, self._now, self._tell = service, now, tell
        self._logins, self._limits = logins, limits
        self._faults = HttpFaults(faults, self._error, self._file_of)
        self.app = web.Application(
            middlewares=[paced, self._errors], client_max_size=limits.body_bytes
        )
        self.app.on_response_prepare.append(self._dated)
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
            status, text = error.status, str(error)
        except web.HTTPException as error:
            status, text = error.status, error.reason
        # The path may hold keys but no secret; the query holds sessions and signatures.
        self._tell("http", f"{status} {text}: {request.path}")
        answer = self._error(status, text)
        if status in (408, 413):
            # What is left of the body is not waited for.
            answer.force_close()
        return answer

    async def _dated(self, _request: web.Request, response: web.StreamResponse) -> None:
        set_date(response, str(self._switches["http_date"]))

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
        body = await json_object(request, self._limits)
        try:
            lifetime_ms = self._logins.http(device, body, _certificate(request))
        except LoginError as error:
            if self._switches["login_failure"] == "status":
                raise HttpError(401, f"login refused ({error.code} {error})") from None
            self._tell(str(device), f"HTTP login refused ({error.code} {error})")
            return web.json_response({"code": error.code, "message": str(error), "data": None})
        if self._switches["older_session"] == "ended":
            self._store.forget_sessions(device)
        session = str(uuid.uuid4())
        self._store.add_session(session, device, lifetime_ms, self._now())
        self._tell(str(device), "HTTP login")
        return web.json_response(
            {"code": 200, "message": "success", "data": {"sessionId": session}}
        )

    def _authorised_firmware(self, request: web.Request, *shapes: str) -> Firmware:
        if self._faults.expires(request):
            self._store.forget_sessions()
        device = _device(request)
        session = _query(request, "sessionId")
        uri = _query(request, "fileUri")
        _query(request, "category")
        if not self._store.use_session(session, device, self._now()):
            status = self._switches.number("expired_session_status")
            raise HttpError(status, "session is unknown, has expired or is another device's")
        try:
            self._logins.check_certificate(device, _certificate(request))
        except LoginError as error:
            raise HttpError(403, f"{error.code} {error}") from None
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

    def _file_of(self, version: str) -> Path | None:
        firmware = self._shelf.of(version)
        return self._shelf.path(firmware) if firmware is not None else None

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


def _certificate(request: web.Request) -> bytes | None:
    tls = request.get_extra_info("ssl_object")
    return tls.getpeercert(True) if tls is not None else None


def _query(request: web.Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise HttpError(400, f"parameter {name} is missing")
    return value
