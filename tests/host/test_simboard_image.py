"""The image check: what passes here boots, what esptool calls damaged does not."""

import hashlib
import io
import subprocess

import pytest
from simboard_fixtures import image

from host_tools import paths
from host_tools.simboard.chip.image import ImageError, verify, walk

SLOT = 0x1D0000


def read_from(content):
    padded = content + b"\xff" * (SLOT - len(content))
    stream = io.BytesIO(padded)

    def read(offset, buffer):
        stream.seek(offset)
        stream.readinto(buffer)

    return read


def check(content, size=SLOT, work=4096):
    return verify(read_from(content), size, bytearray(work))


def resealed(content):
    """The image with its SHA-256 made right again."""
    return content[:-32] + hashlib.sha256(content[:-32]).digest()


@pytest.mark.parametrize("size", [64, 2000, 4096, 70000, 1_600_000])
@pytest.mark.parametrize("work", [4096, 65536])
def test_image_good_is_accepted_with_its_length(size, work):
    content = image(size)
    assert check(content, work=work).length == len(content)


def test_image_is_what_esptool_accepts(tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(image(5000))
    answer = subprocess.run(
        [paths.tool("esptool"), "image-info", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "(valid)" in answer.stdout


def test_image_any_flipped_byte_is_refused():
    content = image(200)
    for offset in range(len(content)):
        damaged = bytearray(content)
        damaged[offset] ^= 0x10
        with pytest.raises(ImageError):
            check(bytes(damaged))


def test_image_followed_by_other_data_is_accepted():
    content = image(3000)
    assert check(content + b"release record and files").length == len(content)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xff" * 64, "invalid magic byte"),
        (b"<!DOCTYPE html>" * 10, "invalid magic byte"),
        (image(chip_id=9), "mismatch chip ID, expected 0, found 9"),
        (image()[:1] + b"\x11" + image()[2:], "too many segments: 17"),
        (image()[:15] + b"\x91\x01" + image()[17:], "Required >= 401"),
        (image()[:17] + b"\x64\x00" + image()[19:], "Required <= 100"),
        (image()[:28] + b"\x02\x00\x00\x00" + image()[32:], "invalid segment length 0x2"),
        (image()[:24] + b"\x00\x00\x40\x3f" + image()[28:], "doesn't match data"),
        (image()[:24] + b"\x00\x00\x0d\x40" + image()[28:], "doesn't match data"),
    ],
)
def test_image_header_refused_with_its_reason(content, text):
    with pytest.raises(ImageError, match=text):
        check(resealed(content))


def test_image_checksum_wrong_is_refused_before_the_hash():
    content = bytearray(image(2000))
    content[1000] ^= 1
    with pytest.raises(ImageError, match="Checksum failed"):
        check(bytes(content))


def test_image_hash_wrong_is_refused():
    content = bytearray(image(2000))
    content[100] ^= 1
    content[104] ^= 1
    with pytest.raises(ImageError, match="hash failed"):
        check(bytes(content))


def test_image_without_hash_passes_on_its_checksum():
    content = bytearray(image(2000))[:-32]
    content[23] = 0
    assert check(bytes(content)).length == len(content)


def test_image_longer_than_its_slot_is_refused():
    content = image(20000)
    with pytest.raises(ImageError, match="partition"):
        check(content, size=16384)
    with pytest.raises(ImageError, match="doesn't fit"):
        check(content, size=len(content) - 1)


def test_image_walk_reads_headers_only():
    content = image(8000, segments=5)
    reads = []
    read = read_from(content)
    walked = walk(lambda o, b: (reads.append(len(b)), read(o, b)), SLOT)
    assert walked.length == len(content)
    assert reads == [24, 8, 8, 8, 8, 8]
