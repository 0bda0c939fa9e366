"""Registers of the chip that a host reads to know it: an ESP32-D0WD-V3, revision 3.1, 40 MHz."""

from __future__ import annotations

from host_tools.simboard.rom.spi import SpiPort

CHIP_MAGIC = (0x4000_1000, 0x00F0_1D83)
"""Address of a word of the ROM that tells the chips apart, and its value in an ESP32."""
APB_CTL_DATE = (0x3FF6_607C, 0x9604_2000)
"""Bit 31 is the third bit of the major revision (as read from a revision 3 chip)."""
UART_CLKDIV = (0x3FF4_0014, 40_000_000 // 115_200)
"""The ROM has found 115200 baud with a crystal of 40 MHz."""
RTC_CALIBRATION = (0x3FF5_F06C, 800 << 7)
"""With `_CK8M_FREQ`, what the ROM takes the crystal for: 800 * 15625 * 128 / 40 = 40 MHz."""
_CK8M_FREQ = 128
_ADC_VREF = 16 << 8
_PACKAGE_D0WD, _CPU_RATED_240, _REVISION_BIT_0 = 1 << 9, 1 << 13, 1 << 15
_REVISION_BIT_1, _MINOR_REVISION_1 = 1 << 20, 1 << 24

_PERIPHERALS = range(0x3FF0_0000, 0x3FF8_0000)
_EFUSE = range(0x3FF5_A000, 0x3FF5_B000)
_SPI1 = range(0x3FF4_2000, 0x3FF4_2100)


def mac_crc(mac: bytes) -> int:
    """The byte that guards the MAC in the efuses: CRC-8 of Dallas/Maxim."""
    crc = 0
    for byte in mac:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def efuse_words(mac: bytes) -> tuple[int, ...]:
    """Block 0 of the efuses (ESP32 technical reference manual, eFuse controller)."""
    return (
        0,
        int.from_bytes(mac[2:], "big"),
        mac_crc(mac) << 16 | int.from_bytes(mac[:2], "big"),
        _PACKAGE_D0WD | _CPU_RATED_240 | _REVISION_BIT_0,
        _CK8M_FREQ | _ADC_VREF,
        _REVISION_BIT_1 | _MINOR_REVISION_1,
        0,
    )


class Registers:
    """32-bit words by address; what is not known reads as 0, efuses and ROM cannot be written."""

    def __init__(self, mac: bytes, flash_bytes: int) -> None:
        self._spi = SpiPort(flash_bytes)
        efuses = enumerate(efuse_words(mac))
        self._fixed = dict([CHIP_MAGIC]) | {_EFUSE.start + 4 * n: word for n, word in efuses}
        self._words = dict([APB_CTL_DATE, UART_CLKDIV, RTC_CALIBRATION])

    def read(self, address: int) -> int:
        """The word at `address`."""
        if address in _SPI1:
            return self._spi.read(address - _SPI1.start)
        return self._fixed.get(address, self._words.get(address, 0))

    def write(self, address: int, value: int, mask: int) -> None:
        """Change the bits of `mask`; memory outside the peripherals is not simulated."""
        value = self.read(address) & ~mask | value & mask
        if address in _SPI1:
            self._spi.write(address - _SPI1.start, value)
        elif address in _PERIPHERALS and address % 4 == 0:
            self._words[address] = value
