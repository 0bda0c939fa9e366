"""Module `vfs` without the host's file system."""

from vfs import VfsFat, VfsLfs2, mount, umount
