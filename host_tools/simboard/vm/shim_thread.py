"""Module `_thread`: a stack in the IDF heap for each thread."""

import _thread
from _thread import LockType, allocate_lock, exit, get_ident

import shim_sys
from vm_core import core
from vm_idf import STACK_BYTES

_LEAST_BYTES = 4 * 1024
_stack_bytes = STACK_BYTES


def stack_size(size=0):
    """Size of the stacks to come, 0 for the default; returns the one before."""
    global _stack_bytes
    before = _stack_bytes
    _stack_bytes = max(size, _LEAST_BYTES) if size else STACK_BYTES
    return before


def start_new_thread(function, args, kwargs=None):
    """Run `function` in a thread of its own."""
    size = _stack_bytes
    core.heap.look()
    if not core.idf.stack(size):
        raise OSError("can't create thread")
    try:
        return _thread.start_new_thread(_run, (size, function, args, kwargs or {}))
    except BaseException:
        core.idf.stack(-size)
        raise


def _run(size, function, args, kwargs):
    try:
        function(*args, **kwargs)
    except SystemExit:
        pass
    except BaseException as error:
        print("Unhandled exception in thread started by", function)
        shim_sys.print_exception(error)
    finally:
        core.idf.stack(-size)
