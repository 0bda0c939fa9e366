"""What the agent finds out at boot: who it is, what it has to obey, and what the stubs shall know."""

import images
from booted import COMMAND, PENDING, SIGN, VALID, WHY, OnChip
from enos_ota import journal
from enos_ota.firmware import read


class TestIdentity(OnChip):
    def test_version_and_build_time_are_those_of_the_record(self):
        self.assertEqual(self.look_back("9")[:2], ("1.0.0", 1_700_000_000))

    def test_plain_image_has_the_version_commanded_for_it(self):
        self.put("ota_0")
        self.chip.nvs[("enos_ota", "plain0")] = images.ELF + "3.0 ü".encode()
        self.assertEqual(self.look_back("9")[:2], ("3.0 ü", 0))

    def test_plain_image_of_another_digest_has_the_version_given(self):
        self.put("ota_0")
        self.chip.nvs[("enos_ota", "plain0")] = b"F" * 32 + b"3.0"
        self.assertEqual(self.look_back("9")[:2], ("9", 0))
        del self.chip.nvs[("enos_ota", "plain0")]
        self.assertEqual(self.look_back("9")[:2], ("9", 0))

    def test_slot_that_cannot_be_told_does_not_stop_the_agent(self):
        images.put("ota_0", b"\xff" * 64)
        self.assertEqual(self.look_back("9"), ("9", 0, False, None, None))

    def test_table_without_otadata_does_not_stop_the_agent(self):
        self.chip.table = tuple([row for row in self.chip.table if row[4] != "otadata"])
        version, _, on_trial, word, order = self.look_back()
        self.assertEqual((version, on_trial, word, order), ("1.0.0", False, None, None))

    def test_record_without_a_readable_version_keeps_the_trial(self):
        # An image that is not known to be on trial would never be judged, nor marked valid.
        self.boot((1, VALID), (2, PENDING), running="ota_1")
        image = images.image()
        images.put("ota_1", images.record_bytes(image, b"\xff\xfe"), 4096)
        self.assertTrue(self.look_back()[2])

    def test_watchdog_setting_is_kept_for_the_stub(self):
        self.look_back(watchdog_s=120)
        self.assertEqual(self.chip.nvs[("enos_boot", "wdt_s")], b"120")
        self.look_back(watchdog_s=0)
        self.assertEqual(self.chip.nvs[("enos_boot", "wdt_s")], b"0")


class TestOrder(OnChip):
    """A command that was answered and not yet obeyed."""

    def order(self):
        return self.look_back()[4]

    def test_command_at_work_is_the_order_and_unfinished(self):
        journal.save_command(COMMAND, 2)
        order = self.order()
        self.assertEqual((order["version"], order["tries"]), ("3.0", 2))
        self.assertTrue(order["unfinished"])
        self.assertFalse("unfinished" in journal.load_command())

    def test_next_command_is_the_order_and_begins_anew(self):
        # Also where another one was at work: EnOS has given that one up.
        journal.save(state=journal.FETCH, version="2.0", slot=1)
        journal.save_command({"version": "2.0", "sign": "ab" * 32}, 1)
        journal.keep_command(journal.NEXT, COMMAND)
        self.assertEqual(self.order(), COMMAND)

    def test_next_command_is_the_order_of_a_trial_and_of_a_rollback_too(self):
        for boot in (self.on_trial, self.rolled_back):
            boot()
            journal.keep_command(journal.NEXT, COMMAND)
            self.assertEqual(self.order(), COMMAND)
            self.assertEqual(journal.load_command(journal.NEXT), COMMAND)

    def test_command_at_work_is_not_obeyed_in_its_own_trial_nor_after_its_last_word(self):
        self.on_trial()
        journal.save_command(COMMAND, 1)
        self.assertIsNone(self.order())
        self.rolled_back()
        journal.save_command(COMMAND, 1)
        self.assertIsNone(self.order())
        journal.save_command(COMMAND, 1)  # the cut came before it was cleared
        self.assertIsNone(self.order())

    def test_without_a_command_there_is_none(self):
        self.assertIsNone(self.order())
        self.chip.nvs[("enos_ota", "command")] = b"{damaged"
        self.assertIsNone(self.order())

    def test_upgrade_cut_short_goes_on_with_its_command_and_without_a_word(self):
        for state in (journal.FETCH, journal.VERIFY):
            for tries in (0, 1, 3):
                self.boot((1, VALID))
                journal.save(state=state, version="3.0", slot=1, sign=SIGN)
                journal.save_command(COMMAND, tries)
                wanted = dict(COMMAND, tries=tries, unfinished=True)
                self.assertEqual(self.look_back()[3:], (None, wanted))
                self.assertEqual(journal.load()["state"], state)
                self.assertEqual(journal.load_command(), dict(COMMAND, tries=tries))

    def test_upgrade_cut_short_whose_command_nvs_had_no_room_for_still_looks_for_its_digest(self):
        for sign, method in ((SIGN, "sha256"), ("ab" * 16, "md5")):
            for state, size in ((journal.FETCH, 0), (journal.VERIFY, 8192)):
                self.boot((1, VALID))
                journal.save(state=state, version="3.0", slot=1, sign=sign, size=size)
                order = self.order()
                self.assertTrue(order.pop("unfinished"))
                firmware = read(order)
                self.assertEqual((firmware.version, firmware.sign), ("3.0", sign))
                self.assertEqual(firmware.sign_method, method)
                self.assertEqual(firmware.size_bytes, size or None)

    def test_no_memory_for_the_command_does_not_stop_the_agent(self):
        def starved(key=None):
            raise MemoryError

        self.patch(journal, "load_command", starved)
        self.assertEqual(self.look_back()[2:], (False, None, None))


class TestWhy(OnChip):
    def test_reason_of_the_stub_is_reported_and_then_blank(self):
        # The next rollback, or the next boot alone, must not be told this one's.
        self.rolled_back()
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.assertIn("KeyError: 7", self.word()[1])
        self.assertEqual(self.chip.nvs[WHY], b" ")

    def test_reason_is_blank_after_a_boot_that_owes_nothing(self):
        self.chip.nvs[WHY] = b"no memory for TLS"
        self.assertIsNone(self.word())
        self.assertEqual(self.chip.nvs[WHY], b" ")

    def test_reason_is_left_in_a_trial(self):
        # If it fails, the former image reports it.
        self.on_trial()
        self.chip.nvs[WHY] = b"KeyError: 7"
        self.look_back()
        self.assertEqual(self.chip.nvs[WHY], b"KeyError: 7")
