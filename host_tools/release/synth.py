"""Synthesised VMs: images in the true ESP32 format, for tests and the demo, not for a chip.

Segments lie as ESP-IDF's linker and esptool place them: DROM first (it holds the app descriptor),
RAM segments as filler up to the next MMU page, IROM, the rest of IRAM. Contents are pseudo-random,
the same for the same arguments, and compress about as far as machine code and constants do.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import xor

from host_tools.release.errors import ReleaseError
from host_tools.release.image import (
    CHECKSUM_SEED,
    CHIPS,
    DESCRIPTOR_MAGIC,
    HASH_BYTES,
    HEADER_BYTES,
    MAGIC,
    SEGMENT_HEADER_BYTES,
    xor_bytes,
)

IDF_VERSION = b"v5.4.2"
STOCK_BYTES = 1_672_976
"""Size of the official ESP32_GENERIC v1.26.1 app image."""
SMALLEST_BYTES = 8192
LARGEST_BYTES = 0x300000
MMU_PAGE = 0x10000
MAPPED_FROM_BYTES = 0x18000
"""Smaller images have no IROM: two flash-mapped segments need a page between them."""

_Maker = Callable[[int], bytes]


@dataclass(frozen=True)
class Layout:
    """Where a chip sees its memories, and what its header says of revisions."""

    drom: int
    iram: int
    irom: int
    dram: int
    max_revision: int
    insn: tuple[int, ...]
    """Lengths of its instructions in bytes, by frequency."""


LAYOUTS = {
    "esp32": Layout(0x3F400020, 0x40080000, 0x400D0020, 0x3FFB0000, 399, (3, 2, 3)),
    "esp32s2": Layout(0x3F000020, 0x40024000, 0x40080020, 0x3FFC0000, 199, (3, 2, 3)),
    "esp32s3": Layout(0x3C0D0020, 0x40374000, 0x42000020, 0x3FC98000, 99, (3, 2, 3)),
    "esp32c3": Layout(0x3C0E0020, 0x40380000, 0x42000020, 0x3FC98000, 199, (4, 2, 2)),
    "esp32c6": Layout(0x42800020, 0x40800000, 0x42000020, 0x40830000, 99, (4, 2, 2)),
}


@lru_cache(maxsize=8)
def synth_vm(
    size_bytes: int = STOCK_BYTES,
    chip: str = "esp32",
    micropython: str = "1.26.1",
    date: str = "2025-09-11",
    seed: int = 0,
) -> bytes:
    """Return an app image of exactly `size_bytes` that names itself MicroPython `micropython`.

    Raises: `ReleaseError` for a chip not in `LAYOUTS`, or a size that is no multiple of 16 in
    8 KiB..3 MiB.
    """
    chip = chip if chip.startswith("esp32") else "esp32" + chip
    if chip not in LAYOUTS:
        raise ReleaseError(f"no layout for chip {chip}: choose one of {', '.join(LAYOUTS)}")
    if size_bytes % 16 or not SMALLEST_BYTES <= size_bytes <= LARGEST_BYTES:
        raise ReleaseError(
            f"{size_bytes} bytes: the size must be a multiple of 16 "
            f"in {SMALLEST_BYTES}..{LARGEST_BYTES}"
        )
    layout = LAYOUTS[chip]
    source = _Source(f"{chip}/{micropython}/{seed}", layout.insn)
    rodata = _descriptor(seed, micropython) + _texts(micropython, date)
    segments = [
        (address, rodata + source.data(length - len(rodata)) if index == 0 else make(length))
        for index, (address, length, make) in enumerate(_plan(size_bytes, layout, source))
    ]
    return _assemble(chip, layout, segments)


@lru_cache(maxsize=8)
def synth_bootloader(chip: str = "esp32") -> bytes:
    """Return a bootloader's image that describes itself, as those of ESP-IDF do from 5.1 on."""
    layout = LAYOUTS[chip]
    source = _Source(f"{chip}/bootloader", layout.insn)
    # esp_bootloader_desc_t: magic byte, version, IDF's version, date.
    description = struct.pack("<B3xI32s24s16x", 80, 1, IDF_VERSION, b"Sep 11 2025 14:21:59")
    segments = [
        (layout.dram, description + source.data(4032)),
        (layout.iram + 0x8000, source.code(4)),
        (layout.iram, source.code(15072)),
    ]
    return _assemble(chip, layout, segments)


