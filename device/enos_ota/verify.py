"""The proof of what is in the slot: digest, signature, image, record."""

import asyncio
import binascii
import hashlib

from micropython import const

from . import board, forget
from .errors import VerifyError
from .log import log

_SECTOR = const(4096)
_MAGIC = const(0xE9)
_YIELD_SECTORS = const(2)  # of reading and hashing: 40 ms on a chip
_ERASE = const(6)  # ioctl
_PIECE = const(256)


async def digest(
    slot, size_bytes: int, buf: bytearray, method: str, content_bytes: int = 0
) -> tuple:
    """Digest (`md5` or `sha256`) of a slot's first bytes as the flash gives them back, and SHA-256 of the content.

    That is the first `content_bytes`, a multiple of 4096. Read through `buf`; the first byte is taken for that of
    an image that the bootloader accepts.
    """
    state = hashlib.md5() if method == "md5" else hashlib.sha256()
    content = hashlib.sha256()
    data = memoryview(buf)
    for sector in range((size_bytes + _SECTOR - 1) // _SECTOR):
        offset = sector * _SECTOR
        if size_bytes - offset < _SECTOR:
            data = data[: size_bytes - offset]
        slot.readblocks(sector, data)
        if not sector:
            buf[0] = _MAGIC
        state.update(data)
        if offset < content_bytes:
            content.update(data)
        if sector % _YIELD_SECTORS == 0:
            await asyncio.sleep_ms(0)
    return state.digest(), content.digest()


async def verify(job) -> None:
    """Prove that the slot of an `Upgrade` holds what was commanded, that it is signed, and may follow what runs.

    Raises: VerifyError (step -3); what `permit` raises.
    """
    firmware = job.firmware
    method = firmware.sign_method
    size_bytes = job.size_bytes
    content_bytes = size_bytes - _SECTOR if _is_signed(job) else 0
    found, content = await digest(job.target, size_bytes, job.buf, method, content_bytes)
    if binascii.hexlify(found).decode() != firmware.sign:
        raise VerifyError("%s is not the commanded one" % method)
    job.is_resumed = False  # its pieces fit together: what is wrong now stays wrong
    # One after the other: the signature takes memory that the record's modules would hold.
    signed = _signed_digest(job, content_bytes)
    forget("signature")
    if signed not in (b"", content):
        raise VerifyError("the signature is another file's")
    _check_record(job, (content_bytes or size_bytes) - _SECTOR)
    log("I", "verified: %d bytes, %s%s" % (size_bytes, method, ", signature" if signed else ""))


def _is_signed(job) -> bool:
    # As `signature.is_signed` has it, which is not to be loaded yet.
    offset = job.size_bytes - _SECTOR
    if offset <= 0 or offset % _SECTOR:
        return False
    head = bytearray(2)
    job.target.readblocks(0, head, offset)
    return head[0] == 0xE7 and 1 <= head[1] <= 3


def _signed_digest(job, content_bytes: int) -> bytes:
    from .signature import wanted

    job.target.readblocks(0, job.buf, content_bytes)
    if not content_bytes:
        job.buf[0] = 0  # no signature: the policy decides what that is worth
    return wanted(job.agent.config, job.buf)


def _check_record(job, copy: int) -> None:
    from .image import Image, read_record
    from .permit import permit

    target = job.target
    image = Image(target, False)
    if image.length_bytes > job.size_bytes:
        raise VerifyError("the file ends before its image")
    record = None
    if image.behind < job.size_bytes:
        record = read_record(target, image)
        if record and not _same(target, image.behind, copy):
            raise VerifyError("the two release records differ")
    permit(job.agent.config, record, job.firmware.version)
    if record is None:
        _keep_version(job, image)


def _same(slot, first: int, second: int) -> bool:
    pieces = bytearray(_PIECE), bytearray(_PIECE)
    for offset in range(0, _SECTOR, _PIECE):
        slot.readblocks(0, pieces[0], first + offset)
        slot.readblocks(0, pieces[1], second + offset)
        if pieces[0] != pieces[1]:
            return False
    return True


def _keep_version(job, image) -> None:
    # Of a plain image, which does not say it.
    from .image import has_record

    if has_record(job.target, image) and image.behind >= job.size_bytes:
        # Of a former release around the same VM: it would be taken for this one's.
        job.target.ioctl(_ERASE, image.behind // _SECTOR)
    board.save_blob(
        "plain%d" % board.slot_index(job.target), image.elf_digest + job.firmware.version.encode()
    )
