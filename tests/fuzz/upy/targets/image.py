"""The image in a slot and the record behind it, as they are read at each boot and after each download."""

import struct

import images
from dice import maybe, mutate
from enos_ota.errors import UpgradeError, VerifyError
from enos_ota.image import Image, has_record, read_record
from enos_ota.preflight import HEAD_BYTES, check
from rig import meter

DECLARED = (VerifyError, UpgradeError)
_SLOT_BYTES = 12_288


class Slot:
    """A small slot that holds the bytes of a case; what is not there is blank."""

    def __init__(self, pieces) -> None:
        self._pieces = pieces  # (offset, bytes)

    def info(self):
        return (0, 0x10, 0x10000, _SLOT_BYTES, "ota_0", False)

    def readblocks(self, block, buf, offset=0) -> None:
        meter.step()
        start = block * 4096 + offset
        if start < 0 or start + len(buf) > _SLOT_BYTES:
            raise OSError(-0x104)
        for i in range(len(buf)):
            buf[i] = 0xFF
        for at, data in self._pieces:
            low, high = max(at, start), min(at + len(data), start + len(buf))
            if low < high:
                buf[low - start : high - start] = data[low - at : high - at]


def make(dice):
    """The first bytes of a slot, and a sector behind its image."""
    sizes = [4 * dice.between(0, 60) for _ in range(dice.between(1, 17))]
    sizes[0] = dice.often(512, 256, 260)
    image = images.image(dice.often(0, 5, 13), sizes=sizes, hashed=not dice.wrong(8))
    wrong = {}
    if dice.wrong(3):
        field = dice.pick(("magic", "form", "size_field", "crc", "image_length", "image_digest"))
        wrong[field] = dice.bits() & 0xFFFF
        if field in ("magic", "image_digest"):
            wrong[field] = dice.bytes(4 if field == "magic" else 32)
    version = dice.often(b"1.0.0", b"\xff" * 64, b"", b"9" * 64, dice.bytes(20), b"1\x00\x00")
    size = dice.often(240, 244, 12, 4096, 300)
    record = images.record_bytes(image, version, size, **wrong)
    if dice.wrong(3):
        image = mutate(dice, image)
    if dice.one_in(6):
        # It ends where the slot does, or nearly.
        image = images.image(sizes=(512,))
        size = _SLOT_BYTES - 32 - 4 * dice.below(24)
        image = image[:28] + struct.pack("<I", size) + image[32:]
    if dice.wrong(6):
        # A header of a segment that says anything.
        at = dice.pick((24, 24 + 8 + sizes[0]))
        image = image[: at + 4] + struct.pack("<I", dice.word()) + image[at + 8 :]
    return [image, maybe(dice, record)]


def play(parts):
    head, record = parts
    slot = Slot([(0, head), (4096, record), (8192, record)])
    buf = bytearray(HEAD_BYTES)
    slot.readblocks(0, buf)
    refusal = None
    try:
        check(buf, _SLOT_BYTES, images.image()[:24])
    except DECLARED as error:
        refusal = error
    image = Image(slot)
    if not 0 < image.length_bytes <= image.behind <= _SLOT_BYTES:
        meter.complain("an image of %d bytes, then %d" % (image.length_bytes, image.behind))
    found = read_record(slot, image)
    if found and not has_record(slot, image):
        meter.complain("a record that is none")
    if found and found.image_digest != image.digest:
        meter.complain("a record of another image")
    if refusal:
        raise refusal
    return "record" if found else "image"
