"""Loops over many bytes: those of `chip.accel` for the VM, and one of the collector's table."""

import micropython


@micropython.viper
def and_into(target: ptr8, source: ptr8, length: int):
    words = length >> 2
    target32 = ptr32(target)
    source32 = ptr32(source)
    i = 0
    while i < words:
        target32[i] = target32[i] & source32[i]
        i += 1
    i = words << 2
    while i < length:
        target[i] = target[i] & source[i]
        i += 1


@micropython.viper
def xor_words(data: ptr32, length: int) -> int:
    words = length >> 2
    value = 0
    i = 0
    while i < words:
        value ^= data[i]
        i += 1
    return (value ^ (value >> 8) ^ (value >> 16) ^ (value >> 24)) & 0xFF


@micropython.viper
def has_run(table: ptr32, words: int, run: int) -> bool:
    """Whether a collection that has marked, and not yet swept, frees `run` words of the table in a row.

    Two bits a block: 0 free, 1 head, 2 tail, 3 marked head. Allocates nothing.
    """
    found = 0
    keep = 0
    i = 0
    while i < words:
        word = table[i]
        if word & (word >> 1) & 0x55555555 or (keep and word & 3 == 2):
            found = 0
            keep = (word >> 31) & 1  # what ends the word goes on, perhaps
        else:
            keep = 0
            found += 1
            if found == run:
                return True
        i += 1
    return False
