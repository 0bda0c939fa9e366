"""What the command refuses: one line that says what to do, exit code 1, and nothing written."""

from __future__ import annotations

import pytest
from factory_fixtures import (  # noqa: F401
    CONFIG,
    SMALL,
    Issuer,
    app,
    bench,
    build_time,
    certificate,
    combined,
    pem,
    refused,
    renamed,
    synth_bootloader,
)
from release_fixtures import make

from host_tools.factory.bootloader import OFFSETS
from host_tools.factory.errors import FactoryError
from host_tools.factory.files import SPARE_BLOCKS, board_files, der_names, file_system
from host_tools.release import record
from host_tools.release.synth import synth_vm
from host_tools.settings import ca_der


@pytest.fixture(autouse=True)
def nothing_written(bench):
    yield
    assert not bench.out.exists()
    assert not bench.out_dir.exists()


def wrong_bootloader(**options):
    return synth_bootloader(**options) + combined()[len(synth_bootloader()) :]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "the file is empty"),
        (b"<html>not found</html>", "web page"),
        (synth_vm(SMALL), "an app image alone, the bootloader is missing: take the .bin"),
        (combined()[:5000], "not a stock image: truncated"),
        (b"\xff" * 0x1000 + combined()[:0x6000], "no partition table at 0x8000"),
        (b"\0" + combined()[1:], "no bootloader of esp32, esp32s2"),
        (combined("esp32c3")[0x1000:], "no bootloader of"),
        (wrong_bootloader(chip_id=2), "its bootloader is for esp32s2, its app for esp32"),
        (wrong_bootloader(chip_id=9), "no bootloader of"),
        (combined(app_chip="esp32s3"), "its bootloader is for esp32, its app for esp32s3"),
        (combined()[:200] + b"?" + combined()[201:], "its bootloader: damaged image"),
        (combined()[:-200], "the app in it: truncated"),
        (combined()[:0xF000], "ends before its app at 0x10000: download it again"),
        (combined()[:-2000] + b"?" + combined()[-1999:], "the app in it: damaged image"),
        (combined(micropython="1.22.2"), "MicroPython 1.22.2; 1.23.0 or newer"),
    ],
)
def test_stock_image_that_cannot_be_used_is_refused(bench, content, text):
    bench.stock.write_bytes(content)
    refused(bench.run(), f"{bench.stock}: ", text)


def test_stock_image_that_is_a_release_is_refused_as_without_bootloader(bench):
    bench.stock.write_bytes(bench.chip_release().read_bytes())
    refused(bench.run(), "an app image alone, the bootloader is missing")


def test_stock_image_that_is_absent_is_refused(bench):
    bench.stock.unlink()
    refused(bench.run(), f"{bench.stock}: No such file")


@pytest.mark.parametrize("chip", ["esp32s3", "esp32c3"])
def test_release_for_another_chip_is_refused(bench, chip):
    refused(bench.run("--release", bench.chip_release(chip)), f"is for {chip}", "for esp32")


def test_plain_vm_is_refused_as_release(bench):
    path = bench.folder / "vm.bin"
    path.write_bytes(synth_vm(SMALL))
    refused(bench.run("--release", path), "there is no release record", "release make")


def test_stock_image_is_refused_as_release(bench):
    refused(bench.run("--release", bench.stock), "this is a full-flash image")


def test_release_of_an_old_micropython_is_refused(bench):
    vm = bench.folder / "vm.bin"
    vm.write_bytes(synth_vm(SMALL, micropython="1.22.1"))
    path = make(vm, bench.app, vm_version="1.26.1").path
    refused(bench.run("--release", path), "MicroPython 1.22.1; 1.23.0 or newer")


def test_release_for_other_stubs_is_refused(bench, monkeypatch):
    monkeypatch.setattr(record, "STUB_ABI", 2)
    path = bench.chip_release()
    monkeypatch.undo()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1760000000")
    refused(bench.run("--release", path), "needs stubs of ABI 2; this tool has 1")


def test_release_larger_than_a_slot_is_refused_with_what_helps(bench):
    vm = bench.folder / "vm.bin"
    vm.write_bytes(synth_vm(0x1E0000))
    path = make(vm, bench.app, slot_size=0x200000).path
    refused(bench.run("--release", path), "more than a slot", "--flash-size")
    bench.stock.write_bytes(combined(size=0x1E0000))
    app = ("--app", bench.app, "--version", "1.0.0", "--sequence", 1)
    refused(bench.run(*app), "more than a slot of 1,900,544")


def test_app_with_a_stock_image_that_names_no_micropython_is_refused(bench):
    start = 0x10000 - OFFSETS["esp32"]
    nameless = renamed(combined()[start:], b"MicroPython v", b"NicroPython v")
    bench.stock.write_bytes(combined()[:start] + nameless)
    app = ("--app", bench.app, "--version", "1.0.0", "--sequence", 1)
    refused(bench.run(*app), "does not name its MicroPython", "--vm-version")


