"""The state machine of one upgrade: fetch, verify, switch; the next state is stored before the act.

A reset in any of them is followed by the same upgrade, from what the journal says.

Each act is a module of its own that is loaded for its time: what is not needed while bytes arrive must not
take the memory of the connection.
"""

import time

from micropython import const

from . import board, forget
from .errors import BurnError, GaveUpError, VerifyError
from .log import log

_FETCH = const(1)  # states of the journal
_VERIFY = const(2)
_TRIAL = const(3)
_BLOCK = const(65_536)
_BLOCKS = "blocks"  # the journal's, which is not loaded while bytes arrive


class Upgrade:
    """One upgrade to `firmware` through `buf` (4 KiB).

    Attributes, for the acts: agent, firmware, buf; target, the slot written to; size_bytes of the file;
    position and erased, how far the slot holds it and is blank behind it; headers still to come of the
    image (the padding counts as one; 0 before preflight) and the offset of the next_header; is_resumed, whether
    what the slot holds came in pieces that may not fit together; is_judged, whether the end of the file was;
    rewritten, how often a sector had to be programmed again; connections made; said, the last percent reported.
    """

    def __init__(self, agent, firmware, buf: bytearray) -> None:
        self.agent = agent
        self.firmware = firmware
        self.buf = buf
        self.target = board.running().get_next_update()
        self.size_bytes = self.rewritten = self.connections = 0
        self.is_resumed = self.is_judged = False
        self.said = -1
        self.position = self.erased = self.headers = self.next_header = 0
        self._start_ms = time.ticks_ms()

    async def run(self) -> None:
        """Fetch, verify, switch: ends in a reset, or raises one of `errors`.

        Raises: StarvedError where it does not fit beside the application, even with the MQTT session closed.
        """
        second = False
        try:
            state = self._claim()
            while True:
                try:
                    await self._act(state)
                    state += 1
                except VerifyError as error:
                    if second or not self.is_resumed:
                        raise
                    log("W", "once more from the first byte: %s" % error)
                    second = True
                    self.rewind()
                    state = _FETCH
                self._store(state)
        except OSError as error:
            raise BurnError("NVS or flash: %s" % error) from None

    def rewind(self) -> None:
        """Nothing of the file is in the slot any more.

        Raises: OSError when NVS is full or broken.
        """
        board.save_int(_BLOCKS, 0)
        self.position = self.erased = self.headers = self.next_header = 0
        self.is_resumed = self.is_judged = False

    def keep_block(self) -> None:
        """The slot holds one more block of 64 KiB, read back as written: a reset need not fetch it again."""
        try:
            board.save_int(_BLOCKS, self.position // _BLOCK)
        except OSError as error:
            log("W", "a reset would fetch this block again: %s" % error)

    def check_time(self) -> None:
        """Raises: GaveUpError (step -7) once EnOS has given the upgrade up too."""
        limit_s = self.agent.config.upgrade_timeout_s
        if time.ticks_diff(time.ticks_ms(), self._start_ms) > limit_s * 1000:
            raise GaveUpError("not done within %d s" % limit_s)

    def _claim(self) -> int:
        from .resume import claim

        state = claim(self)
        claim = None  # type: ignore
        forget()
        return state

    def _store(self, state: int) -> None:
        forget()
        from .resume import store

        store(self, state)
        store = None  # type: ignore
        forget()

    def _act(self, state: int):
        if state == _FETCH:
            from .fetch import fetch as act
        elif state == _VERIFY:
            from .verify import verify as act
        else:
            from .switch import switch as act
        return act(self)
