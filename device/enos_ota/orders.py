"""What EnOS commands, and the last word about it. Loaded when there is something to do, then dropped."""

import asyncio
import sys
import time

from micropython import const

from . import board, journal
from .errors import GaveUpError, OtaError, RefusedError, StarvedError, UpgradeError
from .firmware import params_of, read
from .log import log

_LAST_WORD_TRIES = const(5)
_LEAST_S = const(1)  # before a hook is asked again
_LIMIT_S = const(500_000)  # what ticks can measure on a 32-bit chip
_WATCHDOG_S = const(60)  # at least, during an upgrade: a 64 KiB erase may take 2 s, a handshake 3 s
_FLUSH_MS = const(300)
_SILENCE_MS = const(60_000)  # of EnOS about an upgrade that was cut short
_ROLLS = const(2)  # of one digest


async def say(agent) -> None:
    """Repeat the last word of an upgrade until EnOS answers it, five times at most, through resets."""
    word = step, desc = agent.word or (0, "")
    for tries in range(journal.load()["tries"], _LAST_WORD_TRIES):
        journal.keep(tries=tries + 1)
        params = {"step": str(step), "desc": desc}
        if await agent.tolerate(agent.session.request("progress", params, 1)):
            break
    if agent.word == word:  # and not another one by now
        agent.word = None
        if journal.load()["state"] == journal.REPORT:
            journal.clear()
    # What just failed may still be offered: not at once.
    _ask_later(agent)


async def ask(agent) -> None:
    """Ask EnOS for its offers, and the application which of them it wants."""
    _ask_later(agent)
    try:
        offers = await agent.tolerate(agent.check())
    except MemoryError:
        log("W", "the list of offers does not fit")
        return
    firmware = agent.call(agent.select, offers or [])
    if hasattr(firmware, "sign") and firmware.version != agent.version:
        begin(agent, firmware)


async def obey(agent) -> None:
    """Take the newest command: what is at work already goes on, what runs already is informed again."""
    params, agent.order = agent.order, None
    try:
        if params.get("unfinished"):
            await _look_for(agent, params)
        elif _is_stale(agent, params):
            text = "%s: interrupted for over %d s"
            version = params.get("version")
            owe(agent, GaveUpError.step, text % (version, agent.config.upgrade_timeout_s))
        else:
            await _obey(agent, params)
    except (MemoryError, OSError):
        # EnOS has its answer already: the command must not be lost.
        if agent.order is None:
            agent.order = params
        raise


async def _look_for(agent, params) -> None:
    # A reset cut this upgrade short. What EnOS says of it now counts; if it is silent, what it said then.
    agent.order = params  # the link may break
    found = await agent.tolerate(agent.check())
    if agent.order is not params:
        return  # pushed meanwhile
    del params["unfinished"]
    agent.order_ms = time.ticks_add(time.ticks_ms(), 0 if params.get("tries") else _SILENCE_MS)
    for firmware in found or ():
        if firmware.sign == str(params.get("sign")).lower():
            agent.order = params_of(firmware)
            agent.order_ms = time.ticks_ms()


def _is_stale(agent, params) -> bool:
    # EnOS was silent about it, and has given it up by now.
    at = params.get("at")
    return at and agent.clock_set_s and board.unix_time() - at > agent.config.upgrade_timeout_s


async def _obey(agent, params) -> None:
    try:
        firmware = read(params)
    except OtaError as error:
        _give_up(agent)
        owe(agent, error.step, str(error))
        return
    if firmware.version == agent.version:
        _give_up(agent)
        await agent.inform()
    elif firmware.sign != agent.digest:
        begin(agent, firmware, params.get("at"))


def begin(agent, firmware, at=None) -> None:
    """Start an upgrade, unless the application refuses or puts it off; one at work is given up.

    at: when it was commanded, in Unix seconds, if that was before a reset; 0: not known.
    """
    _give_up(agent, firmware.sign)
    if _is_hopeless(firmware):
        text = ": rolled back %d times" % _ROLLS
        owe(agent, GaveUpError.step, firmware.version + text)
        return
    answer = agent.call(agent.on_upgrade, firmware)
    if answer is False:
        owe(agent, RefusedError.step, firmware.version + ": refused by the application")
    elif answer is True or not isinstance(answer, (int, float)) or answer != answer:  # noqa: PLR0124 - NaN
        log("I", "upgrade to " + firmware.version)
        former = journal.load_command()  # of the same digest, or it was given up
        former.update(params_of(firmware))
        if at is None:
            at = board.unix_time() if agent.clock_set_s else 0
        former["at"] = at
        journal.keep_command(journal.COMMAND, former)
        journal.clear_command(journal.NEXT)
        agent.guard(max(agent.config.watchdog_s, _WATCHDOG_S))
        agent.start(firmware)
    else:
        wait_s = min(max(answer, _LEAST_S), _LIMIT_S)
        log("I", "upgrade to %s put off for %d s" % (firmware.version, wait_s))
        agent.order = params_of(firmware)
        journal.keep_command(journal.NEXT, agent.order)
        agent.order_ms = time.ticks_add(time.ticks_ms(), int(wait_s * 1000))


def _is_hopeless(firmware) -> bool:
    # It rolled back twice, and nothing else was commanded since.
    entry = journal.load()
    if entry["rolled"] == firmware.sign:
        return entry["rolls"] >= _ROLLS
    if entry["rolled"]:
        journal.keep(rolled="", rolls=0)
    return False


def owe(agent, step: int, desc: str) -> None:
    """Keep the last word of an upgrade, through resets, until EnOS has answered it."""
    log("I" if step > 0 else "E", "upgrade ends with step %d: %s" % (step, desc[:100]))
    agent.word = journal.owe(step, desc)
    if step < 0:  # it is the one that failed; after a success it is another one
        journal.clear_command(journal.NEXT)
    agent.call(agent.on_progress, *agent.word)


def _ask_later(agent) -> None:
    period_ms = min(agent.config.check_s, _LIMIT_S) * 1000
    agent.check_ms = time.ticks_add(time.ticks_ms(), period_ms)


def _give_up(agent, sign: str = "") -> None:
    # A newer command: EnOS has given the former one up, and hears no word about it.
    if str(journal.load_command(journal.NEXT).get("sign")).lower() != sign:
        journal.clear_command(journal.NEXT)
    if str(journal.load_command().get("sign")).lower() != sign:
        agent.stop()
        if journal.load()["state"] in (journal.FETCH, journal.VERIFY):
            journal.clear()
        journal.clear_command(journal.COMMAND)


async def end(agent, firmware, error) -> None:
    """What an upgrade came to: the last word about it, or a boot without the application to try it again."""
    if isinstance(error, (StarvedError, MemoryError)):
        if agent.mode != "live" and not agent.alone:
            await _restart(agent, firmware, error)
        error = UpgradeError("not enough memory: %s" % error)
    agent.stop()
    if not isinstance(error, OtaError):
        sys.print_exception(error)
        error = UpgradeError(repr(error))
    owe(agent, error.step, "%s: %s" % (firmware.version, error))
    agent.guard(agent.config.watchdog_s)


async def _restart(agent, firmware, error) -> None:
    # The next boot finds the command and starts the agent alone; what the slot holds is not fetched again.
    log("W", "restart to upgrade without the application: %s" % error)
    try:
        # Boots that it had already count, or one that is never online alone would go on for ever.
        command = journal.load_command()
        command.update(params_of(firmware))
        journal.save_command(command, command.get("tries", 0) or 1)
    except OSError:
        return
    await asyncio.sleep_ms(_FLUSH_MS)
    agent.session.close()
    board.reset()
