"""The simulated network's names and ports: board.json's `network` is all there is."""

import socket as _unix

from vm_core import core

EAI_FAIL = -202
NO_NAME = -2
"""lwIP answers 0.0.0.0 to some failed look-ups; the port makes this of it."""
EHOSTUNREACH = 118


def is_address(text):
    """Whether a text is an IPv4 address."""
    parts = text.split(".")
    return len(parts) == 4 and all(p.isdigit() and int(p) < 256 for p in parts)


def resolve(host, link_up):
    """Address of a host name; without a link, or for unknown names, as lwIP fails."""
    if host == "":
        return "0.0.0.0"
    if is_address(host):
        return host
    hosts = core.board["network"]["hosts"]
    if not link_up or host not in hosts:
        raise OSError(EAI_FAIL)
    if hosts[host] == "0.0.0.0":
        raise OSError(NO_NAME)
    return hosts[host]


def real_address(address, port):
    """What the host's socket is given: only addresses of known names, ports as mapped."""
    known = address in core.board["network"]["hosts"].values() or address.startswith("127.")
    if not known:
        raise OSError(EHOSTUNREACH)
    port = core.board["network"]["ports"].get(str(port), port)
    return _unix.getaddrinfo(address, port)[0][-1]


def shown_address(raw):
    """(address, port) of a raw address, the port as the board knows it."""
    _, address, port = _unix.sockaddr(raw)[:3]
    for shown, real in core.board["network"]["ports"].items():
        if real == port:
            port = int(shown)
    return ".".join(str(part) for part in address), port
