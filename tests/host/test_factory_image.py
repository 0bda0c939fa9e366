"""A factory image: what esptool, the bootloader, NVS and LittleFS make of it."""

from __future__ import annotations

import json
import stat
import subprocess

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
)
from factory_fixtures import (  # noqa: F401
    CONFIG,
    Issuer,
    app,
    bench,
    build_time,
    certificate,
    combined,
    key_pem,
    pem,
    refused,
    rescue_stand_in,
    synth_bootloader,
)
from littlefs import LittleFS, UserContext

import signing
from host_tools import paths
from host_tools.board import stubs
from host_tools.cli import main
from host_tools.factory.bootloader import OFFSETS, for_flash, read_stock
from host_tools.factory.files import der_names
from host_tools.factory.layout import FLASH_SIZES, layout
from host_tools.release.image import parse_image
from host_tools.simboard.chip import bootloader, nvs, otadata, partitions
from host_tools.simboard.chip.nor import Nor

MIB = 1 << 20


def flash_of(path):
    return Nor(path.open("r+b", buffering=0), path.stat().st_size)


def files_of(flash, label="vfs"):
    entry = layout(len(flash)).find(label)
    content = bytearray(flash[entry.address : entry.end])
    fs = LittleFS(
        UserContext(buffer=content), block_size=4096, block_count=entry.size // 4096, mount=False
    )
    fs.mount()
    found = {}
    for name in fs.listdir("/"):
        with fs.open(name, "rb") as file:
            found[name] = file.read()
    return found


