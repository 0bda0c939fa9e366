"""What a new agent begins with: its past, its trial, and the watchdog that it has to feed.

Imported at start and forgotten again, so that nothing of it takes memory while the agent waits.
"""

import os

from micropython import const

from . import board
from .log import log

_TRIAL_WATCHDOG_S = const(60)  # as /boot.py armed it
_IDLE_WATCHDOG_S = const(3600)  # where none is wanted: once armed it can only be widened


def begin(agent, version: str) -> None:
    """Give a new `Agent` its past, its trial, and its watchdog; `version`: where the slot has no release record.

    Raises: ValueError for an unknown way to upgrade.
    """
    if agent.mode not in ("auto", "live", "reboot"):
        raise ValueError("upgrade must be auto, live or reboot")
    if agent.config.network == "external":
        agent.mode = "live"  # without the application there is no network
    wanted_s = watchdog_s = agent.config.watchdog_s
    if not wanted_s and _is_armed():
        watchdog_s = _IDLE_WATCHDOG_S
    from .startup import look_back

    past = look_back(version, wanted_s)
    agent.version, agent.floor_s, on_trial, agent.word, agent.order = past
    if on_trial:
        from .trial import Trial

        agent.trial = Trial(agent)
        watchdog_s = min(watchdog_s or _TRIAL_WATCHDOG_S, _TRIAL_WATCHDOG_S)
    else:
        _keep_trust(agent.config)
    agent.guard(watchdog_s)


def _is_armed() -> bool:
    # /boot.py armed a watchdog in this boot: somebody must feed it, whatever the settings say now.
    return board.load_blob("wdt_s", board.STUBS) not in (b"", b"0")


def _keep_trust(config) -> None:
    try:
        os.stat("/app/enos_trust.json")
    except OSError:
        return
    try:
        from .trust import keep

        keep(config)
    except Exception as error:  # a board that cannot keep it must still reach EnOS
        log("E", "trust: %r" % error)
