"""Stands for the simulator's viper loops: plain bytecode, which allocates nothing either."""


def and_into(target, source, length) -> None:
    """AND the first `length` bytes of `source` into `target`."""
    for i in range(length):
        target[i] &= source[i]


def xor_words(data, length):
    """XOR of the first `length` bytes."""
    value = 0
    for i in range(length):
        value ^= data[i]
    return value
