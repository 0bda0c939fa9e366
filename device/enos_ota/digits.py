"""Numbers in what servers say. A module of its own: small enough to be loaded by each that needs it."""

from micropython import const

_MOST = const(0x3FFFFFFF)  # what a 32-bit chip counts without allocating


def number(text: str, base: int = 10) -> int:
    """What plain digits say; -1 for anything else, and for what no file has bytes."""
    text = text.lower()
    if not text or text.strip("0123456789abcdef"[:base]):
        return -1
    value = int(text, base)
    return value if value <= _MOST else -1
