# Stub ABI 1. Runs the release: `enos_main.main()` of the running slot, which is not meant to return.
# However it ends, the board must not stay at a prompt nobody reads: it resets, and an image on trial
# is thereby rolled back by the bootloader. Only Ctrl-C, a person at the console, stops at the prompt.
import gc
import sys
import time

import machine

PAUSE_MS = 2000  # long enough to read the traceback, short enough not to matter
GC_THRESHOLD_BYTES = 4096


def keep_reason(text):
    # The image that runs after the reset reports this. NVS, since the slot cannot be written.
    import esp32

    nvs = esp32.NVS("enos_boot")
    nvs.set_blob("why", text[:80].encode())
    nvs.commit()


def run_release():
    try:
        import enos_main

        enos_main.main()
        return "enos_main.main() returned"
    except KeyboardInterrupt:
        return ""
    except BaseException as error:
        sys.print_exception(error)
        return "%s: %s" % (type(error).__name__, error)


# Collect often: what stays then lies close together, and a block of 4 KiB can still be had later.
# Otherwise the heap would grow, and take the memory that TLS needs.
gc.collect()
gc.threshold(GC_THRESHOLD_BYTES)
_reason = run_release()
if _reason:
    print("main: reset:", _reason)
    try:
        keep_reason(_reason)
    except BaseException as error:
        sys.print_exception(error)
    time.sleep_ms(PAUSE_MS)
    machine.reset()
