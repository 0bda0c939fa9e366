"""A simulated ESP32 board: NOR flash in a file, bootloader, watchdog, and the real MicroPython VM."""
