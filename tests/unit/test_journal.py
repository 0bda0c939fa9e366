"""The journal: what a reset must not lose."""

import esp32
from enos_ota import journal
from helpers import Case

PLACE = ("enos_ota", "journal")


class TestJournal(Case):
    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        self.lines = []
        self.patch(journal, "log", lambda level, text: self.lines.append(text))

    def test_new_board_is_idle(self):
        entry = journal.load()
        self.assertEqual(entry["state"], journal.IDLE)
        self.assertEqual(entry["tries"], 0)

    def test_saved_fields_are_there_after_a_reset(self):
        journal.save(state=journal.FETCH, slot=1, version="2 ü", desc="")
        entry = journal.load()
        self.assertEqual(entry["state"], journal.FETCH)
        self.assertEqual(entry["version"], "2 ü")
        self.assertEqual(entry["slot"], 1)

    def test_save_keeps_the_fields_it_does_not_name(self):
        journal.save(version="2", state=journal.FETCH)
        journal.save(state=journal.VERIFY)
        self.assertEqual(journal.load()["version"], "2")
        self.assertEqual(journal.load()["state"], journal.VERIFY)

    def test_what_is_loaded_and_changed_is_not_stored(self):
        journal.save(state=journal.FETCH)
        journal.load()["state"] = journal.TRIAL
        self.assertEqual(journal.load()["state"], journal.FETCH)

    def test_clear_leaves_nothing_of_the_upgrade_but_what_the_slot_holds(self):
        # The same digest commanded again goes on from there.
        held = {"version": "2", "sign": "ab" * 32, "slot": 1, "size": 8192}
        journal.save(**held)
        without = journal.load()
        journal.save(state=journal.REPORT, step=-3, desc="x", tries=3)
        journal.save_blocks(2)
        journal.clear()
        self.assertEqual(journal.load(), without)
        self.assertEqual(journal.blocks(), 2)

    def test_clear_without_a_record_is_no_error(self):
        journal.clear()
        self.assertEqual(journal.load()["state"], journal.IDLE)

    def test_record_that_is_not_json_is_forgotten(self):
        for damaged in (b"", b"{", b"\xff\x00", b"state"):
            esp32.chip.nvs[PLACE] = damaged
            self.assertEqual(journal.load()["state"], journal.IDLE)

    def test_record_that_is_json_but_no_object_is_forgotten(self):
        # A TypeError would leave the agent's constructor, and the board could not start any more.
        for damaged in (b"7", b"null", b"[1]", b'"x"', b"true"):
            esp32.chip.nvs[PLACE] = damaged
            self.assertEqual(journal.load()["state"], journal.IDLE, damaged)

    def test_record_of_a_later_release_with_more_fields_is_read(self):
        esp32.chip.nvs[PLACE] = b'{"state":4,"step":-3,"blocks":7}'
        entry = journal.load()
        self.assertEqual(entry["state"], journal.REPORT)
        self.assertEqual(entry["desc"], "")

    def test_full_nvs_raises_on_save_and_keeps_the_old_record(self):
        journal.save(state=journal.FETCH)
        esp32.chip.nvs_full = True
        error = self.raised(OSError, lambda: journal.save(state=journal.VERIFY))
        self.assertEqual(error.errno, -4357)
        self.assertEqual(journal.load()["state"], journal.FETCH)

    def test_full_nvs_is_only_logged_by_keep_and_clear(self):
        journal.save(state=journal.FETCH)
        esp32.chip.nvs_full = True
        journal.keep(state=journal.REPORT)
        journal.clear()
        self.assertEqual(len(self.lines), 2)
        self.assertEqual(journal.load()["state"], journal.FETCH)

    def test_longest_usual_record_is_read_back(self):
        journal.save(version="€" * 64, desc="ü" * 100, step=-6, slot=15, tries=5)
        self.assertEqual(journal.load()["desc"], "ü" * 100)

    def test_record_for_the_longest_version_of_a_command_is_read_back(self):
        journal.save(state=journal.FETCH, version="v" * 128, desc="€" * 100)
        self.assertEqual(journal.load()["state"], journal.FETCH)

    def test_defaults_are_not_stored(self):
        # NVS is small: a board at rest keeps a few bytes.
        journal.save(state=journal.FETCH, tries=2)
        journal.save(state=journal.IDLE, tries=0, desc="", slot=1)
        self.assertEqual(esp32.chip.nvs[PLACE], b'{"slot": 1}')

    def test_field_of_a_later_release_outlives_a_save(self):
        esp32.chip.nvs[PLACE] = b'{"state": 4, "later": 7}'
        journal.save(state=journal.IDLE)
        self.assertEqual(journal.load()["later"], 7)

    def test_field_of_another_type_is_as_if_it_were_not_there(self):
        # Of a damaged NVS, or of another format: nobody looks again.
        wanted = journal.load()
        esp32.chip.nvs[PLACE] = b'{"state": "4", "tries": [], "desc": 7, "size": null, "slot": 1.5}'
        self.assertEqual(journal.load(), wanted)

    def test_numbers_of_a_command_that_are_none_are_not_there(self):
        kept = b'{"version": "2", "tries": [1], "seen": "2", "at": null}'
        esp32.chip.nvs[("enos_ota", "command")] = kept
        self.assertEqual(journal.load_command(), {"version": "2"})

    def test_what_is_nested_is_not_there(self):
        # It would take memory, and could not be stored again.
        nested = b'{"version": "2", "later": 7, "a": [[1]], "b": {"c": 1}, "d": null, "e": 1.5}'
        esp32.chip.nvs[PLACE] = esp32.chip.nvs[("enos_ota", "command")] = nested
        self.assertEqual(journal.load_command(), {"version": "2", "later": 7})
        entry = journal.load()
        self.assertEqual((entry["version"], entry["later"]), ("2", 7))
        self.assertFalse("a" in entry or "b" in entry)

    def test_record_that_takes_too_much_memory_is_forgotten(self):
        def starved(text):
            raise MemoryError

        class Json:
            loads = staticmethod(starved)
            dumps = staticmethod(journal.json.dumps)

        esp32.chip.nvs[PLACE] = b'{"state": 4}'
        self.patch(journal, "json", Json)
        self.assertEqual(journal.load()["state"], journal.IDLE)

    def test_keep_says_whether_it_was_kept(self):
        self.assertTrue(journal.keep(state=journal.FETCH))
        esp32.chip.nvs_full = True
        self.assertFalse(journal.keep(state=journal.VERIFY))


