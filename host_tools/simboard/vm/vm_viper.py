"""The byte loops of `chip.accel` for the VM."""

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
