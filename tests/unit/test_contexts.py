"""The contexts of TLS: there is none that does not verify, and who sees the device's own certificate; real TLS."""

import os

import tls

from certificates import path, pins
from enos_ota import contexts
from enos_ota.contexts import for_url, make
from enos_ota.errors import DownloadError, LinkError
from enos_ota.http import Http
from helpers import SCRATCH, Case, run
from secured import Config, Secured, meet

GARBAGE = SCRATCH + ".der"
PINS = [pins()["server"], "00" * 32]
CLIENT = {"cert": path("client.der"), "key": path("client.key")}


def digest(name):
    import binascii
    import hashlib

    with open(path(name), "rb") as file:
        return binascii.hexlify(hashlib.sha256(file.read()).digest()).decode()


class WithLog(Case):
    def setUp(self) -> None:
        super().setUp()
        self.lines = []
        self.patch(contexts, "log", lambda level, text: self.lines.append(text))
        with open(GARBAGE, "wb") as file:
            file.write(b"not a certificate")

    def tearDown(self) -> None:
        os.remove(GARBAGE)
        super().tearDown()

    def refused(self, context, *words, **served) -> None:
        error = meet(context, Secured(**served))
        self.assertTrue(type(error) is DownloadError, repr(error))
        for word in words:
            self.assertIn(word, str(error))


class TestCa(WithLog):
    def test_server_signed_by_a_ca_is_trusted_and_no_other(self):
        self.assertIsNone(meet(make(Config())))
        for certificate, words in (
            ("stranger.der", "not signed by a trusted CA"),
            ("elsewhere.der", "names another host"),
            ("expired.der", "has expired (clock 20"),
            ("future.der", "not valid yet (clock 20"),
        ):
            self.refused(make(Config()), "TLS refused: ", words, certificate=certificate)

    def test_contexts_of_both_kinds_require_a_certificate(self):
        for is_broker in (True, False):
            self.assertEqual(make(Config(), is_broker).verify_mode, tls.CERT_REQUIRED)

    def test_any_of_several_cas_counts(self):
        config = Config(ca=[path("other-ca.der"), path("ca.der")])
        self.assertIsNone(meet(make(config)))

    def test_ca_that_cannot_be_used_is_named_and_the_others_count(self):
        nowhere = GARBAGE + ".gone"
        for bad in (nowhere, GARBAGE):
            self.lines.clear()
            for ca in ([bad, path("ca.der")], [path("ca.der"), bad]):
                self.assertIsNone(meet(make(Config(ca=ca))))
            self.assertEqual([line.startswith("CA %s: " % bad) for line in self.lines], [True] * 2)

    def test_no_usable_ca_is_a_link_error_that_names_the_last(self):
        for ca, words in (([], "CA none is configured"), ([GARBAGE], "CA " + GARBAGE)):
            for is_broker in (True, False):
                text = str(self.raised(LinkError, make, Config(ca=ca), is_broker))
                self.assertTrue(text.startswith(words), text)

    def test_ca_that_is_revoked_does_not_count(self):
        config = Config(revoked=[digest("ca.der")])
        self.assertIn("revoked", str(self.raised(LinkError, make, config)))
        config.ca.append(path("other-ca.der"))
        self.refused(make(config), "not signed by a trusted CA")
        config.revoked = [digest("other-ca.der"), "00" * 32]
        self.assertIsNone(meet(make(config)))

    def test_broker_without_tls_needs_no_ca_and_everybody_else_does(self):
        for word in ("mqtt", "http"):
            config = Config(ca=[], plain=[word])
            self.refused(make(config), "no CA is configured")
            self.raised(LinkError, make, config, False)


class TestPins(WithLog):
    def test_broker_is_known_by_its_pins_and_needs_no_ca(self):
        context = make(Config(ca=[GARBAGE], pins=PINS))
        self.assertEqual(type(context).__name__, "Pinned")
        self.assertIsNone(meet(context, Secured("stranger.der")))
        self.refused(context, "no pin matches", certificate="impostor.der", key="client.key")

    def test_everybody_else_is_verified_by_the_cas(self):
        config = Config(pins=PINS)
        self.assertIsNone(meet(make(config, False)))
        self.refused(make(config, False), "not signed", certificate="stranger.der")
        self.raised(LinkError, make, Config(ca=[], pins=PINS), False)


