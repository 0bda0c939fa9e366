"""The stand-in in a process of its own, at another date: certificates, NTP and `Date` are of that day.

    python year_cloud.py HOME PORT_BASE NAME[,NAME]

Its servers' certificates last 90 days and are renewed 30 days before. It ends with its standard input.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from host_tools.cloud import certs
from host_tools.cloud.server import CloudThread


def main() -> None:
    """Serve until nobody listens any more."""
    home, port_base, names = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
    certs.SERVER_LIFETIME = dt.timedelta(days=90)

    def make_server(ca, key, hostname, span=None):
        """As the stand-in does, for all names: while a host moves, both are right."""
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        span = span or certs.lasting(certs.SERVER_LIFETIME)
        extensions = [(alternatives, False), (usage, False)]
        return ca.sign(certs._name(hostname), key.public_key(), span, extensions)

    certs.make_server = make_server
    # Made anew at each start, as a server that renews in time.
    (home / "server.pem").unlink(missing_ok=True)
    with CloudThread(home, port_base=port_base, hostname=names[0]):
        print("serving", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
