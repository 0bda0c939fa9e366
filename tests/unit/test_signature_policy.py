"""Which signature the settings ask for."""

from enos_ota.errors import VerifyError
from enos_ota.signature import wanted
from helpers import Case
from signed import KEY, SECTOR, block, sector, sign

BUF = bytearray(SECTOR)
DIGEST = bytes(range(32))
SIGNATURE = sign(DIGEST)
GOOD = block(DIGEST, SIGNATURE)


class Config:
    """The settings that are looked at."""


class TestPolicy(Case):
    def signed(self, policy, *blocks, keys=(KEY,), revoked=()):
        Config.signature, Config.keys, Config.revoked = policy, keys, revoked
        return wanted(Config, sector(*blocks, into=BUF))

    def refused(self, *arguments, **options):
        return str(self.raised(VerifyError, lambda: self.signed(*arguments, **options)))

    def test_required_takes_a_good_signature_and_nothing_else(self):
        self.assertEqual(self.signed("required", GOOD), DIGEST)
        self.assertEqual(self.refused("required"), "not signed")
        self.assertIn("not trusted", self.refused("required", GOOD, keys=()))
        self.assertIn("revoked", self.refused("required", GOOD, revoked=[KEY]))
        self.assertIn("damaged", self.refused("required", block(DIGEST, SIGNATURE, crc=1)))

    def test_if_present_takes_what_is_not_signed_but_no_bad_signature(self):
        self.assertEqual(self.signed("if_present", GOOD), DIGEST)
        self.assertEqual(self.signed("if_present"), b"")
        self.assertIn("not trusted", self.refused("if_present", GOOD, keys=()))
        for version in (1, 3):
            self.assertIn(
                "RSA", self.refused("if_present", block(DIGEST, SIGNATURE, version=version))
            )

    def test_off_asks_for_none_and_judges_none(self):
        for blocks in ((), (GOOD,), (block(DIGEST, SIGNATURE, crc=1),)):
            self.assertEqual(self.signed("off", *blocks, keys=()), b"")

    def test_policy_that_nobody_knows_is_required(self):
        # A typo of a release's must not open the door.
        self.assertEqual(self.refused("Off"), "not signed")
