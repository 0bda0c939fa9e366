"""What every shim shares: the flash, the pipe to the supervisor, the board's configuration."""

import json
import time

import vm_idf
import vm_interrupt
from chip import nor, partitions

FOR_EVER_S = 3600


class BoardFlash(nor.Nor):
    """The flash as the running chip reaches it: in reset, nothing goes on."""

    def _check_halted(self):
        while self.halted:
            time.sleep(FOR_EVER_S)


class DatasheetFlash(BoardFlash):
    """One that takes the chip's time: the caller stands still, as nothing runs from flash meanwhile."""

    def _pause(self, kind, address, length):
        time.sleep_us(nor.duration_us(kind, address, length))


class Core:
    """State of one boot. `config` is what the supervisor passed as JSON."""

    def __init__(self, config):
        self.config = config
        self.board = config["board"]
        self.control = open("/dev/fd/%d" % config["control_fd"], "wb")
        self.rtc_memory = open(config["rtc_memory"], "r+b")
        self.clock = open(config["clock"], "r+b") if config["clock"] else None
        self.air = open(config["air"], "rb")
        self.zero = open("/dev/zero", "rb")
        self.volatile = config["volatile"]
        self.heap = None  # set once the shims are loaded
        self.idf = vm_idf.IdfHeap(self)
        self.work = bytearray(nor.SECTOR_BYTES)
        size_bytes = config["flash_bytes"]
        chip = DatasheetFlash if self.board["timing"] == "datasheet" else BoardFlash
        self.flash = chip(open(config["flash"], "r+b"), size_bytes, self.panic)
        self.partitions = partitions.with_vfs(partitions.load(self.flash), size_bytes)
        for entry in self.partitions:
            if entry.label == config["slot"]:
                self.running = entry
        table_end = partitions.TABLE_ADDRESS + nor.SECTOR_BYTES
        self.flash.protected = [(0, table_end), (self.running.address, self.running.end)]

    def send(self, message):
        """Tell the supervisor."""
        self.control.write(message + "\n")

    def stop(self, message):
        """End this boot: the supervisor kills the process on this message. Does not return."""
        vm_interrupt.hold()
        self.flash.halt()
        self.send(message)
        while True:
            time.sleep(FOR_EVER_S)

    def panic(self, reason):
        """What a Guru Meditation is on the chip. Does not return."""
        self.stop("panic " + reason)

    def soft_reset(self):
        """Begin again without the bootloader; radio and watchdog go on. Does not return."""
        self.stop("soft " + json.dumps(self.volatile))

    def leave_repl(self):
        """What ends the VM on the chip: Ctrl-D, or SystemExit. Does not return."""
        vm_interrupt.hold()
        print("MPY: soft reboot")
        self.soft_reset()


core = None


def start(config):
    """Set up `core`."""
    global core
    core = Core(config)
    return core
