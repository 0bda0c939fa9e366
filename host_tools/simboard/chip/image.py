"""The check of an app image that bootloader and `set_boot` make (`esp_image_format.c`, IDF 5.5.2).

Header of 24 bytes, segments (u32 load address, u32 length, data), zeros so that the checksum byte
ends a group of 16, and the SHA-256 of all that if the header announces it.
"""

import hashlib
import struct

from . import accel

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable

    from .nor import Writable

    ReadInto = Callable[[int, Writable], None]

HEADER_BYTES = 24
MAGIC = 0xE9
CHECKSUM_SEED = 0xEF
MAX_SEGMENTS = 16
MAX_SEGMENT_BYTES = 16 << 20
MMU_PAGE_BYTES = 0x10000
MAPPED = ((0x400D0000, 0x40400000), (0x3F400000, 0x3F800000))
"""ESP32 addresses reached through the flash cache: code (IROM) and constants (DROM)."""
CHIP_ID_ESP32 = 0
CHIP_REVISION = 300
"""Of the simulated chip: v3.0, as major * 100 + minor."""


class ImageError(Exception):
    """The image would not boot; the text is what the bootloader prints."""


class Image:
    """What the walk over the headers found: lengths in bytes from the start of the slot."""

    def __init__(self, data_end: int, length: int, hash_appended: bool, header_xor: int) -> None:
        self.data_end = data_end
        self.length = length
        self.hash_appended = hash_appended
        self.header_xor = header_xor


def walk(read: "ReadInto", size_bytes: int) -> Image:
    """Check the headers of the image in a slot of `size_bytes`; return its `Image`.

    `read(offset, buffer)` fills the buffer from the slot. Raises `ImageError`.
    """
    header = bytearray(HEADER_BYTES)
    read(0, header)
    _check_header(header)
    headers_xor = accel.xor_words(header, HEADER_BYTES)
    offset = HEADER_BYTES
    segment = bytearray(8)
    for index in range(header[1]):
        if offset + 8 > size_bytes:
            raise ImageError("Image length exceeds partition size 0x%x" % size_bytes)
        read(offset, segment)
        headers_xor ^= accel.xor_words(segment, 8)
        load_address, length = struct.unpack("<II", segment)
        _check_segment(index, offset + 8, load_address, length)
        offset += 8 + length
    length = (offset + 16) // 16 * 16
    hash_appended = header[23] != 0
    if length + 32 * hash_appended > size_bytes:
        raise ImageError(
            "Image length %d doesn't fit in partition length %d" % (length, size_bytes)
        )
    return Image(offset, length + 32 * hash_appended, hash_appended, headers_xor)


def _check_header(header: bytearray) -> None:
    if header[0] != MAGIC:
        raise ImageError("image at slot start has invalid magic byte (nothing flashed here?)")
    if header[1] > MAX_SEGMENTS:
        raise ImageError("image has too many segments: %d" % header[1])
    chip_id, _, min_revision, max_revision = struct.unpack_from("<HBHH", header, 12)
    if chip_id != CHIP_ID_ESP32:
        raise ImageError("mismatch chip ID, expected %d, found %d" % (CHIP_ID_ESP32, chip_id))
    if min_revision > CHIP_REVISION:
        raise ImageError("chip revision check failed. Required >= %d" % min_revision)
    if max_revision not in (0, 0xFFFF) and max_revision < CHIP_REVISION:
        raise ImageError("chip revision check failed. Required <= %d" % max_revision)


def _check_segment(index: int, data_offset: int, load_address: int, length: int) -> None:
    if length & 3 or length >= MAX_SEGMENT_BYTES:
        raise ImageError("invalid segment length 0x%x" % length)
    for low, high in MAPPED:
        if low <= load_address < high and (load_address - data_offset) % MMU_PAGE_BYTES:
            raise ImageError(
                "Segment %d load address 0x%08x, doesn't match data 0x%08x"
                % (index, load_address, data_offset)
            )


def verify(read: "ReadInto", size_bytes: int, buffer: bytearray) -> Image:
    """Check the whole image with its checksum and SHA-256; return its `Image`.

    `buffer` is work space, a multiple of 4 bytes long. Raises `ImageError`.
    """
    image = walk(read, size_bytes)
    digest = hashlib.sha256()
    checksum = CHECKSUM_SEED ^ image.header_xor
    view = memoryview(buffer)
    hashed = image.length - 32 * image.hash_appended
    offset = 0
    while offset < hashed:
        chunk = view[: min(len(view), hashed - offset)]
        read(offset, chunk)
        digest.update(chunk)
        if offset < image.data_end:
            checksum ^= accel.xor_words(chunk, min(len(chunk), image.data_end - offset))
        offset += len(chunk)
    if chunk[-1] != checksum:
        raise ImageError("Checksum failed. Calculated 0x%x read 0x%x" % (checksum, chunk[-1]))
    if image.hash_appended:
        stored = view[:32]
        read(hashed, stored)
        if bytes(stored) != digest.digest():
            raise ImageError("Image hash failed - image is corrupt")
    return image
