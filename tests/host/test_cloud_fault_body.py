"""Faults in the middle of a download, byte by byte on the wire."""

from __future__ import annotations

import pytest
from fault_fixtures import CONTENT, SIZE, cloud, fetch, once, shared, struck, target, whole

from host_tools.cloud.server import CloudThread

__all__ = ["cloud", "shared", "target"]

CUTS = ("http_drop", "http_reset", "http_stall")
# A large part of the answer is still in buffers when such a cut is due.
BIG = bytes(range(256)) * 4 * 1024 * 4


@pytest.mark.parametrize(("name", "ending"), [("http_drop", "eof"), ("http_reset", "reset")])
@pytest.mark.parametrize("at", [0, 10, 33.3, 99])
def test_drop_and_reset_deliver_every_byte_before_and_none_behind(
    cloud: CloudThread, target: str, name: str, ending: str, at: float
) -> None:
    seen = once(cloud, name, lambda: fetch(cloud, target), at=at)
    assert seen.ending == ending
    assert seen.body == CONTENT[: int(SIZE * at // 100)]
    assert seen.headers["Content-Length"] == str(SIZE)


def test_drop_closes_tls_and_tcp_although_the_client_does_not(
    cloud: CloudThread, target: str
) -> None:
    cloud.client.set_fault("http_drop")
    assert fetch(cloud, target, tcp_end=True).ending == "eof"


@pytest.mark.parametrize("name", ["http_drop", "http_reset"])
def test_drop_and_reset_of_a_big_file_deliver_every_byte(cloud: CloudThread, name: str) -> None:
    version = f"big {name}"
    big = cloud.client.add_firmware(BIG, version, url_shape="https")
    cloud.client.set_fault(name, at=90)
    seen = fetch(cloud, big["file_url"].removeprefix(cloud.endpoints["http_broker"]))
    assert seen.body == BIG[: len(BIG) * 90 // 100]


def test_stall_delivers_up_to_its_byte_and_keeps_the_connection(
    cloud: CloudThread, target: str
) -> None:
    byte = SIZE * 10 // 100
    assert whole(fetch(cloud, target, silent_after=SIZE))
    cloud.client.set_fault("http_stall", at=10)
    seen = fetch(cloud, target, silent_after=byte)
    assert (seen.ending, seen.body) == ("silent", CONTENT[:byte])
    assert whole(fetch(cloud, target))


def test_trickle_sends_single_bytes_from_its_byte_on(cloud: CloudThread, target: str) -> None:
    at = 99.99
    left = SIZE - int(SIZE * at // 100)
    seen = once(cloud, "http_trickle", lambda: fetch(cloud, target), at=at, value=1)
    assert seen.body == CONTENT
    assert seen.ending == "eof"
    assert seen.records[-left:] == [1] * left
    assert seen.records[-left - 1] > 1


def test_trickle_waits_its_value_after_each_byte(cloud: CloudThread, target: str) -> None:
    cloud.client.set_fault("http_trickle", at=50, value="60000")
    byte = SIZE * 50 // 100
    seen = fetch(cloud, target, silent_after=byte + 1)
    assert (seen.ending, seen.body) == ("silent", CONTENT[: byte + 1])


@pytest.mark.parametrize("name", CUTS)
def test_cut_counts_from_the_start_of_the_file_in_a_range(
    cloud: CloudThread, target: str, name: str
) -> None:
    byte = SIZE * 50 // 100
    cloud.client.set_fault(name)
    start = byte - 7
    seen = fetch(cloud, target, headers={"Range": f"bytes={start}-"}, silent_after=7)
    assert seen.body == CONTENT[start:byte]
    assert seen.headers["Content-Range"] == f"bytes {start}-{SIZE - 1}/{SIZE}"
    assert seen.headers["Content-Length"] == str(SIZE - start)
    assert struck(cloud, name) == 1


@pytest.mark.parametrize("name", [*CUTS, "http_trickle", "http_short"])
def test_cut_elsewhere_than_the_range_does_not_strike(
    cloud: CloudThread, target: str, name: str
) -> None:
    byte = SIZE * 50 // 100
    cloud.client.set_fault(name, times=0)
    for start, end in ((byte + 1, SIZE - 1), (0, byte - 1)):
        assert whole(fetch(cloud, target, headers={"Range": f"bytes={start}-{end}"}), start, end)
    assert struck(cloud, name) == 0


def test_cut_at_the_first_byte_of_a_range_sends_the_head_only(
    cloud: CloudThread, target: str
) -> None:
    byte = SIZE * 50 // 100
    cloud.client.set_fault("http_drop")
    seen = fetch(cloud, target, headers={"Range": f"bytes={byte}-"})
    assert (seen.status, seen.body) == (206, b"")
    assert struck(cloud, "http_drop") == 1


def test_drops_at_several_places_strike_one_after_the_other(
    cloud: CloudThread, target: str
) -> None:
    for at in (90, 10, 50):
        cloud.client.set_fault("http_drop", at=at)
    have = b""
    ends = []
    for _ in range(4):
        have += fetch(cloud, target, headers={"Range": f"bytes={len(have)}-"}).body
        ends.append(len(have))
    assert ends == [SIZE * 10 // 100, SIZE * 50 // 100, SIZE * 90 // 100, SIZE]
    assert have == CONTENT


def test_head_request_is_not_struck(cloud: CloudThread, target: str) -> None:
    for name in (*CUTS, "http_silent", "http_total", "http_oversize", "http_head_trickle"):
        cloud.client.set_fault(name)
    seen = fetch(cloud, target, method="HEAD", headers={"Range": "bytes=0-"})
    assert (seen.status, seen.ending) == (206, "eof")
    assert not any(one["struck"] for f in cloud.client.faults() for one in f["armed"])


def test_cut_is_told_with_its_place(cloud: CloudThread, target: str) -> None:
    told = len(cloud.events)
    cloud.client.set_fault("http_drop", at=10)
    fetch(cloud, target)
    what = [text for _at, _who, text in cloud.events[told:]]
    assert what == [
        "fault http_drop armed",
        "fault http_drop strikes (1 of 1)",
        f"fetched https, bytes 0-{SIZE * 10 // 100 - 1}, then http_drop",
    ]
