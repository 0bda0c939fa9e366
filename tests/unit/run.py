"""Runs one test module under micropython-unittest; exit code 1 when anything failed or nothing ran."""

import gc
import sys

# Garbage is collected early, or what lives on ends up all over the heap and leaves no room for a sector.
gc.threshold(4096)

import esp32  # noqa: E402, F401 - its sector buffers, while the heap is in one piece
import unittest  # noqa: E402


def print_now(error):
    """Print the traceback at once: kept to the end, they would fill the heap and fail the next tests."""
    print()
    sys.print_exception(error)
    return ""


unittest.capture_exc = print_now
module = __import__(sys.argv[1])
suite = unittest.TestSuite()
for name in dir(module):
    case = getattr(module, name)
    if (
        isinstance(case, type)
        and issubclass(case, unittest.TestCase)
        and case is not unittest.TestCase
    ):
        suite.addTest(case)
result = unittest.TestRunner().run(suite)
sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
