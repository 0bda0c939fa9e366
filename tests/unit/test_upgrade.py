"""One upgrade from command to reset: the order of states, and every refusal behind the download with its class."""

import images
from contents import SECTOR, File
from enos_ota import journal
from enos_ota.errors import BurnError, UpgradeError, VerifyError
from upgrading import NEW, PENDING, VALID, OnChip


class TestOrder(OnChip):
    def test_upgrade_ends_with_the_new_slot_selected_and_a_reset(self):
        self.succeeds()
        self.assertEqual(self.chip.states(), [(1, VALID), (2, NEW)])
        self.assertTrue(self.agent.closed)

    def test_each_state_is_stored_before_its_act(self):
        self.succeeds()
        self.assertEqual(
            self.events,
            [("fast", journal.FETCH)]
            + [("program", journal.FETCH)] * 2
            + [("program", journal.TRIAL), ("set_boot", journal.TRIAL)],
        )

    def test_verification_is_a_state_of_its_own(self):
        states = []

        def saw(operation, label, offset, size):
            # The digest reads sector by sector; the signature is, or would be, another one.
            if operation == "read" and label == "ota_1" and size == SECTOR:
                states.append(journal.load()["state"])

        self.chip.on = saw
        self.succeeds()
        self.assertEqual(states, [journal.VERIFY] * 3)

    def test_journal_at_the_reset_names_version_slot_and_file(self):
        file = File()
        self.succeeds(file)
        entry = journal.load()
        self.assertEqual(entry["state"], journal.TRIAL)
        self.assertEqual(entry["version"], "2.0")
        self.assertEqual(entry["slot"], 1)
        self.assertEqual(entry["desc"], "")
        self.assertEqual(entry["sign"], file.digest())
        self.assertEqual(entry["size"], file.size)

    def test_journal_at_the_reset_holds_nothing_of_a_former_trial(self):
        # It would be this one's: its number of boots, its reason, that it had no link.
        journal.save(desc="the application hangs", boots=9, alibi=1, back=1, repeats=1)
        self.succeeds()
        entry = journal.load()
        self.assertEqual([entry[key] for key in ("desc", "boots", "alibi", "back")], ["", 0, 0, 0])
        self.assertEqual(entry["repeats"], 0)

    def test_journal_at_the_reset_has_no_wake_of_a_former_trial(self):
        # An image that sleeps would be given up for the wakes of the one before.
        journal.save(wakes=9)
        self.succeeds()
        self.assertEqual(journal.load()["wakes"], 0)

    def test_journal_at_the_reset_has_no_reset_of_the_download(self):
        # A trial that is repeated is claimed again, and would be given up for them.
        file = File()
        held = {"state": journal.FETCH, "slot": 1, "version": "2.0", "sign": file.digest()}
        journal.save(resets=2, **held)
        self.succeeds(file)
        self.assertEqual(journal.load()["resets"], 0)

    def test_what_rolled_back_before_is_not_forgotten_by_an_upgrade(self):
        journal.save(rolled="ef" * 32, rolls=1)
        self.succeeds()
        entry = journal.load()
        self.assertEqual((entry["rolled"], entry["rolls"]), ("ef" * 32, 1))

    def test_slot_holds_the_file(self):
        file = File()
        self.succeeds(file)
        for at in range(0, file.size, 97):
            self.assertEqual(images.get("ota_1", at, 1)[0], file.byte(at))

    def test_target_is_the_slot_after_the_running_one(self):
        images.put("ota_1", images.image(elf=b"O" * 32))
        self.chip.entry(1, 2, VALID)
        self.chip.running = "ota_1"
        self.succeeds()
        self.assertEqual(self.chip.states(), [(3, NEW), (2, VALID)])
        self.assertEqual(journal.load()["slot"], 0)


class TestRefusal(OnChip):
    def test_running_image_on_trial_refuses_before_anything_is_written(self):
        self.chip.entry(0, 1, PENDING)
        try:
            self.start()
        except UpgradeError:
            pass
        self.assertEqual(self.events, [])
        self.assertEqual(self.server.opened, [])

    def test_nvs_full_is_found_before_the_first_erase(self):
        self.chip.nvs_full = True
        self.fails(BurnError)
        self.assertEqual(self.events, [])

    def test_command_kept_outlives_an_upgrade_that_fails_here(self):
        # Who began it reports the failure, and forgets the command with that.
        journal.save_command({"version": "2.0"}, 2)
        self.fails(VerifyError, sign="0" * 64)
        self.assertEqual(journal.load_command()["tries"], 2)

    def test_image_that_the_chip_refuses_is_a_burn_error(self):
        file = File()
        data = bytearray(file.image)
        data[600] ^= 1
        file.image = bytes(data)
        file.record = b""
        self.assertIn("5379", self.fails(BurnError, file, asked=True))

    def test_flash_that_does_not_keep_what_is_written_is_a_burn_error(self):
        def saw(operation, label, offset, size):
            return operation == "program" and label == "ota_1"

        self.chip.on = saw
        self.fails(BurnError)
