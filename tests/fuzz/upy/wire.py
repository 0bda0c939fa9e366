"""The network of a case: a server that answers each request with the next thing that the case says.

Stands for the modules `socket` and `select`; made of the unit tests' `net`.
"""

import errno
import sys

import net
from rig import clock, meter

END, RESET, SILENCE, AGAIN = range(4)
"""What follows the last answer: the end, a reset, silence for ever, or its last bytes again and again."""
_CLOSES = 4
"""Added to one of these: it follows every answer."""
_AGAIN_BYTES = 64
_STALL_BYTES = 20_000
_SILENT_MS = 200


class Wire(net.Socket):
    """One connection: answers arrive in pieces, with a pause between them. Reading takes no memory."""

    def __init__(self, net) -> None:
        super().__init__(net)
        self._queue = []  # of what is still to arrive
        self._data = memoryview(b"")
        self._at = self._arrived = 0
        self._sent_bytes = 0

    def connect(self, address) -> None:
        raise OSError(errno.EINPROGRESS)

    def readinto(self, buf):
        meter.step()
        if self._closed:
            raise OSError(errno.EBADF)
        if self._at == len(self._data):
            if self._queue:
                self._data = memoryview(self._queue.pop(0))
                self._at = self._arrived = 0
            elif self._net.is_over() and self._net.ending & 3 == END:
                return 0
            elif not self._net.is_over() or not self._comes_again():
                clock.now_ms += _SILENT_MS  # nothing comes: the case shall not take long
                return None
        if self._at >= self._arrived:
            self._arrived = self._at + (self._net.piece or len(self._data))
            if self._net.piece or not len(self._data):
                return None
        count = min(len(buf), self._arrived - self._at, len(self._data) - self._at)
        buf[:count] = self._data[self._at : self._at + count]
        self._at += count
        return count

    def _comes_again(self) -> bool:
        if self._net.ending & 3 == RESET:
            raise OSError(errno.ECONNRESET)
        if self._net.ending & 3 != AGAIN or not len(self._data):
            return False
        self._at = max(0, len(self._data) - _AGAIN_BYTES)
        clock.now_ms += 1  # no network is faster than that
        return True

    def write(self, data):
        meter.step()
        if self._closed:
            raise OSError(errno.EBADF)
        if self._sent_bytes > _STALL_BYTES:
            return None
        self._sent_bytes += len(data)
        answer = self._net.on_write(data)
        if isinstance(answer, tuple):
            self._queue += answer
        elif answer and self._net.answers:
            self._queue.append(self._net.answers.pop(0))
        return len(data)


class Net(net.Net):
    """answers: of the server, in turn, one for each request. peers: (host, port) of each connection.

    on_write(data) sees all that is written, a packet or a request at a time: it says whether that is answered, or
    what is, as a tuple.
    """

    def __init__(self, answers, ending, piece) -> None:
        super().__init__()
        self.answers = list(answers)
        self.ending = ending
        self.piece = piece
        self.peers = []
        self.on_write = lambda data: True

    def is_over(self) -> bool:
        """Whether the server does what follows its last answer."""
        return not self.answers or bool(self.ending & _CLOSES)

    def getaddrinfo(self, host, port, *rest):
        # As on the chip: a port that is no small int is taken for text, one that is none is refused.
        if not -0x40000000 <= port < 0x40000000:
            raise TypeError("can't convert 'int' object to str implicitly")
        if not host or len(host) > 255 or not 0 < port < 65536:
            raise OSError(-202)
        self.peers.append((host, port))
        return [(2, 1, 6, "", port)]

    def socket(self):
        meter.step(100)
        return Wire(self)


def install(parts):
    """A net for a case whose first part is a `mode`; the others are answers."""
    ending, piece = (parts[0][0] & 7, parts[0][1]) if len(parts[0]) > 1 else (END, 0)
    made = Net(parts[1:], ending, piece)
    sys.modules.update({"socket": made, "select": made})
    return made


def mode(dice, usual=END) -> bytes:
    """A first part for `install`: how connections end, and how large pieces are (0: answers come at once)."""
    ending = dice.often(usual, END, RESET, SILENCE, SILENCE, AGAIN) + dice.often(0, _CLOSES)
    return bytes((ending, dice.often(0, 1, 3, 64, dice.below(256))))
