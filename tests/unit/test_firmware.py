"""The firmware object of EnOS: what is accepted, what is refused, and with which class."""

import json

from enos_ota.errors import UpgradeError, VerifyError
from enos_ota.firmware import firmwares, params_of, read
from helpers import Case

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
COMMAND = {
    "version": "1.1.0",
    "sign": MD5,
    "signMethod": "md5",
    "fileUrl": "enos-connect://23f5ff270b800000.bin",
    "fileSize": 1024,
}


def but(**changes):
    return dict(COMMAND, **changes)


def without(name):
    params = dict(COMMAND)
    del params[name]
    return params


class TestFirmware(Case):
    def test_command_documented_fields_are_taken(self):
        firmware = read(COMMAND)
        self.assertEqual(firmware.version, "1.1.0")
        self.assertEqual(firmware.sign, MD5)
        self.assertEqual(firmware.sign_method, "md5")
        self.assertEqual(firmware.file_url, COMMAND["fileUrl"])
        self.assertEqual(firmware.size_bytes, 1024)

    def test_command_unknown_fields_are_ignored(self):
        self.assertEqual(read(but(isForce=True, module="x")).version, "1.1.0")

    def test_params_not_an_object_raise_upgrade_error(self):
        for params in (None, [], "text", 7, [COMMAND]):
            self.raised(UpgradeError, read, params)

    def test_text_field_missing_empty_or_of_another_type_is_named(self):
        for name in ("version", "sign", "signMethod", "fileUrl"):
            for params in (
                without(name),
                but(**{name: ""}),
                but(**{name: None}),
                but(**{name: 7}),
                but(**{name: ["x"]}),
                but(**{name: {}}),
                but(**{name: True}),
            ):
                text = str(self.raised(UpgradeError, read, params))
                self.assertIn(name, text)
                self.assertTrue(name == "version" or text.startswith("1.1.0: "), text)

    def test_sign_upper_case_is_lowered(self):
        self.assertEqual(read(but(sign=MD5.upper())).sign, MD5)

    def test_sign_method_any_case_is_understood(self):
        for text, method in (
            ("MD5", "md5"),
            ("Md5", "md5"),
            ("SHA256", "sha256"),
            ("sHa256", "sha256"),
        ):
            self.assertEqual(read(but(signMethod=text)).sign_method, method)

    def test_sign_method_unknown_raises_verify_error(self):
        for text in ("sha1", "md", "sha-256", "crc32", " md5", "x" * 500):
            error = self.raised(VerifyError, read, but(signMethod=text))
            self.assertTrue(len(str(error)) < 60)

    def test_file_size_numeric_string_is_accepted(self):
        self.assertEqual(read(but(fileSize="1024")).size_bytes, 1024)

    def test_file_size_absent_or_null_is_none(self):
        self.assertIsNone(read(without("fileSize")).size_bytes)
        self.assertIsNone(read(but(fileSize=None)).size_bytes)

    def test_file_size_of_two_gib_and_more_is_kept(self):
        self.assertEqual(read(but(fileSize=1 << 33)).size_bytes, 1 << 33)

    def test_file_size_unusable_raises_upgrade_error(self):
        for size in ("", "x", "12k", "1.5", [], {}, [7]):
            self.raised(UpgradeError, read, but(fileSize=size))

    def test_file_size_true_is_not_one_byte(self):
        # int(True) is 1.
        self.raised(UpgradeError, read, but(fileSize=True))

    def test_file_size_infinite_raises_upgrade_error(self):
        # JSON allows 1e999, and int() of it is an OverflowError: EnOS must get its answer all the same.
        params = json.loads(
            '{"version":"2","sign":"0","signMethod":"md5","fileUrl":"/x","fileSize":1e999}'
        )
        self.raised(UpgradeError, read, params)

    def test_firmware_keeps_nothing_of_its_module_alive(self):
        # A class of the module has functions, and these have its globals: it could not be forgotten.
        firmware = read(COMMAND)
        kept = [name for name in dir(type(firmware)) if not name.startswith("__")]
        self.assertEqual(kept, [])
        self.assertEqual(type(firmware).__bases__, (object,))
        self.assertFalse(type(firmware) is type(read(COMMAND)))


class TestParams(Case):
    def test_params_make_the_same_firmware_again(self):
        for params in (
            COMMAND,
            without("fileSize"),
            but(fileSize="12", signMethod="MD5", sign="AB"),
        ):
            first = read(params)
            again = read(json.loads(json.dumps(params_of(first))))
            self.assertEqual(params_of(again), params_of(first))
            for name in ("version", "sign", "sign_method", "file_url", "size_bytes"):
                self.assertEqual(getattr(again, name), getattr(first, name), name)


class TestFirmwares(Case):
    def offers(self, data, code=200):
        return [f.version for f in firmwares({"code": code, "data": data})]

    def test_list_of_several_keeps_order(self):
        self.assertEqual(
            self.offers([but(version="2"), but(version="1"), but(version="3")]), ["2", "1", "3"]
        )

    def test_list_of_one_and_of_none(self):
        self.assertEqual(self.offers([COMMAND]), ["1.1.0"])
        self.assertEqual(self.offers([]), [])

    def test_null_absent_object_text_and_number_are_empty(self):
        for data in (None, {}, COMMAND, "", "x", 7, True):
            self.assertEqual(self.offers(data), [])
        self.assertEqual(firmwares({"code": 200}), [])

    def test_list_with_unusable_offers_keeps_the_others(self):
        offers = [None, 7, {}, without("sign"), but(signMethod="sha1"), but(version="9"), []]
        self.assertEqual(self.offers(offers), ["9"])

    def test_reply_with_another_code_offers_nothing(self):
        self.assertEqual(self.offers([COMMAND], "200"), ["1.1.0"])
        for code in (1009, "1009", None, 0, "", 2000, [200]):
            self.assertEqual(self.offers([COMMAND], code), [])
        self.assertEqual(firmwares({"data": [COMMAND]}), [])
