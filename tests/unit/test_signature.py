"""Signatures of releases: which are taken, and that nothing else is."""

import binascii
import hashlib

from enos_ota import signature
from enos_ota.errors import VerifyError
from helpers import Case
from signed import KEY, SECTOR, key_of, sector, sign, with_crc
from signed import block as assembled
from signed import number as decoded
from vectors import CONTENT, ESPSECURE, MODULI, SIGNATURES

BUF = bytearray(SECTOR)
DIGEST = hashlib.sha256(CONTENT).digest()


def modulus(key):
    return decoded(MODULI[key])


def number(name):
    return decoded(SIGNATURES[name])


def block(name="a", **other):
    """The block with the signature of this name, right but for `other` fields."""
    fields = {
        "digest": DIGEST,
        "s": number(name),
        "n": modulus(name if name in MODULI else "a"),
        "e": 3 if name == "three" else 65537,
    }
    fields.update(other)
    return assembled(**fields)


GOOD = block()
WRONG = "the signature is wrong"
NO_RSA_3072 = "the signature is not one of RSA-3072"


class Judged(Case):
    def take(self, *blocks, keys=(KEY,), revoked=()):
        return signature.check(sector(*blocks, into=BUF), keys, revoked)

    def refuse(self, *blocks, keys=(KEY,), revoked=()):
        """The text of the refusal."""
        return str(self.raised(VerifyError, lambda: self.take(*blocks, keys=keys, revoked=revoked)))

    def refuse_own(self, made):
        """The same for a block whose own key is trusted."""
        return self.refuse(made, keys=(key_of(made),))


class TestTaken(Judged):
    def test_good_one_vouches_for_its_content(self):
        self.assertEqual(self.take(GOOD), hashlib.sha256(CONTENT).digest())

    def test_one_by_espsecure_vouches_for_its_content(self):
        content = CONTENT + b"\xff" * (SECTOR - len(CONTENT))
        made = binascii.a2b_base64(ESPSECURE["block"])
        self.assertEqual(
            self.take(made, keys=(ESPSECURE["key"],)), hashlib.sha256(content).digest()
        )
        self.assertEqual(key_of(GOOD), ESPSECURE["key"])  # so our blocks are as espsecure's

    def test_message_as_the_generator_encodes_it_is_taken(self):
        # Or those that it encodes wrongly would be refused for nothing.
        for name in ("raw", "small"):
            self.assertEqual(self.take(block(name)), DIGEST)

    def test_one_that_the_tests_sign_themselves_is_taken(self):
        self.assertEqual(self.take(block(s=sign(DIGEST))), DIGEST)
        self.assertEqual(self.refuse(block(s=sign(DIGEST), digest=bytes(32))), WRONG)

    def test_one_of_three_by_a_trusted_key_suffices(self):
        blocks = [block(name) for name in "abc"]
        keys = [key_of(made) for made in blocks]
        for key in keys:
            self.assertEqual(self.take(*blocks, keys=("00" * 32, key)), DIGEST)
        revoked = keys[:2]
        self.assertEqual(self.take(*blocks, keys=keys, revoked=revoked), DIGEST)
        self.assertIn("revoked", self.refuse(*blocks, keys=keys, revoked=keys))

    def test_what_stands_beside_a_good_one_does_not_matter(self):
        other = block("b", digest=bytes(32))
        damaged = block("b", digest=bytes(32), crc=1)
        for blocks in ((damaged, GOOD), (other, GOOD), (GOOD, damaged), (GOOD, bytes(600))):
            self.assertEqual(self.take(*blocks), DIGEST)
        self.take(GOOD)
        BUF[-1] = BUF[3 * 1216] = 0xE7
        self.assertEqual(signature.check(BUF, (KEY,), ()), DIGEST)


class TestKey(Judged):
    def test_key_that_is_not_trusted_is_refused_and_named(self):
        for keys in ((), ("00" * 32,), (KEY[:-1] + "x",), (KEY[:8],)):
            text = "signed with key %s, which is not trusted" % KEY[:8]
            self.assertEqual(self.refuse(GOOD, keys=keys), text)

    def test_key_that_is_revoked_is_refused_though_it_is_trusted(self):
        text = "signed with key %s, which is revoked" % KEY[:8]
        self.assertEqual(self.refuse(GOOD, revoked=("00" * 32, KEY)), text)
        self.assertEqual(self.refuse(GOOD, keys=(), revoked=(KEY,)), text)

    def test_key_of_another_size_or_exponent_is_refused_though_it_is_trusted(self):
        self.assertEqual(self.refuse_own(block("2048")), NO_RSA_3072)
        self.assertEqual(self.refuse_own(block("three")), NO_RSA_3072)
        self.assertTrue(self.refuse_own(block("4096")) in (WRONG, NO_RSA_3072))

    def test_key_that_is_none_is_refused_though_it_is_trusted(self):
        # An exponent of 1 would let anybody write down what verifies.
        encoded = pow(number("a"), 65537, modulus("a"))
        for wrong in ({"e": 1, "s": encoded}, {"e": 0}, {"n": 0}, {"n": 1, "s": 0}):
            self.assertEqual(self.refuse_own(block(**wrong)), NO_RSA_3072)
        for wrong in ({"n": modulus("a") - 1}, {"n": (1 << 3072) - 1}, {"n": 1 << 3071, "s": 0}):
            self.assertEqual(self.refuse_own(block(**wrong)), WRONG)

    def test_key_in_a_block_by_another_is_refused(self):
        # Who has b's private key says that it is a's.
        s = number("b") % modulus("a")
        self.assertEqual(self.refuse(block("b", n=modulus("a"), s=s)), WRONG)


