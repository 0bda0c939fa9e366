"""What a refusal by TLS is called: each text and number of Mbed TLS, in words that say what to do."""

import time

from enos_ota import refusal
from helpers import Case


class Matched:
    def __init__(self, matched) -> None:
        self.matched = matched


class TestMeaning(Case):
    """The texts are those of Mbed TLS 3: x509_crt.c, MBEDTLS_X509_CRT_ERROR_INFO_LIST."""

    def meaning(self, text, context=None):
        return refusal.meaning(context, ValueError(text))

    def test_certificate_that_is_refused_says_why(self):
        for text, wanted in (
            (
                "The certificate is not correctly signed by the trusted CA",
                "not signed by a trusted CA",
            ),
            (
                "The certificate Common Name (CN) does not match with the expected CN",
                "the certificate names another host",
            ),
        ):
            for shown in (text, "\n" + text + "\n", text.replace(" ", "\n  ")):
                self.assertEqual(self.meaning(shown), wanted)

    def test_date_that_is_refused_names_that_of_the_clock(self):
        class Clock:
            @staticmethod
            def gmtime():
                return (2031, 2, 3, 4, 5, 6, 0, 1)

        self.patch(refusal, "time", Clock)
        for text, words in (
            ("The certificate validity has expired", "has expired"),
            ("The certificate validity starts in the future", "is not valid yet"),
        ):
            wanted = "the certificate %s (clock 2031-02-03)" % words
            self.assertEqual(self.meaning(text), wanted)

    def test_date_of_the_clock_is_that_of_now(self):
        day = "(clock %04d-%02d-%02d)"
        before = day % time.gmtime()[:3]
        text = self.meaning("The certificate validity has expired")
        self.assertTrue(text[-len(before) :] in (before, day % time.gmtime()[:3]), text)

    def test_date_of_a_certificate_that_is_wrong_anyway_tells_nothing_of_the_clock(self):
        signed = "The certificate is not correctly signed by the trusted CA\n"
        host = "The certificate Common Name (CN) does not match with the expected CN\n"
        for date in ("The certificate validity has expired\n", "validity starts in the future\n"):
            self.assertEqual(self.meaning(date + signed), "not signed by a trusted CA")
            self.assertEqual(self.meaning(date + host), "the certificate names another host")
            self.assertEqual(self.meaning(host + date + signed), "not signed by a trusted CA")

    def test_other_texts_are_told_in_one_line(self):
        for text in (
            "The certificate is signed with an unacceptable hash.",
            "The certificate is signed with an unacceptable key (eg bad curve, RSA too short).",
        ):
            self.assertEqual(self.meaning("\n" + text.replace(" ", "\n ")), text)

    def test_numbers_of_a_refusal_say_whose_it_is_with_either_sign(self):
        for number, wanted in (
            (0x7780, "the server refuses our certificate, or misses it"),
            (0x7680, "no CA is configured"),
        ):
            for code in (number, -number):
                self.assertEqual(refusal.meaning(None, OSError(code)), wanted)

    def test_session_that_broke_was_not_refused(self):
        # What a retry may change is no refusal: a reset, an end of the stream, no memory.
        for error in (OSError(104), OSError(-104), OSError(-0x7280), OSError(12), OSError()):
            self.assertEqual(refusal.meaning(None, error), "")

    def test_pin_that_does_not_match_is_said_whatever_mbed_tls_makes_of_it(self):
        for error in (OSError(-0x3000), ValueError("The certificate validity has expired")):
            self.assertEqual(refusal.meaning(Matched(False), error), "no pin matches")
        for matched in (True, None):
            self.assertEqual(refusal.meaning(Matched(matched), OSError(-0x3000)), "")
            self.assertEqual(refusal.meaning(Matched(matched), ValueError("x")), "x")
