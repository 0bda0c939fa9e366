"""Random choices that are the same for the same seed on every VM, and what can be done to bytes."""

_MASK = 0xFFFFFFFF

# Where parsers go wrong: the edges of what a field can hold.
EDGES = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    15,
    16,
    31,
    32,
    63,
    64,
    127,
    128,
    255,
    256,
    4095,
    4096,
    4097,
    65535,
    65536,
)
WORDS = EDGES + (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x3FFFFFFF, 0x40000000, 0xFFFFFFF0)


class Dice:
    """Xorshift with 32 bits: no dependence on a VM's `random`, and no allocation.

    Cases differ in how much is wrong with them: what goes wrong at the first byte never gets far.
    """

    def __init__(self, seed=1) -> None:
        self.seed(seed)

    def seed(self, seed) -> None:
        """Begin anew."""
        self._state = (seed ^ 0x9E3779B9) & _MASK or 1
        for _ in range(4):
            self.bits()
        self._calm = self.pick((1, 2, 6, 24))

    def bits(self) -> int:
        """32 random bits."""
        x = self._state
        x ^= (x << 13) & _MASK
        x ^= x >> 17
        x ^= (x << 5) & _MASK
        self._state = x
        return x

    def below(self, count) -> int:
        """A number from 0 to `count` - 1."""
        return (self.bits() >> 3) % count

    def between(self, least, most) -> int:
        """A number from `least` to `most`, both included."""
        return least + self.below(most - least + 1)

    def one_in(self, count) -> bool:
        """True once in `count` times, on the average."""
        return not self.below(count)

    def wrong(self, count) -> bool:
        """Whether to get something wrong: once in `count` times in a wild case, more seldom in a calm one."""
        return self.one_in(count * self._calm)

    def pick(self, choices):
        """One of `choices`."""
        return choices[self.below(len(choices))]

    def often(self, usual, *others):
        """`usual` four times out of five or more, else one of the others."""
        return self.pick(others) if self.wrong(5) else usual

    def few(self, most) -> int:
        """A number from 0 to `most`, the small ones far more often."""
        return self.below(self.between(1, most + 1))

    def bytes(self, count) -> bytes:
        """`count` random bytes."""
        out = bytearray(count)
        for i in range(count):
            out[i] = self.bits() & 0xFF
        return bytes(out)

    def word(self) -> int:
        """A 32-bit number: mostly an edge, or one beside it."""
        if self.one_in(4):
            return self.bits()
        return (self.pick(WORDS) + self.pick((0, 0, 0, 1, -1, 2, -2))) & _MASK


def mutate(dice, data, most=4) -> bytes:
    """`data` after 1 to `most` changes."""
    for _ in range(dice.between(1, most)):
        data = dice.pick(_CHANGES)(dice, data)
    return data


def maybe(dice, data, count=4) -> bytes:
    """`data`, mutated once in `count` times or more seldom."""
    return mutate(dice, data) if dice.wrong(count) else data


def _flip(dice, data):
    if not data:
        return dice.bytes(1)
    out = bytearray(data)
    out[dice.below(len(out))] ^= 1 << dice.below(8)
    return bytes(out)


def _set(dice, data):
    if not data:
        return dice.bytes(2)
    out = bytearray(data)
    out[dice.below(len(out))] = dice.pick((0, 1, 0x7F, 0x80, 0xFF, 10, 13, 32, dice.below(256)))
    return bytes(out)


def _insert(dice, data):
    at = dice.below(len(data) + 1)
    more = dice.pick(
        (dice.bytes(1 + dice.few(8)), b"\x00", b"\xff\xff", b"\r\n", b" ", b'"', b"\xed\xa0\x80")
    )
    return data[:at] + more + data[at:]


def _delete(dice, data):
    at = dice.below(len(data) + 1)
    return data[:at] + data[at + 1 + dice.few(16) :]


def _repeat(dice, data):
    start = dice.below(len(data) + 1)
    end = start + dice.few(64)
    return data[:end] + data[start:end] * dice.between(1, 4) + data[end:]


def _truncate(dice, data):
    return data[: dice.below(len(data) + 1)]


def _overwrite(dice, data):
    size = dice.pick((1, 2, 4))
    if len(data) < size:
        return data
    at = dice.below(len(data) - size + 1)
    word = (dice.word() & ((1 << 8 * size) - 1)).to_bytes(size, dice.pick(("little", "big")))
    return data[:at] + word + data[at + size :]


def _swap(dice, data):
    one, two = dice.below(len(data) + 1), dice.below(len(data) + 1)
    at, then = min(one, two), max(one, two)
    return data[then:] + data[at:then] + data[:at]


_CHANGES = (_flip, _set, _insert, _delete, _repeat, _truncate, _overwrite, _flip, _overwrite, _swap)
