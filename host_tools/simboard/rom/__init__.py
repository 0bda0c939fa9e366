"""The ESP32's ROM serial loader ("download mode"), for an unchanged esptool with `--no-stub`."""
