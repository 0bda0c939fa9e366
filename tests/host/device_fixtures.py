"""The device's modules under CPython, for tests of those that are pure."""

from __future__ import annotations

import importlib
import sys
import types
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st

from host_tools import paths

NAMES = (
    *(
        "address",
        "codes",
        "der",
        "errors",
        "firmware",
        "identity",
        "image",
        "messages",
        "preflight",
    ),
    *("record", "redirect", "servertime", "settings", "trust", "url"),
)


def _device_modules() -> types.SimpleNamespace:
    """The device's modules, imported without leaving a trace in `sys.modules` and `sys.path`."""
    shims = {}
    for name, content in (
        ("micropython", {"const": lambda value: value}),
        ("esp32", {"NVS": object, "Partition": object}),
        ("machine", {}),
        ("network", {}),
        ("tls", {}),
    ):
        shims[name] = types.ModuleType(name)
        vars(shims[name]).update(content)
    with (
        mock.patch.dict(sys.modules, shims),
        mock.patch.object(sys, "path", [str(paths.DEVICE), *sys.path]),
    ):
        found = {name: importlib.import_module(f"enos_ota.{name}") for name in NAMES}
    return types.SimpleNamespace(**found)


device = _device_modules()

quick = settings(deadline=None, max_examples=60)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


class Slot:
    """Bytes as a partition; beyond them the flash is blank."""

    def __init__(self, data: bytes, size: int = 0x1D0000) -> None:
        self.data = data
        self.size = size

    def info(self) -> tuple[int, int, int, int, str, bool]:
        return (0, 0x11, 0x1E0000, self.size, "ota_1", False)

    def readblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        start = block * 4096 + offset
        if start + len(buf) > self.size:
            raise OSError(-260, "ESP_ERR_INVALID_SIZE")
        piece = self.data[start : start + len(buf)]
        buf[:] = piece + b"\xff" * (len(buf) - len(piece))
