"""The trial of a new image: what the proof of its download path comes to; the proof itself has its own tests."""

import asyncio
import sys

import enos_ota
import esp32
from enos_ota import journal
from enos_ota.errors import DownloadError, StarvedError
from helpers import run
from ontrial import OnTrial


class Proof:
    """Stands for the module `proof`. verdicts: what each proof returns or raises, in turn; slots: of which."""

    verdicts = []
    slots = []

    @classmethod
    async def prove_download(cls, agent, slot):
        await asyncio.sleep_ms(0)
        cls.slots.append(slot.info()[4])
        verdict = cls.verdicts.pop(0)
        if isinstance(verdict, Exception):
            raise verdict
        return verdict


class Broken:
    """Stands for a module without what it should hold."""


class TestProveDownload(OnTrial):
    def setUp(self) -> None:
        super().setUp()
        self.patch(enos_ota, "_WAITING", enos_ota._WAITING + " proof")
        self.play(Proof)
        Proof.slots = []

    def tearDown(self) -> None:
        super().tearDown()
        del enos_ota.proof, sys.modules["enos_ota.proof"]
        enos_ota.forget()

    def play(self, module) -> None:
        enos_ota.proof = sys.modules["enos_ota.proof"] = module

    def download(self, *verdicts) -> None:
        Proof.verdicts = list(verdicts)
        run(self.trial.prove_download())

    def fails_with(self, verdict, *words) -> None:
        self.power_up()
        # The journal that the trial writes to is a new module by then.
        self.fails(lambda: self.download(verdict), *words)

    def passes(self, verdict) -> None:
        self.power_up()
        self.download(verdict)
        self.assertEqual(journal.load()["desc"], "")

    def test_path_that_is_proved_passes_and_is_that_of_the_running_slot(self):
        self.passes("")
        self.assertEqual(Proof.slots, ["ota_1"])

    def test_path_that_is_proved_is_not_proved_again_in_this_boot(self):
        self.download("")
        self.download()
        self.assertEqual(len(Proof.slots), 1)

    def test_reason_fails_the_trial_with_it(self):
        self.fails_with("download: TLS refused", "download: TLS refused")

    def test_error_of_a_broken_image_fails_the_trial_with_its_name(self):
        for error in (ImportError("no module named 'http'"), KeyError("x"), AttributeError("y")):
            self.fails_with(error, "download: ", type(error).__name__)

    def test_date_that_tls_refuses_does_not_fail_the_trial_and_is_raised_for_another_clock(self):
        error = DownloadError("TLS refused: the certificate has expired (clock 2001-01-01)")
        self.assertTrue(self.raised(DownloadError, self.download, error) is error)
        self.assertEqual(journal.load()["desc"], "")
        self.download("")  # and it is proved with the next connection
        self.assertEqual(len(Proof.slots), 2)

    def test_proof_that_cannot_even_be_imported_fails_the_trial(self):
        self.play(Broken)
        self.fails(self.download, "download: ImportError")

    def test_short_memory_fails_the_trial_where_the_application_stays_beside_the_download(self):
        for error in (StarvedError("TLS"), MemoryError("256 bytes")):
            self.power_up()
            self.agent.mode = "live"
            self.fails(lambda error=error: self.download(error), "download: not enough memory")

    def test_short_memory_passes_where_a_download_has_a_boot_of_its_own(self):
        for mode in ("auto", "reboot"):
            for error in (StarvedError("TLS"), MemoryError("256 bytes")):
                self.power_up()
                self.agent.mode = mode
                self.download(error)
                self.download()  # nor does it try again
                self.assertEqual(journal.load()["desc"], "")

    def test_modules_of_the_proof_are_dropped_before_the_session_opens(self):
        from enos_ota import firmware, http  # noqa: F401 - stands for all that the real one imports

        self.download("")
        for name in ("firmware", "http", "journal"):
            self.assertFalse("enos_ota." + name in sys.modules, name)

    def test_failure_has_no_alibi(self):
        # There was no session yet, but it is the image's fault.
        self.fails_with("download: TLS refused")
        self.assertEqual(journal.load()["alibi"], 0)
        self.assertEqual(esp32.chip.running, "ota_1")
