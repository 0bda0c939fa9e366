"""Figures that can be had without a board: `make bench`."""
