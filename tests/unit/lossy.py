"""A server that loses connections, changes its file and says too little; it stands for `enos_ota.source`.

The heap of a test has no room for the network: the real one, tested by itself, is not imported.
"""

import sys

import enos_ota
from contents import File
from enos_ota.errors import LinkError

UNKNOWN = ["", "", -1]  # what a source is told that is the first


class Module:
    """Stands for the module `enos_ota.source`: `Source` is a test's `Server`."""

    Source = None


sys.modules["enos_ota.source"] = Module
enos_ota._WAITING += " source"  # or it would be imported anew: the real one


class Asked:
    """Stands for a `Source` and for its `Http`: good for one answer, which its server delivers."""

    def __init__(self, server) -> None:
        self._server = server
        self.http = self
        self.headers = {}
        self._is_used = False

    async def open(self, position, last="", skips=True):
        assert not self._is_used, "it is kept"
        self._is_used = True
        return await self._server.open(position, last)

    def detach(self):
        return self._server

    def close(self) -> None:
        self._server.close()


class Server:
    """Makes each `Source`, and is the body that it delivers.

    cuts: bytes after which each connection is lost in turn. errors: raised by `open`, in turn.
    others: the file from the n-th `open` on; known: whether the server's answer shows it.
    told: what each source was told of the ones before.
    """

    def __init__(self, file) -> None:
        self.file = file
        self.opened = []
        self.told = []
        self.is_open = False
        self.closed = 0
        self.cuts = []
        self.errors = []
        self.others = {}
        self.known = True
        self.chunk = 1000
        self.total = file.size
        self.is_told = True  # the size, in the answer's head
        self.is_chunked = False
        self.served = None  # bytes of one answer, if it is less than the rest
        self.left_bytes = 0
        self.received = 0
        self.on_open = self.on_receive = lambda at: None

    def __call__(self, config, context, firmware, known):
        self.asked = (config, context, firmware.file_url)
        self.told.append(list(known))
        self._learned = known
        return Asked(self)

    async def open(self, position, last=""):
        assert not self.is_open, "the connection before was not closed"
        self.is_open = True
        self.opened.append(position)
        self.on_open(position)
        if self.errors:
            error = self.errors.pop(0)
            if error:
                raise error
        other = self.others.get(len(self.opened) - 1)
        if other:
            self.file = other
            self.total = other.size
            position = 0 if self.known else position
        self._learned[0] = "session %d" % len(self.opened)
        self._at = position
        self._until = position + self.cuts.pop(0) if self.cuts else None
        self._rest = self.total - position
        if last:
            self._rest = min(self._rest, int(last) + 1 - position)
        if self.served is not None:
            self._rest = min(self._rest, self.served)
        self.left_bytes = -1 if self.is_chunked else self._rest
        return position, self.total if self.is_told else None

    async def fill(self, view) -> None:
        while len(view):
            view = view[await self.receive(view) :]

    def receive_now(self, buf):
        return 0

    async def receive(self, buf):
        if self._until is not None and self._at >= self._until:
            raise LinkError("closed by the server")
        self.on_receive(self._at)
        count = min(len(buf), self._rest, self.chunk)
        if self._until is not None:
            count = min(count, self._until - self._at)
        for i in range(count):
            buf[i] = self.file.byte(self._at + i)
        self._at += count
        self._rest -= count
        self.received += count
        if not self.is_chunked or not count:
            self.left_bytes = self._rest
        return count

    def close(self) -> None:
        self.closed += 1
        self.is_open = False
        self.left_bytes = 0


def old():
    """A file as large as the release, and as good, but another one."""
    return File(elf=b"o" * 32)


def changing(*files, cuts=(1000,), known=True):
    """A server with the next file at every connection; the last one stays."""
    server = Server(files[0])
    server.others = dict(enumerate(files[1:], 1))
    server.cuts = list(cuts)
    server.known = known
    return server
