# Stub ABI 1. Runs the release: what `enos_ota.alone.first()` of the running slot wants
# to run before it, then its `enos_main.main()`, which is not meant to return.
# However it ends, the board must not stay at a prompt nobody reads: it resets, and an image on trial
# is thereby rolled back by the bootloader. Only Ctrl-C, a person at the console, stops at the prompt.
import gc
import sys
import time

import esp32
import machine
from micropython import const

_PAUSE_MS = const(2000)  # long enough to read the traceback, short enough not to matter
_GC_THRESHOLD_BYTES = const(2048)
_PROMPT_WATCHDOG_MS = const(3600000)
_FAILED_WATCHDOG_MS = const(1000)


def open_nvs():
    try:
        return esp32.NVS("enos_boot")
    except OSError as error:
        sys.print_exception(error)


def keep_reason(text):
    # The image that runs after the reset reports this. NVS, since the slot cannot be written.
    nvs.set_blob("why", text)
    nvs.commit()


def let_agent_go_first():
    # An application that fails at each start must not keep the board from a better release.
    # Where there is no agent, or it fails, the application has its turn.
    try:
        from enos_ota.alone import first

        serve = first()
        del first
        if serve:
            serve()
    except Exception as error:
        sys.print_exception(error)


def widen_watchdog():
    # For the person at the prompt: a watchdog cannot be stopped.
    text = bytearray(8)
    try:
        if int(bytes(text[: nvs.get_blob("wdt_s", text)])):
            machine.WDT(timeout=_PROMPT_WATCHDOG_MS)
    except Exception:
        pass  # no such setting, or no NVS


def run_release():
    try:
        let_agent_go_first()
        globals().pop("let_agent_go_first")  # the memory is the release's
        import enos_main

        enos_main.main()
        return "enos_main.main() returned"
    except BaseException as error:
        return error


def tell(outcome):
    reason = outcome
    if isinstance(outcome, BaseException):
        sys.print_exception(outcome)
        reason = "%s: %s" % (type(outcome).__name__, outcome)
    # Of /boot.py: what followed from it says less.
    reason = globals().get("files_trouble") or reason
    print("main: reset:", reason)
    keep_reason(reason[:80].encode())
    time.sleep_ms(_PAUSE_MS)


def end(outcome):
    # A person at the console may stop here, and in the pause; nothing else may.
    stopped = isinstance(outcome, KeyboardInterrupt)
    try:
        if not stopped:
            # A release that filled the memory goes first, so that there is some to tell the reason with.
            # It is held by its tasks, too; nothing here may allocate.
            core = sys.modules.get("asyncio.core")
            if core:
                core._task_queue = core.cur_task = None  # type: ignore[attr-defined]
            sys.modules.clear()
            gc.collect()
            tell(outcome)
    except KeyboardInterrupt:
        stopped = True
    except BaseException:
        try:
            keep_reason(b"out of memory")
        except BaseException:
            # NVS is full or broken. A watchdog is a reason too: the agent goes first after it.
            machine.WDT(timeout=_FAILED_WATCHDOG_MS)
            time.sleep_ms(10 * _FAILED_WATCHDOG_MS)
    finally:
        if not stopped:
            machine.reset()
    widen_watchdog()


# While there is memory. None where NVS is broken: the release runs all the same.
nvs = open_nvs()
# Collect often: what stays then lies close together, and a block of 4 KiB can still be had later.
# Otherwise the heap would grow, and take the memory that TLS needs.
gc.collect()
gc.threshold(_GC_THRESHOLD_BYTES)
end(run_release())
