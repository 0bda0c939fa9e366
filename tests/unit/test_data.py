"""The application's own file system: mounted, and formatted again only where it cannot be."""

import os

import vfs

import esp32
import images
from enos_ota import data
from helpers import Case

LFS_ENOSPC = 28
TABLE = esp32.TWO_SLOTS + ((1, 0x82, 0x3E0000, 0x8000, "data"),)
FOLDER = "/enos-unit-data"


def write(text, name="/note") -> None:
    with open(FOLDER + name, "w") as file:
        file.write(text)


def read(name="/note"):
    with open(FOLDER + name) as file:
        return file.read()


class OnBoard(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(data, "log", lambda level, text: self.lines.append(text))
        self.chip = esp32.power_up(TABLE)
        self.written = []

    def tearDown(self) -> None:
        self.unmount()
        super().tearDown()

    def unmount(self) -> None:
        try:
            vfs.umount(FOLDER)
        except OSError:
            pass

    def mount(self):
        """Mount it as after a reset."""
        self.unmount()
        return data.mount(FOLDER)

    def in_use(self) -> None:
        """A file system with a file of several blocks."""
        self.assertTrue(self.mount())
        write("x" * 9000)
        self.lines.clear()


class TestMount(OnBoard):
    def test_new_board_has_it_formatted_and_can_write(self):
        self.assertTrue(self.mount())
        write("new")
        self.assertEqual(read(), "new")

    def test_what_it_holds_outlives_a_reset(self):
        self.in_use()
        self.assertTrue(self.mount())
        self.assertEqual(len(read()), 9000)
        self.assertEqual(self.lines, [])

    def test_corrupt_one_is_formatted_with_a_line_and_can_be_written(self):
        for noise in (b"\xff", b"\x00", b"noise!!!"):
            self.in_use()
            for at in range(0, 8192, 256):
                images.put("data", noise * (256 // len(noise)), at)
            self.assertTrue(self.mount())
            self.assertIn("formatted", self.lines[0])
            self.assertEqual(os.listdir(FOLDER), [])
            write("new")
            self.assertEqual(read(), "new")

    def test_full_one_is_left_as_it_is(self):
        self.in_use()
        self.assertEqual(self.raised(OSError, self.fill).errno, LFS_ENOSPC)
        self.assertTrue(self.mount())
        self.assertEqual(len(read()), 9000)
        self.assertEqual(self.lines, [])

    def fill(self) -> None:
        with open(FOLDER + "/large", "w") as file:
            for _ in range(60):
                file.write("y" * 1000)
                file.flush()

    def test_nothing_else_is_written_to(self):
        def saw(operation, label, offset, size):
            if operation != "read":
                self.written.append(label)

        self.chip.on = saw
        self.in_use()
        self.assertEqual(set(self.written), {"data"})

    def test_table_without_it_says_so(self):
        esp32.power_up()
        self.assertFalse(self.mount())
        self.raised(OSError, os.stat, FOLDER)

    def test_broken_flash_is_raised(self):
        def fails(operation, label, offset, size):
            if operation != "read":
                raise OSError(-24577)

        self.chip.on = fails
        self.raised(OSError, self.mount)

    def test_path_is_data_unless_another_is_given(self):
        seen = []

        class Vfs:
            VfsLfs2 = vfs.VfsLfs2

            @staticmethod
            def mount(files, path):
                seen.append(path)

        self.patch(data, "vfs", Vfs)
        data.mount()
        self.assertEqual(seen, ["/data"])
