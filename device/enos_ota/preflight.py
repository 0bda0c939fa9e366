"""Whether a file can be a release for this board, from its size and first bytes: asked before anything is erased.

Offsets are ESP-IDF's esp_app_format.h: image header at 0, first segment's header at 24, app descriptor at 32.
"""

import struct

from micropython import const

from . import board
from .errors import DownloadError, LinkError, UpgradeError, VerifyError

HEAD_BYTES = const(288)  # image header, first segment's header, app descriptor
_MAX_SEGMENTS = const(16)
_DESCRIPTOR_MAGIC = const(0xABCD5432)
_NO_LIMIT = (0, 0xFFFF)  # of a chip revision: none is named

_CHIPS = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 13: "ESP32-C6"}
_OTHERS = (
    (b"<", "an HTML page"),
    (b"{", "JSON"),
    (b"PK", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xff\xff", "a full-flash image"),
)


async def preflight(job, body, total_bytes) -> None:
    """Judge the file of an `Upgrade` by the size that its server tells, or None, and by the first of its bytes.

    These `body` delivers, once: into the job's buffer, where they are the beginning of a sector.
    Raises: VerifyError (step -3) when it is no app image, or not as large as commanded; UpgradeError (step -1)
    when it is one for another chip, or the slot is smaller; LinkError, DownloadError (step -2).
    """
    commanded = job.firmware.size_bytes
    if total_bytes is None:
        total_bytes = commanded
    if total_bytes is None:
        raise DownloadError("neither EnOS nor the server tells the file's size")
    if not total_bytes:
        raise VerifyError("not an app image but 0 bytes")
    job.size_bytes = total_bytes
    if not job.headers:
        await _fill(job, body, min(HEAD_BYTES, total_bytes))
        running = bytearray(24)
        board.running().readblocks(0, running, 0)
        check(memoryview(job.buf)[: job.position], total_bytes, running)
        job.headers = job.buf[1] + 1  # the last of them is the padding
        job.next_header = 24
    # Not before: what the file is tells more than its size.
    if commanded is not None and commanded != total_bytes:
        raise VerifyError("the file has %d bytes, not %d" % (total_bytes, commanded))
    room = job.target.info()[3]
    if total_bytes > room:
        raise UpgradeError("%d bytes do not fit a slot of %d" % (total_bytes, room))


async def _fill(job, body, least: int) -> None:
    while job.position < least:
        if not body.left_bytes:
            raise LinkError("the answer ended early")
        job.position += await body.receive(memoryview(job.buf)[job.position : least])


def check(head, total_bytes: int, running) -> None:
    """Judge a file of `total_bytes` by its first bytes (288, or all it has) against the `running` slot's.

    Raises: VerifyError (step -3) when it is no app image; UpgradeError (step -1) when it is one for another
    chip, or for a revision that this chip cannot have.
    """
    if len(head) < HEAD_BYTES or head[0] != 0xE9:
        raise VerifyError("not an app image" + _what(bytes(head[:64])))
    if struct.unpack_from("<I", head, 32)[0] != _DESCRIPTOR_MAGIC:
        raise VerifyError("not an app image but a bootloader or a full-flash image")
    chip, known = struct.unpack_from("<H", head, 12)[0], struct.unpack_from("<H", running, 12)[0]
    if chip != known:
        raise UpgradeError(
            "image for %s, not %s" % (_CHIPS.get(chip, chip), _CHIPS.get(known, known))
        )
    # Which revision this chip is Python cannot tell, but the running image's limits hold for it.
    least, most = struct.unpack_from("<HH", head, 15)
    known_least, known_most = struct.unpack_from("<HH", running, 15)
    if (most not in _NO_LIMIT and most < known_least) or (
        known_most not in _NO_LIMIT and least > known_most
    ):
        raise UpgradeError("image for chip revisions %d to %d" % (least, most))
    if not 0 < head[1] <= _MAX_SEGMENTS:
        raise VerifyError("the image has %d segments" % head[1])
    size = struct.unpack_from("<I", head, 28)[0]
    if not size or size % 4 or 32 + size >= total_bytes:
        raise VerifyError("the image's first segment has %d bytes" % size)


def _what(head: bytes) -> str:
    head = head.lstrip()
    for start, name in _OTHERS:
        if head.startswith(start):
            return " but " + name
    return ""
