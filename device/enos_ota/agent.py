"""The agent: what a user imports. One asyncio task that keeps the board upgradable from EnOS.

agent = Agent(app=my_coroutine)
asyncio.run(agent.run())
"""

import asyncio
import sys
import time

from micropython import const

from . import board, forget, messages
from .application import Application
from .errors import LinkError, StarvedError
from .log import log
from .session import Session

_POLL_MS = const(100)
_STUCK_MS = const(300_000)  # longer than the main loop's longest honest way round
_IDLE_WATCHDOG_S = const(3600)  # where none is wanted: once armed it can only be widened
_SETTLED_S = const(300)  # an application that ran so long did not fail at its start
_REJOIN_MS = const(5000)
_SOON_MS = const(60_000)  # what a reset cut short waits for EnOS so long
_DESC = const(100)  # characters
_RESETS = const(5)
_SECTOR = const(4096)
_FIELDS = ("version", "sign", "signMethod", "fileUrl", "fileSize")


def select_first(firmwares: list):
    """A `select` hook: take the first release that EnOS lists."""
    return firmwares[0] if firmwares else None


def _nothing(*_arguments) -> None:
    pass


class Agent:
    """Keeps one board upgradable.

    config: path of the settings, or a dict. app: a coroutine or coroutine function (run as a
    task) or a blocking function (run in a thread).
    version: used only where the slot has no release record.
    upgrade: "live" beside the application, "reboot" to do it in a boot without the application, "auto" to
    reboot only where memory is short. alone: this is such a boot.
    app_timeout_s: the application promises to call `alive()` at least so often; else a trial fails, and later
    the watchdog is not fed. 0: it need not.
    Hooks: on_upgrade(firmware) -> False to refuse, or seconds after which to ask again; select(list) ->
    firmware or None, asked every `check_s`; self_test() -> true when all is well, asked in a trial;
    on_progress(step, desc); on_link(state, reason) with state "connected", "lost" or "refused".
    """

    _wdt = None  # one for all agents of a boot: it cannot be stopped
    _task: asyncio.Task | None  # the upgrade at work, while there is a digest
    context: object  # of TLS, made when first needed
    digest: str  # of what the upgrade at work fetches
    hushed: bool  # the upgrade needs the memory of the MQTT session
    is_linked: bool  # there is a session, or about to be one
    is_informed: bool
    trouble: str  # why there is no session
    starved_ms: int | None  # since when there is no memory for a session
    clock_set_s: int  # Unix seconds of the last NTP answer in this boot; 0: ask again
    doubts: int  # sessions in a row that TLS refused by a date
    trial: Trial | None  # type: ignore[name-defined]  # noqa: F821 - imported when there is one
    buf: bytearray | None  # of the upgrade at work
    version: str
    floor_s: int  # build time of the release, Unix seconds: no certificate that matters was issued before
    word: tuple | None  # (step, desc) that EnOS has not answered yet
    order: dict | None  # the newest command not yet obeyed, due at order_ms

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
        upgrade="auto",
        alone=False,
        app_timeout_s=0,
    ) -> None:
        if board.buffer is None:  # it was not /main.py that started this boot, or there is none
            from .room import make_room

            make_room()
            del make_room
        self.buf = board.buffer
        try:
            # Reserved before the application breaks up the heap: later there may be 4 KiB, but in no one piece.
            if not self.buf and (alone or upgrade != "reboot"):
                self.buf = bytearray(_SECTOR)
        except MemoryError:
            pass
        self.application = Application(app, app_timeout_s)
        self.alive = self.application.alive
        self.on_upgrade = on_upgrade
        self.select = select
        self.self_test = self_test
        self.on_progress = on_progress
        self.on_link = on_link
        self.mode = upgrade
        self.alone = alone
        # All of them now: one more attribute needs memory, and is set where there is none.
        self.starved_ms = self.context = self.trial = self._task = None
        self.hushed = self.is_linked = self.is_informed = False
        self.digest = self.trouble = ""
        self.clock_set_s = self.doubts = 0
        self.started_ms = self.beat_ms = self.order_ms = self.check_ms = time.ticks_ms()
        from . import settings

        self.config = settings.load(config)
        self.session = Session(self.config, settings.login(self.config), self._arrived)
        del settings
        forget("settings config trust identity room")
        from . import outset

        outset.begin(self, version)
        del outset
        forget("outset startup trust journal otadata image record segment alone rescue")

    async def run(self) -> None:
        """Serve EnOS for ever; the application runs beside it."""
        asyncio.create_task(self._feed())
        asyncio.create_task(self._settle())
        self.application.start()
        while True:
            try:
                await self._connect()
                await self._serve()
            except Exception as error:  # a malformed packet can be anything in umqtt
                self._count_starved(error)
                self.is_informed = False
                try:
                    from .connect import lost

                    lost(self, error)
                    lost = None  # type: ignore
                except MemoryError:
                    pass
            self.session.close()
            wait_ms = self.session.backoff_ms() if self.is_linked else _REJOIN_MS
            self.is_linked = False
            now = time.ticks_ms()
            # It may wait longer than a main loop that hangs is fed.
            self.beat_ms = time.ticks_add(now, wait_ms)
            if self._is_ordered():
                self.order_ms = now  # before ticks wrap: the board may be offline for days
            await asyncio.sleep_ms(wait_ms)
            self.beat_ms = time.ticks_ms()

    async def check(self) -> list:
        """Ask EnOS which releases it offers on request (getversion).

        Raises: LinkError when there is no answer.
        """
        reply = await self.session.request("getversion", {})
        from .firmware import firmwares

        found = firmwares(reply)
        firmwares = None  # type: ignore
        forget()
        return found

    async def upgrade(self, firmware) -> None:
        """Upgrade to one of the releases of `check()`: resets the board, or returns after a failure."""
        while self.trial:
            await asyncio.sleep_ms(_POLL_MS)
        from . import orders

        orders.begin(self, firmware)
        orders = None  # type: ignore  # or it would stay through the whole upgrade
        forget()
        while self.digest == firmware.sign:
            await asyncio.sleep_ms(_POLL_MS)

    def may_sleep(self) -> bool:
        """Whether nothing is under way, or due within a minute, that a deep sleep would break or put off."""
        return not (self.digest or self.trial or self.word or self._is_ordered(_SOON_MS))

    def report(self, step: int, desc: str) -> None:
        """Tell EnOS and the application how far an upgrade is; not awaited, lost when offline."""
        desc = desc[:_DESC]
        self.call(self.on_progress, step, desc)
        if self.session.is_open:
            try:
                self.session.send("progress", {"step": str(step), "desc": desc})
            except LinkError as error:
                log("W", str(error))

    def call(self, hook, *arguments):
        """The answer of a hook; None if it raises: a mistake there must not cost the board its upgrades."""
        try:
            return hook(*arguments)
        except Exception as error:
            sys.print_exception(error)

    def guard(self, timeout_s: int) -> None:
        """Arm the watchdog that the agent feeds, or give it a new time-out; 0: none, or a very wide one."""
        if timeout_s or Agent._wdt:
            Agent._wdt = board.watchdog(timeout_s or _IDLE_WATCHDOG_S)

    def start(self, firmware) -> None:
        """Run an upgrade as a task: the one at work."""
        self._task = asyncio.create_task(self._work(firmware))
        self.digest = firmware.sign

    def stop(self) -> None:
        """End the upgrade at work, or note its end."""
        if self._task and self._task is not asyncio.current_task():
            self._task.cancel()
        self.digest = ""
        self._task = None  # it would keep the modules of the upgrade alive

    async def tolerate(self, request):
        """The answer to a request, or None: EnOS may leave it open.

        Raises: LinkError when it is the link that is broken.
        """
        try:
            return await request
        except StarvedError:
            raise  # it is broken, and counts
        except LinkError as error:
            log("W", str(error))
            self.session.poll()

    async def inform(self) -> None:
        """Tell EnOS the version that runs."""
        log("I", "inform version " + self.version)
        reply = await self.tolerate(self.session.request("inform", {"version": self.version}))
        if reply and messages.is_ok(reply):
            log("I", "EnOS knows version " + self.version)
        self.is_informed = True

    def _arrived(self, message: dict) -> None:
        # Answered at once, whatever the board is at; the newest command is the one that counts.
        params = message.get("params")
        if not isinstance(params, dict):
            params = {}
        # No more than is of use: it stays until it is obeyed, in NVS too.
        params = {
            name: params[name]
            for name in _FIELDS
            if isinstance(params.get(name), (str, int, float))
        }
        if not self.digest or str(params.get("sign")).lower() != self.digest:  # else it is at work
            self.order = params
            self.order_ms = time.ticks_ms()
        self.session.reply("upgrade_reply", messages.upgrade_reply(message))

    async def _connect(self) -> None:
        from . import connect

        try:
            await connect.connect(self)
        finally:
            connect = None  # type: ignore
            forget("connect")

    async def _serve(self) -> None:
        while not self.hushed:
            now = self.beat_ms = time.ticks_ms()
            self.session.poll()
            if self.word:
                await self._do("say")
            elif self._is_ordered():
                await self._do("obey")
            elif (
                self.config.check_s and not self.digest and time.ticks_diff(now, self.check_ms) >= 0
            ):
                await self._do("ask")
            self.starved_ms = None  # not before: what is imported for it needs memory too
            await asyncio.sleep_ms(_POLL_MS)

    def _is_ordered(self, within_ms: int = 0) -> bool:
        due_ms = time.ticks_diff(self.order_ms, time.ticks_ms())
        return self.order is not None and due_ms <= within_ms

    def keep_order(self) -> None:
        """Keep a command that EnOS has its answer to, and that is not obeyed yet, through a reset."""
        if self.order and "unfinished" not in self.order:
            from . import journal

            journal.keep_command(journal.NEXT, self.order)

    async def _do(self, name: str) -> None:
        from . import orders

        await getattr(orders, name)(self)
        del orders
        forget()

    async def _work(self, firmware) -> None:
        failure: Exception | None = None
        try:
            if not self.context:
                raise LinkError("not connected to EnOS yet")
            if self.mode == "reboot" and not self.alone:
                raise StarvedError("as configured")
            forget()
            buf = self.buf or bytearray(_SECTOR)
            from .upgrade import Upgrade

            await Upgrade(self, firmware, buf).run()
        except Exception as error:  # whatever it is, EnOS hears of it and the agent goes on
            failure = error
        # asyncio keeps this frame: what it still held would stay alive with its modules.
        buf = Upgrade = None  # type: ignore
        try:
            forget()
            from . import orders

            await orders.end(self, firmware, failure)
            orders = None  # type: ignore
            forget()
        except Exception:  # nobody would hear of the end, and no other upgrade begin
            try:
                # As after so many resets without a reason: the agent goes first, and takes it up again alone.
                board.save_int("resets", _RESETS, board.STUBS)
            finally:
                board.reset()  # the journal tells the rest

    def _count_starved(self, error) -> None:
        # Nothing here may need memory, but for the reset.
        now = time.ticks_ms()
        if not isinstance(error, (StarvedError, MemoryError)):
            self.starved_ms = None
        elif self.starved_ms is None:
            self.starved_ms = now  # type: ignore[assignment]
        elif not (self.alone or self.trial or self.digest) and (
            time.ticks_diff(now, self.starved_ms) >= self.config.stuck_s * 1000 > 0
        ):
            self.keep_order()
            board.reset_because(str(error))

    async def _feed(self) -> None:
        while True:
            if time.ticks_diff(time.ticks_ms(), self.beat_ms) < _STUCK_MS and (
                self._wdt and not self.application.is_late()
            ):
                self._wdt.feed()
            if self.trial:
                self.trial.watch()
            await asyncio.sleep(1)

    async def _settle(self) -> None:
        await asyncio.sleep(_SETTLED_S)
        try:
            if not (self.alone or self.trial):
                board.save_int("fails", 0, board.STUBS)
                board.save_int("resets", 0, board.STUBS)
        except OSError as error:
            log("E", str(error))
