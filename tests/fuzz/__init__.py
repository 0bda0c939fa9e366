"""Hostile bytes for every parser of the device code, on MicroPython: `python -m tests.fuzz`."""
