"""How long a client may take and how much it may send: what exceeds it is dropped, and told."""

from __future__ import annotations

import resource
from dataclasses import dataclass

LISTENERS = 4
# What the stand-in itself keeps open: database, firmware being read, event loop.
OWN_FILES = 64
LEAST_CONNECTIONS, MOST_CONNECTIONS = 50, 10_000


def connections_per_listener() -> int:
    """How many connections a listener may have, so that none of them starves the others."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fair = MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else (soft - OWN_FILES) // LISTENERS
    return max(LEAST_CONNECTIONS, min(fair, MOST_CONNECTIONS))


@dataclass(frozen=True)
class Limits:
    """What is asked of every client.

    `connect_s` is for a CONNECT to begin, and then to be whole, `packet_s` for any other packet,
    `idle_s` for the head of an HTTP request, the wait before it included, `body_s` for its body;
    what is left of one that is not wanted is read for `linger_s`, so that the answer is heard.
    A client that takes nothing of what is sent to it for `stuck_s` is dropped. `filters` are
    subscriptions of a connection, `waiting` its messages that are read and not yet served.
    """

    connections: int = connections_per_listener()
    handshake_s: float = 10.0
    stuck_s: float = 60.0
    connect_s: float = 10.0
    connect_bytes: int = 16 * 1024
    packet_s: float = 30.0
    packet_bytes: int = 1024 * 1024
    filters: int = 100
    waiting: int = 100
    idle_s: float = 75.0
    body_s: float = 20.0
    linger_s: float = 2.0
    body_bytes: int = 64 * 1024


STANDARD = Limits()
