"""Topics and JSON of the OTA messages, and what the codes of replies mean."""

import json

from enos_ota import codes, messages
from helpers import Case


class TestTopics(Case):
    def test_prefix_keys_stand_in_the_documented_places(self):
        self.assertEqual(messages.prefix("pk_demo", "dk_demo"), "/sys/pk_demo/dk_demo/ota/device/")


class TestRequest(Case):
    def test_request_inform_matches_the_documented_example(self):
        self.assertEqual(
            json.loads(messages.request(1, "inform", {"version": "1.0.0"})),
            {
                "id": "1",
                "version": "1.0",
                "method": "ota.device.inform",
                "params": {"version": "1.0.0"},
            },
        )

    def test_request_every_kind_names_its_method(self):
        for kind in ("inform", "progress", "getversion"):
            self.assertEqual(
                json.loads(messages.request(7, kind, {}))["method"], "ota.device." + kind
            )

    def test_request_text_with_quotes_and_umlauts_survives(self):
        params = {"desc": 'say "hü"\n\\ €'}
        self.assertEqual(json.loads(messages.request(7, "progress", params))["params"], params)

    def test_request_is_bytes(self):
        self.assertIsInstance(messages.request(1, "getversion", {}), bytes)


class TestUpgradeReply(Case):
    def test_upgrade_reply_string_id_comes_back_as_string(self):
        reply = json.loads(messages.upgrade_reply({"id": "7", "params": {}}))
        self.assertEqual(reply, {"id": "7", "code": 200, "message": "", "data": {}})

    def test_upgrade_reply_number_id_comes_back_as_number(self):
        self.assertEqual(json.loads(messages.upgrade_reply({"id": 7}))["id"], 7)

    def test_upgrade_reply_without_id_has_none(self):
        self.assertFalse("id" in json.loads(messages.upgrade_reply({})))


class TestParse(Case):
    def test_parse_object_gives_its_fields(self):
        self.assertEqual(messages.parse(b'{"id":"1","data":null}'), {"id": "1", "data": None})

    def test_parse_anything_else_raises_value_error(self):
        for payload in (
            b"",
            b"[]",
            b"7",
            b'"x"',
            b"null",
            b"{",
            b'{"a":1} x',
            b"\xff\xfe",
            b"nonsense",
        ):
            self.assertRaises(ValueError, messages.parse, payload)


class TestIsOk(Case):
    def test_is_ok_200_as_a_number_or_text(self):
        self.assertTrue(messages.is_ok({"code": 200}))
        self.assertTrue(messages.is_ok({"code": "200"}))

    def test_is_ok_anything_else_or_nothing_is_not(self):
        for code in (0, 1009, "1009", "", None, True, [200], "200 OK"):
            self.assertFalse(messages.is_ok({"code": code}))
        self.assertFalse(messages.is_ok({}))


class TestMeaning(Case):
    def test_meaning_known_code_is_explained(self):
        self.assertIn("1009", codes.meaning(1009))
        self.assertIn("permission", codes.meaning(1009))

    def test_meaning_unknown_codes_of_any_kind_are_shown(self):
        for code in (4711, -1, None, "200", 1.5, True):
            self.assertIn(str(code), codes.meaning(code))

    def test_meaning_code_that_is_a_list_or_object_is_shown(self):
        # Neither is hashable; a TypeError would pass for a broken connection.
        for code in ([], {}):
            self.assertIn(str(code), codes.meaning(code))
