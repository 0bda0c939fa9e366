"""The device's own rules of waiting: its modules, run by CPython."""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
import types
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

from host_tools import paths
from host_tools.bench.rules import Rule, Wait

_CHIP: dict[str, dict[str, object]] = {
    "micropython": {"const": lambda value: value},
    "esp32": {"NVS": object, "Partition": object},
    "machine": {},
    "network": {},
    "tls": {},
    "umqtt": {},
    "umqtt.simple": {"MQTTClient": object},
}


def reconnect() -> Rule:
    """Between two MQTT sessions: `backoff_ms` of the device's `session.py`."""
    spread_s = default_spread_s()

    def make(source: random.Random) -> Wait:
        session = _module("session")
        vars(session)["random"] = source
        backoff_ms = session.backoff_ms
        return lambda waits: backoff_ms(spread_s, waits + 1)

    return Rule("ours", make)


def download() -> Rule:
    """Between two connections to a file server: `wait` of the device's `patience.py`."""
    config = SimpleNamespace(spread_s=default_spread_s(), network="external")
    job = SimpleNamespace(agent=SimpleNamespace(config=config, hushed=True))

    def make(source: random.Random) -> Wait:
        patience = _module("patience")
        slept_ms: list[int] = []

        async def sleep_ms(milliseconds: int) -> None:
            slept_ms.append(milliseconds)

        patience.backoff_ms.__globals__["random"] = source
        vars(patience).update(random=source, asyncio=SimpleNamespace(sleep_ms=sleep_ms))

        def wait(waits: int) -> int:
            with contextlib.suppress(StopIteration):
                patience.wait(job, waits).send(None)
            return slept_ms.pop()

        return wait

    return Rule("ours", make)


def download_tries() -> int:
    """Connections in a row without a byte after which the device gives a download up."""
    return int(_module("patience")._TRIES)


def default_spread_s() -> int:
    """The setting `spread_s` of a board whose `/enos.json` does not name it."""
    return int(_module("config")._DEFAULTS["spread_s"])


def _module(name: str) -> ModuleType:
    """Import a module of the agent anew, without leaving a trace in `sys.modules` and `sys.path`."""
    with _chip():
        return importlib.import_module(f"enos_ota.{name}")


@contextlib.contextmanager
def _chip() -> Iterator[None]:
    tops = ("enos_ota", *_CHIP)
    former = {name: module for name, module in sys.modules.items() if name.split(".")[0] in tops}
    path = list(sys.path)
    for name in former:
        del sys.modules[name]
    for name, content in _CHIP.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(content)
    sys.path.insert(0, str(paths.DEVICE))
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.split(".")[0] in tops]:
            del sys.modules[name]
        sys.modules.update(former)
