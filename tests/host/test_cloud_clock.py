"""What the stand-in says of the time: SNTP, and the Date of every answer; right, or wrong at will."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest
from cloud_fixtures import add, http_login
from fault_fixtures import Seen, cloud, fetch, shared, target, target_of

from host_tools.cloud import sntp
from host_tools.cloud.server import CloudThread

__all__ = ["cloud", "shared", "target"]

YEAR_S = 365 * 86400
NEAR_S = 3600
NTP_EPOCH_S = 2_208_988_800
REQUEST = b"\x1b" + bytes(39) + b"stampIDs"
SHIFTS = {"right": 0, "wrong": -YEAR_S, "past": -YEAR_S, "future": 3 * YEAR_S}


def near(seconds: float, position: str) -> bool:
    return abs(seconds - (time.time() + SHIFTS[position])) < NEAR_S


# --- Date


def answers(cloud: CloudThread) -> Iterator[tuple[str, Seen]]:
    """Every kind of answer of the HTTP broker."""
    device = add(cloud, f"dk{len(cloud.client.devices())}")
    path = target_of(cloud)
    yield "login", fetch(cloud, f"/auth/pk_demo/{device.key}", method="POST", body=b"{}")
    for status, headers in ((200, {}), (206, {"Range": "bytes=5-"}), (416, {"Range": "bytes=-0"})):
        seen = fetch(cloud, path, headers=headers)
        assert seen.status == status
        yield str(status), seen
    yield "HEAD", fetch(cloud, path, method="HEAD")
    yield "404", fetch(cloud, "/nowhere")
    yield "405", fetch(cloud, "/auth/a/b")
    yield "root", fetch(cloud, "/")
    for name in (
        "http_json",
        "http_html",
        "http_redirect",
        "http_status",
        "http_chunked",
        "http_drop",
    ):
        cloud.client.set_fault(name)
        yield name, fetch(cloud, path)
    cloud.client.set_fault("http_head_trickle", value=1)
    yield "http_head_trickle", fetch(cloud, path)


@pytest.mark.parametrize("position", ["right", "wrong", "future", "garbage", "absent"])
def test_date_of_every_answer_is_as_the_switch_says(cloud: CloudThread, position: str) -> None:
    cloud.client.set_switch("http_date", position)
    for name, seen in answers(cloud):
        dates = [line for line in seen.head if line.lower().startswith("date:")]
        assert len(dates) == (position != "absent"), name
        if position in SHIFTS:
            found = seen.headers["Date"]
            assert found.endswith(" GMT")
            assert near(parsedate_to_datetime(found).timestamp(), position), name
        elif position == "garbage":
            with pytest.raises(ValueError, match="Invalid date"):
                parsedate_to_datetime(seen.headers["Date"])


def test_date_of_a_good_login_is_right(cloud: CloudThread) -> None:
    answer = http_login(cloud, add(cloud, "good"))
    assert answer.status == 200
    assert near(parsedate_to_datetime(answer.headers["Date"]).timestamp(), "right")


# --- SNTP


def asked(cloud: CloudThread, wait_s: float = 5.0) -> float:
    """Unix time that the SNTP server says. Raises: TimeoutError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait_s)
        sock.sendto(b"short", ("127.0.0.1", cloud.endpoints["ntp"]["port"]))
        sock.sendto(REQUEST, ("127.0.0.1", cloud.endpoints["ntp"]["port"]))
        answer = sock.recv(100)
    assert (len(answer), answer[0], answer[1]) == (48, 0x1C, 2)
    assert answer[24:32] == b"stampIDs"
    assert answer[32:40] == answer[40:48] == answer[16:24]
    return float(struct.unpack("!I", answer[40:44])[0] - NTP_EPOCH_S)


@pytest.mark.parametrize("position", ["right", "past", "future"])
def test_sntp_answers_with_the_clock_as_the_switch_says(cloud: CloudThread, position: str) -> None:
    assert near(asked(cloud), "right")
    cloud.client.set_switch("sntp", position)
    assert near(asked(cloud), position)


def test_sntp_silent_answers_nobody_until_it_is_switched_back(cloud: CloudThread) -> None:
    cloud.client.set_switch("sntp", "silent")
    with pytest.raises(TimeoutError):
        asked(cloud, wait_s=0.2)
    cloud.client.set_switch("sntp", "right")
    assert near(asked(cloud), "right")


def test_sntp_reply_fraction_version_and_mode() -> None:
    answer = sntp.reply(b"\x23" + bytes(47), 1.5)
    assert answer is not None
    assert answer[0] == 0x24
    assert struct.unpack("!II", answer[40:48]) == (2_208_988_801, 2**31)
    assert sntp.reply(b"\x24" + bytes(47), 1.5) is None
    assert sntp.reply(b"\x1b" + bytes(46), 1.5) is None
