"""What a power cut costs: bytes that the slot held already, and that were fetched once more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NEVER = float("inf")
TAIL_BYTES = 8192
_SPAN = re.compile(r"fetched (\S+), bytes (\d+)-")


@dataclass(frozen=True)
class Cut:
    """A power cut: when, and how much of the file the slot held then."""

    at: float
    held_bytes: int


def starts(
    told: Iterable[tuple[float, str, str]], sizes: Mapping[str, int]
) -> list[tuple[float, int]]:
    """Where downloads began, by the stand-in's log: (when it was over, first byte).

    Not the end of a file, which is judged before: `sizes` are the files' by version, in bytes.
    """
    found = [(at, _SPAN.search(what)) for at, _, what in told]
    begun = [(at, one[1], int(one[2])) for at, one in found if one]
    return [(at, first) for at, version, first in begun if first != sizes[version] - TAIL_BYTES]


def fetched_twice(
    cuts: Sequence[Cut], boots: list[tuple[float, str]], fetches: list[tuple[float, int]], slot: str
) -> list[int]:
    """For each cut the bytes fetched once more; 0 where no download followed from `slot`.

    boots: (when, slot). Downloads from another slot are those of a trial: its proof, not the file.
    """
    costs = []
    ends = [next((at for at, _ in boots if at > cut.at), NEVER) for cut in cuts]
    for cut, boot, next_boot in zip(cuts, ends, [*ends[1:], NEVER], strict=False):
        # A download that a cut ends is told before the boot after it.
        first = next((one for one in fetches if boot < one[0] < next_boot), None)
        if first is None or _slot_at(boots, first[0]) != slot:
            costs.append(0)
        else:
            costs.append(max(0, cut.held_bytes - first[1]))
    return costs


def _slot_at(boots: list[tuple[float, str]], at: float) -> str:
    return next((slot for since, slot in reversed(boots) if since <= at), "")
