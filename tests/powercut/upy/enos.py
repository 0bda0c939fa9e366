"""EnOS: the broker's end of the MQTT session, and the upgrade tasks behind it."""

import json
import struct

PREFIX = "/sys/pk/dk/ota/device/"
PUSH, LIST, SILENT = "push", "list", "silent"


class Enos:
    """mode: what EnOS does about an open task at an inform: pushes it, lists it when asked, or nothing.

    open: params of the open task, or None. heard: what has been said by the device that matters: ("inform",
    version) and ("step", step, version). pushes_at_trial_of: the version whose trial is when the task is opened.
    """

    def __init__(self, on_heard) -> None:
        self.mode = PUSH
        self.open = None
        self.heard = ()
        self.informed = 0  # since the last boot
        self.pushes_at_trial_of = ""
        self.session = None
        self._on_heard = on_heard

    def connection(self):
        """The other end of a new connection."""
        self.session = Session(self)
        return self.session

    def knows(self):
        """All that EnOS knows, to be given to `remember`."""
        return self.heard, self.open

    def remember(self, known) -> None:
        self.heard, self.open = known

    def inform(self, version) -> None:
        self.informed += 1
        self._hear(("inform", version))
        if self.open and self.open["version"] == version:
            self.open = None
        elif self.open and self.mode == PUSH:
            self._push()

    def progress(self, step, desc) -> None:
        version = desc.split(":")[0].split(" ")[0]
        if step < 0 or step > 98:
            self._hear(("step", step, version))
        if step == 99 and version == self.pushes_at_trial_of:
            self._push()
        if step < 0 and self.open and self.open["version"] == version:
            self.open = None

    def _push(self) -> None:
        self.session.tell("upgrade", {"id": "77", "version": "1.0", "params": self.open})

    def offers(self):
        return [self.open] if self.open and self.mode == LIST else []

    def _hear(self, word) -> None:
        self.heard += (word,)
        self._on_heard(word)


class Session:
    """One MQTT connection."""

    def __init__(self, enos) -> None:
        self._enos = enos
        self._in = b""
        self._out = b""

    def read(self, buf):
        count = min(len(buf), len(self._out))
        if not count:
            return None
        buf[:count] = self._out[:count]
        self._out = self._out[count:]
        return count

    def write(self, data) -> None:
        self._in += data
        while len(self._in) > 1:
            size = shift = 0
            at = 1
            while True:
                byte = self._in[at]
                size |= (byte & 0x7F) << shift
                shift += 7
                at += 1
                if not byte & 0x80:
                    break
            first, body = self._in[0], self._in[at : at + size]
            self._in = self._in[at + size :]
            self._take(first, body)

    def tell(self, tail, message) -> None:
        """Publish to the device."""
        topic = (PREFIX + tail).encode()
        body = struct.pack("!H", len(topic)) + topic + json.dumps(message).encode()
        size = len(body)
        head = bytearray((0x30,))
        while size > 0x7F:
            head.append(size & 0x7F | 0x80)
            size >>= 7
        head.append(size)
        self._out += bytes(head) + body

    def _take(self, first, body) -> None:
        if first == 0x10:
            self._out += b"\x20\x02\x00\x00"
        elif first == 0x82:
            self._out += b"\x90\x06" + body[:2] + b"\x01\x01\x01\x01"
        elif first == 0xC0:
            self._out += b"\xd0\x00"
        elif first & 0xF0 == 0x30:
            size = struct.unpack("!H", body[:2])[0]
            self._published(body[2 + len(PREFIX) : 2 + size].decode(), json.loads(body[2 + size :]))

    def _published(self, kind, message) -> None:
        if kind == "upgrade_reply":
            return
        answer = {"id": message["id"], "code": 200}
        params = message["params"]
        if kind == "getversion":
            answer["data"] = self._enos.offers()
        self.tell(kind + "_reply", answer)
        if kind == "inform":
            self._enos.inform(params["version"])
        elif kind == "progress":
            self._enos.progress(int(params["step"]), params["desc"])
