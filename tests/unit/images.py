"""App images and release records, made by the byte tables and not by the code under test."""

import binascii
import hashlib
import struct

import esp32

ELF = b"E" * 32
SECTOR = 4096


def image(chip_id=0, elf=ELF, sizes=(512, 16), *, hashed=True, fill=0x5A, revisions=(0, 0xFFFF)):
    """An image that boots: RAM segments of the given sizes (multiples of 4), the first with a descriptor."""
    data = bytearray(b"\xe9\0\x02\x20\0\0\x08\x40\xee\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0\0")
    data[1] = len(sizes)
    data[12] = chip_id
    struct.pack_into("<HH", data, 15, *revisions)
    data[23] = hashed
    checksum = 0xEF
    for number, size in enumerate(sizes):
        segment = bytearray(bytes([fill ^ number]) * size)
        if number == 0:
            segment[0:4] = b"\x32\x54\xcd\xab"
            segment[144:176] = elf
        for byte in segment:
            checksum ^= byte
        data += struct.pack("<II", 0x3FFB0000, size) + segment
    data += bytes(15 - len(data) % 16)
    data.append(checksum)
    if hashed:
        data += hashlib.sha256(data).digest()
    return bytes(data)


def record_bytes(of, version="1.0.0", size=240, build_time=1_700_000_000, **wrong):
    """The record of the image `of`, with another field or a wrong one by its name."""
    if isinstance(version, str):
        version = version.encode()
    body = struct.pack(
        "<IIIIIHHIII",
        wrong.get("image_length", len(of)),
        0,
        0,
        0,
        0,
        wrong.get("stub_abi", 1),
        wrong.get("chip_id", of[12]),
        wrong.get("sequence", 7),
        wrong.get("min_sequence", 5),
        build_time,
    )
    body += wrong.get("image_digest", of[-32:]) + bytes(32)
    product = wrong.get("product", b"pump")
    body += version + bytes(64 - len(version)) + product + bytes(64 - len(product))
    body = (body + b"later" * (size // 5))[: size - 12]
    head = struct.pack(
        "<4sHHI",
        wrong.get("magic", b"EnRR"),
        wrong.get("form", 1),
        wrong.get("size_field", size),
        wrong.get("crc", binascii.crc32(body)),
    )
    return head + body


def record(*arguments, **options):
    """A record in its sector."""
    data = record_bytes(*arguments, **options)
    return data + b"\xff" * (SECTOR - len(data))


def put(label, data, offset=0) -> None:
    """Put bytes into a slot, past all rules of the flash."""
    file = esp32.chip.nor.file
    file.seek(esp32.Partition(label).info()[2] + offset)
    file.write(data)


def get(label, offset, size):
    """Bytes of a slot, past the fakes' hooks."""
    buf = bytearray(size)
    esp32.chip.nor.read(esp32.Partition(label).info()[2] + offset, buf)
    return bytes(buf)


def same(label, offset, wanted):
    """Whether the slot holds these bytes; in small pieces, to spare the heap."""
    view = memoryview(wanted)
    for at in range(0, len(view), 256):
        piece = view[at : at + 256]
        if get(label, offset + at, len(piece)) != piece:
            return False
    return True


class EchoSlot:
    """One sector of flash that allocates nothing: what was programmed last is read back."""

    def __init__(self) -> None:
        self.flash = bytearray(SECTOR)

    def info(self):
        return (0, 0x11, 0x1E0000, 0x1D0000, "ota_1", False)

    def readblocks(self, block, buf, offset=0) -> None:
        for i in range(len(buf)):
            buf[i] = self.flash[offset + i]

    def writeblocks(self, block, buf, offset=None) -> None:
        for i in range(SECTOR):
            self.flash[i] = 0xFF if offset is None else buf[i]

    def ioctl(self, op, arg) -> None:
        self.writeblocks(arg, None)
