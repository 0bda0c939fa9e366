"""Byte loops that are too slow in bytecode: viper on the board, big integers on the host."""

try:
    from vm_viper import and_into as and_into  # type: ignore[import-not-found]  # noqa: PLC0414
    from vm_viper import xor_words as xor_words  # noqa: PLC0414
except ImportError:

    def and_into(target: memoryview, source: memoryview, length: int) -> None:
        """AND the first `length` bytes of `source` into `target`."""
        old = int.from_bytes(target[:length], "little")
        new = int.from_bytes(source[:length], "little")
        target[:length] = (old & new).to_bytes(length, "little")

    def xor_words(data: memoryview, length: int) -> int:
        """XOR of the first `length` bytes, a multiple of 4, as one byte."""
        value = int.from_bytes(data[:length], "little")
        bits = 8
        while bits < length * 8:
            bits *= 2
        while bits > 8:
            bits //= 2
            value = (value >> bits) ^ (value & ((1 << bits) - 1))
        return value
