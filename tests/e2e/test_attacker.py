"""Whoever owns the cloud's accounts and its file server, but no signing key, gets not one byte executed.

The attacker commands what he likes, and serves what he likes under a certificate that the board trusts. His
releases print EVIL as soon as any of their code runs. Everything he tries, he tries on the same board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import life_fixtures as life
import pytest

import signing
from host_tools.demo.rig import Json, Rig
from host_tools.demo.workshop import Workshop
from host_tools.release import record
from host_tools.release.image import parse_image
from host_tools.release.synth import synth_vm

APP = life.app(
    """\
mark = bytearray(5)
esp32.Partition("phy_init").readblocks(0, mark, 0)
if mark == b"crash":
    raise ValueError("an input that crashes the application")
while True:
    await asyncio.sleep(1)"""
)
EVIL = {
    "enos_main.py": 'print("EVIL main")\nraise SystemExit\n',
    "enos_trust.json": '{{"keys": ["{}"]}}'.format(signing.digest_of(signing.key("evil")).hex()),
}
SECTOR = 4096
BEFORE = "before an erase"
AFTER = "after the download"


@dataclass
class Bench:
    """The board runs 1.2.0, signed, product pump, which allows nothing older than sequence 3."""

    rig: Rig
    shop: Workshop
    count: int = 0

    def release(self, sequence: int = 9, keys=(), **options) -> bytearray:
        """A release whose code is the attacker's, unless `app` says otherwise."""
        self.count += 1
        options = {"files": EVIL, "product": "pump", **options}
        if "app" in options:
            del options["files"]
        info = self.shop.release(f"2.{self.count}", sequence, keys=keys, **options)
        return bytearray(info.path.read_bytes())

    def honest(self, sequence: int = 9, **options) -> bytearray:
        """A release of the owner."""
        return self.release(sequence, (signing.key(),), app=APP, **options)

    def push(self, content: bytes, **options) -> Json:
        """Command the last release, but serve `content`; how that ended."""
        path = self.shop.folder / f"served-{self.count}.bin"
        path.write_bytes(content)
        return self.rig.wait_task(self.rig.push(path, f"2.{self.count}", **options), timeout_s=60)

    def slot(self) -> bytes:
        """What the other slot holds."""
        return life.read_flash(self.rig, life.SLOTS[self.other], life.SLOT_BYTES)

    @property
    def other(self) -> str:
        return "ota_0" if life.boots(self.rig)[-1] == "ota_1" else "ota_1"

    def is_sound(self) -> None:
        """The board runs what it ran, and nothing of the attacker's."""
        assert self.rig.version() == "1.2.0"
        assert [line for line in self.rig.console() if "EVIL" in line] == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("attacker")
    shop = Workshop(folder / "shop", (signing.key(),))
    options = {"app": APP, "product": "pump", "min_sequence": 3}
    first = shop.release("1.1.0", 3, **options).path
    second = shop.release("1.2.0", 5, **options).path
    digest = signing.digest_of(signing.key()).hex()
    with Rig(folder, switches=life.AGAIN) as rig:
        rig.start(first, "1.1.0", keys=[digest], trial_app_s=0)
        life.upgrade(rig, second, "1.2.0")
        bench = Bench(rig, shop)
        yield bench
        # After all that the owner is still let in.
        task = bench.push(bench.honest())
        version = f"2.{bench.count}"
        assert (task["status"], rig.version()) == ("succeeded", version), task


def unsigned(bench: Bench) -> bytes:
    return bench.release()


def own_key(bench: Bench) -> bytes:
    return bench.release(keys=(signing.key("evil"),))


def own_key_after_ours(bench: Bench) -> bytes:
    """His signature, behind a block of ours that is of another file."""
    ours = bytes(bench.honest())[-SECTOR:][: signing.BLOCK_BYTES]
    evil = bytes(bench.release())
    return evil + signing.sector(ours, signing.block(evil, signing.key("evil")))


