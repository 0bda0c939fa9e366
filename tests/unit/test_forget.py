"""What the package forgets: all that is not needed while the agent waits."""

import gc
import sys

import enos_ota
from helpers import Case

WAITING = ("agent", "application", "board", "errors", "log", "messages", "session", "transport")
CONNECTION = ("address", "answer", "asking", "body", "codes", "digits", "http", "identity", "link")
CONNECTION += ("connect", "login", "opening", "quote", "redirect", "source", "trust")
UPGRADE = ("fetch", "image", "otadata", "patience", "preflight", "resume", "segment", "slot")
UPGRADE += ("stream", "upgrade", "verify")
BOOT = ("alone", "config", "data", "head_start", "journal", "proof", "rescue", "startup", "trial")
NAMES = CONNECTION + UPGRADE + BOOT + ("firmware", "orders")


class Module:
    """Stands for any module."""


class TestForget(Case):
    def setUp(self) -> None:
        super().setUp()
        enos_ota.forget()
        for name in WAITING + NAMES:
            self.put("enos_ota." + name)
            setattr(enos_ota, name, sys.modules["enos_ota." + name])

    def tearDown(self) -> None:
        self.remove()
        super().tearDown()

    def remove(self) -> None:
        for name in WAITING + NAMES:
            sys.modules.pop("enos_ota." + name, None)
            if hasattr(enos_ota, name):
                delattr(enos_ota, name)

    def put(self, name) -> None:
        sys.modules[name] = Module()

    def kept(self):
        return sorted([name[9:] for name in sys.modules if name.startswith("enos_ota.")])

    def test_forget_keeps_exactly_the_waiting_modules(self):
        enos_ota.forget()
        self.assertEqual(self.kept(), list(WAITING))
        self.assertEqual(sorted([n for n in dir(enos_ota) if n in WAITING]), list(WAITING))
        self.assertEqual([n for n in dir(enos_ota) if n in NAMES], [])

    def test_forget_twice_is_safe(self):
        enos_ota.forget()
        enos_ota.forget()
        self.assertEqual(self.kept(), list(WAITING))

    def test_forget_leaves_modules_of_others_alone(self):
        others = ("enos_main", "enos_otalink", "fetch", "link")
        for name in others:
            self.put(name)
        enos_ota.forget()
        for name in others:
            self.assertTrue(name in sys.modules, name)
            del sys.modules[name]
        self.assertTrue("enos_ota" in sys.modules)

    def test_forget_gives_their_memory_back_at_once(self):
        sys.modules["enos_ota.fetch"].data = bytearray(8192)
        gc.collect()
        gc.disable()
        try:
            before = gc.mem_free()
            enos_ota.forget()
            self.assertTrue(gc.mem_free() - before > 8000)
        finally:
            gc.enable()

    def test_module_that_is_forgotten_is_imported_anew(self):
        self.remove()
        for name in ("firmware", "image", "firmware"):
            enos_ota.forget()
            module = getattr(__import__("enos_ota." + name), name)
            self.assertTrue(sys.modules["enos_ota." + name] is module)
            self.assertTrue(getattr(enos_ota, name) is module)
            self.assertFalse(hasattr(module, "seen"))
            module.seen = True

    def test_module_that_ended_is_emptied_and_no_other(self):
        # A stale word on the stack would else keep all that it holds.
        self.remove()
        from enos_ota import firmware, image

        enos_ota.forget("startup image firmwares")
        self.assertFalse(hasattr(image, "read_record"))
        self.assertTrue(hasattr(firmware, "read"))

    def test_module_that_waits_is_never_emptied(self):
        self.remove()
        from enos_ota import errors

        enos_ota.forget("errors firmware")
        self.assertTrue(errors.LinkError.step == -2)
        self.assertTrue(sys.modules["enos_ota.errors"] is errors)

    def test_module_that_ended_and_is_not_there_is_no_error(self):
        enos_ota.forget("nothing of this name")
        self.assertEqual(self.kept(), list(WAITING))
