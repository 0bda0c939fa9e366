"""Module `esp`: the flash as a whole (mpy:ports/esp32/modesp.c)."""

from vm_core import core


def flash_size():
    """Bytes of flash, by the bootloader's header."""
    return core.config["flash_bytes"]


def flash_read(offset, buf):
    """Fill `buf`: any length, any offset."""
    core.flash.read(offset, buf)


def osdebug(level):
    """IDF's log goes nowhere here."""