def transplanted(bench: Bench) -> bytes:
    """The signature sector of a release of ours behind his content."""
    ours = bytes(bench.honest())[-SECTOR:]
    return bytes(bench.release()) + ours


def redigested(bench: Bench) -> bytes:
    """The same, with his content's digest in the block, and its CRC made right."""
    signature = int.from_bytes(bytes(bench.honest())[-SECTOR + 812 :][:384], "little")
    evil = bytes(bench.release())
    return evil + signing.sector(signing.block(evil, signing.key(), signature=signature))


def elsewhere(bench: Bench) -> bytes:
    """A good file inside his own: signature and all, but not at the end."""
    ours = bench.honest()
    return bytes(bench.release()) + bytes(ours[-2 * SECTOR :]) + bytes(SECTOR)


def without_its_end(bench: Bench) -> bytes:
    return bench.honest()[:-SECTOR]


def replayed(bench: Bench) -> bytes:
    """An old release of ours, with its known holes."""
    return bench.honest(sequence=2)


def older(bench: Bench) -> bytes:
    """One that is older than what runs, though above the floor."""
    return bench.honest(sequence=4)


def of_another_product(bench: Bench) -> bytes:
    return bench.honest(product="valve")


def of_another_chip(bench: Bench) -> bytes:
    vm = bench.shop.folder / "s3.bin"
    vm.write_bytes(synth_vm(chip="esp32s3"))
    return bench.honest(vm=vm)


def under_another_name(bench: Bench) -> bytes:
    ours = bench.honest()
    bench.count += 1000
    return ours


def plain_image(bench: Bench) -> bytes:
    bench.count += 1
    return bench.shop.vm.read_bytes()


def second_record(bench: Bench) -> bytes:
    """A version and a sequence of his own in the record that is looked at first."""
    ours = bench.honest()
    at = len(ours) - 2 * SECTOR
    fields = record.unpack(bytes(ours[at : at + SECTOR]))
    forged = record.pack(record.ReleaseRecord(**{**vars(fields), "sequence": 99}))
    ours[at : at + SECTOR] = forged
    return ours


def app_file(bench: Bench) -> bytes:
    """One byte of the application's files, in the middle of them."""
    ours = bench.honest()
    image = parse_image(bytes(ours))
    at = record.padded(image.length) + SECTOR
    at = ours.index(b"mark", at)
    ours[at] ^= 1
    return ours


def first_record(bench: Bench) -> bytes:
    ours = bench.honest()
    ours[record.padded(parse_image(bytes(ours)).length) + 240] ^= 1
    return ours


def image_byte(bench: Bench) -> bytes:
    ours = bench.honest()
    ours[900_000] ^= 1
    return ours


LEVERS: list[tuple[Callable[[Bench], bytes], int, str, str]] = [
    (unsigned, -3, "not signed", BEFORE),
    (own_key, -3, "not trusted", BEFORE),
    (redigested, -3, "the signature is wrong", BEFORE),
    (elsewhere, -3, "not signed", BEFORE),
    (without_its_end, -3, "not signed", BEFORE),
    (plain_image, -3, "not signed", BEFORE),
    (replayed, -5, "below the least, 3", BEFORE),
    (older, -5, "older than 5", BEFORE),
    (of_another_product, -1, "for product valve, not pump", BEFORE),
    (of_another_chip, -1, "for chip", BEFORE),
    (under_another_name, -3, "holds version", BEFORE),
    (transplanted, -3, "another file's", AFTER),
    (own_key_after_ours, -3, "another file's", AFTER),
    (second_record, -3, "another file's", AFTER),
    (app_file, -3, "another file's", AFTER),
    (first_record, -3, "another file's", AFTER),
    (image_byte, -3, "another file's", AFTER),
]