def _plan(size: int, layout: Layout, source: _Source) -> list[tuple[int, int, _Maker]]:
    body = size - HASH_BYTES - HEADER_BYTES - 5 * SEGMENT_HEADER_BYTES
    # The checksum wants 1..16 bytes behind the last segment; 4 keeps every length a whole word.
    body -= 4
    if size < MAPPED_FROM_BYTES:
        part = body // 5 & ~3
        ram, code = layout.dram, layout.iram
        lengths = [part, part, part, part, body - 4 * part]
        addresses = [layout.drom, ram, ram + part, code, code + part]
        makers = [source.data, source.data, source.zeros, source.code, source.code]
        return list(zip(addresses, lengths, makers, strict=True))
    drom = _drom_length(size)
    drom_end = HEADER_BYTES + SEGMENT_HEADER_BYTES + drom
    # Data of IROM begins in the file where its address lies in an MMU page: 0x20 into one.
    irom_at = -(-(drom_end + 0x1000 - 0x20) // MMU_PAGE) * MMU_PAGE + 0x20
    filler = irom_at - drom_end - 3 * SEGMENT_HEADER_BYTES
    dram = filler // 3 & ~3
    rest = body - drom - filler
    tail = min(rest // 8, 0xC000) & ~3
    return [
        (layout.drom, drom, source.data),
        (layout.dram, dram, source.data),
        (layout.iram, filler - dram, source.code),
        (layout.irom, rest - tail, source.code),
        (layout.iram + filler - dram, tail, source.code),
    ]


def _drom_length(size: int) -> int:
    # About a third of a stock image, and never so long that IROM would not fit behind it.
    pages = max((size // 3) // MMU_PAGE, 0)
    return pages * MMU_PAGE + (0x3000 if size > 2 * MMU_PAGE else 0x1000)


class _Source:
    """Deterministic bytes: instructions from a skewed vocabulary, and constants."""

    def __init__(self, seed: str, insn: tuple[int, ...]) -> None:
        self._seed = seed
        self._taken = 0
        self._table = self._vocabulary(insn)

    def _random(self, size: int) -> bytes:
        self._taken += 1
        return hashlib.shake_128(f"{self._seed}#{self._taken}".encode()).digest(size)

    def _vocabulary(self, insn: tuple[int, ...]) -> list[bytes]:
        # Entry n has weight 1/(n+4), what Zipf's law gives for opcodes. Every fourth is an idiom of
        # several instructions, which is what makes machine code compress.
        entries = 14_000
        raw = self._random(12 * entries)
        weights = [1 / (n + 4) for n in range(entries)]
        scale = 65536 / sum(weights)
        table: list[bytes] = []
        for n, weight in enumerate(weights):
            length = insn[n % len(insn)] * (4 if n % 4 == 3 else 1)
            table += [raw[12 * n : 12 * n + length]] * max(1, round(weight * scale))
        return (table * 2)[:65536]

    def code(self, size: int) -> bytes:
        """Return `size` bytes like machine code."""
        if size <= 0:
            return b""
        count = size // 2 + 1
        words = struct.unpack(f"<{count}H", self._random(2 * count))
        return b"".join([self._table[word] for word in words])[:size]

    def data(self, size: int) -> bytes:
        """Return `size` bytes like constants: addresses, zero runs, and some text."""
        block = 48
        chunks = []
        for index, kind in enumerate(self._random(max(0, size) // block + 1)):
            if kind < 90:
                chunks.append(self._table[kind * 7].hex().encode().ljust(block, b"\0"))
            elif kind < 150:
                base = 0x3F400000 + 64 * index
                chunks.append(struct.pack("<12I", *range(base, base + 12 * kind, kind)))
            else:
                chunks.append(self.code(block))
        return b"".join(chunks)[: max(0, size)]

    def zeros(self, size: int) -> bytes:
        """Return `size` zeros: initialised data that starts out empty."""
        return bytes(size)


def _descriptor(seed: int, micropython: str) -> bytes:
    # MicroPython's builds leave version and project empty.
    elf = hashlib.sha256(f"elf {micropython} {seed}".encode()).digest()
    return struct.pack(
        "<II8x32s32s16s16s32s32sHHB",
        DESCRIPTOR_MAGIC,
        0,
        b"",
        b"",
        b"14:22:07",
        b"Sep 11 2025",
        IDF_VERSION,
        elf,
        0,
        99,
        16,
    ).ljust(256, b"\0")


def _texts(micropython: str, date: str) -> bytes:
    name = f"MicroPython v{micropython} on {date}"
    texts = (name, f"3.4.0; {name}", f"{name}; Generic ESP32 module with ESP32", "v" + micropython)
    raw = b"\0".join(text.encode() for text in texts) + b"\0"
    return raw.ljust(-(-len(raw) // 4) * 4, b"\0")


def _assemble(chip: str, layout: Layout, segments: list[tuple[int, bytes]]) -> bytes:
    chip_id = next(number for number, name in CHIPS.items() if name == chip)
    entry = layout.iram + 0x11D4 if len(segments[2][1]) > 0x11D4 else layout.iram
    # Mode DIO, 4 MB, 40 MHz (80 MHz where code 0 means that).
    header = struct.pack("<4BI", MAGIC, len(segments), 2, 0x20, entry)
    header += struct.pack("<4BHBHH4xB", 0xEE, 0, 0, 0, chip_id, 0, 0, layout.max_revision, 1)
    parts = [header]
    for address, content in segments:
        parts += [struct.pack("<II", address, len(content)), content]
    checksum = reduce(xor, (xor_bytes(content) for _address, content in segments), CHECKSUM_SEED)
    image = b"".join(parts)
    image += bytes((15 - len(image)) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()
