"""Module `sys` as an ESP32 shows it; `path` stays the list that `import` really searches."""

import io
import sys as _unix

MACHINE = "Generic ESP32 module with ESP32"
UNIX_BANNER = _unix.version.split("; ")[1] + "; " + _unix.implementation._machine
_OURS = '  File "' + __file__.rsplit("/", 2)[0]


class _Sys:
    @property
    def path(self):
        """The search path."""
        return _unix.path

    @path.setter
    def path(self, value):
        _unix.path = value


def print_exception(error, file=None):
    """Print a traceback without the frames of the simulator, which are C on the chip."""
    try:
        text = io.StringIO()
        _unix.print_exception(error, text)
        lines = text.getvalue().split("\n")[:-1]
    except MemoryError:
        _unix.print_exception(error, file or _unix.stdout)  # allocates nothing
        return
    for line in lines:
        if not line.startswith(_OURS):
            print(line, file=file or _unix.stdout)


def make(board):
    """The object to stand in `sys.modules["sys"]`, also to be had as `shown`."""
    global shown
    shown = _Sys()
    for name in (
        "byteorder", "exit", "modules", "stderr", "stdin", "stdout", "version", "version_info",
    ):  # fmt: skip
        setattr(shown, name, getattr(_unix, name))
    shown.__name__ = "sys"
    shown.print_exception = print_exception
    shown.argv = []
    shown.maxsize = 0x7FFFFFFF
    shown.platform = "esp32"
    shown.implementation = _Implementation()
    if board["micropython"]:
        _pretend(board["micropython"])
    return shown


def _pretend(version):
    """Tell another version than the VM's: what runs is the VM all the same."""
    numbers = tuple(int(part) for part in version.split("."))
    python, built = _unix.version.split("; ")[0], _unix.version.split(" on ")[1]
    shown.version = "%s; MicroPython v%s on %s" % (python, version, built)
    shown.implementation.version = numbers + ("",)
    # Bits 8 and 9 are the sub-version of native code: 6.3 since 1.23, 6.2 in 1.22, 6.1 in 1.20 and 1.21.
    sub_version = sum(numbers[1] >= minor for minor in (20, 22, 23))
    shown.implementation._mpy = _Implementation._mpy & ~0x300 | sub_version << 8


class _Implementation:
    """`sys.implementation` with the machine of a generic board; the VM's own numbers stay true."""

    name = "micropython"
    version = _unix.implementation.version
    _machine = MACHINE
    _mpy = _unix.implementation._mpy
    _build = "ESP32_GENERIC-OTA"