@pytest.mark.parametrize(
    ("lever", "step", "desc", "when"), LEVERS, ids=[lever.__name__ for lever, *_ in LEVERS]
)
def test_attacker_who_serves_a_file_of_his_own_gets_nothing_executed(
    bench, lever, step, desc, when
):
    before = bench.slot()
    task = bench.push(lever(bench))
    assert (task["status"], task["progress"]) == ("failed", step), task
    assert desc in task["desc"], task
    if when == BEFORE:
        assert bench.slot() == before
    else:
        assert bench.slot()[0] == 0xFF, "the bootloader would take it for an image"
    bench.is_sound()


def test_attacker_whose_file_is_all_in_the_slot_does_not_run_when_the_other_one_breaks(bench):
    """No ranges, so that his file is seen whole before its signature; then the running slot rots."""
    bench.rig.cloud.set_switch("broker_range", "no")
    try:
        evil = bench.release()
        task = bench.push(evil)
    finally:
        bench.rig.cloud.set_switch("broker_range", "yes")
    assert (task["progress"], "not signed" in task["desc"]) == (-3, True), task
    found = bench.slot()[: len(evil)]
    assert (found[0], found[1:]) == (0xFF, bytes(evil[1:])), "all of it is there, but for one byte"
    running = life.boots(bench.rig)[-1]
    at = life.SLOTS[running] + 500_000
    bench.rig.board.power_off()
    good = life.read_flash(bench.rig, at, 16)
    life.write_flash(bench.rig, at, bytes(16))
    bench.rig.board.power_on()
    bench.rig.wait("a bootloader that finds nothing", lambda: no_boot(bench.rig))
    bench.rig.board.power_off()
    life.write_flash(bench.rig, at, good)
    bench.rig.board.power_on()
    bench.rig.wait("the board", lambda: life.boots(bench.rig)[-1] == running)
    bench.is_sound()


def test_attacker_whose_server_has_two_faces_gets_nothing_executed(bench):
    """Whoever asks for the end of the file gets that of a good one, and then his."""
    ours = bench.honest()
    task_version = f"2.{bench.count}"
    path = bench.shop.folder / f"served-{bench.count}.bin"
    path.write_bytes(ours)
    evil = bench.shop.folder / "two-faced.bin"
    evil.write_bytes(bytes(bench.release()).ljust(len(ours), b"\xff"))
    bench.rig.cloud.add_firmware(evil, "two-faced")
    bench.rig.cloud.set_fault("http_two_faced", value="two-faced")
    try:
        task = bench.rig.wait_task(bench.rig.push(path, task_version), timeout_s=90)
    finally:
        bench.rig.cloud.clear_faults()
    assert (task["progress"], bench.slot()[0]) == (-3, 0xFF), task
    bench.is_sound()


def no_boot(rig: Rig) -> bool:
    return any("No bootable app" in event.get("text", "") for event in rig.events)


def test_attacker_who_crashes_the_application_gets_no_way_back_to_his_file(bench):
    """Three failures in a row, and safe mode looks for a former release: the slot holds his."""
    ours = bytes(bench.honest())[-SECTOR:]
    task = bench.push(bytes(bench.release(sequence=5)) + ours)
    assert task["progress"] == -3, task
    bench.count += 1
    task = bench.push(
        b"<html>" + bytes(20_000)
    )  # after which the journal knows nothing of the slot
    assert task["progress"] == -3, task
    informed = len(life.informed(bench.rig))
    life.restart(bench.rig, b"crash", fails=3)
    bench.rig.wait("safe mode", lambda: "1.2.0+safe" in life.informed(bench.rig)[informed:], 60)
    life.restart(bench.rig, bytes(5), fails=0)
    bench.rig.wait_version("1.2.0")
    bench.is_sound()


def test_attacker_who_serves_two_halves_gets_nothing_executed(bench):
    """A good release to its middle and at its end; in between it is his."""
    evil = bench.release()
    good = bench.honest()
    evil = evil.ljust(len(good), b"\xff")
    half = len(good) // 2
    task = bench.push(good[:half] + evil[half : len(good) - 2 * SECTOR] + good[-2 * SECTOR :])
    assert (task["progress"], bench.slot()[0]) == (-3, 0xFF), task
    bench.is_sound()
