"""The end of a file, judged before anything is erased: the signature and the release record.

It is a filter that saves a download: what counts is what is in flash before the switch. The two are judged one
after the other: both at once would take more memory than the download.
"""

from micropython import const

from . import forget
from .errors import LinkError, VerifyError

_LEAST = const(240)
_MOST = const(1024)  # no record of ours will be longer


async def judge(job, body) -> None:
    """Judge the last 8 KiB of the file of an `Upgrade`, which `body` delivers and is closed, in the job's buffer.

    Raises: what `signature.wanted` and `permit` raise; LinkError, DownloadError (step -2).
    """
    config = job.agent.config
    view = memoryview(job.buf)
    await _fill(body, view)
    size = view[6] | view[7] << 8  # of the record, if this is its sector
    former = bytes(view[: size if _LEAST < size < _MOST else _LEAST])
    await _fill(body, view)
    body.close()  # TLS holds memory that the signature takes
    forget()
    from .signature import is_signed, wanted

    wanted(config, view)
    fields = former if is_signed(view) else view
    is_signed = wanted = None  # type: ignore
    forget("signature")
    from .permit import permit
    from .record import is_record, unpack

    record = unpack(fields)
    if record:
        permit(config, record, job.firmware.version)
    elif is_record(bytes(fields[:4])):
        raise VerifyError("the release record is damaged")
    # Else it may be anything, which its first bytes tell better.


async def _fill(body, view) -> None:
    while len(view):
        if not body.left_bytes:
            raise LinkError("the answer ended early")
        view = view[await body.receive(view) :]
