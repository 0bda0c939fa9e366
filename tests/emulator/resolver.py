"""What the emulated board's network needs of this machine: the stand-in's name, and the time.

QEMU's user network hands DNS questions to the first nameserver of /etc/resolv.conf, at port 53, and
reaches this machine's loopback addresses as 10.0.2.2. Root on Linux can give QEMU, and nothing else, another
/etc/resolv.conf. Only loopback addresses are bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from host_tools.cloud.sntp import SntpServer
from host_tools.loop_thread import LoopThread

HOST = "10.0.2.2"
"""This machine, as the user network calls it."""
DNS_PORT, NTP_PORT = 53, 123
NAMESERVERS = ("127.0.0.53", "127.0.0.153", "127.53.53.53")
"""The first is systemd-resolved's, where that runs."""
TTL_S = 60
TYPE_A, CLASS_IN = 1, 1
NO_ERROR, NO_SUCH_NAME = 0x8180, 0x8183
_SCRIPT = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


def reply(query: bytes, hostname: str) -> bytes | None:
    """Answer to a DNS query: HOST for the A record of `hostname`, no such name for others; None for rubbish."""
    labels, at = [], 12
    try:
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]])
            at += query[at] + 1
        kind = struct.unpack_from("!H", query, at + 1)[0]
    except (IndexError, struct.error):
        return None
    is_known = b".".join(labels).lower() == hostname.lower().encode()
    record = b""
    if is_known and kind == TYPE_A:
        # The name is the one at byte 12.
        record = struct.pack("!HHHIH4s", 0xC00C, kind, CLASS_IN, TTL_S, 4, socket.inet_aton(HOST))
    flags = NO_ERROR if is_known else NO_SUCH_NAME
    head = query[:2] + struct.pack("!HHHHH", flags, 1, 1 if record else 0, 0, 0)
    return head + query[12 : at + 5] + record


class NameServer(asyncio.DatagramProtocol):
    """Knows one name."""

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = reply(data, self._hostname)
        if answer is not None:
            self._transport.sendto(answer, addr)  # type: ignore[attr-defined]


class HostServices(LoopThread):
    """Name and clock for boards whose QEMU is started with `prefix`."""

    def __init__(self, hostname: str, folder: Path) -> None:
        super().__init__("host services")
        self._hostname, self._resolv_conf = hostname, folder / "resolv.conf"
        self._has_name = False
        self.has_clock = False
        """Whether NTP is answered at `hostname`."""

    @property
    def prefix(self) -> list[str]:
        """Words before QEMU's command line."""
        return _in_namespace(self._resolv_conf) if self._has_name else []

    def trouble(self) -> str:
        """Why a board cannot find this machine; "" when it can."""
        with contextlib.suppress(OSError):
            if self._has_name or socket.gethostbyname(self._hostname) == HOST:
                return ""
        return (
            f"the board cannot find this machine: its nameserver must say that {self._hostname} "
            f"(ENOS_HOSTNAME) is {HOST}; the tests see to it where they run as root on Linux, with unshare"
        )

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            for address in NAMESERVERS:
                self._resolv_conf.write_text(f"nameserver {address}\n")
                if not _can_replace(self._resolv_conf):
                    break
                with contextlib.suppress(OSError):
                    dns, _ = await loop.create_datagram_endpoint(
                        lambda: NameServer(self._hostname), (address, DNS_PORT)
                    )
                    stack.callback(dns.close)
                    self._has_name = True
                    break
            with contextlib.suppress(OSError):
                ntp, _ = await loop.create_datagram_endpoint(SntpServer, ("127.0.0.1", NTP_PORT))
                stack.callback(ntp.close)
                self.has_clock = True
            yield


def _in_namespace(resolv_conf: Path) -> list[str]:
    return ["unshare", "--mount", "sh", "-c", _SCRIPT, str(resolv_conf)]


def _can_replace(resolv_conf: Path) -> bool:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    command = [*_in_namespace(resolv_conf), "true"]
    return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
