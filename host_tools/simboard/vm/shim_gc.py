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

# Two for blocks of twice the chip's size. Four for the shims, C on the chip: of the bytes that are allocated in an
# upgrade, by `micropython.mem_total`, they take more than three quarters (seen: 87 %).
_CHIP_BYTES = 8


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
