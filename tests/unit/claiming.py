"""What the tests of a claim share: a board whose slot holds some blocks of a file."""

import images
from enos_ota import journal
from upgrading import OnChip

BLOCK = 65_536
SIGN = "ab" * 32
OTHER = "cd" * 32


class File:
    size = 5 * BLOCK + 100


class Claims(OnChip):
    def power_up(self) -> None:
        super().power_up()
        # Where blocks are held, the head of the image is there.
        images.put("ota_1", images.image(sizes=(512, 16, 16)))

    def claim(self, sign=SIGN, **command):
        """(state, job) of a claim, as after a reset."""
        job = self.work(File(), sign=sign, **command)
        from enos_ota.resume import claim

        return claim(job), job

    def held(self, blocks, **record):
        """A slot that holds so many blocks of the file."""
        journal.save(**dict({"slot": 1, "sign": SIGN, "state": journal.FETCH}, **record))
        journal.save_blocks(blocks)

    def begins_at(self, position, state, job):
        self.assertEqual(state, journal.FETCH)
        self.assertEqual((job.position, job.erased), (position, position))
        self.assertEqual(job.is_resumed, position > 0)
        self.assertEqual((job.headers, job.next_header), (4, 24) if position else (0, 0))
        self.assertEqual(journal.load()["state"], journal.FETCH)
        self.assertEqual(journal.load()["size"], 0)
