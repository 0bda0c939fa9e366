"""What scenarios are made of: a board, its releases, EnOS's tasks, and the moments at which they begin."""

import esp32
from enos import PUSH
from memory import NVS, OTADATA, PROGRAM
from play import Role
from rig import address_of

OLD, NEW, NEXT = "1.0.0", "2.0.0", "3.0.0"
VERSIONS = (OLD, NEW, NEXT)
UPGRADED, REPORTED, BACK, SAFE = "upgraded", "reported", "back", "safe"
FETCH, VERIFY, TRIAL = 1, 2, 3  # states of the device's journal
_APP_FILES = 0x15000  # in a slot: behind an image of 20 sectors, and the record


class Scenario:
    """was, to: the versions that may run before, and the one after. slot: the number of that which is upgraded.

    mode: what EnOS does after a cut. is_damaged: what runs may be less than a whole release. digest_is_wrong: the
    file may be fetched once more.
    """

    was = (OLD,)
    to = NEW
    slot = 1
    mode = PUSH
    is_damaged = digest_is_wrong = False

    def begin(self, rig) -> None:
        """Bring the board to where the scenario begins."""
        factory(rig)
        order(rig, self.to)

    def span(self, ops):
        """Which of the recorded operations are cut: the first, and the end."""
        return 0, len(ops)

    def rested(self, rig) -> bool:
        """Whether the board may be where it belongs, if it does nothing more."""
        return Role.ran is not None or is_alone(rig)

    def endings(self, left):
        """How it may end, given what was left by each cut.

        A trial that was cut is repeated once, an upgrade that brings no new block continued three times.
        """
        fetches = len([1 for one in left if one.is_(FETCH) or one.is_(VERIFY)])
        trials = len([1 for one in left if one.is_(TRIAL)])
        confirmed = [1 for one in left if one.confirmed and one.selected == self.slot]
        if confirmed or (trials < 2 and fetches < 4):
            return (UPGRADED,)
        return UPGRADED, REPORTED


def factory(rig) -> None:
    """A new board with the oldest release in its first slot; nothing has ever booted."""
    Role.acts, Role.upgrade = {}, "auto"
    name = OLD + ".bin"
    buf = bytearray(4096)
    for offset in range(0, rig.files.size(name), len(buf)):
        count = rig.files.read(name, offset, buf)
        rig.state.flash.put(address_of("ota_0") + offset, buf[:count])


def order(rig, version) -> None:
    """An operator opens a task."""
    name = version + ".bin"
    rig.enos.open = {
        "version": version,
        "sign": rig.files.digest(name),
        "signMethod": "sha256",
        "fileUrl": "https://files/" + name,
        "fileSize": rig.files.size(name),
    }


def upgraded(rig, version=NEW) -> None:
    """The board is upgraded to `version`, and comes to rest."""
    order(rig, version)
    rig.rested = lambda rig: Role.ran is not None
    rig.live()
    assert rig.version == version and not rig.problems, rig.problems


def damage(rig, label, offset=5000) -> None:
    """Some bytes of a slot are other ones."""
    rig.state.flash.put(address_of(label) + offset, b"damage")


def damage_app_files(rig, label) -> None:
    """The app file system of a slot cannot be mounted any more."""
    rig.state.flash.put(address_of(label) + _APP_FILES, bytes(2048))


def live_until(rig, cut) -> None:
    """Live until power fails right before the operation of (kind, place) for which `cut` is true."""
    rig.cut = cut
    rig.rested = lambda rig: False
    rig.live()
    assert rig.cut is None, "it never came to that"


def live_until_programmed(rig, count) -> None:
    """Live until power fails before another sector than the first `count` is programmed into the second slot."""
    done = []

    def cut(kind, place):
        if kind == PROGRAM and place >= address_of("ota_1"):
            done.append(place)
        return len(done) > count

    live_until(rig, cut)


def live_until_switched(rig) -> None:
    """Live until power fails right before the bootloader begins the next trial."""
    first = rig.boots + 1
    live_until(rig, lambda kind, place: rig.in_bootloader and rig.boots > first)


def live_into_trial(rig) -> None:
    """Live until power fails at the first operation of the image in the second slot itself."""
    live_until(rig, lambda kind, place: esp32.chip.running == "ota_1" and not rig.in_bootloader)


def trial_of(ops):
    """Number of the operation with which the bootloader begins a trial."""
    for number, op in enumerate(ops):
        if op[3].in_bootloader and op[3].boot > ops[0][3].boot:
            return number
    return len(ops)


def mark_of(ops):
    """Number of the operation with which the new image marks itself valid."""
    for number in range(trial_of(ops), len(ops)):
        op = ops[number]
        if op[0] != NVS and op[1] < OTADATA + 0x2000 and not op[3].in_bootloader:
            return number
    return len(ops)


def is_alone(rig) -> bool:
    """Whether the agent runs without the application, for good."""
    informed = [word[1] for word in rig.enos.heard if word[0] == "inform"]
    return bool(informed) and informed[-1].partition("+")[2] in ("safe", "rescue")
