"""Releases that are not good, or not any more."""

import play
from play import Role
from plot import (
    BACK,
    NEW,
    NEXT,
    OLD,
    REPORTED,
    SAFE,
    UPGRADED,
    Scenario,
    damage,
    damage_app_files,
    factory,
    is_alone,
    live_until_switched,
    order,
    trial_of,
    upgraded,
)


class Rollback(Scenario):
    """A release whose application raises in its trial."""

    act = play.RAISES

    def begin(self, rig) -> None:
        super().begin(rig)
        Role.acts = {NEW: self.act}

    def span(self, ops):
        return trial_of(ops), len(ops)

    def endings(self, left):
        return (REPORTED,)


class RollbackHang(Rollback):
    """The watchdog ends it."""

    act = play.HANGS


class RollbackImport(Rollback):
    """/main.py ends it."""

    act = play.NO_IMPORT


class Unbootable(Scenario):
    """The new image was right when it was verified, and is not when the bootloader looks at it."""

    digest_is_wrong = True

    def begin(self, rig) -> None:
        super().begin(rig)
        live_until_switched(rig)
        damage(rig, "ota_1")

    def endings(self, left):
        return REPORTED, UPGRADED  # after a cut it is repeated, too, and fetched again


class UnbootableAgain(Unbootable):
    """The same in the first slot, which is what boots where otadata says nothing."""

    was, to = (NEW,), NEXT
    slot = 0

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        order(rig, NEXT)
        live_until_switched(rig)
        damage(rig, "ota_0")


class Heal(Scenario):
    """The confirmed image is damaged: the bootloader falls back, and the slot that runs is selected again."""

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        damage(rig, "ota_1")

    def endings(self, left):
        return (BACK,)


class Return(Scenario):
    """The confirmed release hangs at every start: the board returns to the former one, once."""

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        Role.acts = {NEW: play.HANGS}

    def rested(self, rig) -> bool:
        return Role.ran == OLD or is_alone(rig)

    def endings(self, left):
        # A trial that was cut is over, and not repeated.
        return (BACK, SAFE) if [1 for one in left if one.pending == [0]] else (BACK,)


class Damage(Return):
    """The app files of the confirmed release cannot be mounted any more."""

    is_damaged = True

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        damage_app_files(rig, "ota_1")


class Fixed(Scenario):
    """The confirmed release hangs at each start, and there is none to return to: EnOS pushes a better one."""

    was, to = (NEW,), NEXT
    slot = 0
    is_damaged = True

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        Role.acts = {NEW: play.HANGS}
        damage_app_files(rig, "ota_0")
        rig.rested = is_alone
        rig.live()
        assert is_alone(rig), rig.enos.heard
        order(rig, NEXT)


class Rescued(Scenario):
    """Neither slot can run: the rescue agent fetches a release that can."""

    was, to = (NEW,), NEXT
    slot = 0
    is_damaged = True

    def begin(self, rig) -> None:
        factory(rig)
        upgraded(rig)
        damage_app_files(rig, "ota_0")
        damage_app_files(rig, "ota_1")
        order(rig, NEXT)


ALL = {
    "rollback": Rollback,
    "rollback-hang": RollbackHang,
    "rollback-import": RollbackImport,
    "unbootable": Unbootable,
    "unbootable-again": UnbootableAgain,
    "heal": Heal,
    "return": Return,
    "damage": Damage,
    "fixed": Fixed,
    "rescued": Rescued,
}