class TestOwn(WithLog):
    """The device's own certificate, which a server asks for."""

    def test_broker_sees_it_however_it_is_known(self):
        for settings in ({}, {"pins": PINS}):
            served = Secured(client_ca="ca.der")
            self.assertIsNone(meet(make(Config(**dict(CLIENT, **settings))), served))
            self.assertEqual(served.heard, b"x")

    def test_nobody_else_sees_it(self):
        text = "the server refuses our certificate, or misses it"
        self.refused(make(Config(**CLIENT), False), text, client_ca="ca.der")
        self.refused(make(Config()), text, client_ca="ca.der")

    def test_certificate_that_the_server_does_not_trust_is_refused_by_it(self):
        text = "the server refuses our certificate, or misses it"
        self.refused(make(Config(**CLIENT)), text, client_ca="other-ca.der")

    def test_certificate_or_key_that_cannot_be_used_is_a_link_error(self):
        for wrong in ({"cert": GARBAGE}, {"key": GARBAGE}, {"cert": "/nowhere"}, {"key": ""}):
            config = Config(**dict(CLIENT, **wrong))
            text = str(self.raised(LinkError, make, config))
            self.assertTrue(text.startswith("the device's certificate, or its key: "), text)
            make(config, False)  # for whom it does not matter


class TestUnverified(WithLog):
    def unverified(self, host="localhost", **settings):
        return contexts.unverified(Config(**settings), None, "https", host)

    def test_anybody_is_believed_and_the_broker_sees_the_certificate_that_it_may_ask_for(self):
        for certificate in ("expired.der", "stranger.der", "elsewhere.der"):
            for settings in ({}, {"pins": PINS}, CLIENT):
                served = Secured(certificate)
                self.assertIsNone(meet(self.unverified(**settings), served))
        served = Secured(client_ca="ca.der")
        self.assertIsNone(meet(self.unverified(**CLIENT), served))
        wrong = dict(CLIENT, key=GARBAGE)
        text = str(self.raised(LinkError, lambda: self.unverified(**wrong)))
        self.assertTrue(text.startswith("the device's certificate"), text)
        self.unverified("files", **wrong)  # for whom it does not matter


class TestHosts(WithLog):
    def config(self, **settings):
        return Config(mqtt="mqtts://Broker:18883", http_broker="https://files:8443", **settings)

    def test_hosts_of_mqtt_and_http_broker_are_the_broker_at_any_port(self):
        for settings in (CLIENT, {"pins": PINS}):
            config = self.config(**settings)
            for host in ("broker", "BROKER", "Broker", "files", "FILES"):
                self.assertEqual(for_url(config, "broker's", "https", host), "broker's")
            self.assertFalse(hasattr(config, "guest"))

    def test_any_other_host_has_the_context_of_guests_which_is_made_once(self):
        for settings in (CLIENT, {"pins": PINS}, dict(CLIENT, pins=PINS)):
            config = self.config(**settings)
            guest = for_url(config, "broker's", "https", "cdn")
            for host in ("localhost", "", "broker.cdn", "xbroker", "files:8443"):
                self.assertTrue(for_url(config, "broker's", "https", host) is guest)
            self.refused(guest, "refuses our certificate", client_ca="ca.der")
            self.refused(guest, "not signed", certificate="stranger.der")
            self.assertIsNone(meet(guest))

    def test_without_certificate_and_pins_all_have_the_same(self):
        for host in ("broker", "cdn"):
            self.assertEqual(for_url(self.config(), "broker's", "https", host), "broker's")

    def test_http_needs_no_context_where_the_settings_allow_it_and_nothing_else_is_allowed(self):
        for settings in ({}, CLIENT, {"pins": PINS}):
            for plain in ((), ("mqtt",), ("mqtt", "http")):
                config = self.config(plain=plain, **settings)
                self.assertEqual(for_url(config, "broker's", "https", "broker"), "broker's")
                for scheme in ("http", "mqtt", "ftp", "", "HTTPS"):
                    if scheme == "http" and scheme in plain:
                        self.assertIsNone(for_url(config, "broker's", scheme, "broker"))
                        continue
                    error = self.raised(DownloadError, for_url, config, None, scheme, "broker")
                    self.assertEqual(str(error), "not an https address")

    def test_settings_without_an_http_broker_have_one_host(self):
        config = Config(mqtt="mqtts://broker", **CLIENT)
        self.assertFalse(for_url(config, "broker's", "https", "") == "broker's")
        self.assertEqual(for_url(config, "broker's", "https", "broker"), "broker's")

    def test_request_uses_the_context_of_its_host(self):
        asked = []

        class Transport:
            async def open(self, host, port, context, timeout_ms) -> None:
                asked.append((host, context))
                raise LinkError("no network")

            def close(self) -> None:
                pass

        config = self.config(**CLIENT)
        config.plain = ["http"]
        config.guest = "guest's"
        http = Http("broker's", config)
        http._transport = Transport()
        for url in ("https://files/f", "https://cdn/f", "https://broker:1/f", "http://files/f"):
            self.raised(LinkError, run, http.request("GET", url))
        wanted = [
            ("files", "broker's"),
            ("cdn", "guest's"),
            ("broker", "broker's"),
            ("files", None),
        ]
        self.assertEqual(asked, wanted)
