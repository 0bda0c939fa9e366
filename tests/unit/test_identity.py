"""Signatures against the vectors of EnOS's documentation."""

import binascii
import hashlib

from enos_ota import identity
from helpers import Case


def sha256(text):
    return binascii.hexlify(hashlib.sha256(text.encode()).digest()).decode()


class TestIdentity(Case):
    def test_mqtt_login_documented_input_gives_known_password(self):
        client_id, user, password = identity.mqtt_login(
            "654321", "test", "abcdefg", "123456", "1548753362502"
        )
        self.assertEqual(
            client_id, "123456|securemode=2,signmethod=sha256,timestamp=1548753362502|"
        )
        self.assertEqual(user, "test&654321")
        self.assertEqual(
            password, "B99032D49C706F7B27B22AB5CD2DD3C56A31E1BCBBC83BA0A2A6BB3272FBB166"
        )

    def test_mqtt_login_without_client_id_uses_device_key_and_constant_time(self):
        password = identity.mqtt_login("pk_demo", "dk_demo", "s3cr3t", "esp32-01")[2]
        self.assertEqual(
            password, "54DE1214F2759383FEE9C39FAA45BF2E1C62A3F74DA209D4BAB4BC1E790C2A26"
        )
        client_id = identity.mqtt_login("pk_demo", "dk_demo", "s3cr3t")[0]
        self.assertEqual(
            client_id, "dk_demo|securemode=2,signmethod=sha256,timestamp=2524608000000|"
        )

    def test_http_sign_vectors_match(self):
        self.assertEqual(
            identity.http_sign("pK11111", "dK987654", "abcdefg", 300000),
            "49ac3d2598d2fb5592694b077eb073122ed128bae3ac4b9f059ccf5a832e2598",
        )
        self.assertEqual(
            identity.http_sign("pk_demo", "dk_demo", "s3cr3t", 30000),
            "4af28926c4f7e1e4349d15d37d3b52c507c7172af0edeac1c1b46a2024f4f71a",
        )

    def test_getfile_sign_vectors_match(self):
        rest = ("o15504722874071", "/1b30e0ea83002000/ota/kadak13", "1548753362502")
        keys = ("AKdemo", "SKdemo")
        self.assertEqual(
            identity.getfile_sign(keys, "sha1", *rest), "96DD0B910DDBFFD5CC9A360E1840C4B25F4DB39B"
        )
        self.assertEqual(
            identity.getfile_sign(keys, "sha256", *rest),
            "4FEFB63F39C7188EDA7AEEAE0C2A23505B6C4D40FCDFF8CDA86D55ED3BA7C531",
        )

    def test_mqtt_login_text_beyond_ascii_is_hashed_as_utf8(self):
        _, user, password = identity.mqtt_login("pk", "gerät", "ß", "gerät", "1")
        self.assertEqual(user, "gerät&pk")
        said = "clientIdgerätdeviceKeygerätproductKeypktimestamp1ß"
        self.assertEqual(password, sha256(said).upper())

    def test_mqtt_login_does_not_show_the_secret(self):
        self.assertFalse("geheim" in "".join(identity.mqtt_login("pk", "dk", "geheim")))

    def test_http_sign_is_lower_case_and_depends_on_every_input(self):
        base = identity.http_sign("pk", "dk", "s", 1000)
        self.assertEqual(base, base.lower())
        for other in (
            ("pK", "dk", "s", 1000),
            ("pk", "dK", "s", 1000),
            ("pk", "dk", "S", 1000),
            ("pk", "dk", "s", 1),
        ):
            self.assertNotEqual(identity.http_sign(*other), base)
