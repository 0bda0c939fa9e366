"""One board with its power switch: the bootloader, then boot.py and main.py of the checkout, over and over."""

import asyncio
import os
import random
import sys

import vfs

import esp32
import files
import machine
import network
import play
import unproven
import virtual
import wire
from chip import bootloader, partitions
from chip.partitions import Entry
from enos import Enos
from machine import Reset
from memory import OTADATA
from power import SLOT_BYTES, Power

TABLE = (
    Entry(1, 2, 0x9000, 0x4000, "nvs"),
    Entry(1, 0, OTADATA, 0x2000, "otadata"),
    Entry(1, 1, 0xF000, 0x1000, "phy_init"),
    Entry(0, 0x10, 0x10000, SLOT_BYTES, "ota_0"),
    Entry(0, 0x11, 0x50000, SLOT_BYTES, "ota_1"),
    Entry(1, 0x81, 0x90000, 0x4000, "data"),
)
SLOTS = TABLE[3:5]
FLASH_BYTES = 0x94000
_BOOTS = 16
_MOUNTED = ("/app", "/data", "/rescue")


class Rig(Power):
    """version: the release in the running slot. is_damaged: what boots may be none.

    folder: the workshop's. is_quiet: nothing is printed.
    """

    def __init__(self, folder, versions, is_quiet) -> None:
        super().__init__(FLASH_BYTES)
        self.say = (lambda text: None) if is_quiet else self._say
        self.version = None
        self.is_damaged = False
        self.clock = virtual.Clock(self.watch)
        self.enos = Enos(self.heard)
        self.files = files.Files(self._asked)
        for version in versions:
            self.files.add(version + ".bin", "%s/%s.bin" % (folder, version))
        self._versions = versions
        self._damaged = None
        self._folder = folder
        self._code = [_compiled(folder, name) for name in ("boot", "main")]
        self.state.flash.put(partitions.TABLE_ADDRESS, partitions.encode(TABLE))
        esp32.chip.table = tuple([(e.type, e.subtype, e.address, e.size, e.label) for e in TABLE])
        network.State.known = {"air": "secret"}
        net = wire.Net(self.check_power)
        net.ports = {18883: self.enos.connection, 443: self.files.connection}
        virtual.install(self.clock, None if is_quiet else self._print_exception)
        sys.modules.update({"socket": net, "select": net, "tls": net})

    def leave_host(self) -> None:
        """From now on there are only the files of the board; the modules loaded now are the chip's."""
        vfs.umount("/")
        vfs.mount(vfs.VfsPosix(self._folder + "/root"), "/")
        self._modules = dict(sys.modules)

    def live(self) -> None:
        """Power on; boot until the board has come to rest."""
        del self.problems[:]
        self.is_over = False
        self.life_ms = self.touched_ms = self.clock.now_ms
        machine.State.cause = machine.PWRON_RESET
        self.clock.set(0)
        for _ in range(_BOOTS):
            self.boot()
            if self.is_over:
                return
        self.problem("no end after %d boots" % _BOOTS)

    def boot(self) -> None:
        """One boot, from the bootloader to the next reset."""
        self.boots += 1
        self.clock.now_ms += 500
        self.in_bootloader = self.is_on = True
        machine.State.watchdog_ms = None
        network.State.active = False
        network.State.joined = network.State._pending = None
        play.Role.ran = None
        self.enos.informed = 0
        self.state.flash.fade()
        try:
            self._judge_slots()
            slot = bootloader.boot(self.state.flash, self.say).slot
            self.in_bootloader = False
            if slot is None:
                self.problem("nothing boots")
            esp32.chip.running = slot
            self._judge_boot()
            self._execute()
        except Reset:
            pass
        self.is_on = False

    def begin(self) -> None:
        """From now on no slot may hold what would be started and is no release, but for those that do already."""
        self._damaged = unproven.find(self, SLOTS)

    def _judge_slots(self) -> None:
        if self._damaged is None:
            return
        for one in unproven.find(self, SLOTS):
            if one not in self._damaged:
                self.problem("%s would be started, and nobody proved it" % one[0])

    def _judge_boot(self) -> None:
        self.version = self.version_in(esp32.chip.running)
        self.say(
            "-- boot %d: %s in %s, %s"
            % (self.boots, self.version, esp32.chip.running, self.otadata())
        )
        first, second = self.state.entries()
        if first.valid and second.valid and first.sequence == second.sequence:
            self.problem("both otadata entries have sequence %d" % first.sequence)
        if self.version is None and not self.is_damaged:
            self.problem("%s boots, which is no whole release" % esp32.chip.running)

    def _execute(self) -> None:
        sys.path[:] = ["", ".frozen", "/lib"]
        asyncio.new_event_loop()
        scope = {"__name__": "__main__"}
        try:
            for code in self._code:
                self.check_power()
                exec(code, scope)
            self.problem("the board stands at a prompt")
        finally:
            self.is_on = False
            for folder in _MOUNTED:
                try:
                    vfs.umount(folder)
                except OSError:
                    pass
            sys.modules.clear()
            sys.modules.update(self._modules)
            asyncio.core.cur_task = None
            os.chdir("/")

    def version_in(self, label):
        """The release that a slot holds, byte by byte, or None."""
        for version in self._versions:
            if self._holds(label, version):
                return version
        return None

    def otadata(self):
        """(sequence, state) of both entries, None for one that is none."""
        return [(e.sequence, e.state) if e.crc_right else None for e in self.state.entries()]

    def _holds(self, label, version) -> bool:
        name = version + ".bin"
        wanted, found = _WANTED, _FOUND
        start = address_of(label)
        flash = self.state.flash.file
        for offset in range(0, self.files.size(name), len(wanted)):
            count = self.files.read(name, offset, wanted)
            flash.seek(start + offset)
            flash.readinto(found)
            if wanted != found and wanted[:count] != found[:count]:
                return False
        return True

    def _asked(self, name, first) -> bool:
        # Whether it is the proof of the download path: an image in its trial asks for its own file.
        self.say("-- asked for %s from byte %d" % (name, first))
        return name == "%s.bin" % self.version

    def _print_exception(self, error, *file) -> None:
        if self.is_on:  # else it is the dying code that is surprised
            sys.print_exception(error)

    def _say(self, text) -> None:
        print("%8.2f %s" % (self.clock.passed_ms() / 1000, text))


_WANTED, _FOUND = bytearray(16384), bytearray(16384)


def address_of(label):
    """Where a partition begins."""
    return next(entry.address for entry in TABLE if entry.label == label)


def seed(number) -> None:
    """Make the board's dice fall the same each time."""
    random.seed(number)


def _compiled(folder, name):
    with open("%s/%s.py" % (folder, name)) as file:
        return compile(file.read(), name + ".py", "exec")
