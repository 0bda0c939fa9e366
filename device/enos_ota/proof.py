"""Whether this image can download the next one: it fetches the first bytes of its own file."""

from micropython import const

from . import forget
from .errors import DownloadError, StarvedError
from .log import log
from .source import Source

_LOST = "address-lost://"  # as startup.py says that none was kept
_PIECE = const(256)
_BYTES = const(4096)


async def prove_download(agent, slot) -> str:
    """Fetch the first 4 KiB of what the running `slot` was made from, and compare: why it failed, or "".

    A refusal by HTTP, a file that is gone and a missing route are no fault of the image.
    Raises: DownloadError where TLS refuses a date, since the clock may be wrong; StarvedError or MemoryError where
    memory is short; what nobody expects, of a broken image.
    """
    from . import journal

    params = journal.load_command()
    if params.get("fileUrl", _LOST) == _LOST:
        log("W", "no file is known to try a download with")
        return ""
    from .firmware import read

    source = Source(agent.config, agent.context, read(params))
    journal = read = None  # type: ignore  # the connection needs the memory
    forget()
    try:
        await source.open(0, "%d" % (_BYTES - 1))
        return await _compare(source.http, slot)
    except StarvedError:
        raise
    except DownloadError as error:
        if "(clock" in str(error):
            raise
        if str(error).startswith("TLS refused"):
            return "download: %s" % error
        log("W", "download path not proved: %s" % error)
        return ""
    finally:
        source.http.close()


async def _compare(http, slot) -> str:
    piece = bytearray(_PIECE)
    wanted = bytearray(_PIECE)
    view = memoryview(piece)
    for offset in range(0, _BYTES, _PIECE):
        filled = 0
        while filled < _PIECE and http.left_bytes:
            filled += await http.receive(view[filled:])
        slot.readblocks(0, wanted, offset)
        if piece != wanted:
            return "download: another file than the one that runs"
    return ""
