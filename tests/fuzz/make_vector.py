"""Makes tests/vectors/release-signed.bin, of which cases are made: `python -m tests.fuzz.make_vector`.

A release of three sectors: an image, the record behind it, and a signature by a key that nobody has kept.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

TESTS = Path(__file__).parent.parent
TARGET = TESTS / "vectors" / "release-signed.bin"
SECTOR = 4096


def content() -> bytes:
    """Image and record, as the unit tests make them."""
    sys.modules.setdefault(
        "esp32", types.ModuleType("esp32")
    )  # what it writes to is not needed here
    sys.path[:0] = [str(TESTS / "unit"), str(TESTS)]
    import images

    image = images.image(elf=b"N" * 32)
    return image.ljust(SECTOR, b"\xff") + images.record(image, "2.0")


def main() -> None:
    """Write the file."""
    data = content()
    import signing

    TARGET.write_bytes(data + signing.sector(signing.block(data, signing.key())))


if __name__ == "__main__":
    main()
