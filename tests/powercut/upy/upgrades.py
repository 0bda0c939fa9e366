"""Upgrades to releases that are good."""

import play
from enos import LIST, SILENT
from memory import PROGRAM
from play import Role
from plot import (
    BACK,
    NEW,
    NEXT,
    OLD,
    REPORTED,
    UPGRADED,
    Scenario,
    damage,
    factory,
    live_into_trial,
    live_until_programmed,
    live_until_switched,
    mark_of,
    order,
    trial_of,
    upgraded,
)


class FirstUpgrade(Scenario):
    """From the factory to the switch: command, download, verification, set_boot."""

    def span(self, ops):
        return 0, trial_of(ops)


class Trial(Scenario):
    """From the bootloader's NEW -> PENDING to the mark."""

    def span(self, ops):
        return trial_of(ops), mark_of(ops)


class Confirm(Scenario):
    """From the mark to the rest."""

    def span(self, ops):
        return mark_of(ops), len(ops)


class Resume(FirstUpgrade):
    """Power failed in the second block."""

    def begin(self, rig) -> None:
        super().begin(rig)
        live_until_programmed(rig, 21)


class ResumeListed(Resume):
    """EnOS does not push again, but lists the release when asked."""

    mode = LIST


class ResumeSilent(Resume):
    """EnOS says nothing after the cut: the kept command is continued."""

    mode = SILENT


class FirstUpgradeSilent(FirstUpgrade):
    """EnOS says nothing after a cut: what was not kept is lost, what was kept is continued."""

    mode = SILENT

    def endings(self, left):
        if [1 for one in left[1:] if not (one.has_command or one.journal.get("state"))]:
            return BACK, UPGRADED
        return super().endings(left)


class Rotten(FirstUpgrade):
    """Power failed in the third block, and the second one changed: the digest is wrong after the resume."""

    digest_is_wrong = True

    def begin(self, rig) -> None:
        super().begin(rig)
        live_until_programmed(rig, 33)
        damage(rig, "ota_1", 0x1A000)


class SecondUpgrade(Scenario):
    """Over the slot that held the oldest release."""

    was, to = (NEW,), NEXT
    slot = 0

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        order(rig, NEXT)


class AfterRollback(Scenario):
    """Another release after one that was rolled back."""

    to = NEXT

    def begin(self, rig) -> None:
        factory(rig)
        Role.acts = {NEW: play.FAILS_SELF_TEST}
        order(rig, NEW)
        rig.rested = self.rested
        rig.live()
        assert rig.version == OLD and not rig.problems, rig.problems
        order(rig, NEXT)


class Repeat(Scenario):
    """Power failed in the trial: it is repeated without a download."""

    def begin(self, rig) -> None:
        super().begin(rig)
        live_into_trial(rig)


class Overtaken(Scenario):
    """While the new image is on trial, EnOS pushes a newer one: it is kept, and obeyed after the mark."""

    was, to = (NEW, OLD), NEXT
    slot = 0

    def begin(self, rig) -> None:
        factory(rig)
        order(rig, NEW)
        live_until_switched(rig)
        order(rig, NEXT)
        rig.enos.pushes_at_trial_of = NEW

    def span(self, ops):
        fetched = [number for number, op in enumerate(ops) if op[0] == PROGRAM and op[2] == 4096]
        return 0, fetched[3]


class Reboot(Scenario):
    """The download has a boot of its own."""

    def begin(self, rig) -> None:
        super().begin(rig)
        Role.upgrade = "reboot"

    def endings(self, left):
        # The command has three boots, too, and the one that the agent asked for is one of them.
        return (UPGRADED, REPORTED) if len(left) > 3 else super().endings(left)


ALL = {
    "first-upgrade": FirstUpgrade,
    "first-upgrade-silent": FirstUpgradeSilent,
    "trial": Trial,
    "confirm": Confirm,
    "resume": Resume,
    "resume-listed": ResumeListed,
    "resume-silent": ResumeSilent,
    "rotten": Rotten,
    "second-upgrade": SecondUpgrade,
    "after-rollback": AfterRollback,
    "repeat": Repeat,
    "overtaken": Overtaken,
    "reboot": Reboot,
}
