"""A board with any past: what otadata, NVS and the two slots may hold, as the parts of an input."""

import struct

import esp32
import grammar
import images
import machine
from chip import otadata
from dice import maybe
from rig import meter

VALID, PENDING = 2, 1
_NAMES = ("journal", "command", "next", "plain0", "plain1", "erase")
_STUB_NAMES = ("why", "wdt_s")
_INTS = ("blocks", "told", "day")
_STUB_INTS = ("fails", "resets")
_CAUSES = (
    machine.HARD_RESET,
    machine.PWRON_RESET,
    machine.WDT_RESET,
    machine.DEEPSLEEP_RESET,
    machine.SOFT_RESET,
)
_LARGE = 1 << 16
_SIGN = b"cd" * 32
_ELF = images.ELF


def make(dice) -> list:
    """Parts: flags (running slot, cause, NVS full), otadata, integers, the blobs, and heads of the slots."""
    flags = bytes((dice.below(2), dice.below(len(_CAUSES)), dice.often(0, 1)))
    ints = [dice.often(dice.below(3), dice.word()) for _ in _INTS + _STUB_INTS]
    parts = [flags, _otadata(dice), struct.pack("<%dI" % len(ints), *ints)]
    command = grammar.members(
        dice, ((b"tries", dice.often(b"1", b"0", b'"1"')), (b"at", b"1800000000")), 4
    )
    kept = [
        _journal(dice),
        grammar.firmware(dice, b"3.0") if dice.one_in(2) else command,
        dice.often(b"", grammar.firmware(dice, b"4.0")),
        dice.often(_ELF + b"1.0", b"", dice.bytes(40)),
        dice.often(b"", _ELF + b"2.0"),
        dice.often(_ELF + b"+", b""),
    ]
    kept = [grammar.broken(dice, one) for one in kept]
    whys = (b"watchdog", b"\xff\xfe", b"\xed\xa0\x80" * 20, b"a" * 300)
    kept += [
        dice.often(b" ", *whys),
        dice.often(b"120", b"", b"0", b"-5", b"soon", b"99999999", b"1" * 9),
    ]
    parts += kept
    for version in (b"1.0.0", b"2.0"):
        image = images.image()
        record = images.record_bytes(image, dice.often(version, b"", b"\xff", b"9" * 64))
        parts.append(maybe(dice, image, 8))
        parts.append(maybe(dice, record, 8))
    return parts


def _otadata(dice) -> bytes:
    entries = []
    for number in (1, 2):
        sequence = dice.often(number, 0, 3, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFE, dice.word())
        state = dice.pick((2, 2, 2, 1, 4, 0, dice.often(3, 0xFFFFFFFF, dice.word())))
        crc = otadata.sequence_crc(sequence)
        entry = struct.pack("<I20sII", sequence, b"\xff" * 20, state, crc)
        entries.append(dice.often(maybe(dice, entry, 8), b"\xff" * 32, dice.bytes(32))[:32])
    if dice.one_in(2):
        entries.reverse()
    return b"".join([entry + b"\xff" * (32 - len(entry)) for entry in entries])


def _journal(dice) -> bytes:
    fields = [(b"state", b"%d" % dice.below(5))]
    fields += [
        (b"slot", b"%d" % dice.below(2)),
        (b"version", b'"2.0"'),
        (b"sign", b'"' + _SIGN + b'"'),
        (b"rolled", b'"' + dice.often(_SIGN, b"") + b'"'),
        (b"desc", b'"' + dice.often(b"", b"a reason", b"r" * 200) + b'"'),
        (b"step", dice.often(b"-6", b"100", b"0")),
        (b"size", dice.often(b"0", b"12288", b"65536")),
    ]
    for name in (
        b"resets",
        b"seen",
        b"repeats",
        b"boots",
        b"wakes",
        b"alibi",
        b"rolls",
        b"back",
        b"heal",
        b"tries",
    ):
        if dice.one_in(3):
            fields.append((name, b"%d" % dice.below(13)))
    return dice.often(grammar.members(dice, fields, 10), b"", b"{}", grammar.value(dice))


def install(parts):
    """A board that has this past; the chip."""
    flags, entries, ints = parts[:3]
    chip = esp32.power_up()
    chip.running = "ota_1" if flags[0] & 1 else "ota_0"
    machine.State.cause = _CAUSES[flags[1] % len(_CAUSES)]
    machine.State.watchdog_ms = None
    for sector in (0, 1):
        chip.nor.program(esp32.OTADATA + sector * 4096, entries[sector * 32 : sector * 32 + 32])
    names = [("enos_ota", name) for name in _INTS] + [("enos_boot", name) for name in _STUB_INTS]
    for place, value in zip(names, struct.unpack("<%di" % len(names), ints)):
        if value:
            chip.nvs[place] = value
    names = [("enos_ota", name) for name in _NAMES] + [("enos_boot", name) for name in _STUB_NAMES]
    for place, value in zip(names, parts[3:]):
        if value:
            chip.nvs[place] = value
    for label, head, record in zip(("ota_0", "ota_1"), parts[-4::2], parts[-3::2]):
        images.put(label, head)
        images.put(label, record, 4096)
    chip.nvs_full = bool(flags[2])
    chip.on = _saw
    return chip


def _saw(operation, label, offset, size):
    meter.step()
    if operation != "set_boot":
        return False
    found = otadata.read(esp32.chip.nor, esp32.OTADATA)
    active = otadata.active(found)
    if active < 0 or found[active].sequence < _LARGE:
        return False
    # IDF counts up to the next sequence one by one, which takes it a minute. The same at once, images unseen.
    slots = esp32.chip.slots()
    slot = [row[4] for row in slots].index(label)
    before = found[active].sequence
    esp32.chip.entry(1 - active, (before + 1 + (slot - before) % len(slots)) & 0xFFFFFFFF, 0)
    return True
