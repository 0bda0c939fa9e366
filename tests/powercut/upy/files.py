"""The file server, which counts what it sends."""

import binascii
import hashlib

_HEAD = """\
HTTP/1.1 206 Partial\r
ETag: "%s"\r
Content-Length: %d\r
Content-Range: bytes %d-%d/%d\r
\r
"""
_NOTHING = """\
HTTP/1.1 404 Not Found\r
Content-Length: 0\r
\r
"""


class Files:
    """Serves files by name, with ranges; a connection is kept open.

    sent: name -> [(first byte, end), ...] of what the device has read of each. `on_request(name, first)` says
    whether a request does not count.
    """

    def __init__(self, on_request) -> None:
        self._files = {}
        self.on_request = on_request
        self.sent = {}

    def add(self, name, path) -> None:
        """Serve the file at `path`, from now on without its folder."""
        file = open(path, "rb")
        self._files[name] = (file, file.seek(0, 2))

    def size(self, name):
        return self._files[name][1]

    def digest(self, name):
        """SHA-256 in hex."""
        file, size = self._files[name]
        file.seek(0)
        return binascii.hexlify(hashlib.sha256(file.read(size)).digest()).decode()

    def read(self, name, offset, buf):
        """For those who want to compare."""
        file = self._files[name][0]
        file.seek(offset)
        return file.readinto(buf)

    def connection(self):
        """The other end of a new connection."""
        return Download(self)

    def knows(self):
        """What was sent, to be given to `remember`."""
        return tuple([(name, tuple(spans)) for name, spans in self.sent.items()])

    def remember(self, known) -> None:
        self.sent = {name: list(spans) for name, spans in known}

    def note(self, name, start, end) -> None:
        """Count what was sent."""
        spans = self.sent.setdefault(name, [])
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))

    def twice(self, name):
        """How many bytes of a file were sent more than once."""
        spans = self.sent.get(name, [])
        covered = last = 0
        for start, end in sorted(spans):
            covered += max(0, end - max(start, last))
            last = max(last, end)
        return sum([end - start for start, end in spans]) - covered


class Download:
    """One connection."""

    def __init__(self, files) -> None:
        self._files = files
        self._request = b""
        self._head = b""
        self._name = ""
        self._at = self._end = 0

    def write(self, data) -> None:
        self._request += data
        if self._request.endswith(b"\r\n\r\n"):
            request, self._request = self._request.decode(), b""
            self._answer(request)

    def _answer(self, request) -> None:
        name = request.split(" ")[1][1:]
        if not name:
            self._head = _NOTHING.encode()
            return
        size = self._files.size(name)
        first, _, last = request.split("\r\nRange: bytes=")[1].split("\r\n")[0].partition("-")
        self._name, self._at = name, int(first)
        # The tail is asked for once more by each download that begins: that is no byte of it.
        is_tail = self._at and last
        self._counts = not (self._files.on_request(name, self._at) or is_tail)
        self._end = min(int(last) + 1, size) if last else size
        fields = (name, self._end - self._at, self._at, self._end - 1, size)
        self._head = (_HEAD % fields).encode()

    def read(self, buf):
        if self._head:
            count = min(len(buf), len(self._head))
            buf[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        count = min(len(buf), self._end - self._at)
        if not count:
            return None
        if count < len(buf):
            buf = memoryview(buf)[:count]
        count = self._files.read(self._name, self._at, buf)
        if self._counts:
            self._files.note(self._name, self._at, self._at + count)
        self._at += count
        return count
