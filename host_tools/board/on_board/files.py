"""Files on a board: written in pieces, told apart by their digests, put in place by renaming."""

import binascii
import gc
import hashlib
import io
import os

try:
    import vfs
except ImportError:
    vfs = os  # before MicroPython 1.23

_WINDOW_BITS = 10
_PIECE_BYTES = 1024
_file = None


def let_go():
    """Unmount everything but the root; the paths of what was mounted there.

    What lies under a mount would be overlooked, and the copy of the agent must not be replaced while it is open:
    LittleFS counts the blocks of a file twice once a second handle of it was closed.
    """
    found = []
    for name in os.listdir("/"):
        try:
            vfs.umount("/" + name)
            found.append("/" + name)
        except OSError:
            pass  # no mount
    gc.collect()
    return found


def names():
    """What is in the root."""
    return sorted(os.listdir("/"))


def digest(path):
    """SHA-256 of a file in hex; None where there is none."""
    try:
        file = open(path, "rb")
    except OSError:
        return None
    state = hashlib.sha256()
    piece = memoryview(bytearray(_PIECE_BYTES))
    with file:
        while True:
            size = file.readinto(piece)
            if not size:
                return binascii.hexlify(state.digest()).decode()
            state.update(piece[:size])


def digests(folder):
    """{path below `folder`: SHA-256} of all files in it; None where there is no such folder."""
    try:
        return _digests(folder, os.ilistdir(folder))
    except OSError:
        return None


def tree():
    """{path: SHA-256} of all files in the root file system."""
    return {"/" + path: value for path, value in _digests("", os.ilistdir("/")).items()}


def _digests(folder, entries):
    found = {}
    waiting = [("", entries)]
    while waiting:
        below, entries = waiting.pop()
        for entry in entries:
            path = below + entry[0]
            if entry[1] & 0x4000:
                waiting.append((path + "/", os.ilistdir(folder + "/" + path)))
            else:
                found[path] = digest(folder + "/" + path)
    return found


def begin(path):
    """Open a file for `put`; its folder is made where it is missing."""
    global _file
    parts = path.split("/")
    for end in range(2, len(parts)):
        try:
            os.mkdir("/".join(parts[:end]))
        except OSError:
            pass  # it is there; else open() says what is wrong
    _file = open(path, "wb")


def put(text):
    """Append a piece: deflated, in base64."""
    import deflate

    packed = io.BytesIO(binascii.a2b_base64(text))
    _file.write(deflate.DeflateIO(packed, deflate.RAW, _WINDOW_BITS).read())


def end(path):
    """Close the file; its digest, read back."""
    _file.close()
    return digest(path)


def drop(path):
    """Close a file that could not be written, and remove it."""
    try:
        _file and _file.close()
    except OSError:
        pass
    remove(path)


def copy(source, target):
    """Copy a file on the board; the copy's digest."""
    begin(target)
    with open(source, "rb") as file:
        while True:
            piece = file.read(_PIECE_BYTES)
            if not piece:
                return end(target)
            _file.write(piece)


def remove(path):
    """Remove a file, or a folder with all that is in it; that there is none is no error."""
    try:
        if os.stat(path)[0] & 0x4000:
            for name in os.listdir(path):
                remove(path + "/" + name)
            os.rmdir(path)
        else:
            os.remove(path)
    except OSError as error:
        if error.errno != 2:
            raise


def act(steps):
    """Rename and remove in order: [from, to], or [what, None]. One call: the host may go away meanwhile."""
    for source, target in steps:
        if target is None:
            remove(source)
        else:
            os.rename(source, target)


def free_bytes():
    """Room in the root file system."""
    stat = os.statvfs("/")
    return stat[0] * stat[3]


def size(path):
    """Bytes of a file; 0 where there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return 0


def read(path, offset, size):
    """A piece of a file in base64."""
    with open(path, "rb") as file:
        file.seek(offset)
        return binascii.b2a_base64(file.read(size)).decode()