def test_app_that_does_not_compile_is_refused(bench):
    (bench.app / "enos_main.py").write_text("def\n")
    app = ("--app", bench.app, "--version", "1.0.0", "--sequence", 1)
    refused(bench.run(*app), "enos_main.py:1: SyntaxError")


def test_app_without_version_or_sequence_is_refused(bench):
    refused(bench.run("--app", bench.app, "--version", "1.0.0"), "--version and --sequence")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"devicekey": "x"}, "'devicekey' is no setting: did you mean device_key?"),
        ({"zzz": 1}, "'zzz' is no setting, known are product_key, "),
        ({"device_secret": None}, "device_secret is missing"),
        ({"device_key": ""}, "device_key is missing"),
        ({"product_key": 5}, "product_key must be a text"),
        ({"watchdog_s": "120"}, "watchdog_s must be a whole number"),
        ({"watchdog_s": True}, "watchdog_s must be a whole number"),
        ({"watchdog_s": -1}, "watchdog_s must not be negative"),
        ({"wifi": {}}, "wifi must be a list"),
        ({"mqtt": "mqtt://enos.example.com"}, "mqtt is without TLS: take mqtts://"),
        ({"signature": "required", "keys": []}, "there are no keys"),
        ({"ca": ["/mine.der"]}, 'ca: leave it out of the settings, --ca makes it ["/enos-'),
        ({"devicekey": "x", "mqtt": None}, "(and 1 more)"),
        ({"device_secret": "s" * 50000}, "do not fit the board's file system of 196,608"),
    ],
)
def test_settings_that_are_wrong_are_refused(bench, changes, text):
    bench.settings(**changes)
    refused(bench.run(), text)


@pytest.mark.parametrize(
    ("content", "text"), [("{", "not JSON"), ("[]", "not a JSON object"), ("", "not JSON")]
)
def test_settings_that_are_no_object_are_refused(bench, content, text):
    bench.config.write_text(content)
    refused(bench.run(), f"{bench.config}: {text}")


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN NONSENSE-----\n", synth_vm(SMALL)])
def test_ca_that_is_no_certificate_is_refused(bench, content):
    path = bench.folder / "other.pem"
    path.write_bytes(content)
    refused(bench.run("--ca", path), f"{path}: not a certificate, neither PEM nor DER")


def test_ca_that_has_expired_is_refused(bench):
    path = bench.folder / "old.pem"
    path.write_bytes(pem(certificate("new"), certificate("old", days=-2)))
    refused(bench.run("--ca", path), "the CA CN=old expired on 20")


def test_certificate_without_its_key_is_refused(bench):
    certificate, _ = Issuer().pair(bench.folder)
    refused(bench.run("--cert", certificate), "--cert and --key-file: give both")
    _, other = Issuer().pair(bench.folder, "other")
    pair = ("--cert", certificate, "--key-file", other)
    refused(bench.run(*pair), "other.key is not the key of")


@pytest.mark.parametrize(("size", "text"), [("2MB", "two slots"), ("5MB", "choose one of 4MB")])
def test_flash_size_without_a_table_is_refused(bench, size, text):
    refused(bench.run("--flash-size", size), text)


def test_slot_size_that_cannot_be_is_refused(bench):
    refused(bench.run("--slot-size", "0x1D0001"), "a multiple of 0x10000")


def test_out_that_cannot_be_written_is_refused(bench):
    (bench.folder / "file").touch()
    refused(bench.run("--out", bench.folder / "file" / "flash.bin", out=False), "cannot be written")


@pytest.mark.parametrize(
    "options",
    [("--out-dir", "x"), ("--batch", "x"), ("--out", "a", "--batch", "b", "--out-dir", "c"), ()],
)
def test_command_without_one_target_is_told_the_two(bench, options):
    result = bench.run(*options, out=False)
    assert result.exit_code == 2
    assert "give --out FILE for one board, or --batch CSV and --out-dir FOLDER" in result.output


def test_command_with_both_release_and_app_is_told_to_choose(bench):
    result = bench.run("--release", bench.chip_release(), "--app", bench.app)
    assert result.exit_code == 2
    assert "--release FILE, or --app FOLDER" in result.output


def test_command_with_a_version_for_a_finished_release_is_refused(bench):
    assert bench.run("--version", "1.2.0").exit_code == 2


def test_settings_that_leave_no_room_to_rewrite_them_are_refused(bench):
    cas = ca_der(bench.ca)

    def fits(length, spare_blocks):
        settings = CONFIG | {"ca": der_names(cas), "device_secret": "s" * length}
        try:
            file_system(0x30000, board_files(settings, cas, "esp32"), spare_blocks)
        except FactoryError:
            return False
        return True

    length = next(n for n in range(0, 90_000, 1000) if not fits(n, SPARE_BLOCKS))
    assert fits(length, 0)
    bench.settings(device_secret="s" * length)
    refused(bench.run(), "do not fit the board's file system")
