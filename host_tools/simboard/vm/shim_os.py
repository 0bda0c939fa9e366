"""Module `os` without the host: no environment, no shell, no VfsPosix."""

from collections import namedtuple
from os import (
    VfsFat,
    VfsLfs2,
    chdir,
    getcwd,
    ilistdir,
    listdir,
    mkdir,
    mount,
    remove,
    rename,
    rmdir,
    stat,
    statvfs,
    umount,
    unlink,
    urandom,
)

import shim_sys

_Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """(sysname, nodename, release, version, machine)"""
    release = ".".join(str(part) for part in shim_sys.shown.implementation.version[:3])
    version = shim_sys.shown.version.split("; MicroPython ")[1]
    return _Uname("esp32", "esp32", release, version, shim_sys.MACHINE)


def sync():
    """Everything is in flash already."""
