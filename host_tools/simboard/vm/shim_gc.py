"""Module `gc`: the collector with the heap of the chip."""

from gc import (
    # The real one: a frame of ours would hold what the C stack still shows of earlier calls.
    collect,
    disable,
    enable,
    isenabled,
    threshold,
)

from vm_core import core


def mem_alloc():
    """Bytes in use, garbage included."""
    return core.heap.used_bytes()


def mem_free():
    """Free bytes of the heap there is, and the largest block it could grow into.

    The first part counts in the VM's words of 64 bits, the second in the chip's.
    """
    return core.heap.free_bytes() + core.idf.largest()
