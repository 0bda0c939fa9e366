"""A server known by its key: with real TLS, whoever signed its certificate, and whenever it was valid."""

import tls

from certificates import pins, read
from enos_ota.errors import DownloadError
from enos_ota.pins import Pinned
from helpers import Case
from secured import Secured, meet

PINS = pins()
OTHER = "00" * 32
REFUSED = "TLS refused: no pin matches"


class Underlying:
    """Stands for a `tls.SSLContext`: keeps what it is asked."""

    verify_mode = verify_callback = None

    def __init__(self) -> None:
        self.asked = []

    def wrap_socket(self, raw, **options):
        self.asked.append((raw, options))
        return "session"


def pinned(*known):
    return Pinned(tls.SSLContext(tls.PROTOCOL_TLS_CLIENT), list(known))


class TestSession(Case):
    def meet(self, context, certificate="server.der", **options):
        served = Secured(certificate, **options)
        error = meet(context, served)
        self.assertEqual(served.heard, b"" if error else b"x")
        return error

    def test_server_with_a_pinned_key_is_trusted_without_ca_clock_and_name(self):
        for name in ("server.der", "expired.der", "future.der", "elsewhere.der", "stranger.der"):
            context = pinned(OTHER, PINS["server"])
            self.assertIsNone(self.meet(context, name), name)
            self.assertTrue(context.matched)

    def test_server_with_another_key_is_refused_though_a_ca_signed_it(self):
        for known in ((OTHER, OTHER), (PINS["ca"], PINS["server"])):
            context = pinned(*known)
            context._context.load_verify_locations(read("ca.der"))
            error = self.meet(context, "impostor.der", key="client.key")
            self.assertEqual((type(error), str(error)), (DownloadError, REFUSED))

    def test_pins_of_its_issuers_count_for_nothing(self):
        error = self.meet(pinned(PINS["ca"], PINS["other-ca"]))
        self.assertEqual(str(error), REFUSED)

    def test_context_judges_each_session_anew(self):
        context = pinned(PINS["server"], OTHER)
        for certificate, key in (("server.der", "server.key"), ("impostor.der", "client.key")) * 2:
            error = self.meet(context, certificate, key=key)
            self.assertEqual(error is None, key == "server.key")
            self.assertEqual(context.matched, error is None)


class TestLook(Case):
    def setUp(self) -> None:
        super().setUp()
        self.underlying = Underlying()
        self.context = Pinned(self.underlying, [PINS["server"], PINS["rsa"]])

    def look(self, name, depth=0):
        return self.underlying.verify_callback(read(name), depth)

    def test_server_is_asked_for_a_certificate_and_its_chain_is_not_judged(self):
        self.assertEqual(self.underlying.verify_mode, tls.CERT_OPTIONAL)

    def test_nothing_has_matched_before_the_certificate_came(self):
        self.assertIsNone(self.context.matched)
        self.look("server.der")
        options = {"server_hostname": "h", "do_handshake_on_connect": False}
        self.assertEqual(self.context.wrap_socket("raw", **options), "session")
        self.assertEqual(self.underlying.asked, [("raw", options)])
        self.assertIsNone(self.context.matched)

    def test_key_of_the_leaf_decides_and_a_refusal_is_fatal(self):
        # Mbed TLS would go on after a positive number, or one that only says "not verified".
        for name, wanted in (("server.der", 0), ("rsa.der", 0), ("impostor.der", -0x3000)):
            self.assertEqual(self.look(name), wanted)
            self.assertEqual(self.context.matched, wanted == 0)

    def test_issuers_are_passed_over_and_change_nothing(self):
        for name, matched in (("server.der", True), ("client.der", False)):
            self.look(name)
            for depth in (1, 2):
                for issuer in ("server.der", "client.der", "pins.json"):
                    self.assertEqual(self.look(issuer, depth), 0)
            self.assertEqual(self.context.matched, matched)
        self.context.wrap_socket("raw")
        self.look("server.der", 1)
        self.assertIsNone(self.context.matched)

    def test_nothing_comes_out_of_the_callback_but_a_number(self):
        for certificate in (b"", read("pins.json"), None, 7):
            self.assertEqual(self.underlying.verify_callback(certificate, 0), -0x3000)
            self.assertTrue(self.context.matched is False)
