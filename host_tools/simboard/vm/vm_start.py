"""From the C start-up to the prompt: shims, file system, boot.py, main.py (mpy:ports/esp32/main.c)."""

import builtins
import gc
import os
import sys
import time

import uctypes
import vfs

gc.threshold(16384)  # keep what the shims leave close together: device code gets one free range
import shim_sys
import vm_console
import vm_core
import vm_gc_table
import vm_heap
import vm_interrupt
import vm_qstr

SHIMS = (
    "esp",
    "esp32",
    "machine",
    "network",
    "socket",
    "tls",
    "os",
    "vfs",
    "time",
    "gc",
    "_thread",
)
CORRUPTED = """\
The filesystem appears to be corrupted. If you had important data there, you
may want to make a flash snapshot to try to recover it. Otherwise, perform
factory reprogramming of MicroPython firmware (completely erase flash, followed
by firmware programming).
"""
STOCK_BOOT_PY = """\
# This file is executed on every boot (including wake-boot from deepsleep)
#import esp
#esp.osdebug(None)
#import webrepl
#webrepl.start()
"""


def run(config, main_globals):
    """Everything a boot does; returns to the REPL of the VM where there is a console, else never.

    `config` is the first object made: its address stands for the beginning of the heap.
    """
    table = None if config["measure"] else vm_gc_table.Table(config["unix_heap_bytes"])
    core = vm_core.start(config)
    if config["console"]:
        vm_interrupt.find()
    umount, mount = vfs.umount, vfs.mount
    internal = _install_shims(core)
    if config["measure"]:
        core.stop("live %d" % (_free_range(config["heap_bytes"] // 2) - id(config)))
    umount("/")
    for name in internal:
        del sys.modules[name]
    main_globals.clear()
    main_globals["__name__"] = "__main__"
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.argv[:] = []
    core.filler = _fill_holes(config), run, table  # what is needed no more makes no room, either
    gc.threshold(-1)
    vm_qstr.shrink(table)
    core.heap = vm_heap.start(table, config["heap_bytes"], core.idf, core.zero)
    vm_interrupt.hold()
    if config["console"]:
        vm_console.start(core)
    _mount_root(mount)
    if _run_file("boot.py", main_globals, core) and not config["raw"]:
        _run_file("main.py", main_globals, core)
    _begin_repl(config["console"])


def _begin_repl(is_real):
    banner = "MicroPython %s; %s" % (
        shim_sys.shown.version.split("MicroPython ")[1],
        shim_sys.MACHINE,
    )
    if is_real:
        vm_console.begin_repl(shim_sys.UNIX_BANNER, banner)
        vm_interrupt.release()
        return
    print(banner)
    print('Type "help()" for more information.\n>>> ', end="")
    while True:
        time.sleep(vm_core.FOR_EVER_S)


def _free_range(size_bytes):
    """Address of the free range of at least `size_bytes` behind everything that is live."""
    gc.collect()
    return uctypes.addressof(bytearray(size_bytes))


def _fill_holes(config):
    """Take the holes that the shims left: device code has its heap in one piece."""
    limit = _free_range(config["heap_bytes"] * 5 // 2)
    gc.collect()
    holes = [None]
    while id(holes) < limit:
        holes = (holes,)
    return holes


def _install_shims(core):
    """Put the shims into `sys.modules`; return the names of modules that device code must not see."""
    modules = {}
    for name in SHIMS:
        modules[name] = __import__("shim_" + name.lstrip("_"))
        if name == "network":
            sys.modules["network"] = modules[name]  # the socket shim asks it for the link
    import vm_errno
    import vm_imports

    if not vm_errno.install():
        modules["errno"] = __import__("shim_errno")
    for name, module in modules.items():
        sys.modules[name] = module
        if name not in ("tls", "esp", "esp32", "gc", "_thread"):
            sys.modules["u" + name] = module
    sys.modules["sys"] = shim_sys.make(core.board)
    if core.config["console"]:
        shim_sys.shown.stdout = vm_console.Stdout()
    sys.modules["ntptime"] = __import__("shim_ntptime")
    import flashbdev  # frozen on the chip: loaded while the files of the host are there
    import umqtt.simple

    vm_imports.install()
    keep = set(modules) | {"u" + name for name in modules}
    keep |= {"sys", "ntptime", "flashbdev", "umqtt", "umqtt.simple", "__main__"}
    return [name for name in sys.modules if name not in keep]


def _mount_root(mount):
    """The frozen `_boot.py`: mount the file system, make it on a blank partition."""
    from flashbdev import bdev

    try:
        if bdev:
            mount(bdev, "/")
    except OSError:
        _initial_setup(bdev, mount)
    gc.collect()


def _initial_setup(bdev, mount):
    """The frozen `inisetup.py`: a block 0 that is not blank is never touched."""
    first = bytearray(bdev.ioctl(5, 0))
    bdev.readblocks(0, first)
    while any(byte != 0xFF for byte in first):
        print(CORRUPTED)
        time.sleep(3)
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(bdev)
    mount(vfs.VfsLfs2(bdev), "/")
    with open("boot.py", "w") as file:
        file.write(STOCK_BOOT_PY)


def _run_file(name, main_globals, core):
    """`pyexec_file_if_exists`: False if an exception ended the file; sys.exit() resets softly."""
    try:
        os.stat(name)
    except OSError:
        return True
    try:
        vm_interrupt.release()
        try:
            builtins.execfile(name, main_globals)
        finally:
            vm_interrupt.hold()
        return True
    except SystemExit:
        core.leave_repl()
    except BaseException as error:
        shim_sys.print_exception(error)
    return False
