"""How each trouble is made, and unmade."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from host_tools.cloud.client import CloudNotRunningError
from host_tools.cloud.switches import SWITCHES
from host_tools.demo.badnet import BadNet

from .menu import KINDS
from .plan import Strike
from .stage import Stage

DELAY_MS = 120
LINES = ("mqtt", "http")
End = Callable[[], None]


def _nothing() -> None:
    pass


def begin(stage: Stage, strike: Strike) -> End:
    """Let a trouble strike; returns what ends it. A stand-in that is down has no trouble to add."""
    with contextlib.suppress(CloudNotRunningError):
        return ACTIONS[KINDS[strike.kind].action](stage, strike)
    return _nothing


def calm(stage: Stage) -> None:
    """End all trouble there may be, whatever began it. Raises: SimulatorDiedError."""
    for name in LINES:
        stage.restore(name)
    stage.board.set_air(True)
    stage.cloud.clear_faults()
    stage.cloud.set_switch("repush_interval_s", SWITCHES["repush_interval_s"].default)
    stage.give_power()


def _power(stage: Stage, _strike: Strike) -> End:
    stage.cut_power()
    return stage.give_power


def _air(stage: Stage, _strike: Strike) -> End:
    stage.board.set_air(False)
    return lambda: stage.board.set_air(True)


def _net(stage: Stage, strike: Strike) -> End:
    method, names = KINDS[strike.kind].options
    net = stage.net
    for name in names:
        if method == "delay":
            net.delay(name, DELAY_MS)
        elif method == "refuse":
            net.refuse(name)
            net.reset(name)
        else:
            getattr(BadNet, method)(net, name)
    if not strike.lasts_s:
        return _nothing

    def end() -> None:
        for name in names:
            stage.restore(name)

    return end


def _restart(stage: Stage, strike: Strike) -> End:
    stage.restart(strike.lasts_s)
    return _nothing


def _faults(stage: Stage, strike: Strike) -> End:
    for name, options in KINDS[strike.kind].options:
        given = {key: strike.percent if value == "at" else value for key, value in options.items()}
        stage.cloud.set_fault(name, **given)
    return _nothing


def _switch(stage: Stage, strike: Strike) -> End:
    name, value = KINDS[strike.kind].options
    stage.cloud.set_switch(name, value)
    return _nothing


def _former(stage: Stage, _strike: Strike) -> End:
    sent = [m for m in stage.log_of("down") if m["tail"] == "upgrade"]
    older = [m for m in sent if _sign(m) != _sign(sent[-1])]
    if older:
        stage.send_again(older[-1])
    return _nothing


def _sign(message: dict[str, str]) -> str:
    return message["payload"].partition('"sign"')[2].partition(",")[0]


ACTIONS: dict[str, Callable[[Stage, Strike], End]] = {
    "power": _power,
    "air": _air,
    "net": _net,
    "restart": _restart,
    "faults": _faults,
    "switch": _switch,
    "former": _former,
}
