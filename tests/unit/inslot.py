"""What the tests of the last acts of an upgrade share: its file is in the slot; and of what is signed."""

import images
from helpers import run
from upgrading import VALID, OnChip


class InSlot(OnChip):
    def saw(self, operation, label, offset, size) -> None:
        """There is no journal to note the state of."""

    def job(self, file, size=None, **command):
        """An upgrade whose file is in the slot already, `size` bytes of it."""
        size = size or file.size
        piece = bytearray(64)
        for at in range(0, size, 64):
            count = min(64, size - at)
            for i in range(count):
                piece[i] = file.byte(at + i)
            images.put("ota_1", memoryview(piece)[:count], at)
        images.put("ota_1", b"\xff")
        job = self.work(file, **command)
        job.size_bytes = size
        return job


class Judged(InSlot):
    def setUp(self) -> None:
        super().setUp()
        from signed import KEY

        self.settings(signature="required", keys=[KEY])

    def settings(self, **settings) -> None:
        for name, value in settings.items():
            setattr(self.agent.config, name, value)

    def verify(self, file, **command):
        job = self.job(file, **command)
        job.is_resumed = True
        from enos_ota.verify import verify

        try:
            run(verify(job))
        finally:
            self.assertFalse(job.is_resumed)  # what is wrong with a file is not fetched once more
        return job

    def refused(self, kind, file, **command):
        """The text of the refusal, before which nothing was written: above all not the first byte."""
        self.chip.nvs.clear()
        text = str(self.raised(kind, lambda: self.verify(file, **command)))
        self.assertEqual(self.chip.nvs, {})
        self.assertEqual(self.chip.states(), [(1, VALID), None])
        self.assertFalse(self.is_armed())
        return text
