"""What the tests of a boot's past share: a board with any otadata, journal and releases."""

import esp32
import images
import machine
from enos_ota import journal, startup
from helpers import Case

NEW, PENDING, VALID, INVALID, ABORTED = range(5)
WHY = ("enos_boot", "why")
SIGN = "cd" * 32
COMMAND = {"version": "3.0", "sign": SIGN}


class OnChip(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        for module in (startup, journal):
            self.patch(module, "log", lambda level, text: self.lines.append(text))
        self.boot((1, VALID))

    def boot(self, *entries, running="ota_0", cause=machine.HARD_RESET) -> None:
        """A new board with these otadata entries, running a slot with release 1.0.0."""
        machine.State.cause = cause
        self.chip = esp32.power_up()
        self.chip.running = running
        for sector, entry in enumerate(entries):
            if entry:
                self.chip.entry(sector, *entry)
        for slot in ("ota_0", "ota_1"):
            self.put(slot, "1.0.0")

    def put(self, slot, version=None, elf=images.ELF) -> None:
        image = images.image(elf=elf)
        images.put(slot, image)
        images.put(slot, images.record_bytes(image, version) if version else bytes(240), 4096)

    def on_trial(self, **entry) -> None:
        """Release 2.0 runs in ota_1 for the first time; the journal's record, changed by `entry`."""
        self.boot((1, VALID), (2, PENDING), running="ota_1")
        record = {"state": journal.TRIAL, "version": "2.0", "slot": 1, "sign": SIGN}
        record.update(entry)
        journal.save(**record)

    def rolled_back(self, mark=(2, ABORTED), cause=machine.HARD_RESET, **entry) -> None:
        """Release 2.0 was tried in ota_1, and ota_0 runs again; the journal's record, changed by `entry`."""
        self.boot((1, VALID), mark, cause=cause)
        record = {"state": journal.TRIAL, "version": "2.0", "slot": 1, "sign": SIGN}
        record.update(entry)
        journal.save(**record)

    def look_back(self, version="0", watchdog_s=0):
        return startup.look_back(version, watchdog_s)

    def word(self):
        return self.look_back()[3]
