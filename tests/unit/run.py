"""Runs one test module under micropython-unittest; exit code 1 when anything failed or nothing ran."""

import sys

import esp32  # noqa: F401 - its sector buffers, while the heap is in one piece
import unittest

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
for text in result.exceptions:
    print(text)
sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
