"""Module `gc`: the collector with the heap of the chip."""

from gc import (
    # The real one: a frame of ours would hold what the C stack still shows of earlier calls.
    collect,
    disable,
    enable,
    isenabled,
)
from gc import threshold as _threshold

from vm_core import core

# Two for blocks of twice the chip's size; the rest for the shims, C on the chip: in an upgrade they allocate more
# than the device code does, also by the VM's count of bytes (`micropython.mem_total`).
_CHIP_BYTES = 4


def mem_alloc():
    """Bytes in use, garbage included."""
    return core.heap.used_bytes()


def mem_free():
    """Free bytes of the heap there is, and the largest block it could grow into.

    The first part counts in the VM's words of 64 bits, the second in the chip's.
    """
    return core.heap.free_bytes() + core.idf.largest()


def threshold(*size_bytes):
    """Collect after so many bytes."""
    if size_bytes:
        return _threshold(*[size if size < 0 else size * _CHIP_BYTES for size in size_bytes])
    return _threshold() // _CHIP_BYTES
