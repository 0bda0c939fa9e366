"""Whether a release may follow the one that runs, by what its record says."""

import os

import esp32
import images
from enos_ota import permit
from enos_ota.errors import RefusedError, UpgradeError, VerifyError
from enos_ota.record import unpack
from helpers import SCRATCH, Case

RUNNING = images.image()
STUBS = SCRATCH + ".boot"


class Config:
    downgrade = False


class Judged(Case):
    """ota_0 runs a release with sequence 7, whose min_sequence is 5, for the product pump."""

    def setUp(self) -> None:
        super().setUp()
        esp32.power_up()
        images.put("ota_0", RUNNING)
        self.runs()
        self.config = Config()
        self.patch(permit, "_STUBS", STUBS)

    def runs(self, **fields) -> None:
        images.put("ota_0", images.record(RUNNING, "1.0", **fields), 4096)

    def judge(self, version="2.0", **fields) -> None:
        """Judge a release with this record."""
        record = unpack(images.record_bytes(RUNNING, "2.0", **fields))
        permit.permit(self.config, record, version)

    def plain(self) -> None:
        permit.permit(self.config, None, "2.0")

    def refused(self, kind, act, *arguments, **fields):
        return str(self.raised(kind, lambda: act(*arguments, **fields)))


class TestSequence(Judged):
    def test_same_or_higher_sequence_follows(self):
        for sequence in (7, 8, (1 << 32) - 1):
            self.judge(sequence=sequence)

    def test_lower_sequence_is_refused_and_both_are_named(self):
        for sequence in (5, 6):
            text = "sequence %d is older than 7" % sequence
            self.assertEqual(self.refused(RefusedError, self.judge, sequence=sequence), text)

    def test_lower_sequence_follows_where_the_settings_allow_it_down_to_the_least(self):
        self.config.downgrade = True
        for sequence in (5, 6, 7):
            self.judge(sequence=sequence)
        for sequence in (0, 4):
            text = "sequence %d is below the least, 5" % sequence
            self.assertEqual(self.refused(RefusedError, self.judge, sequence=sequence), text)

    def test_least_of_the_new_release_does_not_count(self):
        # It would be its own floor, or lift the floor of the one that runs.
        self.config.downgrade = True
        self.judge(sequence=7, min_sequence=9)
        self.refused(RefusedError, self.judge, sequence=4, min_sequence=0)

    def test_plain_image_has_sequence_0(self):
        self.assertEqual(self.refused(RefusedError, self.plain), "sequence 0 is below the least, 5")
        self.config.downgrade = True
        self.refused(RefusedError, self.plain)
        self.runs(sequence=7, min_sequence=0)
        self.plain()
        self.config.downgrade = False
        self.assertEqual(self.refused(RefusedError, self.plain), "sequence 0 is older than 7")
        self.runs(sequence=0, min_sequence=0)
        self.plain()

    def test_anything_follows_where_no_record_is_readable(self):
        for wrong in ({"crc": 1}, {"image_digest": bytes(32)}, {"form": 2}):
            self.runs(**wrong)
            self.judge(sequence=0)
            self.plain()
        images.put("ota_0", b"\xe9\x11")  # the image itself cannot be walked
        self.judge(sequence=0)


class TestKind(Judged):
    def test_other_version_than_commanded_is_refused_and_named(self):
        text = self.refused(VerifyError, self.judge, "3.0")
        self.assertEqual(text, "the file holds version 2.0")

    def test_other_chip_is_refused(self):
        for chip_id in (5, 9, 0x100):
            text = "a release for chip id %d" % chip_id
            self.assertEqual(self.refused(UpgradeError, self.judge, chip_id=chip_id), text)
        images.put("ota_0", b"\x09\x01", 12)  # of the image that runs
        self.refused(UpgradeError, self.judge, chip_id=9)
        self.judge(chip_id=0x109)

    def test_other_product_is_refused_and_both_are_named(self):
        text = self.refused(UpgradeError, self.judge, product=b"valve")
        self.assertEqual(text, "for product valve, not pump")

    def test_product_that_either_does_not_name_is_any(self):
        self.judge(product=b"")
        self.runs(product=b"")
        self.judge(product=b"valve")
        images.put("ota_0", bytes(240), 4096)
        self.judge(product=b"valve")

    def test_order_of_judgement_is_the_commanded_version_first(self):
        # Whoever commanded the wrong file is told so, not that it is old.
        self.refused(VerifyError, self.judge, "3.0", sequence=0, chip_id=9, stub_abi=2)


class TestStubs(Judged):
    def tearDown(self) -> None:
        super().tearDown()
        try:
            os.remove(STUBS)
        except OSError:
            pass

    def deploy(self, text) -> None:
        with open(STUBS, "w") as file:
            file.write(text)

    def test_release_for_other_stubs_is_refused(self):
        self.deploy("# Stub ABI 1. More.\n")
        self.judge(stub_abi=1)
        for abi in (0, 2):
            text = "needs stub ABI %d: deploy by USB" % abi
            self.assertEqual(self.refused(RefusedError, self.judge, stub_abi=abi), text)
        for text, abi in (("2\n", 2), ("2. Runs\n", 2), ("12. Runs\n", 12)):
            self.deploy("# Stub ABI " + text)
            self.judge(stub_abi=abi)
            self.refused(RefusedError, self.judge, stub_abi=1)

    def test_stubs_that_do_not_tell_or_are_frozen_have_the_first(self):
        self.judge()  # there is no file
        for text in ("", "import os\n", "# Stub ABI x\n", "# Stub ABI ", "# Stub ABI"):
            self.deploy(text)
            self.judge(stub_abi=1)
            self.refused(RefusedError, self.judge, stub_abi=2)

    def test_stubs_as_this_checkout_deploys_them_have_the_one_that_releases_need(self):
        self.patch(permit, "_STUBS", __file__.rsplit("/", 3)[0] + "/boot/boot.py")
        self.judge(stub_abi=1)
        self.refused(RefusedError, self.judge, stub_abi=0)
