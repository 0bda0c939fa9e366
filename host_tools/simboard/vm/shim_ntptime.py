"""Module `ntptime`, frozen in stock firmware."""

import socket
import struct
import time as _clock

from machine import RTC

host = "pool.ntp.org"
timeout = 1
_NTP_TO_2000 = 3155673600
_EARLIEST = 3913056000  # 2024-01-01: an answer below it is from after the roll-over of 2036


def time():
    """Seconds since 2000-01-01 from the server; blocks for at most `timeout` seconds and DNS."""
    query = bytearray(48)
    query[0] = 0x1B
    address = socket.getaddrinfo(host, 123)[0][-1]
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.settimeout(timeout)
        s.sendto(query, address)
        answer = s.recv(48)
    finally:
        s.close()
    value = struct.unpack("!I", answer[40:44])[0]
    if value < _EARLIEST:
        value += 0x100000000
    return value - _NTP_TO_2000


def settime():
    """Set the RTC."""
    t = _clock.gmtime(time())
    RTC().datetime((t[0], t[1], t[2], t[6] + 1, t[3], t[4], t[5], 0))