class TestCommand(Case):
    """The command that is kept beside the record."""

    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        self.lines = []
        self.patch(journal, "log", lambda level, text: self.lines.append(text))

    def test_command_kept_is_there_after_a_reset_with_its_tries(self):
        params = {"version": "2 ü", "sign": "ab" * 32, "fileSize": 8192}
        journal.save_command(params, 2)
        self.assertEqual(journal.load_command(), dict(params, tries=2))
        self.assertFalse("tries" in params)

    def test_command_kept_again_replaces_the_former(self):
        journal.save_command({"version": "2", "module": "x"}, 2)
        journal.save_command({"version": "3"}, 0)
        self.assertEqual(journal.load_command(), {"version": "3", "tries": 0})

    def test_command_at_work_and_the_next_one_are_kept_apart(self):
        journal.keep_command(journal.COMMAND, {"version": "2"})
        journal.keep_command(journal.NEXT, {"version": "3"})
        self.assertEqual(journal.load_command(), {"version": "2"})
        self.assertEqual(journal.load_command(journal.NEXT), {"version": "3"})
        journal.clear_command(journal.NEXT)
        self.assertEqual(journal.load_command(), {"version": "2"})
        self.assertEqual(journal.load_command(journal.NEXT), {})

    def test_command_that_nvs_has_no_room_for_is_only_logged_by_keep(self):
        journal.keep_command(journal.COMMAND, {"fileUrl": "x" * 2048})
        esp32.chip.nvs_full = True
        journal.keep_command(journal.NEXT, {"version": "3"})
        self.assertEqual(len(self.lines), 2)
        self.assertEqual((journal.load_command(), journal.load_command(journal.NEXT)), ({}, {}))

    def test_without_a_command_it_is_empty_and_cleared_without_an_error(self):
        self.assertEqual(journal.load_command(), {})
        journal.clear_command(journal.COMMAND)
        self.assertEqual(self.lines, [])

    def test_cleared_command_is_gone_and_the_record_stays(self):
        journal.save(state=journal.FETCH)
        journal.save_command({"version": "2"}, 1)
        journal.clear_command(journal.COMMAND)
        self.assertEqual(journal.load_command(), {})
        self.assertEqual(journal.load()["state"], journal.FETCH)

    def test_record_cleared_forgets_the_command_at_work_and_leaves_the_next_one(self):
        journal.save_command({"version": "2"}, 1)
        journal.keep_command(journal.NEXT, {"version": "3"})
        journal.clear()
        self.assertEqual(journal.load_command(), {})
        self.assertEqual(journal.load_command(journal.NEXT), {"version": "3"})

    def test_command_of_2048_bytes_is_kept_and_of_one_more_refused(self):
        import json

        size = 2048 - len(json.dumps({"fileUrl": "", "tries": 0}).encode())
        journal.save_command({"fileUrl": "x" * size}, 0)
        self.assertEqual(len(journal.load_command()["fileUrl"]), size)
        self.raised(OSError, journal.save_command, {"fileUrl": "x" * (size + 1)}, 0)
        self.assertEqual(len(journal.load_command()["fileUrl"]), size)

    def test_command_is_measured_in_bytes(self):
        self.raised(OSError, journal.save_command, {"fileUrl": "€" * 1000}, 0)

    def test_damaged_command_is_empty(self):
        for damaged in (b"", b"{", b"\xff\x00", b"7", b"null", b"[1]", b'"x"'):
            esp32.chip.nvs[("enos_ota", "command")] = damaged
            self.assertEqual(journal.load_command(), {}, damaged)

    def test_full_nvs_raises(self):
        esp32.chip.nvs_full = True
        self.raised(OSError, journal.save_command, {"version": "2"}, 1)
