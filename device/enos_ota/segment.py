"""One segment of an app image, as ESP-IDF's esp_app_format.h has it: address and length, then its bytes."""

import struct

from .errors import VerifyError

TOO_LONG = "the image does not end where it should"


def next_segment(slot, offset: int, limit: int) -> int:
    """Offset behind the segment whose header stands at `offset`: that of the next header, or of the padding.

    Raises: VerifyError (step -3) when it reaches beyond `limit`, or is none.
    """
    size = 1
    if offset + 8 <= limit:
        head = bytearray(8)
        slot.readblocks(0, head, offset)
        size = struct.unpack("<4xI", head)[0]
    if size % 4 or offset + 8 + size >= limit:
        raise VerifyError(TOO_LONG)
    return offset + 8 + size
