"""Upgrades back and forth on simulated boards amid random trouble: `python -m tests.soak`."""
