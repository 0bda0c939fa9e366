"""Faults in what a download announces."""

from __future__ import annotations

import pytest
from fault_fixtures import (
    CONTENT,
    RANGE,
    SIZE,
    cloud,
    fetch,
    once,
    shared,
    struck,
    target,
    whole,
)

from host_tools.cloud.server import CloudThread

__all__ = ["cloud", "shared", "target"]


def test_short_announces_what_it_sends(cloud: CloudThread, target: str) -> None:
    seen = once(cloud, "http_short", lambda: fetch(cloud, target), at=10)
    assert seen.body == CONTENT[: SIZE * 10 // 100]
    assert (seen.status, seen.ending) == (200, "eof")
    assert seen.headers["Content-Length"] == str(len(seen.body))


def test_short_of_a_range_keeps_the_total(cloud: CloudThread, target: str) -> None:
    seen = once(cloud, "http_short", lambda: fetch(cloud, target, headers=RANGE), at=10)
    last = SIZE * 10 // 100 - 1
    assert seen.body == CONTENT[100 : last + 1]
    assert seen.headers["Content-Length"] == str(last - 99)
    assert seen.headers["Content-Range"] == f"bytes 100-{last}/{SIZE}"


@pytest.mark.parametrize("more", [None, 70_000])
def test_oversize_announces_and_sends_more(
    cloud: CloudThread, target: str, more: int | None
) -> None:
    seen = once(cloud, "http_oversize", lambda: fetch(cloud, target), value=more)
    size = SIZE + (more or 1)
    assert seen.body == CONTENT + bytes(more or 1)
    assert seen.headers["Content-Length"] == str(size)
    cloud.client.set_fault("http_oversize", value=more)
    seen = fetch(cloud, target, headers=RANGE)
    assert seen.body == CONTENT[100:] + bytes(more or 1)
    assert seen.headers["Content-Range"] == f"bytes 100-{size - 1}/{size}"


def test_total_is_one_too_large_with_a_range_only(cloud: CloudThread, target: str) -> None:
    seen = once(cloud, "http_total", lambda: fetch(cloud, target, headers=RANGE))
    assert seen.headers["Content-Range"] == f"bytes 100-{SIZE - 1}/{SIZE + 1}"
    assert seen.body == CONTENT[100:]
    cloud.client.set_fault("http_total")
    assert whole(fetch(cloud, target))
    assert struck(cloud, "http_total") == 0


@pytest.mark.parametrize(("value", "start"), [(None, 101), (50, 150), (-60, 40), (-500, 0)])
def test_offset_sends_another_part_and_says_so(
    cloud: CloudThread, target: str, value: int | None, start: int
) -> None:
    seen = once(cloud, "http_offset", lambda: fetch(cloud, target, headers=RANGE), value=value)
    assert seen.status == 206
    assert seen.body == CONTENT[start:]
    assert seen.headers["Content-Range"] == f"bytes {start}-{SIZE - 1}/{SIZE}"
    assert seen.headers["Content-Length"] == str(SIZE - start)


@pytest.mark.parametrize("value", [1, 2**31 - 1])
def test_offset_never_sends_less_than_a_byte_and_needs_a_range(
    cloud: CloudThread, target: str, value: int
) -> None:
    cloud.client.set_fault("http_offset", value=value)
    assert whole(fetch(cloud, target))
    assert struck(cloud, "http_offset") == 0
    seen = fetch(cloud, target, headers={"Range": "bytes=-2"})
    assert (seen.status, seen.body) == (206, CONTENT[-1:])
    assert seen.headers["Content-Range"] == f"bytes {SIZE - 1}-{SIZE - 1}/{SIZE}"


def unchunked(body: bytes) -> bytes:
    data = b""
    while body:
        length, _, rest = body.partition(b"\r\n")
        data += rest[: int(length, 16)]
        assert rest[int(length, 16) :][:2] == b"\r\n"
        body = rest[int(length, 16) + 2 :]
    return data


@pytest.mark.parametrize("start", [0, 100])
def test_chunked_has_no_length_but_the_range(cloud: CloudThread, target: str, start: int) -> None:
    headers = {"Range": f"bytes={start}-"} if start else {}
    seen = once(cloud, "http_chunked", lambda: fetch(cloud, target, headers=headers))
    assert seen.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in seen.headers
    assert unchunked(seen.body) == CONTENT[start:]
    wanted = f"bytes {start}-{SIZE - 1}/{SIZE}" if start else None
    assert seen.headers.get("Content-Range") == wanted


@pytest.mark.parametrize(("name", "status"), [("http_no_range", 200), ("http_416", 416)])
def test_range_is_ignored_or_refused(
    cloud: CloudThread, target: str, name: str, status: int
) -> None:
    seen = once(cloud, name, lambda: fetch(cloud, target, headers=RANGE))
    assert seen.status == status
    if status == 200:
        assert whole(seen)
    else:
        assert seen.headers["Content-Range"] == f"bytes */{SIZE}"
        assert seen.body == b""
    cloud.client.set_fault(name)
    assert whole(fetch(cloud, target))
    assert struck(cloud, name) == 0


@pytest.mark.parametrize("position", ["strong", "weak", "absent"])
def test_etag_is_another_strong_one_until_cleared(
    cloud: CloudThread, target: str, position: str
) -> None:
    cloud.client.set_switch("etag", position)
    before = fetch(cloud, target).headers.get("ETag")
    cloud.client.set_fault("http_etag", times=2)
    tags = [fetch(cloud, target).headers["ETag"] for _ in range(4)]
    assert len({before, *tags}) == 3
    assert tags[1] == tags[2] == tags[3]
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    seen = fetch(cloud, target, headers=RANGE | {"If-Range": tags[0]})
    assert whole(seen)
    assert whole(fetch(cloud, target, headers=RANGE | {"If-Range": tags[1]}), 100)
    cloud.client.clear_faults()
    assert fetch(cloud, target).headers.get("ETag") == before


def test_content_is_other_under_the_same_etag_until_cleared(
    cloud: CloudThread, target: str
) -> None:
    before = fetch(cloud, target)
    cloud.client.set_fault("http_content", skip=1)
    assert fetch(cloud, target).body == CONTENT
    for _ in range(2):
        seen = fetch(cloud, target)
        assert seen.body == bytes(byte ^ 1 for byte in CONTENT)
        assert seen.headers["ETag"] == before.headers["ETag"]
        assert seen.headers["Content-Length"] == before.headers["Content-Length"]
    cloud.client.clear_faults()
    assert fetch(cloud, target).body == CONTENT


TAIL = {"Range": f"bytes={SIZE - 8192}-"}
OTHER = bytes(byte ^ 1 for byte in CONTENT)


@pytest.mark.parametrize("tail", [TAIL, {"Range": "bytes=-8192"}, {"Range": "bytes=-100"}])
def test_two_faced_sends_another_file_once_the_tail_is_fetched_until_cleared(
    cloud: CloudThread, target: str, tail: dict[str, str]
) -> None:
    before = fetch(cloud, target)
    cloud.client.set_fault("http_two_faced")
    for headers in ({}, RANGE, {"Range": f"bytes={SIZE - 8193}-"}, {"Range": f"bytes={SIZE}-"}):
        seen = fetch(cloud, target, headers=headers)
        assert seen.status == 416 or CONTENT.endswith(seen.body)
    assert struck(cloud, "http_two_faced") == 0
    assert CONTENT.endswith(fetch(cloud, target, headers=tail).body)
    assert struck(cloud, "http_two_faced") == 1
    for headers in ({}, RANGE, tail, {"Range": "bytes=0-4095"}):
        seen = fetch(cloud, target, headers=headers)
        assert seen.body in OTHER
        assert len(seen.body) in (SIZE, SIZE - 100, 8192, 100, 4096)
        assert seen.headers["ETag"] == before.headers["ETag"]
        assert seen.headers.get("Content-Range", f"/{SIZE}").endswith(f"/{SIZE}")
    cloud.client.clear_faults()
    assert fetch(cloud, target).body == CONTENT


@pytest.mark.parametrize("longer", [-500, 0, 500])
def test_two_faced_sends_the_firmware_that_it_is_told(
    cloud: CloudThread, target: str, longer: int
) -> None:
    evil = (b"evil" * SIZE)[: SIZE + longer]
    version = f"evil{longer}"
    cloud.client.add_firmware(evil, version, url_shape="https")
    cloud.client.set_fault("http_two_faced", value=version, skip=1)
    for _ in range(2):
        assert fetch(cloud, target, headers=TAIL).body == CONTENT[-8192:]
    seen = fetch(cloud, target)
    assert seen.body == evil[:SIZE].ljust(SIZE, b"\0")
    assert fetch(cloud, target, headers=RANGE).body == seen.body[100:]


def test_two_faced_does_not_take_a_small_file_for_its_tail(cloud: CloudThread) -> None:
    small = cloud.client.add_firmware(b"small" * 100, "small", url_shape="https")
    path = small["file_url"].removeprefix(cloud.endpoints["http_broker"])
    cloud.client.set_fault("http_two_faced")
    fetch(cloud, path, headers={"Range": "bytes=0-"})
    assert struck(cloud, "http_two_faced") == 0
    fetch(cloud, path, headers={"Range": "bytes=1-"})
    assert struck(cloud, "http_two_faced") == 1


def test_head_trickle_sends_the_head_in_single_bytes(cloud: CloudThread, target: str) -> None:
    seen = once(cloud, "http_head_trickle", lambda: fetch(cloud, target, headers=RANGE), value=1)
    head = seen.data.index(b"\r\n\r\n") + 4
    assert seen.records[:head] == [1] * head
    assert seen.records[head] > 1
    assert (seen.status, seen.ending, seen.body) == (206, "eof", CONTENT[100:])
    assert seen.headers["Content-Range"] == f"bytes 100-{SIZE - 1}/{SIZE}"


def test_head_trickle_waits_its_value(cloud: CloudThread, target: str) -> None:
    cloud.client.set_fault("http_head_trickle", value=60_000)
    seen = fetch(cloud, target, silent_after=-1)
    assert (seen.ending, seen.data) == ("silent", b"H")
