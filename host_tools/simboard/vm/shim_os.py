"""Module `os` without the host: no environment, no shell, no VfsPosix."""

import sys
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

_Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """(sysname, nodename, release, version, machine)"""
    release = ".".join(str(part) for part in sys.implementation.version[:3])
    version = sys.version.split("; MicroPython ")[1]
    return _Uname("esp32", "esp32", release, version, "Generic ESP32 module with ESP32")


def sync():
    """Everything is in flash already."""
