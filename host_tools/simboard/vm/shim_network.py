"""Module `network`: Wi-Fi that joins the access points of board.json, while the air carries it.

What survives a soft reset stands in `core.volatile["sta"]`: {"ssid", "since_ms"} while joined.
"""

import time

from vm_core import core

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_BEACON_TIMEOUT = 200
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
AUTH_OPEN = 0
AUTH_WPA2_PSK = 3

_NO_ADDRESS = ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
_ADDRESS = ("192.168.4.2", "255.255.255.0", "192.168.4.1", "192.168.4.1")
_LOOK_PERIOD_MS = 10
_hostname = "mpy-esp32"


class _Air:
    """Whether radio waves get through: one byte in a file that the supervisor writes."""

    def __init__(self):
        self._up = True
        self._looked_ms = time.ticks_ms() - _LOOK_PERIOD_MS
        self._byte = bytearray(1)

    def up(self):
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._looked_ms) >= _LOOK_PERIOD_MS:
            self._looked_ms = now_ms
            core.air.seek(0)
            core.air.readinto(self._byte)
            self._up = self._byte[0] != 0x30
        return self._up


class _Station:
    """The radio's own state: there is one, however many WLAN objects are made."""

    def __init__(self):
        self.air = _Air()
        sta = core.volatile.get("sta")
        self.active = sta is not None
        self.ssid = sta["ssid"] if sta else None
        self.failure = STAT_IDLE
        self.joined_ms = time.ticks_ms() if self.ssid else None

    def up(self, active):
        """Switch the radio."""
        if active and not self.active:
            core.volatile["sta"] = {"ssid": None}
        if not active:
            core.volatile.pop("sta", None)
            self.forget()
        self.active = active
        core.idf.changed()

    def forget(self):
        """Leave the network."""
        self.ssid = None
        self.joined_ms = None
        self.failure = STAT_IDLE
        if "sta" in core.volatile:
            core.volatile["sta"]["ssid"] = None

    def join(self, ssid, key):
        """Begin to join; board.json's access points decide what comes of it."""
        self.forget()
        known = [ap for ap in core.board["network"].get("wifi", []) if ap["ssid"] == ssid]
        if not known:
            self.failure = STAT_NO_AP_FOUND
        elif known[0].get("password", "") != (key or ""):
            self.failure = STAT_WRONG_PASSWORD
        else:
            self.ssid = ssid
            core.volatile["sta"]["ssid"] = ssid

    def connected(self):
        """Associated, with an address; after a gap in the air the radio joins again by itself."""
        if self.ssid is None:
            return False
        if not self.air.up():
            self.joined_ms = None
            return False
        if self.joined_ms is None:
            self.joined_ms = time.ticks_add(time.ticks_ms(), core.board["network"]["join_ms"])
        return time.ticks_diff(time.ticks_ms(), self.joined_ms) >= 0

    def status(self):
        """One of the STAT_* numbers."""
        if self.connected():
            return STAT_GOT_IP
        if self.ssid is None:
            return self.failure
        return STAT_CONNECTING if self.air.up() else STAT_BEACON_TIMEOUT


_station = _Station()


def link_up():
    """Whether packets come and go: sockets ask here."""
    return _station.connected()


def hostname(name=None):
    """Name of this board on the network."""
    global _hostname
    if name is None:
        return _hostname
    _hostname = name
    return None


def country(code=None):
    """Regulatory domain."""
    return "XX"


class WLAN:
    """The Wi-Fi interface; only the station goes anywhere."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __init__(self, interface_id=STA_IF):
        if interface_id not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        self._is_sta = interface_id == STA_IF
        self._config = {"pm": 1, "reconnects": -1, "channel": 1, "txpower": 20}
        self._ap_active = False

    def active(self, up=None):
        """Switch the interface, or tell whether it is on."""
        if not self._is_sta:
            if up is not None:
                self._ap_active = bool(up)
            return self._ap_active
        if up is not None:
            _station.up(bool(up))
        return _station.active

    def connect(self, ssid=None, key=None, bssid=None):
        """Begin to join a network."""
        if not self._is_sta or not _station.active:
            raise OSError("Wifi Not Started")
        _station.join(ssid, key)

    def disconnect(self):
        """Leave the network."""
        _station.forget()

    def isconnected(self):
        """Whether the station has an address."""
        return self._is_sta and _station.connected()

    def status(self, what=None):
        """State of the station, or "rssi"."""
        if what == "rssi":
            return -50
        if what is not None:
            raise ValueError("unknown status param")
        return _station.status() if self._is_sta else None

    def scan(self):
        """[(ssid, bssid, channel, RSSI, security, hidden)]"""
        if not _station.air.up():
            return []
        known = core.board["network"].get("wifi", [])
        return [(ap["ssid"].encode(), b"\x02sim\x00\x01", 1, -50, 3, False) for ap in known]

    def ifconfig(self, value=None):
        """(address, mask, gateway, DNS)"""
        if value is None:
            return _ADDRESS if self.isconnected() else _NO_ADDRESS
        return None

    def ipconfig(self, *names, **values):
        """One value of the addresses by its name."""
        address = self.ifconfig()
        shown = {
            "addr4": (address[0], address[1]),
            "gw4": address[2],
            "dhcp4": True,
            "has_dhcp4": self.isconnected(),
        }
        return shown[names[0]] if names else None

    def config(self, *names, **values):
        """Get one parameter by name, or set some."""
        if not names:
            self._config.update(values)
            return None
        if names[0] == "mac":
            return bytes(int(part, 16) for part in core.board["mac"].split(":"))
        if names[0] in ("ssid", "essid"):
            return _station.ssid or ""
        if names[0] in ("hostname", "dhcp_hostname"):
            return _hostname
        if names[0] in self._config:
            return self._config[names[0]]
        raise ValueError("unknown config param")
