"""The state machine of one upgrade: fetch, verify, switch; the next state is stored before the act."""

import asyncio
import binascii
import time

from micropython import const

from . import board, journal, otadata
from .errors import BurnError, LinkError, UpgradeError, VerifyError
from .image import Image, read_record
from .log import log
from .slot import SlotWriter
from .source import Source

_TRIES = const(5)  # connections in a row that brought no byte
_RETRY_MS = const(1000)
_LEAST_GAIN = const(5)  # percent between reports
_LEAST_MS = const(2000)
_DOWNLOADED = const(98)  # 99 is said by the new image on trial, 100 by the one that stays
_FLUSH_MS = const(300)  # for the last progress to leave before the reset

# state -> (act, next state when it succeeds). An error in any of them leads to REPORT, by the agent.
_TABLE = {
    journal.FETCH: ("_fetch", journal.VERIFY),
    journal.VERIFY: ("_verify", journal.TRIAL),
    journal.TRIAL: ("_switch", None),
}


class Upgrade:
    """One upgrade to `firmware` through `buf` (4 KiB).

    Ends in a reset, or raises one of `errors` for the agent to report.
    """

    def __init__(self, agent, firmware, buf: bytearray) -> None:
        self._agent = agent
        self._firmware = firmware
        self._target = board.running().get_next_update()
        self._writer = SlotWriter(self._target, buf)
        self._said = -1  # percent
        self._due_ms = time.ticks_ms()

    async def run(self) -> None:
        """Fetch, verify, switch. Raises: UpgradeError and its kin."""
        otadata.refuse_on_trial()
        state: int | None = journal.FETCH
        try:
            while state is not None:
                journal.save(
                    state=state,
                    slot=board.slot_index(self._target),
                    version=self._firmware.version,
                    desc="",
                )
                act, state = _TABLE[state]
                await getattr(self, act)()
        except OSError as error:
            raise BurnError("NVS or flash: %s" % error) from None

    async def _fetch(self) -> None:
        source = Source(self._agent.config, self._agent.context, self._firmware.file_url)
        writer = self._writer
        fruitless = 0
        try:
            while True:
                before = writer.position
                try:
                    await self._stream(source, writer)
                    return
                except LinkError as error:
                    source.http.close()
                    fruitless = 0 if writer.position > before else fruitless + 1
                    if fruitless >= _TRIES:
                        raise
                    log("W", "download at byte %d: %s" % (writer.position, error))
                    await asyncio.sleep_ms(_RETRY_MS << fruitless)
        finally:
            source.http.close()

    async def _stream(self, source, writer) -> None:
        total_bytes = await source.open(writer.position)
        self._check_size(total_bytes)
        http = source.http
        while http.left_bytes:
            space = writer.space()
            writer.taken(http.receive_now(space) or await http.receive(space))
            self._report(writer.position * _DOWNLOADED // total_bytes)
            await asyncio.sleep_ms(0)
        if writer.position < total_bytes:
            raise LinkError("the answer ended early")
        writer.finish()
        self._due_ms = time.ticks_ms()
        self._report(_DOWNLOADED)

    def _report(self, step: int) -> None:
        # After 5 % more, or after 2 s if it changed; it never falls.
        gain = step - self._said
        now = time.ticks_ms()
        if gain >= _LEAST_GAIN or (gain > 0 and time.ticks_diff(now, self._due_ms) >= 0):
            self._said = step
            self._due_ms = time.ticks_add(now, _LEAST_MS)
            self._agent.report(step, self._firmware.version + ": downloading")

    def _check_size(self, total_bytes: int) -> None:
        commanded = self._firmware.size_bytes
        if commanded is not None and commanded != total_bytes:
            raise VerifyError("the file has %d bytes, not %d" % (total_bytes, commanded))
        room = self._target.info()[3]
        if total_bytes > room:
            raise UpgradeError("%d bytes do not fit a slot of %d" % (total_bytes, room))

    async def _verify(self) -> None:
        firmware = self._firmware
        found = binascii.hexlify(await self._writer.digest(firmware.sign_method)).decode()
        if found != firmware.sign:
            raise VerifyError("%s is not the commanded one" % firmware.sign_method)
        image = Image(self._target)
        if image.length_bytes > self._writer.position:
            raise VerifyError("the file ends before its image")
        if image.chip_id != Image(board.running()).chip_id:
            raise UpgradeError("the image is for another chip")
        record = read_record(self._target, image)
        if record is None:
            board.save_blob(
                "plain%d" % board.slot_index(self._target),
                image.elf_digest + firmware.version.encode(),
            )
        elif record[0] != firmware.version:
            raise VerifyError("the file holds version " + record[0])
        log("I", "verified: %d bytes, %s" % (self._writer.position, firmware.sign_method))

    async def _switch(self) -> None:
        log("I", "switch to the new slot and reset")
        board.save_blob("why", b" ", board.STUBS)  # what an earlier boot died of
        await asyncio.sleep_ms(_FLUSH_MS)
        # Nothing may come between: another command would write the slot that is selected now.
        otadata.select(self._target)
        self._agent.session.close()
        board.reset()
