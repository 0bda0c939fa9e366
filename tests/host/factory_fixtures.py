"""Stock images as micropython.org offers them, synthesised; a release, settings and a CA for them."""

from __future__ import annotations

import hashlib
import json
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from release_fixtures import SMALL, app, build_time, make, vm  # noqa: F401

from host_tools.factory.bootloader import OFFSETS
from host_tools.factory.commands import factory
from host_tools.release import rescue
from host_tools.release.image import CHECKSUM_SEED, CHIPS, xor_bytes
from host_tools.release.synth import LAYOUTS, synth_vm
from host_tools.simboard.chip import partitions
from host_tools.simboard.chip.partitions import Entry

CHIP_IDS = {name: number for number, name in CHIPS.items()}
CONFIG = {
    "product_key": "pump",
    "device_key": "pump-1",
    "device_secret": "a-secret-of-pump-1",
    "mqtt": "mqtts://enos.example.com",
    "wifi": [{"ssid": "hall", "password": "of-the-hall"}],
    "ntp": "pool.ntp.org",
    "keys": ["ab" * 32],
}
STOCK_TABLE = (
    Entry(1, partitions.SUBTYPE_NVS, 0x9000, 0x6000, "nvs"),
    Entry(1, 1, 0xF000, 0x1000, "phy_init"),
    Entry(0, partitions.SUBTYPE_FACTORY, 0x10000, 0x1F0000, "factory"),
)


def synth_bootloader(chip: str = "esp32", flash_code: int = 2, chip_id: int | None = None) -> bytes:
    """A bootloader's image: RAM segments only, DIO; flash of 4 MB where `flash_code` is 2."""
    layout = LAYOUTS[chip]
    segments = [
        (layout.dram, hashlib.shake_128(b"data").digest(4112)),
        (layout.iram, hashlib.shake_128(b"code").digest(15072)),
        (layout.iram + 0x8000, b"\x36\x41\x00\x00"),
    ]
    number = CHIP_IDS[chip] if chip_id is None else chip_id
    # Frequency 15: 80 MHz, which must be left alone.
    image = struct.pack("<4BI", 0xE9, len(segments), 2, flash_code << 4 | 0xF, segments[1][0])
    image += struct.pack("<4BHBHH4xB", 0xEE, 0, 0, 0, number, 0, 0, layout.max_revision, 1)
    for address, content in segments:
        image += struct.pack("<II", address, len(content)) + content
    return sealed(image)


