"""Every error class has its step, as the README's table and EnOS's codes say."""

from enos_ota import errors
from helpers import Case

STEPS = {
    "UpgradeError": -1,
    "DownloadError": -2,
    "VerifyError": -3,
    "BurnError": -4,
    "RefusedError": -5,
    "RolledBackError": -6,
    "GaveUpError": -7,
}


class TestSteps(Case):
    def test_every_class_has_the_step_of_the_table(self):
        for name, step in STEPS.items():
            self.assertEqual(getattr(errors, name).step, step, name)

    def test_no_other_class_brings_a_step_of_its_own(self):
        others = []
        for name in dir(errors):
            kind = getattr(errors, name)
            known = name in STEPS or name in ("OtaError", "LinkError", "StarvedError", "__class__")
            if isinstance(kind, type) and not known:
                others.append(name)
        self.assertEqual(others, [])

    def test_link_error_is_a_download_error(self):
        self.assertTrue(issubclass(errors.LinkError, errors.DownloadError))
        self.assertEqual(errors.LinkError.step, -2)

    def test_starved_error_is_a_link_error(self):
        self.assertTrue(issubclass(errors.StarvedError, errors.LinkError))

    def test_all_are_caught_as_ota_error_and_show_their_text(self):
        for name, step in STEPS.items():
            try:
                raise getattr(errors, name)("text")
            except errors.OtaError as error:
                self.assertEqual(str(error), "text")
                self.assertEqual(error.step, step)

    def test_base_class_counts_as_unforeseen(self):
        self.assertEqual(errors.OtaError.step, -1)
