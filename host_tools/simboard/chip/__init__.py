"""Rules of the chip that hold on both sides: read by CPython and by MicroPython alike."""