def sealed(image: bytes) -> bytes:
    """An image whose segments are all there, with the checksum and digest that belong to them."""
    at, checksum = 24, CHECKSUM_SEED
    for _ in range(image[1]):
        size = struct.unpack_from("<4xI", image, at)[0]
        checksum ^= xor_bytes(image[at + 8 : at + 8 + size])
        at += 8 + size
    image = image[:at] + bytes((15 - at) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()


def renamed(image: bytes, old: bytes, new: bytes) -> bytes:
    """A sound image in which every `old` is called `new`."""
    assert old in image
    assert len(old) == len(new)
    return sealed(image.replace(old, new))


@cache
def combined(
    chip: str = "esp32", micropython: str = "1.26.1", size: int = SMALL, app_chip: str = ""
) -> bytes:
    """A stock image: from the bootloader to the end of the app, 0xFF between them."""
    base = OFFSETS[chip]
    parts = {
        base: synth_bootloader(chip),
        partitions.TABLE_ADDRESS: partitions.encode(STOCK_TABLE),
        0x10000: synth_vm(size, app_chip or chip, micropython),
    }
    flash = bytearray(b"\xff" * (0x10000 + size))
    for address, content in parts.items():
        flash[address : address + len(content)] = content
    return bytes(flash[base:])


class Bench:
    """A folder with all that the command needs, and the command."""

    def __init__(self, folder: Path, app: Path) -> None:
        self.folder = folder
        self.app = app
        self.stock = folder / "ESP32_GENERIC.bin"
        self.stock.write_bytes(combined())
        self.config = folder / "board.json"
        self.settings()
        self.ca = folder / "ca.der"
        self.ca.write_bytes(Issuer().der)
        self.out = folder / "flash.bin"
        self.csv = folder / "boards.csv"
        self.out_dir = folder / "boards"

    def settings(self, **changes: object) -> None:
        """Write the settings; None leaves a key out."""
        settings = {key: value for key, value in (CONFIG | changes).items() if value is not None}
        self.config.write_text(json.dumps(settings))

    def chip_release(self, chip: str = "esp32", **options: object) -> Path:
        """A release for a chip, without the agent."""
        vm = self.folder / f"{chip}.bin"
        vm.write_bytes(synth_vm(SMALL, chip))
        return make(vm, self.app, self.folder / f"release-{chip}.bin", **options).path

    def run(self, *more: object, out: bool = True, ca: bool = True) -> Result:
        """`enos-ota factory`, with a release unless --app or --release is among `more`."""
        arguments = ["--stock", self.stock, "--config", self.config]
        if ca:
            arguments += ["--ca", self.ca]
        if not {"--app", "--release"} & set(map(str, more)):
            arguments += ["--release", self.chip_release()]
        if out:
            arguments += ["--out", self.out]
        return CliRunner().invoke(factory, [str(argument) for argument in (*arguments, *more)])

    def made(self, *more: object) -> bytes:
        """The flash image that the command makes."""
        result = self.run(*more)
        assert result.exit_code == 0, result.output
        return self.out.read_bytes()

    def batch(self, csv: str, *more: object) -> Result:
        """The command with a CSV."""
        self.csv.write_text(csv)
        return self.run("--batch", self.csv, "--out-dir", self.out_dir, *more, out=False)


def rescue_stand_in(arch: str) -> bytes:
    """As large as the rescue agent, which takes seconds to compile."""
    return hashlib.shake_128(arch.encode()).digest(0x10000)


@pytest.fixture
def bench(tmp_path: Path, app: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(rescue, "rescue_image", rescue_stand_in)
    folder = tmp_path / "bench"
    folder.mkdir()
    return Bench(folder, app)


def refused(result: Result, *texts: str) -> None:
    """The command said one line that holds `texts`, and failed with exit code 1."""
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    for text in texts:
        assert text in result.output


def certificate(name: str, days: int = 100) -> x509.Certificate:
    """A self-signed certificate that expires in so many days, from its beginning 1000 days ago."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1000))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


class Issuer:
    """A certification authority that issues certificates to boards, and to servers."""

    def __init__(self, name: str = "issuer") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._signed(self.name, self._key.public_key(), 3650, True, ())

    @property
    def der(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        name: str,
        key: Any,
        days: int = 365,
        usages: tuple[ObjectIdentifier, ...] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
        padding: int = 0,
    ) -> x509.Certificate:
        """A certificate for somebody's key, which expires in so many days; `padding`: bytes that it is larger."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._signed(subject, key.public_key(), days, False, usages, padding=padding)

    def pair(
        self, folder: Path, name: str = "pump-1", key: Any = None, days: int = 365
    ) -> tuple[Path, Path]:
        """Files NAME.pem and NAME.key of a board: its certificate and its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        paths[0].write_bytes(pem(self.issue(name, key, days)))
        paths[1].write_bytes(key_pem(key))
        return paths

    def _signed(
        self,
        subject: x509.Name,
        key: Any,
        days: int,
        is_ca: bool,
        usages: tuple[ObjectIdentifier, ...],
        *,
        padding: int = 0,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            self.name, subject, key, x509.random_serial_number()
        ).add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        if ExtendedKeyUsageOID.SERVER_AUTH in usages:
            names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
            builder = builder.add_extension(names, critical=False)
        if padding:
            filler = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.1.1"), bytes(padding))
            builder = builder.add_extension(filler, critical=False)
        # Longer ago than any that has expired in these tests.
        builder = builder.not_valid_before(now - timedelta(days=1000))
        builder = builder.not_valid_after(now + timedelta(days=days))
        return builder.sign(self._key, hashes.SHA256())


def key_pem(key: Any, passphrase: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """A private key as text."""
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, form, how))


def pem(*certificates: x509.Certificate) -> bytes:
    """Certificates as text, one after the other."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
