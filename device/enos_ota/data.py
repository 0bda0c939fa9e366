"""The application's own file system: `data.mount()` in its `enos_main.py`, before it opens a file there."""

import vfs

from . import board
from .log import log


def mount(path: str = "/data") -> bool:
    """Mount the partition `data`, formatted again where it cannot be mounted; whether there is one.

    The only partition that may be formatted: what a board needs to come back is elsewhere.
    Raises: OSError when the flash is broken.
    """
    for partition in board.Partition.find(board.Partition.TYPE_DATA, label="data"):
        try:
            files = vfs.VfsLfs2(partition)  # type: ignore[abstract]
        except OSError as error:
            log("E", "%s is formatted: %s" % (path, error))
            vfs.VfsLfs2.mkfs(partition)
            files = vfs.VfsLfs2(partition)  # type: ignore[abstract]
        vfs.mount(files, path)
        return True
    return False
