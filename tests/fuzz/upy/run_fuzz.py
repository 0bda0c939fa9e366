"""Entry: `run_fuzz.py MARK ROOM TARGET SEED FIRST COUNT [show]`, or `run_fuzz.py MARK ROOM TARGET input FILE`.

ROOM: KiB of heap that are free when a case begins: what the harness takes does not count.
A target is a module of `targets` with `make(dice)`, the parts of an input (a list of bytes); `play(parts)`, which
has the device read them, and returns a word for how it took them; DECLARED, what it may raise instead. It may
have `reset()`, which makes the world new; STEPS and LIMIT_MS, its budget; SHARE, its part of the cases.

What the lines say that begin with MARK: @ the number of a case before it is played, ! a problem, + hex of its
input and / the end of one of its parts, = the sum at the end.
"""

import gc
import io
import json
import random
import sys

gc.threshold(16384)

import esp32  # noqa: E402, F401 - its sector buffers, while the heap is in one piece
import rig  # noqa: E402
from dice import Dice  # noqa: E402

KEPT_BYTES = 1024
"""What a case may leave behind: less than any of its buffers. An address on the stack keeps what it looks like."""
_STEPS = 20_000
_LIMIT_MS = 60_000
_PROBLEMS = 40
_WARM = 3
_WARM_KIB = 64
_LEAST_BYTES = 512
_SHOWN = 1500
_LINE_BYTES = 128

mark, room, name, seed, first = sys.argv[1:6]
shows = sys.argv[7:] == ["show"]
target = getattr(__import__("targets." + name), name)
reset = getattr(target, "reset", lambda: None)
steps = getattr(target, "STEPS", _STEPS)
limit_ms = getattr(target, "LIMIT_MS", _LIMIT_MS)


class Sum:
    """Of all cases: outcomes of those that were right; kept, the most bytes that one left behind."""

    outcomes = {}
    problems = kept = 0


def say(kind, content) -> None:
    rig.real_print("%s%s %s" % (mark, kind, content))


def show(part) -> None:
    """A part of an input, in lines that find room in a full heap."""
    for at in range(0, len(part), _LINE_BYTES):
        say("+", part[at : at + _LINE_BYTES].hex())
    say("/", "")


def mix(number) -> int:
    """The seed of a case: of this target, and of no other."""
    value = (0 if seed == "input" else int(seed)) * 1_000_003 + number * 7919
    for char in name:
        value = (value * 31 + ord(char)) & 0xFFFFFFFF
    return value & 0xFFFFFFFF


def parts_of(number) -> list:
    dice = Dice(mix(number))
    return [bytes(part) for part in target.make(dice)]


def play(parts):
    """(how the case was taken, what escaped or None)."""
    rig.meter.begin(steps, limit_ms)
    try:
        return target.play(parts) or "accepted", None
    except target.DECLARED as error:
        try:
            rig.console("%s: %s" % (type(error).__name__, error))  # it can be shown
        except Exception as other:
            return type(error).__name__, other
        return type(error).__name__, None
    except BaseException as error:
        return type(error).__name__, error


def collected() -> int:
    gc.collect()
    return gc.mem_alloc()


def scrub(depth=40):
    """Overwrite what earlier calls left on the stack, which may look like references."""
    return scrub(depth - 1) if depth else [0] * 8


def fill(room_kib):
    """Take what is free of the heap but for the room of a case, in one piece: a list, to be held meanwhile."""
    hole = bytearray(room_kib * 1024)
    ballast = [None] * 64
    size = 1 << 20
    gc.disable()  # or each failure would collect
    for i in range(len(ballast) - 1):
        while size >= _LEAST_BYTES:
            try:
                ballast[i] = bytearray(size)
                break
            except MemoryError:
                size //= 2
    chain = None
    try:
        while True:  # the gaps, of some bytes each
            chain = (chain,)
    except MemoryError:
        pass
    ballast[-1] = chain
    gc.enable()
    del hole
    return ballast


def measured(parts, room_kib=int(room)):
    """(how the case was taken, what escaped or None, bytes that it left behind)."""
    reset()
    gc.collect()
    ballast = fill(room_kib)
    before = collected()
    outcome, escaped = play(parts)
    reset()
    kept = collected() - before
    if kept > KEPT_BYTES:
        scrub()
        kept = collected() - before
    ballast.clear()
    return outcome, escaped, kept


def one(number, parts) -> None:
    """Play a case, and tell what is wrong with how it was taken."""
    random.seed(mix(number))
    outcome, escaped, kept = measured(parts)
    if kept > KEPT_BYTES and escaped is None:
        # What is loaded for the first time stays, as it should: it does so once.
        outcome, escaped, kept = measured(parts)
    Sum.kept = max(Sum.kept, kept)
    wrong = rig.meter.problems
    trace = ""
    if escaped is not None:
        if not isinstance(escaped, rig.Stuck):
            wrong.append(type(escaped).__name__)
        out = io.StringIO()
        sys.print_exception(escaped, out)
        trace = out.getvalue()[-_SHOWN:]
    elif kept > KEPT_BYTES:
        wrong.append("%d bytes are never given back" % kept)
    if shows:
        for part in parts:
            rig.real_print("part", part)
        rig.real_print("outcome", outcome)
    if not wrong:
        Sum.outcomes[outcome] = Sum.outcomes.get(outcome, 0) + 1
    else:
        Sum.problems += 1
        say("!", json.dumps({"case": number, "wrong": wrong, "trace": trace}))
        for part in parts:
            show(part)


def main() -> None:
    if seed == "input":
        with open(first) as file:
            parts = [bytes.fromhex(line.strip()) for line in file if line[0] != "#"]
        measured(parts, int(room) + _WARM_KIB)
        one(0, parts)
    else:
        begin, end = int(first), int(first) + int(sys.argv[6])
        rig.shows = False
        for number in range(_WARM):  # what is loaded and made only once, which may take more
            measured(parts_of(begin + number), int(room) + _WARM_KIB)
        rig.shows = shows
        for number in range(begin, end):
            say("@", number)
            one(number, parts_of(number))
            if Sum.problems >= _PROBLEMS:
                break
    say("=", json.dumps({"outcomes": Sum.outcomes, "kept": Sum.kept}))


main()
