"""The release record: what a slot file says about itself, in one sector. Its table is in the README. Pure."""

import binascii
import struct

from micropython import const

_MAGIC = b"EnRR"
LEAST_BYTES = const(240)  # a newer tool writes fields behind that we do not know
_HEAD_BYTES = const(12)


class Record:
    """The fields of a record. Attributes: as in the table; lengths in bytes, build_time in Unix seconds."""

    def __init__(self, fields, texts: list) -> None:
        unpack = struct.unpack_from
        self.image_bytes, self.app_offset, self.app_bytes = unpack("<III", fields, 12)
        self.stub_abi, self.chip_id, self.sequence = unpack("<HHI", fields, 32)
        self.min_sequence, self.build_time = unpack("<II", fields, 40)
        self.image_digest = bytes(fields[48:80])
        self.app_digest = bytes(fields[80:112])
        self.version, self.product = texts


def is_record(head: bytes) -> bool:
    """Whether these four bytes begin a record, of whatever image."""
    return head == _MAGIC


def size_of(fields) -> int:
    """The length in bytes that a record of a known format gives itself in its head, or 0."""
    magic, form, size = struct.unpack_from("<4sHH", fields)
    return size if magic == _MAGIC and form == 1 and LEAST_BYTES <= size <= 4096 else 0


def unpack(fields):
    """The `Record` at the start of a buffer of 240 bytes or more; None where there is none, or a damaged one."""
    size = size_of(fields)
    crc = struct.unpack_from("<I", fields, 8)[0]
    if (
        not size
        or binascii.crc32(memoryview(fields)[_HEAD_BYTES:size]) != crc
        or size > len(fields)
    ):
        return None
    try:
        texts = [bytes(fields[at : at + 64]).rstrip(b"\x00").decode() for at in (112, 176)]
    except ValueError:
        return None
    return Record(fields, texts)
