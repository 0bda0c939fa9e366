"""Client of a running stand-in's admin API, for the commands, the demo and tests."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from host_tools.paths import BUILD

DEFAULT_HOME = BUILD / "cloud"
Json = dict[str, Any]


class CloudNotRunningError(Exception):
    """No stand-in answers for this home folder; the text says what to do."""

    def __init__(self, home: Path) -> None:
        super().__init__(f"no stand-in runs with home {home}: start `enos-ota cloud`")


class AdminError(Exception):
    """The stand-in refused a request; `code` is EnOS's where it has one."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class AdminClient:
    """Talks to the stand-in whose home folder is `home`.

    Every method raises CloudNotRunningError or AdminError.
    """

    def __init__(self, home: Path | str = DEFAULT_HOME) -> None:
        self.home = Path(home)
        try:
            text = (self.home / "endpoints.json").read_text()
            self.endpoints: Json = json.loads(text)
        except (OSError, ValueError):
            raise CloudNotRunningError(self.home) from None

    def _call(self, method: str, path: str, data: bytes | None = None, wait_s: float = 0) -> Any:
        request = urllib.request.Request(
            self.endpoints["admin"] + path,
            data=data,
            method=method,
            headers={"Authorization": f"Bearer {self.endpoints['admin_token']}"},
        )
        # A proxy of the environment is not for the loopback interface.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30 + wait_s) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            try:
                reason = json.load(error)["error"]
            except (ValueError, KeyError):
                reason = {"code": error.code, "message": str(error)}
            raise AdminError(reason["code"], reason["message"]) from None
        except OSError:
            raise CloudNotRunningError(self.home) from None

    def _post(self, path: str, body: Json) -> Any:
        return self._call("POST", path, json.dumps(body).encode())

    # --- devices and firmware

    def add_device(
        self, device_key: str, product_key: str | None = None, device_secret: str | None = None
    ) -> Json:
        """Make a device; the answer (and no other) holds its `device_secret`."""
        body = {
            "device_key": device_key,
            "product_key": product_key,
            "device_secret": device_secret,
        }
        return dict(self._post("/devices", body))

    def devices(self) -> list[Json]:
        """All devices: product_key, device_key, version, informed_at, online."""
        return list(self._call("GET", "/devices"))

    def device(self, device_key: str, product_key: str | None = None) -> Json | None:
        """One device, None if unknown."""
        for device in self.devices():
            if device["device_key"] == device_key and product_key in (None, device["product_key"]):
                return device
        return None

    def issue_certificate(
        self, device_key: str, csr: bytes, valid_days: int, product_key: str | None = None
    ) -> Json:
        """A certificate for a signing request (DER); `apply.apply` makes the request, too."""
        body = {
            "device_key": device_key, "product_key": product_key, "csr": csr.hex(),
            "valid_days": valid_days,
        }  # fmt: skip
        return dict(self._post("/certificates", body))

    def revoke_certificates(self, device_key: str, product_key: str | None = None) -> list[str]:
        """Revoke all certificates of a device, and end its connection; their serial numbers."""
        body = json.dumps({"device_key": device_key, "product_key": product_key}).encode()
        return list(self._call("DELETE", "/certificates", body))

    def add_firmware(
        self,
        file: Path | str | bytes,
        version: str,
        *,
        name: str | None = None,
        sign_method: str = "sha256",
        url_shape: str = "enos-connect",
    ) -> Json:
        """Upload firmware from a path, or from bytes with a `name`."""
        content = file if isinstance(file, bytes) else Path(file).read_bytes()
        if name is None:
            name = "firmware.bin" if isinstance(file, bytes) else Path(file).name
        query = {
            "version": version,
            "name": name,
            "sign_method": sign_method,
            "url_shape": url_shape,
        }
        return dict(self._call("POST", "/firmware?" + urlencode(query), content))

    def firmware(self) -> list[Json]:
        """All firmware."""
        return list(self._call("GET", "/firmware"))

    # --- jobs

    def create_job(
        self, versions: Sequence[str], devices: Sequence[str] = (), **options: Any
    ) -> Json:
        """Make a job; options as in `JobDesk.create`: on_request, from_versions, timeout_s, ..."""
        body = {"versions": list(versions), "devices": list(devices), **options}
        return dict(self._post("/jobs", body))

    def jobs(self) -> list[Json]:
        """All jobs with their tasks."""
        return list(self._call("GET", "/jobs"))

    def job(self, job_id: int) -> Json:
        """A job with its tasks; `final` means that nothing will change."""
        return dict(self._call("GET", f"/jobs/{job_id}"))

    def cancel(self, job_id: int, device: str | None = None) -> Json:
        """Cancel the tasks of a job that are init or published."""
        return dict(self._post(f"/jobs/{job_id}/cancel", {"device": device}))

    def retry(self, job_id: int, device: str | None = None) -> Json:
        """Begin failed tasks of a job again."""
        return dict(self._post(f"/jobs/{job_id}/retry", {"device": device}))

    def stop(self, job_id: int) -> Json:
        """Push and offer nothing more of a job."""
        return dict(self._post(f"/jobs/{job_id}/stop", {}))

    # --- message log and switches

    def messages(self, since: int = 0, limit: int = 1000, wait_s: float = 0) -> list[Json]:
        """Messages numbered above `since`: seq, time, product, device, direction, topic, payload.

        With `wait_s` (at most 30) waits that long for a first one.
        """
        query = urlencode({"since": since, "limit": limit, "wait": wait_s})
        return list(self._call("GET", f"/messages?{query}", wait_s=wait_s))

    def switches(self) -> list[Json]:
        """All switches: name, value, default, allowed, meaning."""
        return list(self._call("GET", "/switches"))

    def set_switch(self, name: str, value: str | int) -> Json:
        """Put a switch into a position."""
        body = json.dumps({"value": value}).encode()
        return dict(self._call("PUT", f"/switches/{quote(name, safe='')}", body))

    # --- faults

    def faults(self) -> list[Json]:
        """All faults: name, meaning, value, default, allowed, at, armed.

        `armed` lists how each is armed: times, at, value, skip, and how often it struck.
        """
        return list(self._call("GET", "/faults"))

    def set_fault(
        self,
        name: str,
        times: int = 1,
        at: float | None = None,
        value: str | int | None = None,
        skip: int = 0,
    ) -> Json:
        """Arm a fault to strike `times` (0 = for ever) after `skip` occasions passed by.

        `at` is in percent of the whole file.
        """
        body = json.dumps({"times": times, "at": at, "value": value, "skip": skip}).encode()
        return dict(self._call("PUT", f"/faults/{quote(name, safe='')}", body))

    def clear_faults(self) -> None:
        """Disarm all faults and undo the lasting ones."""
        self._call("DELETE", "/faults")
