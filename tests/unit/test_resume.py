"""What an upgrade begins with: nothing, the blocks of a former run, or the whole file."""

from claiming import BLOCK, OTHER, SIGN, Claims, File
from enos_ota import journal
from enos_ota.errors import BurnError
from upgrading import VALID


class TestFetch(Claims):
    def test_first_claim_begins_at_byte_0_and_is_the_journals(self):
        self.begins_at(0, *self.claim())
        entry = journal.load()
        self.assertEqual((entry["slot"], entry["version"], entry["sign"]), (1, "2.0", SIGN))
        self.assertEqual(journal.blocks(), 0)
        self.assertEqual(self.lines, [])

    def test_same_digest_goes_on_behind_the_blocks_that_the_slot_holds(self):
        for state in (journal.FETCH, journal.REPORT, journal.IDLE):
            for blocks in (1, 2, 5):
                self.lines.clear()
                self.held(blocks, state=state, step=-2, desc="gone", resets=0)
                self.begins_at(blocks * BLOCK, *self.claim())
                self.assertEqual(journal.blocks(), blocks)
                self.assertEqual(journal.load()["desc"], "")
                self.assertEqual(self.lines, ["resumed at byte %d" % (blocks * BLOCK)])

    def test_same_digest_without_a_block_begins_at_byte_0(self):
        self.held(0)
        self.begins_at(0, *self.claim())

    def test_same_digest_of_another_version_goes_on_as_that_version(self):
        self.held(2, version="1.9")
        self.begins_at(2 * BLOCK, *self.claim())
        self.assertEqual(journal.load()["version"], "2.0")

    def test_other_digest_begins_at_byte_0_and_no_block_is_held(self):
        for state in (journal.FETCH, journal.VERIFY, journal.REPORT):
            self.held(3, state=state, size=File.size)
            self.begins_at(0, *self.claim(OTHER))
            self.assertEqual(journal.blocks(), 0)
            self.assertEqual(journal.load()["sign"], OTHER)

    def test_other_slot_begins_at_byte_0_and_no_block_is_held(self):
        self.held(3)
        self.chip.entry(1, 2, VALID)
        self.chip.running = "ota_1"
        self.begins_at(0, *self.claim())
        self.assertEqual(journal.blocks(), 0)
        self.assertEqual(journal.load()["slot"], 0)

    def test_claim_while_the_bootloader_would_start_the_other_slot_is_refused(self):
        # It fell back, and could not be healed: what is written now would run without a trial.
        self.chip.entry(1, 2, VALID)
        self.assertIn("selected", str(self.raised(BurnError, self.claim)))
        self.assertEqual(journal.load()["state"], journal.IDLE)

    def test_blocks_of_another_file_are_forgotten_before_the_journal_names_the_new_one(self):
        # Cut in between, in the other order: the new file would go on behind blocks of the former.
        order = []
        self.chip.on_nvs = lambda namespace, key, value: order.append((key, value))
        self.held(3, size=0)
        order.clear()
        self.claim(OTHER)
        self.assertEqual([key for key, _ in order], ["blocks", "journal"])
        self.assertEqual(order[0][1], 0)

    def test_cut_between_the_two_leaves_the_former_file_with_no_block(self):
        def cut(namespace, key, value):
            if key == "journal":
                raise KeyboardInterrupt

        self.held(3)
        self.chip.on_nvs = cut
        try:
            self.claim(OTHER)
            raise AssertionError("no cut")
        except KeyboardInterrupt:
            self.chip.on_nvs = None
        for sign in (SIGN, OTHER):
            self.begins_at(0, *self.claim(sign))

    def test_file_of_unknown_size_goes_on_one_block_before(self):
        # The last block may be the file's end: a server has no part behind it.
        for blocks, position in ((3, 2 * BLOCK), (2, BLOCK), (1, 0)):
            self.held(blocks, resets=0)
            self.begins_at(position, *self.claim(size_bytes=None))

    def test_count_of_blocks_that_cannot_be_is_no_start(self):
        # A slot has 29. What the digest shows to be wrong is fetched again.
        for blocks in (-1, -(1 << 31), 30, 31, 1 << 20, (1 << 31) - 1):
            self.held(blocks, resets=0)
            self.begins_at(0, *self.claim(size_bytes=None))


class TestVerify(Claims):
    def is_verified(self, size, state, job):
        self.assertEqual(state, journal.VERIFY)
        self.assertEqual((job.size_bytes, job.position), (size, size))
        self.assertTrue(job.is_resumed)
        self.assertEqual(journal.load()["state"], journal.VERIFY)
        self.assertEqual(journal.load()["size"], size)

    def test_whole_file_in_the_slot_is_verified_whatever_the_state_was(self):
        for state in (journal.VERIFY, journal.REPORT, journal.IDLE, journal.TRIAL):
            self.held(5, state=state, size=File.size, resets=0)
            self.is_verified(File.size, *self.claim())

    def test_whole_file_is_verified_where_the_command_does_not_tell_its_size(self):
        self.held(5, state=journal.VERIFY, size=File.size)
        self.is_verified(File.size, *self.claim(size_bytes=None))

    def test_whole_file_has_the_size_that_was_fetched_and_not_one_that_is_told_now(self):
        # The digest decides, over what the slot holds.
        self.held(5, state=journal.VERIFY, size=File.size)
        self.is_verified(File.size, *self.claim(size_bytes=File.size - 1))

    def test_blocks_that_make_the_whole_file_are_verified(self):
        # The cut came between the last block and the state. No server has a part behind the end.
        self.held(2)
        self.is_verified(2 * BLOCK, *self.claim(size_bytes=2 * BLOCK))

    def test_blocks_that_lack_a_byte_of_the_file_are_not_verified(self):
        self.held(2)
        self.begins_at(2 * BLOCK, *self.claim(size_bytes=2 * BLOCK + 1))

    def test_more_blocks_than_the_file_has_are_verified_and_not_believed(self):
        self.held(1 << 20)
        self.is_verified(File.size, *self.claim())

    def test_file_larger_than_the_slot_is_never_verified(self):
        # Of a damaged NVS: it would be read beyond the slot, at each try.
        room = 0x1D0000
        for record, size_bytes in (
            ({}, room + 1),
            ({"state": journal.VERIFY, "size": room + 1}, File.size),
        ):
            self.held(1 << 20, resets=0, **record)
            state, _ = self.claim(size_bytes=size_bytes)
            self.assertEqual(state, journal.FETCH)
        self.held(room // BLOCK, resets=0)
        self.is_verified(room, *self.claim(size_bytes=room))

    def test_command_with_no_size_or_one_that_cannot_be_is_not_verified(self):
        for size_bytes in (0, -5):
            self.held(2, resets=0)
            state, _ = self.claim(size_bytes=size_bytes)
            self.assertEqual(state, journal.FETCH)

    def test_plan_for_the_trial_outlives_the_claim(self):
        # It is the trial that is repeated: there is no second time.
        self.held(5, state=journal.VERIFY, size=File.size, repeats=1)
        self.is_verified(File.size, *self.claim())
        self.assertEqual(journal.load()["repeats"], 1)


class TestNvs(Claims):
    def test_full_nvs_is_an_error_and_the_journal_stays(self):
        self.held(3)
        self.chip.nvs_full = True
        before = dict(self.chip.nvs)
        for sign in (SIGN, OTHER):
            self.raised(OSError, self.claim, sign)
            self.assertEqual(self.chip.nvs, before)