class TestSignature(Judged):
    def test_scheme_that_is_not_ours_is_refused(self):
        for name in (
            "no salt",
            "salt of 31",
            "salt of 33",
            "longest salt",
            "mgf sha1",
            "mgf sha512",
            "pkcs1",
        ):
            self.assertEqual(self.refuse(block(name)), WRONG, name)

    def test_message_encoded_wrongly_in_one_place_is_refused(self):
        for name in ("first zero", "last zero", "no one", "trailer", "top bit"):
            self.assertEqual(self.refuse(block(name)), WRONG, name)

    def test_signature_not_below_the_modulus_is_refused(self):
        # The same modulo n: it would have two names.
        n = modulus("a")
        for s in (number("small") + n, n, (1 << 3072) - 1):
            self.assertEqual(self.refuse(block(s=s)), NO_RSA_3072)

    def test_signature_that_anybody_can_write_is_refused(self):
        for s in (0, 1, modulus("a") - 1, number("a") + 1, number("b") % modulus("a")):
            self.assertEqual(self.refuse(block(s=s)), WRONG)

    def test_signature_of_another_content_is_refused(self):
        self.assertEqual(self.refuse(block(digest=hashlib.sha256(b"other").digest())), WRONG)
        self.assertEqual(self.refuse(block(digest=bytes(32))), WRONG)


class TestDamaged(Judged):
    def test_any_byte_altered_is_found_by_the_crc(self):
        for at in range(4, 1200, 13):
            made = bytearray(GOOD)
            made[at] ^= 1 << at % 8
            self.assertEqual(self.refuse(made), "the signature block is damaged", at)
        self.assertEqual(self.refuse(block(crc=1)), "the signature block is damaged")

    def test_any_byte_altered_with_its_crc_is_found_by_the_key_or_the_signature(self):
        for first, end, step, wanted in (
            (4, 36, 5, WRONG),
            (36, 812, 41, "not trusted"),
            (811, 812, 1, "not trusted"),
            (812, 1195, 61, WRONG),
        ):
            for at in range(first, end, step):
                made = bytearray(GOOD)
                made[at] ^= 1 << at % 8
                self.assertIn(wanted, self.refuse(with_crc(made)), at)

    def test_block_cut_short_is_refused(self):
        for size in (2, 36, 812, 1195, 1196, 1199):
            self.assertEqual(self.refuse(GOOD[:size]), "the signature block is damaged", size)


class TestClaim(Judged):
    def test_sector_without_a_signature_is_not_signed(self):
        for blank in (b"\xff" * SECTOR, bytes(SECTOR), b"EnRR" + bytes(SECTOR - 4)):
            self.assertEqual(
                str(self.raised(VerifyError, signature.check, blank, (KEY,), ())), "not signed"
            )
            self.assertFalse(signature.is_signed(blank))

    def test_block_of_another_magic_or_version_is_none(self):
        for first, second, text in (
            (0xE6, 2, "not signed"),
            (0xE9, 2, "not signed"),
            (0xE7, 0, "not signed"),
            (0xE7, 4, "not signed"),
            (0xE7, 1, "signed, but not with RSA"),
            (0xE7, 3, "signed, but not with RSA"),
        ):
            made = bytearray(GOOD)
            made[0], made[1] = first, second
            self.assertEqual(self.refuse(with_crc(made)), text)
            self.assertEqual(signature.is_signed(made), text != "not signed")

    def test_blocks_behind_an_empty_place_do_not_count(self):
        for empty in (bytes(1216), b"\xff" * 1216):
            self.assertEqual(self.refuse(empty, GOOD), "not signed")
            self.assertIn("not trusted", self.refuse(block("b"), empty, GOOD))

    def test_block_of_ecdsa_before_a_good_one_is_passed_over(self):
        self.assertEqual(self.take(block(version=3), GOOD), DIGEST)
