"""HTTP broker, getFile and plain addresses, over verified HTTPS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from cloud_fixtures import RawDevice, add, download_target, http_login, https

from host_tools.cloud import signing
from host_tools.cloud.http_body import parse_range
from host_tools.cloud.server import CloudThread

CONTENT = bytes(range(256)) * 1000
SIZE = len(CONTENT)
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudThread]:
    with CloudThread(tmp_path_factory.mktemp("shared") / "cloud") as running:
        for shape in ("enos-connect", "relative", "https"):
            running.client.add_firmware(CONTENT, shape, name="a b.bin", url_shape=shape)
        running.client.add_device("dk1")
        yield running


@pytest.fixture
def cloud(shared: CloudThread) -> Iterator[CloudThread]:
    yield shared
    for switch in shared.client.switches():
        if switch["value"] != switch["default"]:
            shared.client.set_switch(switch["name"], switch["default"])


@pytest.fixture
def device(cloud: CloudThread) -> RawDevice:
    number = len(cloud.client.devices())
    return add(cloud, f"dk{number + 1}")


@pytest.fixture
def session(cloud: CloudThread, device: RawDevice) -> str:
    answer = http_login(cloud, device)
    assert answer.status == 200
    assert answer.json["code"] == 200
    return answer.json["data"]["sessionId"]


@pytest.fixture
def target(cloud: CloudThread, device: RawDevice, session: str) -> str:
    return download_target(device, session, uri(cloud))


def url(cloud: CloudThread, shape: str) -> str:
    return next(f["file_url"] for f in cloud.client.firmware() if f["url_shape"] == shape)


def uri(cloud: CloudThread) -> str:
    return url(cloud, "enos-connect")


# --- login


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": "00"}, 742),
        ({"lifetime": 1}, 742),
        ({"lifetime": "30000"}, 742),
        ({"lifetime": 0}, 742),
        ({"lifetime": 2**70}, 742),
        ({"signMethod": "md5"}, 742),
    ],
)
@pytest.mark.parametrize("position", ["status", "code"])
def test_login_wrong_is_refused(
    cloud: CloudThread, device: RawDevice, change: dict, code: int, position: str
) -> None:
    cloud.client.set_switch("login_failure", position)
    sign = signing.login_sign(device.product, device.key, 30000, device.secret)
    body = {"signMethod": "sha256", "lifetime": 30000, "sign": sign} | change
    answer = https(cloud, "POST", f"/auth/{device.product}/{device.key}", body=body)
    assert answer.status == (401 if position == "status" else 200)
    assert answer.json["code"] == (401 if position == "status" else code)
    assert answer.json["data"] is None


def test_login_upper_case_sign_and_extra_members_are_accepted(
    cloud: CloudThread, device: RawDevice
) -> None:
    sign = signing.login_sign(device.product, device.key, 300_000, device.secret).upper()
    body = {"signMethod": "sha256", "sign": sign, "clientInfo": {}, "acceptCommandTypes": []}
    answer = https(cloud, "POST", f"/auth/{device.product}/{device.key}", body=body)
    assert (answer.status, answer.json["code"]) == (200, 200)


def test_login_unknown_device_or_no_json_is_refused(cloud: CloudThread) -> None:
    assert https(cloud, "POST", "/auth/pk_demo/nobody", body={"signMethod": "sha256"}).status == 401
    assert https(cloud, "POST", "/auth/pk_demo/dk1", body=b"nonsense").status == 400
    assert https(cloud, "GET", "/auth/pk_demo/dk1").status == 405


# --- download


@pytest.mark.parametrize("escape", [False, True], ids=["raw", "escaped"])
def test_download_whole_file(
    cloud: CloudThread, device: RawDevice, session: str, escape: bool
) -> None:
    wanted = quote(uri(cloud), safe="") if escape else uri(cloud)
    answer = https(cloud, "GET", download_target(device, session, wanted))
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Length"] == str(SIZE)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == ETAG
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=65536-", 65536, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        (f"bytes=10-{SIZE * 2}", 10, SIZE - 1),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
    ],
)
def test_download_range_is_206(
    cloud: CloudThread, target: str, header: str, first: int, last: int
) -> None:
    answer = https(cloud, "GET", target, headers={"Range": header})
    assert (answer.status, answer.body) == (206, CONTENT[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 9}", "bytes=-0"])
def test_download_range_beyond_the_end_is_416(cloud: CloudThread, target: str, header: str) -> None:
    answer = https(cloud, "GET", target, headers={"Range": header})
    assert (answer.status, answer.body) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "header", ["bytes=", "bytes=-", "bytes=5-1", "bytes=a-b", "items=0-1", "bytes=0-1,5-9"]
)
def test_download_malformed_range_is_ignored(cloud: CloudThread, target: str, header: str) -> None:
    answer = https(cloud, "GET", target, headers={"Range": header})
    assert (answer.status, len(answer.body)) == (200, SIZE)


def test_parse_range_without_header_is_whole() -> None:
    assert parse_range(None, 10) is None


@pytest.mark.parametrize(
    ("etag", "condition", "status"),
    [
        ("strong", ETAG, 206),
        ("strong", '"other"', 200),
        ("strong", "W/" + ETAG, 200),
        ("weak", "W/" + ETAG, 200),
        ("weak", ETAG, 200),
        ("absent", ETAG, 200),
        ("strong", "Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ],
)
def test_download_if_range(
    cloud: CloudThread, target: str, etag: str, condition: str, status: int
) -> None:
    cloud.client.set_switch("etag", etag)
    headers = {"Range": "bytes=5-9", "If-Range": condition}
    assert https(cloud, "GET", target, headers=headers).status == status


@pytest.mark.parametrize(
    ("position", "header"), [("strong", ETAG), ("weak", "W/" + ETAG), ("absent", None)]
)
def test_download_etag(
    cloud: CloudThread, device: RawDevice, session: str, position: str, header: str | None
) -> None:
    cloud.client.set_switch("etag", position)
    answer = https(cloud, "GET", download_target(device, session, uri(cloud)))
    assert answer.headers.get("ETag") == header


def test_broker_range_off_sends_the_whole_file(
    cloud: CloudThread, device: RawDevice, session: str
) -> None:
    cloud.client.set_switch("broker_range", "no")
    target = download_target(device, session, uri(cloud))
    answer = https(cloud, "GET", target, headers={"Range": "bytes=5-9"})
    assert (answer.status, answer.body) == (200, CONTENT)
    assert "Accept-Ranges" not in answer.headers


@pytest.mark.parametrize("missing", ["sessionId", "fileUri", "category"])
def test_download_missing_parameter_is_400(
    cloud: CloudThread, device: RawDevice, session: str, missing: str
) -> None:
    target = download_target(device, session, uri(cloud)).replace(missing + "=", "x=")
    assert https(cloud, "GET", target).status == 400


@pytest.mark.parametrize("status", [401, 403, 500])
def test_download_unknown_session_has_the_chosen_status(
    cloud: CloudThread, device: RawDevice, status: int
) -> None:
    cloud.client.set_switch("expired_session_status", status)
    assert https(cloud, "GET", download_target(device, "nonsense", uri(cloud))).status == status


def test_download_session_of_another_device_is_refused(
    cloud: CloudThread, device: RawDevice, session: str
) -> None:
    other = add(cloud, device.key + "x")
    assert https(cloud, "GET", download_target(other, session, uri(cloud))).status == 401


def test_download_unknown_file_is_404(cloud: CloudThread, device: RawDevice, session: str) -> None:
    for wanted in ("enos-connect://0000000000000000.bin", "x", "/etc/passwd", url(cloud, "https")):
        assert https(cloud, "GET", download_target(device, session, wanted)).status == 404


def test_head_has_headers_only(cloud: CloudThread, device: RawDevice, session: str) -> None:
    answer = https(cloud, "HEAD", download_target(device, session, uri(cloud)))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)


@pytest.mark.parametrize(("position", "status"), [("no", 404), ("yes", 200)])
def test_relative_at_broker(
    cloud: CloudThread, device: RawDevice, session: str, position: str, status: int
) -> None:
    cloud.client.set_switch("relative_at_broker", position)
    wanted = quote(url(cloud, "relative"), safe="")
    assert https(cloud, "GET", download_target(device, session, wanted)).status == status


def test_download_url_is_a_direct_link(cloud: CloudThread, device: RawDevice, session: str) -> None:
    target = download_target(device, session, uri(cloud)).replace("/download?", "/download/url?")
    answer = https(cloud, "GET", target).json
    assert answer["code"] == 200
    path = answer["data"].removeprefix(cloud.endpoints["http_broker"])
    assert https(cloud, "GET", path).body == CONTENT


@pytest.mark.parametrize(
    ("position", "kind"), [("json", "application/json"), ("html", "text/html"), ("empty", None)]
)
def test_error_body(cloud: CloudThread, position: str, kind: str | None) -> None:
    cloud.client.set_switch("error_body", position)
    answer = https(cloud, "GET", "/nowhere")
    assert answer.status == 404
    if kind is None:
        assert answer.body == b""
    else:
        assert answer.headers["Content-Type"].startswith(kind)


# --- getFile and plain addresses


def getfile_target(
    cloud: CloudThread,
    path: str,
    *,
    upper: bool = True,
    sha1: bool = False,
    change: dict[str, str] | None = None,
) -> str:
    service = cloud.endpoints
    signs = signing.getfile_signs(
        service["access_key"], service["secret_key"], service["org_id"], path, "1548753362502"
    )
    sign = signs[0 if sha1 else 1]
    query = {
        "accessKey": service["access_key"],
        "sign": sign.upper() if upper else sign,
        "orgId": service["org_id"],
        "path": path,
        "requestTimestamp": "1548753362502",
    } | (change or {})
    return "/commonFileService/files?" + urlencode(query)


@pytest.mark.parametrize("sha1", [False, True], ids=["sha256", "sha1"])
@pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])
def test_getfile_signed_fetches(cloud: CloudThread, sha1: bool, upper: bool) -> None:
    target = getfile_target(cloud, url(cloud, "relative"), upper=upper, sha1=sha1)
    answer = https(cloud, "GET", target, headers={"Range": "bytes=10-19"})
    assert (answer.status, answer.body) == (206, CONTENT[10:20])
    assert https(cloud, "GET", target).body == CONTENT


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sign": "00"}, 401),
        ({"accessKey": "x"}, 401),
        ({"orgId": "x"}, 401),
        ({"requestTimestamp": "1"}, 401),
        ({"path": "/other"}, 401),
        ({"sign": ""}, 400),
    ],
)
def test_getfile_wrong_is_refused(cloud: CloudThread, change: dict[str, str], status: int) -> None:
    target = getfile_target(cloud, url(cloud, "relative"), change=change)
    assert https(cloud, "GET", target).status == status


def test_getfile_unknown_path_is_404(cloud: CloudThread) -> None:
    target = getfile_target(cloud, "/upload/firmware/1/x.bin")
    assert https(cloud, "GET", target).status == 404


def test_plain_addresses_have_range_and_etag(cloud: CloudThread) -> None:
    full = url(cloud, "https")
    assert full.startswith(cloud.endpoints["http_broker"] + "/files/")
    for path in (full.removeprefix(cloud.endpoints["http_broker"]), url(cloud, "relative")):
        answer = https(cloud, "GET", path, headers={"Range": "bytes=-3"})
        assert (answer.status, answer.body) == (206, CONTENT[-3:])
        assert answer.headers["ETag"] == ETAG
    assert https(cloud, "GET", "/files/none.bin").status == 404
    assert https(cloud, "GET", "/upload/firmware/1/none.bin").status == 404


def test_events_hold_no_secret_no_session_no_sign(
    cloud: CloudThread, device: RawDevice, session: str
) -> None:
    https(cloud, "GET", download_target(device, session, uri(cloud)))
    https(cloud, "GET", download_target(device, session, "enos-connect://none.bin"))
    https(cloud, "GET", getfile_target(cloud, "/none"))
    told = str(cloud.events)
    assert "fetched enos-connect, bytes 0-" in told
    assert "404 no such file" in told
    private = [session, device.secret, cloud.endpoints["secret_key"], cloud.endpoints["access_key"]]
    sign = signing.login_sign(device.product, device.key, 30000, device.secret)
    assert not [text for text in [*private, sign] if text in told]
