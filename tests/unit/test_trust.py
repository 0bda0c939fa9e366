"""The TLS context: there is none that does not verify."""

import os

from enos_ota.errors import LinkError
from enos_ota.trust import tls_context
from helpers import SCRATCH, Case


class TestTlsContext(Case):
    def vector(self, name):
        return __file__.rsplit("/", 2)[0] + "/vectors/" + name

    def test_tls_context_requires_a_verified_certificate(self):
        import tls

        context = tls_context([self.vector("ca.der")])
        self.assertEqual(context.verify_mode, tls.CERT_REQUIRED)

    def test_tls_context_without_ca_is_refused(self):
        self.assertIn("CA", str(self.raised(LinkError, tls_context, [])))

    def test_tls_context_with_a_ca_that_is_gone_or_none_names_the_file(self):
        path = SCRATCH + ".der"
        self.assertIn(path, str(self.raised(LinkError, tls_context, [path])))
        with open(path, "wb") as file:
            file.write(b"not a certificate")
        try:
            paths = [self.vector("ca.der"), path]
            self.assertIn(path, str(self.raised(LinkError, tls_context, paths)))
        finally:
            os.remove(path)
