"""How the agent comes online, and what it makes of the end of a session."""

import asyncio
import time

from micropython import const

from . import forget
from .errors import DownloadError, OtaError
from .log import log

_POLL_MS = const(100)


async def connect(agent) -> None:
    """Bring up network, clock and session; pass the trial if there is one; say what is owed, and inform.

    Raises: LinkError, and DownloadError where TLS refuses the server.
    """
    session = agent.session
    session.refused = False
    await _prepare(agent)
    if agent.trial:
        await agent.trial.prove_download()
    while agent.hushed:
        agent.beat_ms = time.ticks_ms()
        await asyncio.sleep_ms(_POLL_MS)
    agent.is_linked = True
    await session.open(agent.context)
    agent.doubts = 0
    agent.check_ms = time.ticks_ms()
    log("I", "connected to EnOS")
    agent.call(agent.on_link, "connected", "")
    if agent.trial:
        await agent.trial.prove()
        agent.trial = None
        agent.guard(agent.config.watchdog_s)
    if agent.word:
        from .orders import say

        await say(agent)
        say = None  # type: ignore
        forget()
    await agent.inform()


async def _prepare(agent) -> None:
    from .link import prepare

    try:
        await prepare(agent)
    finally:
        del prepare
        forget("link")
    await asyncio.sleep_ms(0)  # between two DNS look-ups the watchdog is fed
    if not agent.context:
        from .contexts import make

        try:
            agent.context = make(agent.config)
        finally:
            del make
            forget()
    from .clock import is_confirmed, settle

    try:
        await settle(agent)
        if not is_confirmed():
            from .servertime import confirm

            await confirm(agent)
    finally:
        is_confirmed = settle = confirm = None  # type: ignore
        forget("clock servertime")


def lost(agent, error) -> None:
    """Tell why there is no session."""
    refused = type(error) is DownloadError  # by TLS
    agent.trouble = str(error) if isinstance(error, OtaError) else repr(error)
    log("W", "link: " + agent.trouble)
    if refused and "(clock" in agent.trouble:
        agent.clock_set_s = 0  # was it NTP that lied?
        agent.doubts += 1
    state = "refused" if refused or agent.session.refused else "lost"
    agent.call(agent.on_link, state, agent.trouble)