def image_info(path):
    """What esptool says of an image: its lines as a dict. It has no word for a bad one but its lines."""
    command = [paths.tool("esptool"), "image-info", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pairs = (line.partition(":") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


@pytest.mark.parametrize(
    ("chip", "size"),
    [
        ("esp32", "4MB"),
        ("esp32s2", "4MB"),
        ("esp32s3", "16MB"),
        ("esp32c3", "4MB"),
        ("esp32c6", "8MB"),
    ],
)
def test_esptool_accepts_bootloader_and_app_of_every_chip(bench, chip, size):
    bench.stock.write_bytes(combined(chip))
    flash = bench.made("--release", bench.chip_release(chip), "--flash-size", size)
    assert len(flash) == FLASH_SIZES[size]
    for name, start, end in (("boot", OFFSETS[chip], 0x8000), ("app", 0x10000, 0x20000)):
        path = bench.folder / f"{name}.bin"
        path.write_bytes(flash[start:end])
        said = image_info(path)
        assert said["Chip ID"].replace("-", "").lower().endswith(f"({chip})")
        assert said["Checksum"].endswith("(valid)")
        assert said["Validation hash"].endswith("(valid)")
        assert said["Flash mode"] == "DIO"
        if name == "boot":
            assert said["Flash size"] == size


def test_bootloader_for_a_flash_differs_in_size_and_digest_only():
    before = synth_bootloader("esp32s3")
    assert for_flash(before, 4 * MIB) == before
    after = for_flash(before, 16 * MIB)
    assert {at for at in range(len(before)) if before[at] != after[at]} - {3} <= set(
        range(len(before) - 32, len(before))
    )
    assert (before[3], after[3]) == (0x2F, 0x4F)
    assert parse_image(after).sha256 != parse_image(before).sha256


def test_bootloader_without_a_digest_keeps_every_byte_but_the_size():
    before = bytearray(synth_bootloader())[:-32]
    before[23] = 0
    after = for_flash(bytes(before), 8 * MIB)
    before[3] = 0x3F
    assert after == bytes(before)


def test_flash_holds_nothing_but_what_is_meant(bench):
    stock, release = combined(), bench.chip_release()
    flash = bench.made()
    table = layout(4 * MIB)
    assert flash[:0x1000].strip(b"\xff") == b""
    boot = read_stock(bench.stock).bootloader
    assert flash[0x1000:0x8000] == boot.ljust(0x7000, b"\xff")
    assert stock.startswith(boot)
    assert flash[0x8000:0x9000] == partitions.encode(table.entries).ljust(0x1000, b"\xff")
    assert flash[0xF000:0x10000].strip(b"\xff") == b""
    assert flash[0x10000:0x1E0000] == release.read_bytes().ljust(0x1D0000, b"\xff")
    assert flash[0x1E0000:0x3B0000].strip(b"\xff") == b""
    assert files_of(flash, "data") == {}


def test_bootloader_boots_the_image_and_leaves_otadata_as_it_is(bench):
    before = bench.made()
    nor = flash_of(bench.out)
    lines = []
    booted = bootloader.boot(nor, lines.append)
    assert (booted.slot, booted.aborted, booted.refused) == ("ota_0", [], [])
    assert bench.out.read_bytes() == before, lines
    first, second = otadata.read(nor, 0xD000)
    assert (first.sequence, first.state, first.valid) == (1, otadata.VALID, True)
    assert second.sequence == otadata.EMPTY


@pytest.mark.parametrize(("setting", "blob"), [(None, b"120"), (30, b"30"), (0, b"0")])
def test_nvs_holds_the_watchdog_that_boot_py_arms(bench, setting, blob):
    bench.settings(watchdog_s=setting)
    bench.made()
    storage = nvs.mount(flash_of(bench.out), 0x9000, 0x4000)
    assert storage.get_blob(storage.namespaces[b"enos_boot"], "wdt_s") == blob
    assert list(storage.namespaces) == [b"enos_boot"]


def test_nvs_has_room_for_what_the_agent_keeps(bench):
    bench.made()
    storage = nvs.mount(flash_of(bench.out), 0x9000, 0x4000)
    space = storage.namespace("enos_ota")
    for number in range(60):
        storage.set_blob(space, "journal", b"%60d" % number)
    assert storage.get_blob(space, "journal") == b"%60d" % 59


def test_vfs_holds_stubs_rescue_settings_and_ca(bench):
    files = files_of(bench.made())
    (ca,) = der_names([bench.ca.read_bytes()])
    ours = {"boot.py", "main.py", "rescue.fs", "enos.json", "enos.bak"}
    assert set(files) == ours | {ca[1:]}
    for name in ("boot.py", "main.py"):
        assert files[name] == stubs.content(name)
    assert files["rescue.fs"] == rescue_stand_in("xtensawin")
    assert files[ca[1:]] == bench.ca.read_bytes()
    assert files["enos.json"] == files["enos.bak"]
    assert json.loads(files["enos.json"]) == CONFIG | {"ca": [ca]}


def test_vfs_of_a_risc_v_chip_holds_its_rescue(bench):
    bench.stock.write_bytes(combined("esp32c3"))
    files = files_of(bench.made("--release", bench.chip_release("esp32c3")))
    assert files["rescue.fs"] == rescue_stand_in("rv32imc")


def test_cas_of_several_files_and_in_one_are_all_on_the_board_as_der(bench):
    pair = certificate("first"), certificate("second")
    path = bench.folder / "ca.pem"
    path.write_bytes(b"# a comment\n" + pem(*pair))
    files = files_of(bench.made("--ca", path))
    first, *rest = json.loads(files["enos.json"])["ca"]
    assert files[first[1:]] == bench.ca.read_bytes()
    for name, wanted in zip(rest, pair, strict=True):
        assert pem(x509.load_der_x509_certificate(files[name[1:]])) == pem(wanted)


def test_certificate_and_key_are_on_the_board_as_der_and_in_its_settings(bench):
    certificate, key = Issuer().pair(bench.folder, days=30)
    options = ("--cert", certificate, "--key-file", key)
    said = bench.run(*options).output
    files = files_of(bench.out.read_bytes())
    settings = json.loads(files["enos.json"])
    found = x509.load_der_x509_certificate(files[settings["cert"][1:]])
    private = load_der_private_key(files[settings["key"][1:]], None)
    assert pem(found) == certificate.read_bytes()
    assert key_pem(private) == key.read_bytes()
    assert settings["cert"] == der_names([found.public_bytes(Encoding.DER)])[0]
    assert f"warning: {certificate} ends on 20" in said
    # A path in the settings is for who puts such a file there.
    bench.settings(cert="/mine.der", key="/mine.key")
    refused(bench.run(*options), "cert: leave it out of the settings, --cert makes it")
    refused(bench.run(), "cert: leave it out of the settings, --cert takes the file")


def test_signing_keys_are_in_the_settings(bench):
    path = bench.folder / "signing.pub.pem"
    public = signing.key().public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    bench.settings(keys=None)
    files = files_of(bench.made("--signing-key", path, "--signing-key", "ab" * 32))
    wanted = [signing.digest_of(signing.key()).hex(), "ab" * 32]
    assert json.loads(files["enos.json"])["keys"] == wanted
    bench.settings(keys=["cd" * 32])
    refused(bench.run("--signing-key", path), "the settings have keys already")


def test_pins_take_the_place_of_a_ca(bench):
    pins = ("--pin", "ab" * 32, "--pin", "cd" * 32)
    refused(bench.run(*pins[:2], ca=False), "pins must be two at least")
    result = bench.run(*pins, ca=False)
    assert result.exit_code == 0, result.output
    settings = json.loads(files_of(bench.out.read_bytes())["enos.json"])
    assert (settings["ca"], settings["pins"]) == ([], ["ab" * 32, "cd" * 32])
    refused(bench.run(ca=False), "ca is missing", "give --ca")


def test_image_is_for_its_owner_only(bench):
    bench.out.touch(0o644)
    bench.made()
    assert stat.S_IMODE(bench.out.stat().st_mode) == 0o600


def test_app_of_the_stock_image_becomes_the_first_release(bench):
    bench.stock.write_bytes(combined(micropython="1.28.0"))
    options = ("--version", "1.0.0", "--sequence", 1, "--product", "pump")
    flash = bench.made("--app", bench.app, *options)
    bench.out.unlink()
    release = bench.folder / "extracted.bin"
    end = 0x10000 + flash[0x10000:0x1E0000].rfind(b"EnRR") + 4096
    release.write_bytes(flash[0x10000:end])
    assert bench.made("--release", release) == flash


def test_command_says_what_it_made_and_how_to_write_it(bench):
    result = bench.run()
    assert result.exit_code == 0
    for text in (
        "4,194,304 bytes, esp32, release 1.1.0, device pump-1",
        "0x001000",
        "ota_0, valid",
    ):
        assert text in result.output
    last = result.output.splitlines()[-1]
    keep = "--flash-mode keep --flash-freq keep --flash-size keep"
    assert last.endswith(f"esptool --chip esp32 write-flash {keep} 0 {bench.out}")
    assert CONFIG["device_secret"] not in result.output
    told = json.loads(bench.run("--json").output)
    assert told["boards"][0]["device_key"] == "pump-1"
    assert told["command"][-2:] == ["0", str(bench.out)]
    assert CONFIG["device_secret"] not in json.dumps(told)


def test_command_is_one_of_enos_ota():
    assert CliRunner().invoke(main, ["factory", "--help"]).exit_code == 0


def test_command_warns_of_what_is_seldom_meant(bench):
    bench.settings(ntp=None, wifi=None, mqtt="mqtt://enos.example.com", plain=["mqtt"], keys=None)
    said = bench.run().output
    assert said.count("warning: ") == 4
    assert "warning: releases are not signed: whoever can publish" in said
    bench.settings()
    assert "warning" not in bench.run().output
