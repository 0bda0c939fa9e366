"""What the chip does around the code: it sees each operation, ends boots, and knows when all is quiet."""

import esp32
import machine
import play
from chip import otadata
from machine import Reset
from memory import ERASE, NVS, PROGRAM, State, Tape

SLOT_BYTES = 0x40000
_QUIET_MS = 4000
_LIFE_MS = 1_200_000
_COMMANDS = (("enos_ota", "command"), ("enos_ota", "next"))
_MAGIC = 0xE9  # first byte of an image
_PROVEN = 3  # state of the device's journal from the end of its verification on


class Note:
    """What else there is to know when an operation begins: boot, time, who does it, what EnOS and server know."""

    def __init__(self, rig) -> None:
        self.boot = rig.boots
        self.resets = rig.resets
        self.in_bootloader = rig.in_bootloader
        self.now_ms = rig.clock.now_ms
        self.enos = rig.enos.knows()
        self.files = rig.files.knows()

    def tells_more(self, than) -> bool:
        """Whether EnOS or the server has learned something since an earlier note."""
        return self.enos != than.enos or self.files != than.files


class Nvs:
    """The NVS of the chip: a dict that tells the rig of each change before it happens."""

    def __init__(self, rig, held) -> None:
        self._rig = rig
        self._held = held

    def get(self, place, default=None):
        self._rig.check_power()
        return self._held.get(place, default)

    def __contains__(self, place) -> bool:
        return place in self._held

    def __setitem__(self, place, value) -> None:
        self._rig.before_nvs(place, value)
        self._held[place] = value

    def __delitem__(self, place) -> None:
        self._rig.before_nvs(place, None)
        del self._held[place]


class Power:
    """A board's supply, and what it does to the code that runs.

    state: what the board keeps. problems: what went wrong, in words. cut: a function of (kind, place) that says
    whether power fails right before an operation; or None. rested: a function of the rig that says whether the
    board may be where it belongs. boots, resets: how many, and how many that nobody asked for.
    """

    def __init__(self, flash_bytes) -> None:
        self.state = State(flash_bytes)
        self.tape = Tape()
        self.problems = []
        self.cut = self.rested = None
        self.is_on = self.is_over = self.in_bootloader = False
        self.boots = self.resets = 0
        chip = esp32.chip
        chip.nor = self.state.flash
        chip.nor.before, chip.nor.check = self.before_flash, self.check_power
        chip.nvs = Nvs(self, self.state.nvs)
        esp32.Aborted = (
            self.problem
        )  # whoever writes the running slot; /main.py would only see a reset
        machine.State.rig = self

    def check_power(self) -> None:
        """Nothing happens on a board that is off."""
        if not self.is_on:
            raise Reset

    def end_boot(self, cause) -> None:
        """The chip resets: whatever still runs does nothing any more."""
        if self.is_on:
            self.say("-- reset, cause %d" % cause)
            machine.State.cause = cause
            self.is_on = False
        raise Reset

    def problem(self, text) -> None:
        """Note it, and stop."""
        self.say("-- PROBLEM: " + text)
        self.problems.append(text)
        self.is_over = True
        if self.is_on:
            self.end_boot(machine.PWRON_RESET)

    def before_nvs(self, place, value) -> None:
        """NVS is about to change."""
        self.check_power()
        self._stop_at(NVS, place)
        self.say("-- NVS %s = %r" % (place, value))
        self.tape.nvs(place, value, self.note())

    def before_flash(self, kind, address, length, data) -> None:
        """Flash is about to change."""
        self.check_power()
        self._stop_at(kind, address)
        if not self.in_bootloader:
            self._guard(kind, address, data)
        self.say("-- %s 0x%x, %d bytes" % (kind, address, length))
        self.clock.now_ms += 45 if kind == ERASE else 3
        self.tape.flash(kind, address, length, data, self.note())

    def note(self):
        """What is known at this moment, at which something happens."""
        self.touched_ms = self.clock.now_ms
        return Note(self)

    def watch(self) -> None:
        """Time has passed."""
        now = self.clock.now_ms
        self.check_power()
        machine.watch(now)
        is_quiet = now - self.touched_ms > _QUIET_MS and self.enos.informed
        if is_quiet and self.rested(self) and self._is_settled():
            self.is_over = True
            self.end_boot(machine.PWRON_RESET)
        if now - self.life_ms > _LIFE_MS:
            self.problem("nothing comes to an end")

    def is_pending(self) -> bool:
        """Whether the running image is on trial."""
        return otadata.PENDING_VERIFY in [
            entry.state
            for entry in self.state.entries()
            if entry.crc_right and "ota_%d" % otadata.slot_of(entry, 2) == esp32.chip.running
        ]

    def heard(self, word) -> None:
        """EnOS has heard something that matters."""
        self.touched_ms = self.clock.now_ms
        self.say("-- EnOS hears %s" % (word,))
        if word == ("inform", play.Role.ran) and self.is_pending():
            self.problem("informed %s while it was on trial" % word[1])

    def _stop_at(self, kind, place) -> None:
        if self.cut and self.cut(kind, place):
            self.cut = None
            self.is_over = True
            self.end_boot(machine.PWRON_RESET)

    def _guard(self, kind, address, data) -> None:
        other = 0x50000 if esp32.chip.running == "ota_0" else 0x10000
        if other <= address < other + SLOT_BYTES and self.is_pending():
            self.problem("the way back was written in a trial, at 0x%x" % address)
        is_armed = kind == PROGRAM and address == other and data[0] == _MAGIC
        if is_armed and self.state.journal().get("state") != _PROVEN:
            self.problem("the new slot was armed before it was verified")

    def _is_settled(self) -> bool:
        nvs = self.state.nvs
        return not (self.state.journal().get("state") or [key for key in _COMMANDS if key in nvs])
