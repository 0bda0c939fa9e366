"""More room for Python on a chip without PSRAM, out of memory that it would never get in so small a part.

There the heap begins with 56 KiB and, once full, takes as much again, or all of the largest block that ESP-IDF has
free: what is left is too little for one TLS session. While threads that only wait have nearly all of ESP-IDF's
memory for their stacks, the heap grows by no more than they leave. (`gc_try_add_heap` in py/gc.c,
`gc_get_max_new_split` of the port; seen on MicroPython 1.26.1.)
"""

import gc
import time

from micropython import const

from . import board

_ROOM_BYTES = const(10_240)  # with 14 KB two sessions and Wi-Fi left 15 KB, in a download
_LEAST_BYTES = const(90_000)  # free in one piece: an ESP32 whose heap has not grown
_MOST_BYTES = const(180_000)  # where there is more, the heap may grow as it does
_STACK_BYTES = const(4096)  # the least
_THREADS = const(5)  # ESP-IDF has three regions that matter
_PIECE = const(4096)
_PIECES = const(16)  # more than the whole heap
_PAUSES = const(50)
_PAUSE_MS = const(10)


def make_room() -> None:
    """Once per boot: let the heap grow by 10 KiB, and keep that part by `board.buffer`, which lies in it."""
    free_bytes = board.largest_free_block()
    if board.buffer is not None or not _LEAST_BYTES <= free_bytes < _MOST_BYTES:
        return
    gc.collect()
    try:
        import _thread
    except ImportError:
        return
    gate = _thread.allocate_lock()
    gate.acquire()
    try:
        _take_stacks(_thread, gate)
        board.buffer = _fill()
    except Exception:  # it stays as it is
        pass
    finally:
        gate.release()
    # The stacks are given back by the idle task.
    for _ in range(_PAUSES):
        time.sleep_ms(_PAUSE_MS)
        if board.largest_free_block() > free_bytes - 2 * _ROOM_BYTES:
            break


def _take_stacks(threads, gate) -> None:
    def wait() -> None:
        gate.acquire()
        gate.release()

    try:
        for _ in range(_THREADS):
            excess = board.largest_free_block() - _ROOM_BYTES
            if excess <= 0:
                return
            threads.stack_size(max(excess, _STACK_BYTES))
            threads.start_new_thread(wait, ())
        raise MemoryError
    finally:
        threads.stack_size(0)


def _fill():
    # The piece that made the heap grow, or None. The others are garbage now.
    pieces = []
    free_bytes = board.idf_free_bytes()
    for _ in range(_PIECES):
        pieces.append(bytearray(_PIECE))
        if board.idf_free_bytes() < free_bytes - _PIECE:
            return pieces[-1]
    return None
