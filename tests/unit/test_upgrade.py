"""One upgrade from command to reset: the order of states, and every refusal with its class."""

import images
from enos_ota import journal
from enos_ota.errors import BurnError, OtaError, UpgradeError, VerifyError
from upgrading import NEW, PENDING, SECTOR, VALID, CutFile, File, OnChip, Server


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
            + [("set_boot", journal.TRIAL)],
        )

    def test_verification_is_a_state_of_its_own(self):
        states = []

        def saw(operation, label, offset, size):
            # The digest reads sector by sector; nothing else reads a whole one.
            if operation == "read" and label == "ota_1" and size == SECTOR:
                states.append(journal.load()["state"])

        self.chip.on = saw
        self.succeeds()
        self.assertEqual(states, [journal.VERIFY, journal.VERIFY])

    def test_journal_at_the_reset_names_version_and_slot(self):
        self.succeeds()
        entry = journal.load()
        self.assertEqual(entry["state"], journal.TRIAL)
        self.assertEqual(entry["version"], "2.0")
        self.assertEqual(entry["slot"], 1)
        self.assertEqual(entry["desc"], "")

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

    def test_md5_is_understood(self):
        self.succeeds(sign_method="md5")

    def test_size_that_enos_did_not_say_is_no_error(self):
        self.succeeds(size_bytes=None)

    def test_plain_image_keeps_the_commanded_version_with_its_digest(self):
        self.succeeds(File(with_record=False, elf=b"P" * 32), version="free text ü")
        self.assertEqual(self.chip.nvs[("enos_ota", "plain1")], b"P" * 32 + "free text ü".encode())


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

    def test_wrong_digest_is_a_verify_error(self):
        self.fails(VerifyError, sign="0" * 64)
        self.fails(VerifyError, sign="0" * 32, sign_method="md5")

    def test_size_other_than_commanded_is_a_verify_error_before_the_first_erase(self):
        for size in (2 * SECTOR - 1, 2 * SECTOR + 1):
            text = self.fails(VerifyError, size_bytes=size)
            self.assertIn(str(size), text)
            self.assertIn(str(2 * SECTOR), text)
        self.assertEqual(self.events, [])

    def test_file_larger_than_the_slot_is_an_upgrade_error_before_the_first_erase(self):
        server = Server(File())
        server.total = 0x1D0001
        self.fails(UpgradeError, File(), server, size_bytes=None)
        self.assertEqual(self.events, [])

    def test_other_version_than_commanded_is_a_verify_error(self):
        self.assertIn("3.0", self.fails(VerifyError, File(version="3.0")))

    def test_other_chip_is_an_upgrade_error(self):
        self.fails(UpgradeError, File(chip_id=9))

    def test_what_is_no_image_is_a_verify_error(self):
        file = File()
        file.image = b"<!DOCTYPE html>" + bytes(500)
        self.fails(VerifyError, file)

    def test_empty_file_is_an_error_whatever_lies_in_the_slot(self):
        # The digest of nothing is right and the slot still holds a good old image: it must not be booted.
        images.put("ota_1", images.image())
        for method in ("md5", "sha256"):
            file = File()
            file.size = 0
            self.fails(OtaError, file, sign_method=method)

    def test_file_that_ends_before_its_image_does_is_a_verify_error(self):
        # Cut before it was uploaded, the file has the digest that is commanded, and what an older
        # release left in the slot could pass for its rest.
        self.fails(VerifyError, CutFile(), size_bytes=65536)

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
