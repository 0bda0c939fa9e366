"""Frozen module `flashbdev`: the partition that holds the root file system."""

from esp32 import Partition

bdev = Partition.find(Partition.TYPE_DATA, label="vfs")
if not bdev:
    bdev = Partition.find(Partition.TYPE_DATA, label="ffat", block_size=512)
bdev = bdev[0] if bdev else None
