"""Releases: one file that fills one OTA slot, made from a VM image and folders of Python."""
