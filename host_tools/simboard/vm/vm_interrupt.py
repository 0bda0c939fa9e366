"""Ctrl-C: held back while the chip would run C, and where the supervisor sets it off.

A signal would jump out of whatever C function runs, the collector included. So the supervisor writes, as
an interrupt of the chip does, what the VM looks at after each jump (py/scheduler.c).
"""

import sys
from _thread import get_ident

import micropython
import uctypes

# How often on the first thread, where KeyboardInterrupt is raised, and on others; whether a Ctrl-C waits for
# the release; whether in a flash operation on the first thread, and on others.
held = bytearray(5)
_WANTED = 2
_FLASH = 3
_FIRST_THREAD = get_ident()
_EXCEPTION_BYTES = 32
_TRACEBACK = 16
_THREAD_WORDS = 128  # more than the state of a thread has, before that of the VM
_VM_BYTES = 2048
_IDLE = 1
_PENDING = 0
_LOCKED = -1
_places = None


def hold():
    """Let Ctrl-C wait until `release`. Allocates nothing."""
    held[get_ident() != _FIRST_THREAD] += 1
    try:
        if held[0]:  # the first jump: where strikes what was sent before
            return
    except KeyboardInterrupt:
        held[_WANTED] = 1


def release():
    """End what `hold` began."""
    if held[0] == 1 and not held[_FLASH]:
        _set_off()
    held[get_ident() != _FIRST_THREAD] -= 1  # from `set_off` to here no jump


def begin_flash():
    """`hold` for a flash operation, which cannot be in another one; what it raises may end it, too.

    LittleFS calls them all the time: a `try` there would cost heap, as the frame would be too large.
    """
    held[_FLASH + (get_ident() != _FIRST_THREAD)] = 1
    try:
        if held[_FLASH]:
            return
    except KeyboardInterrupt:
        held[_WANTED] = 1


def end_flash():
    """End what `begin_flash` began."""
    if not held[0]:
        _set_off()
    held[_FLASH + (get_ident() != _FIRST_THREAD)] = 0


def _set_off():
    if held[_WANTED] and _places and get_ident() == _FIRST_THREAD:
        held[_WANTED] = 0
        _places.set_off()


class _Whole:
    """What is done in `with whole:` is not interrupted, as C is not."""

    def __enter__(self):
        hold()

    def __exit__(self, kind, value, trace):
        release()


whole = _Whole()


class _Places:
    """Where the VM keeps the exception that is pending, KeyboardInterrupt's, the scheduler's state."""

    def __init__(self, pending, exception, state):
        self.addresses = pending, exception, state
        self._exception = exception
        self._pending = _array(pending, uctypes.UINT64, 1)
        self._traceback = _array(exception + _TRACEBACK, uctypes.UINT64, 1)
        self._state = _array(state, uctypes.INT16, 1)

    def set_off(self):
        """Let the next jump raise KeyboardInterrupt: none may be in here."""
        self._traceback[0] = 0
        self._pending[0] = self._exception
        self._state[0] = min(self._state[0], _PENDING)

    def work(self):
        """Whether it does so."""
        try:
            self.set_off()
            for _ in range(2):
                pass
        except KeyboardInterrupt:
            return True
        self._pending[0] = 0
        return False


def find():
    """Find the places; without them Ctrl-C is a signal, which may break the VM."""
    global _places
    modules = id(sys.modules)  # within the state of the VM, behind the exception (py/mpstate.h)
    words = _array(modules - 8 * _THREAD_WORDS, uctypes.UINT64, _THREAD_WORDS)
    state = _find_state(modules)
    if words[_THREAD_WORDS - _EXCEPTION_BYTES // 8] != id(KeyboardInterrupt) or not state:
        return
    for i in range(_THREAD_WORDS - 4, 0, -1):
        if words[i] == id(globals()) and not words[i + 3]:  # behind it: two of nlr, this
            pending = modules - 8 * (_THREAD_WORDS - i - 3)
            places = _Places(pending, modules - _EXCEPTION_BYTES, state)
            if places.work():
                _places = places
            return


def addresses():
    """Of `held` and of the places, 0 if not found."""
    return (uctypes.addressof(held),) + (_places.addresses if _places else (0, 0, 0))


def _array(address, kind, count):
    return uctypes.struct(address, {"all": (uctypes.ARRAY, kind | count)}, uctypes.NATIVE).all


def _find_state(start):
    """The scheduler is idle now, and locked while something scheduled runs."""
    count = _VM_BYTES // 2
    halves = _array(start, uctypes.INT16, count)
    found = [i for i in range(count) if halves[i] == _IDLE]
    locked = []

    def look(_):
        locked.extend([i for i in found if halves[i] == _LOCKED])

    micropython.schedule(look, None)
    for _ in range(2):
        pass
    return start + 2 * locked[0] if len(locked) == 1 else 0
