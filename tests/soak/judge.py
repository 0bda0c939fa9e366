"""The verdicts on an upgrade: bricked, wrong code running, unreported, fetched twice, needed a second command."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .menu import is_bearable
from .releases import BAD, SOURS

LATE_S = 2.0
"""A message may be logged so long after the boot that sent it."""
BLOCK_BYTES = 65_536
ALONE = ("+safe", "+rescue")
"""What the agent adds to the version while no application runs."""

UPGRADED, ROLLED_BACK, REPORTED, OVERTAKEN, OPEN = (
    "upgraded", "rolled back", "reported", "overtaken", "open",
)  # fmt: skip
BRICKED, WRONG, UNREPORTED = "bricked", "wrong code running", "unreported"
COSTLY, HELPED = "fetched twice", "needed a second command"
VERDICTS = (BRICKED, WRONG, UNREPORTED, COSTLY, HELPED)


@dataclass
class History:
    """All that was seen of one upgrade, times in Unix seconds.

    `boots`: (time, slot, [(time, version its code said)]); `informs`: (time, version); `steps`: negative ones,
    (time, step, desc). `heard` is when the board was first heard after the trouble, None for never. `status`,
    `step` and `desc` are the first task's, `again` the status of the second, quiet one ("" where none was due).
    `running` said so at the end, `informed` is what EnOS then held, `intact` whether the slot held that file,
    `active` (slot, state) what the bootloader's entry said. `crossed`: other versions were commanded just before.
    `twice_bytes`: what each power cut cost, where nothing else made the download begin anew.
    """

    seed: int
    index: int
    before: str
    target: str
    lasting: str
    boots: list[Any] = field(default_factory=list)
    informs: list[Any] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)
    calm: float = 0
    heard: float | None = None
    status: str = ""
    step: int = 0
    desc: str = ""
    overtaken: bool = False
    again: str = ""
    running: str = ""
    informed: str = ""
    intact: bool = False
    active: tuple[str, str] = ("", "")
    crossed: bool = False
    struck: list[str] = field(default_factory=list)
    twice_bytes: list[int] = field(default_factory=list)
    seconds: float = 0

    def outcome(self) -> str:
        """How the commanded upgrade ended, troubles and all."""
        if self.status == "succeeded":
            return UPGRADED
        if self.status == "failed" and not self.desc.startswith("timed out"):
            return ROLLED_BACK if self.step == -6 else REPORTED
        return OVERTAKEN if self.overtaken else OPEN

    def as_json(self) -> dict[str, Any]:
        """For a file or another process."""
        return asdict(self)


def judge(seen: History) -> dict[str, str]:
    """The verdicts against an upgrade with their reasons; empty when it was survived."""
    found = {
        BRICKED: bricked(seen),
        WRONG: wrong(seen),
        UNREPORTED: unreported(seen),
        COSTLY: costly(seen),
        HELPED: helped(seen),
    }
    return {verdict: reason for verdict, reason in found.items() if reason}


def bricked(seen: History) -> str:
    """Why the board counts as lost."""
    if seen.heard is None:
        return "the board was not heard of after the trouble"
    if seen.again and seen.again != "succeeded":
        return f"commanded again without trouble: {seen.again}"
    return ""


def wrong(seen: History) -> str:
    """Why other code runs than is told or should."""
    if seen.heard is None:
        return ""
    return _wrongly_informed(seen) or _wrong_in_the_end(seen)


def _wrongly_informed(seen: History) -> str:
    for at, version in seen.informs:
        said = _said_at(seen, at)
        if said and version.removesuffix(_alone(version)) not in said:
            return f"informed {version} while {' or '.join(sorted(said))} ran"
    if seen.target in BAD and seen.outcome() == UPGRADED:
        return f"{seen.target} succeeded"
    if seen.outcome() == UPGRADED and seen.target not in [version for _, version in seen.informs]:
        return f"{seen.target} succeeded without an inform"
    return ""


def _wrong_in_the_end(seen: History) -> str:
    if seen.running != seen.informed:
        return f"{seen.running or 'nothing'} runs, EnOS was told {seen.informed}"
    if seen.running != seen.lasting:
        return f"{seen.running} runs instead of {seen.lasting}"
    if seen.outcome() in (REPORTED, ROLLED_BACK) and seen.running == seen.target and not seen.again:
        return f"{seen.target} runs, and was reported as failed"
    if not seen.intact:
        return f"the slot does not hold the file of {seen.running}"
    slot = seen.boots[-1][1] if seen.boots else ""
    if seen.active != (slot, "VALID"):
        return (
            f"{slot or 'no slot'} runs, otadata says {' '.join(seen.active).strip() or 'nothing'}"
        )
    return ""


def _said_at(seen: History, at: float) -> set[str]:
    """The versions whose code ran when a message was sent that was logged then."""
    ends = [boot[0] for boot in seen.boots[1:]] + [float("inf")]
    said = [
        boot[2] for boot, end in zip(seen.boots, ends, strict=True) if boot[0] <= at <= end + LATE_S
    ]
    return {version for one in said for _, version in one}


def _alone(version: str) -> str:
    return next((suffix for suffix in ALONE if version.endswith(suffix)), "")


def unreported(seen: History) -> str:
    """Why EnOS does not know how the upgrade ended."""
    if seen.outcome() == OPEN:
        return f"task {seen.status or 'unknown'}: {seen.desc or 'no word'}"
    if seen.outcome() in (REPORTED, ROLLED_BACK) and not seen.steps:
        return f"task failed without a negative step: {seen.desc}"
    if seen.target in BAD and is_left_alone(seen) and seen.outcome() == REPORTED:
        return f"{seen.target} had no trial: {seen.step} {seen.desc}"
    if seen.target == SOURS and seen.status == "succeeded":
        # Its end is told by what is informed afterwards.
        return "" if seen.informs[-1][1] == seen.before else "its end was not informed"
    return ""


def costly(seen: History) -> str:
    """What a power cut cost, where it is more than the block at work."""
    most = max(seen.twice_bytes, default=0)
    return f"{most} bytes after one power cut" if most > BLOCK_BYTES else ""


def helped(seen: History) -> str:
    """Why a good release should not have failed at the first command."""
    if seen.target in BAD or not is_left_alone(seen):
        return ""
    if seen.outcome() in (REPORTED, ROLLED_BACK):
        return f"failed at first: {seen.step} {seen.desc}"
    return ""


def is_left_alone(seen: History) -> bool:
    """Whether there was no trouble, or only such as an upgrade survives."""
    return not seen.crossed and is_bearable(seen.struck)
