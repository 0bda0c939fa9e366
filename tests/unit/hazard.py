"""What the tests of hazards share: a TLS stream with the chip's habits, a session whose socket is watched."""

import net
from broker import WithBroker
from enos_ota.errors import LinkError
from helpers import run, together


class Panic(BaseException):
    """What the chip does instead of raising: it resets."""


class Tls(net.Socket):
    """A TLS stream as the chip has it: `setblocking` of a closed one panics, errors come negated.

    The handshake ends with the `rounds`th write.
    """

    def __init__(self, raw, rounds=3, error=None) -> None:
        self.raw = raw
        self.rounds = rounds
        self.is_closed = False
        self.error = error  # of each write

    def setblocking(self, blocking) -> None:
        if self.is_closed:
            raise Panic("LoadProhibited")
        raise AssertionError("it is the socket below that never blocks")

    def write(self, data):
        self.rounds -= 1
        if self.error:
            raise self.error
        return self.raw.write(data) if self.rounds < 0 else None

    def readinto(self, buf):
        return self.raw.readinto(buf)

    def close(self) -> None:
        self.is_closed = True


class Context:
    """A TLS context that keeps the stream it made."""

    def __init__(self, **how) -> None:
        self.how = how
        self.stream = None

    def wrap_socket(self, raw, **options):
        self.stream = Tls(raw, **self.how)
        return self.stream


class Hazard(WithBroker):
    """A session that is open; the clock moves only by sleeping."""

    def setUp(self) -> None:
        super().setUp()
        self.calls = []  # of the client's socket: (method, arguments)
        self.spy("setblocking")
        self.spy("setsockopt")
        self.spy("write")
        self.connect()

    def spy(self, name):
        """Record the calls of a method of sockets that the device makes."""
        real = getattr(net.Socket, name)

        def spied(sock, *arguments):
            if sock._net and len(self.calls) < 200:  # tries that fail go on and on
                self.calls.append((name, None if name in ("write", "readinto") else arguments))
            return real(sock, *arguments)

        self.patch(net.Socket, name, spied)

    def called(self, name):
        return [arguments for method, arguments in self.calls if method == name]

    def lost(self, act, *arguments):
        """Call `act`; the text of the LinkError it must raise, and the milliseconds until then."""
        start = self.clock.now_ms
        text = str(self.raised(LinkError, act, *arguments))
        return text, self.clock.now_ms - start

    def open(self, serve, context=None):
        """Open another session while the broker does as `serve` says."""
        self.session.close()
        self.session = self.make(mqtt="mqtts://127.0.0.1:11883") if context else self.make()
        run(together(self.session.open(context), serve))

    async def accept(self, *answers):
        """Accept a client and give each of its packets the next of these answers."""
        self.broker.peer = await self.broker.accept()
        for answer in answers:
            await self.broker.packet()
            self.broker.peer.send(answer)
