"""The agent: what a user imports. One asyncio task that keeps the board upgradable from EnOS.

agent = Agent(app=my_coroutine)
asyncio.run(agent.run())
"""

import asyncio
import gc
import sys
import time

from micropython import const

from . import board, messages
from .application import Application
from .errors import DownloadError, LinkError, OtaError, RefusedError
from .link import Link
from .log import log
from .session import Session

_SECTOR = const(4096)
_POLL_MS = const(100)
_STUCK_MS = const(300_000)  # longer than the main loop's longest honest way round
_TRIAL_WATCHDOG_S = const(60)  # as /boot.py armed it
_IDLE_WATCHDOG_S = const(3600)  # it cannot be stopped after a trial, only widened
_LAST_WORD_TRIES = const(5)
_CHECK_LIMIT_S = const(500_000)  # what ticks can measure on a 32-bit chip
_DESC = const(100)  # characters


def select_first(firmwares: list):
    """A `select` hook: take the first release that EnOS lists."""
    return firmwares[0] if firmwares else None


def _nothing(*_arguments) -> None:
    pass


def _call(hook, *arguments):
    # A mistake in a hook must not cost the board its upgrades.
    try:
        return hook(*arguments)
    except Exception as error:
        sys.print_exception(error)


class Agent:
    """Keeps one board upgradable.

    config: path of the settings, or a dict. app: a coroutine or coroutine function (run as a
    task) or a blocking function (run in a thread).
    version: used only where the slot has no release record.
    Hooks: on_upgrade(firmware) -> False to refuse; select(list) -> firmware or None, asked every
    `check_s`; self_test() -> true when all is well, asked in a trial; on_progress(step, desc);
    on_link(state, reason) with state "connected" or "lost".
    """

    _task: asyncio.Task  # the upgrade at work, while there is a _digest
    _checked_ms: int | None

    def __init__(
        self,
        config="/enos.json",
        app=None,
        version="0",
        on_upgrade=_nothing,
        select=_nothing,
        self_test=lambda: True,
        on_progress=_nothing,
        on_link=_nothing,
    ) -> None:
        self.application = Application(app)
        self.on_upgrade = on_upgrade
        self.select = select
        self.self_test = self_test
        self.on_progress = on_progress
        self.on_link = on_link
        self.context: object = None  # of TLS, made when first needed
        self.word: tuple | None = None  # (step, desc) that EnOS has not answered yet
        self._trial: Trial | None = None  # noqa: F821 - imported when there is one
        self._commands: list = []
        self._digest = ""  # of what the upgrade at work fetches
        self.started_ms = self.beat_ms = time.ticks_ms()
        from . import startup

        self.config = startup.settings(config)
        self.session = Session(self.config, startup.login(self.config), self._commands.append)
        self._link = Link(self.config)
        self._checked_ms = None  # in this session
        watchdog_s = self.config.watchdog_s
        self.version, self.floor_s, on_trial, self.word = startup.look_back(version, watchdog_s)
        if on_trial:
            from .trial import Trial

            self._trial = Trial(self)
            watchdog_s = min(watchdog_s or _TRIAL_WATCHDOG_S, _TRIAL_WATCHDOG_S)
        self._wdt = board.watchdog(watchdog_s) if watchdog_s else None
        del startup
        _forget()

    async def run(self) -> None:
        """Serve EnOS for ever; the application runs beside it."""
        asyncio.create_task(self._feed())
        self.application.start()
        while True:
            try:
                await self._connect()
                await self._serve()
            except Exception as error:  # a malformed packet can be anything in umqtt
                log("W", "link: %s" % (error if isinstance(error, OtaError) else repr(error)))
                if type(error) is DownloadError:  # TLS refuses: was it NTP that lied?
                    self._link.clock_set_s = 0
                _call(self.on_link, "lost", str(error))
            self.session.close()
            await asyncio.sleep_ms(self.session.backoff_ms())
            self.beat_ms = time.ticks_ms()

    async def check(self) -> list:
        """Ask EnOS which releases it offers on request (getversion).

        Raises: LinkError when there is no answer.
        """
        reply = await self.session.request("getversion", {})
        from .firmware import firmwares

        return firmwares(reply.get("data"))

    async def upgrade(self, firmware) -> None:
        """Upgrade to one of the releases of `check()`: resets the board, or returns after a failure."""
        self._begin(firmware)
        while self._digest == firmware.sign:
            await asyncio.sleep_ms(_POLL_MS)

    def may_sleep(self) -> bool:
        """Whether nothing is under way that a deep sleep would break."""
        return not (self._digest or self._trial or self.word or self._commands)

    def report(self, step: int, desc: str) -> None:
        """Tell EnOS and the application how far an upgrade is; not awaited, lost when offline."""
        desc = desc[:_DESC]
        _call(self.on_progress, step, desc)
        if self.session.is_open:
            try:
                self.session.send("progress", {"step": str(step), "desc": desc})
            except LinkError as error:
                log("W", str(error))

    def owe(self, step: int, desc: str) -> None:
        """Keep the last word of an upgrade, through resets, until EnOS has answered it."""
        desc = desc[:_DESC]
        self.word = (step, desc)
        log("I" if step > 0 else "E", "upgrade ends with step %d: %s" % (step, desc))
        from . import journal

        journal.keep(state=journal.REPORT, step=step, desc=desc, tries=0)
        _call(self.on_progress, step, desc)

    async def _connect(self) -> None:
        await self._link.up()
        self._link.set_clock(self.floor_s)
        if not self.context:
            from .trust import tls_context

            self.context = tls_context(self.config.ca)
            _forget()
        await self.session.open(self.context)
        self._checked_ms = None
        log("I", "connected to EnOS")
        _call(self.on_link, "connected", "")
        if self._trial:
            await self._trial.prove()
            self._trial = None
            self._wdt = board.watchdog(self.config.watchdog_s or _IDLE_WATCHDOG_S)
        if self.word:
            await self._say_last_word()
        await self._inform()

    async def _inform(self) -> None:
        log("I", "inform version " + self.version)
        await self._tolerate(self.session.request("inform", {"version": self.version}))

    async def _tolerate(self, request):
        # EnOS may leave a request unanswered; only a broken link is a reason to connect again.
        try:
            return await request
        except LinkError as error:
            log("W", str(error))
            self.session.poll()

    async def _serve(self) -> None:
        while True:
            self.beat_ms = time.ticks_ms()
            self.session.poll()
            if self.word:
                await self._say_last_word()
            if self._commands:
                await self._obey(self._commands.pop(0))
            if self.config.check_s and not self._digest and self._is_check_due():
                self._checked_ms = time.ticks_ms()  # type: ignore[assignment]
                firmware = _call(self.select, await self._tolerate(self.check()) or [])
                if firmware and firmware.version != self.version:
                    self._begin(firmware)
            await asyncio.sleep_ms(_POLL_MS)

    def _is_check_due(self) -> bool:
        period_ms = min(self.config.check_s, _CHECK_LIMIT_S) * 1000
        checked_ms = self._checked_ms
        return checked_ms is None or time.ticks_diff(time.ticks_ms(), checked_ms) >= period_ms

    async def _obey(self, message: dict) -> None:
        self.session.reply("upgrade_reply", messages.upgrade_reply(message))
        from .firmware import Firmware

        try:
            firmware = Firmware(message.get("params"))
        except OtaError as error:
            self._give_up()
            self.owe(error.step, str(error))
            return
        if firmware.version == self.version:
            self._give_up()
            await self._inform()
            _forget()
        elif firmware.sign != self._digest:
            self._begin(firmware)

    def _give_up(self) -> None:
        # A newer command: EnOS has given the upgrade at work up, and hears no word about it.
        if self._digest:
            self._digest = ""
            self._task.cancel()
            from . import journal

            journal.clear()  # or the next boot would take it for cut short

    def _begin(self, firmware) -> None:
        self._give_up()
        log("I", "upgrade to " + firmware.version)
        self._digest = firmware.sign
        self._task = asyncio.create_task(self._upgrade(firmware))

    async def _upgrade(self, firmware) -> None:
        try:
            if self.on_upgrade(firmware) is False:
                raise RefusedError("refused by the application")
            gc.collect()
            buf = bytearray(_SECTOR)  # before the imports break up what is free
            from .upgrade import Upgrade

            await Upgrade(self, firmware, buf).run()
        except Exception as error:  # whatever it is, EnOS hears of it and the agent goes on
            self._digest = ""
            text = str(error)
            if not isinstance(error, OtaError):
                sys.print_exception(error)
                text = repr(error)
            self.owe(getattr(error, "step", -1), "%s: %s" % (firmware.version, text))
        # asyncio keeps this frame: what it still held would stay alive with all its modules.
        buf = Upgrade = None  # type: ignore
        _forget()

    async def _say_last_word(self) -> None:
        from . import journal

        word = step, desc = self.word or (0, "")
        for tries in range(journal.load()["tries"], _LAST_WORD_TRIES):
            journal.keep(tries=tries + 1)
            params = {"step": str(step), "desc": desc}
            if await self._tolerate(self.session.request("progress", params, 1)):
                break
        if self.word == word:  # and not another one by now
            self.word = None
            journal.clear()
        # What just failed may still be offered: not at once.
        self._checked_ms = time.ticks_ms()  # type: ignore[assignment]
        _forget()

    async def _feed(self) -> None:
        while True:
            if self._wdt and time.ticks_diff(time.ticks_ms(), self.beat_ms) < _STUCK_MS:
                self._wdt.feed()
            if self._trial:
                self._trial.watch()
            await asyncio.sleep(1)


def _forget() -> None:
    # Drop the modules that only a boot or an upgrade needs: their memory is the application's.
    package = sys.modules["enos_ota"]
    for name in list(sys.modules):
        if name.startswith("enos_ota.") and name not in _WAITING:
            del sys.modules[name]
            delattr(package, name[9:])
    gc.collect()


_WAITING = set(sys.modules)
