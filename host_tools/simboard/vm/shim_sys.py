"""Module `sys` as an ESP32 shows it; `path` stays the list that `import` really searches."""

import io
import sys as _unix

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


def make():
    """The object to stand in `sys.modules["sys"]`."""
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
    return shown


class _Implementation:
    """`sys.implementation` with the machine of a generic board; the VM's own numbers stay true."""

    name = "micropython"
    version = _unix.implementation.version
    _machine = "Generic ESP32 module with ESP32"
    _mpy = _unix.implementation._mpy
    _build = "ESP32_GENERIC-OTA"
