"""Entry: `run_sweep.py FOLDER SCENARIO TASK ...`; tasks: `singles OPERATIONS`, `pairs SEED FIRSTS SECONDS`,
`storms SEED COUNT LENGTH`, `replay ID`.

Prints a line of JSON for each case that failed, and one with the counts at the end.
"""

import binascii
import builtins
import json
import sys

folder, name, task = sys.argv[1:4]
arguments = sys.argv[4:]
sys.path[:] = [folder + "/harness", ".frozen"]

show = print
if task != "replay":
    builtins.print = lambda *_, **__: None

import partition  # noqa: E402
import plot  # noqa: E402
import rig as rigs  # noqa: E402
import sweep  # noqa: E402


def fail(case, problems) -> None:
    show("@" + json.dumps({"case": case, "problems": problems}))


def main() -> None:
    mode = name.partition("@")[2]
    rig = rigs.Rig(folder, plot.VERSIONS, task != "replay")
    partition.install(rig, mode if mode in partition.NULL_SOURCE else "erases")
    one = sweep.Sweep(rig, name, mode == "wiped")
    rig.leave_host()
    try:
        cuts = one.record()
    except Exception as error:
        sys.print_exception(error)
        fail(name, [str(error)])
        return
    count = 0
    endings = {}
    for case, problems in cases(one, cuts):
        count += 1
        if problems:
            fail(case, problems)
        else:
            ending = sweep.verdict.ending(rig, one.scenario)
            endings[ending] = endings.get(ending, 0) + 1
    show("@" + json.dumps({"cases": count, "ops": len(one.tape.ops), "endings": endings}))


def cases(one, cuts):
    if task == "singles":
        end = int(arguments[0])
        yield from one.singles([cut for cut in cuts if cut.at < end])
    elif task == "pairs":
        seed, firsts, seconds = [int(text) for text in arguments]
        rigs.seed(seed)
        for case, _ in one.singles(sweep.sample(cuts, firsts)):
            ops = one.recovery.ops
            rigs.seed(binascii.crc32(case.encode()) ^ seed)
            yield from one.seconds(case, sweep.sample(sweep.cuts_of(ops, 0, len(ops)), seconds))
    elif task == "storms":
        seed, count, length = [int(text) for text in arguments]
        for number in range(count):
            yield from one.storm(Dice(seed * 1000 + number, length).choose)
    else:
        chain = [cut_of(text) for text in arguments[0].split(":", 1)[1].split("+")]
        yield from replay(one, chain)


class Dice:
    """Chooses `length` cuts, one after the other, always the same ones for a `seed`."""

    def __init__(self, seed, length) -> None:
        self._seed = seed
        self._length = length

    def choose(self, ops, number):
        """A cut of one of the operations, or None."""
        if number == self._length or not ops:
            return None
        rigs.seed(self._seed * 100 + number)
        return sweep.sample(sweep.cuts_of(ops, 0, len(ops)), 1)[0]


def replay(one, chain):
    def choose(ops, number):
        if number == len(chain):
            return None
        show("-- now with cut number %d" % (number + 1))
        return chain[number]

    played = one.storm(choose)
    if len(chain) == 1:
        show("-- now with the cut")
        played = one.singles(chain)
    for case, problems in played:
        last = case, problems
    yield last


def cut_of(text):
    at, how = text[1:].split(":")
    return sweep.Cut(int(at), how)


main()
