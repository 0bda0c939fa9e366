"""What the tests of upgrades that were cut short share: a file of some blocks, and a cut in its download."""

import images
import machine
from contents import SECTOR, LongFile
from enos_ota import journal
from lossy import Server
from upgrading import OnChip

BLOCK = 65_536
BLOCKS = ("enos_ota", "blocks")


class Known(LongFile):
    """A file whose digest is taken once for all tests."""

    sign = None

    def digest(self, method="sha256"):
        if not self.sign:
            self.sign = super().digest(method)
        return self.sign


class Cut(OnChip):
    file = Known((74_000,))  # a block, and a bit of the next

    def saw(self, operation, label, offset, size) -> None:
        # Whatever is cut: what is being erased or written is no counted block and no whole file.
        # Only its first byte is when it is armed, for the switch.
        is_armed = offset == 0 and size == 1 and self.state() == journal.TRIAL
        if label == "ota_1" and operation in ("fast", "erase", "program") and not is_armed:
            self.assertTrue(self.chip.nvs.get(BLOCKS, 0) * BLOCK <= offset, (operation, offset))
            self.assertFalse(b'"size"' in self.chip.nvs[("enos_ota", "journal")])
        super().saw(operation, label, offset, size)

    def serve(self, file=None):
        server = Server(file or self.file)
        server.chunk = SECTOR
        return server

    def cut_at(self, position) -> None:
        """Begin an upgrade; the power is cut when this byte is due."""
        server = self.serve()

        def cut(at):
            if at >= position:
                raise machine.Reset

        server.on_receive = cut
        self.succeeds(self.file, server)
        self.assertEqual(journal.load()["state"], journal.FETCH)
        self.assertEqual(self.chip.states()[1], None)

    def whole(self):
        """The first byte that the slot does not hold of the file, or None."""
        for at in range(0, self.file.size, 251):
            if images.get("ota_1", at, 1)[0] != self.file.byte(at):
                return at
        return None
