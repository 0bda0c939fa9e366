"""Host side of EnOS OTA for MicroPython: releases, a simulated board, a stand-in for EnOS."""
