"""What a bootloader would start though nobody proved it: the first byte of an image is there to prevent that."""

import hashlib

from chip import image

_MAGIC = b"\xe9"
_WORK = bytearray(1 << 16)


def find(rig, slots):
    """(label, digest of what it holds) of those `slots` that pass the bootloader's check and hold no release."""
    file = rig.state.flash.file
    found = []
    for slot in slots:
        file.seek(slot.address)
        if file.read(1) != _MAGIC or rig.version_in(slot.label) or not _is_bootable(file, slot):
            continue
        file.seek(slot.address)
        digest = hashlib.sha256()
        for _ in range(slot.size // len(_WORK)):
            file.readinto(_WORK)
            digest.update(_WORK)
        found.append((slot.label, digest.digest()))
    return found


def _is_bootable(file, slot) -> bool:
    def read(offset, buffer) -> None:
        file.seek(slot.address + offset)
        file.readinto(buffer)

    try:
        image.verify(read, slot.size, _WORK)
        return True
    except image.ImageError:
        return False
