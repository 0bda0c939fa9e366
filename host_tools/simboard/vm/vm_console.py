"""The serial console with the VM's REPL behind it: what is no text is printed in frames.

The supervisor makes of it what a chip prints (`console_text`).
"""

import io
import sys

import vm_interrupt

_ESCAPE = 0xFF  # never in UTF-8


def start(core):
    """From now on the supervisor passes on what is typed."""
    sys.atexit(core.leave_repl)
    core.send("console %d %d %d %d" % vm_interrupt.addresses())


def begin_repl(unix_banner, banner):
    """The REPL is next; it prints a banner in place of which another one is to be shown."""
    _frame("R", unix_banner + "\n" + banner)


def _frame(kind, data):
    head = bytearray(4)
    head[0] = _ESCAPE
    head[1] = ord(kind)
    head[2:] = len(data).to_bytes(2, "big")
    sys.stdout.buffer.write(head)
    sys.stdout.buffer.write(data)


class _Buffer(io.IOBase):
    """`sys.stdout.buffer`: bytes arrive as they are."""

    _KIND = "B"

    def write(self, data, *limits):
        view = memoryview(data)
        if limits:
            start = limits[0] if len(limits) > 1 else 0
            view = view[start : start + limits[-1]]
        for start in range(0, len(view), 0xFFFF):
            _frame(self._KIND, view[start : start + 0xFFFF])
        return len(view)


class Stdout(_Buffer):
    """`sys.stdout`: its lines end as those of `print` do."""

    _KIND = "T"
    buffer = _Buffer()
