"""`enos-ota release`: what it prints, and its exit codes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from release_fixtures import EPOCH, SMALL, app, build_time, make, vm  # noqa: F401

from host_tools.release.commands import release
from host_tools.release.synth import STOCK_BYTES, synth_vm


def run(*arguments: object) -> Result:
    return CliRunner().invoke(release, [str(argument) for argument in arguments])


def command(vm: Path, app: Path, *more: object) -> Result:
    options = ("--version", "1.1.0", "--sequence", 2, "--no-agent")
    return run("make", "--vm", vm, "--app", app, "--out", vm.parent / "r.bin", *options, *more)


def test_command_make_prints_parts_and_digests(vm: Path, app: Path) -> None:
    result = command(vm, app)
    data = (vm.parent / "r.bin").read_bytes()
    assert result.exit_code == 0
    for text in ("1.1.0, sequence 2", "8,208 bytes", hashlib.sha256(data).hexdigest()):
        assert text in result.output


def test_command_make_json_is_the_info(vm: Path, app: Path) -> None:
    result = command(vm, app, "--json", "--slot-size", "0x180000", "--product", "pump")
    told = json.loads(result.output)
    assert told["sha256"] == hashlib.sha256((vm.parent / "r.bin").read_bytes()).hexdigest()
    assert told["record"]["product"] == "pump"
    assert told["record"]["build_time"] == EPOCH


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"<html>", "web page"),
        (synth_vm(SMALL)[:-1], "truncated"),
        (synth_vm(SMALL)[:23] + b"\0" + synth_vm(SMALL)[24:-32], "no appended SHA-256"),
        (synth_vm(SMALL, micropython="1.22.0"), "releases need 1.23.0"),
    ],
)
def test_command_make_with_a_bad_vm_is_one_line_and_exit_1(
    content: bytes, text: str, vm: Path, app: Path
) -> None:
    vm.write_bytes(content)
    result = command(vm, app)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {vm}: ")
    assert text in result.output
    assert result.output.count("\n") == 1


def test_command_make_of_an_absent_vm_is_one_line(vm: Path, app: Path) -> None:
    result = command(vm.parent / "absent.bin", app)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "absent.bin: No such file" in result.output


def test_command_with_a_bad_slot_size_says_what_is_expected(vm: Path, app: Path) -> None:
    result = command(vm, app, "--slot-size", "big")
    assert result.exit_code == 2
    assert "big is not a number like 1900544" in result.output


def test_inspect_of_a_release_lists_record_files_and_digests(vm: Path, app: Path) -> None:
    path = make(vm, app, product="[pump]").path
    result = run("inspect", path)
    assert result.exit_code == 0
    data = path.read_bytes()
    shown = ("1.1.0", "[pump]", "MicroPython 1.26.1", "lib/pump.mpy", "takes it on an esp32")
    for text in (*shown, hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest()):
        assert text in result.output
    told = json.loads(run("inspect", path, "--json").output)
    assert told["sound"] is True
    assert told["record"]["version"] == "1.1.0"
    assert [entry["path"] for entry in told["files"]] == ["enos_main.mpy", "lib/pump.mpy"]


def test_inspect_of_a_plain_vm_says_that_it_has_no_record(vm: Path) -> None:
    result = run("inspect", vm)
    assert result.exit_code == 0
    assert "plain VM image, no release record" in result.output
    assert "Sep 11 2025 14:22:07, ESP-IDF v5.4.2" in result.output


def test_inspect_of_a_release_too_large_for_the_slot_exits_1(vm: Path, app: Path) -> None:
    path = make(vm, app).path
    result = run("inspect", path, "--slot-size", path.stat().st_size - 4096)
    assert result.exit_code == 1
    assert "step -1: larger than the slot by 4,096 bytes" in result.output


@pytest.mark.parametrize(
    ("content", "kind", "why"),
    [
        (b"<html>no</html>", "not firmware", "web page"),
        (b"", "not firmware", "the file is empty"),
        (b"PK\x03\x04", "not firmware", "begins with 0x50"),
        (synth_vm(SMALL)[:3000], "damaged app image", "truncated image"),
        (synth_vm(SMALL) + b"GARBAGE", "followed by something", "7 bytes behind the image"),
    ],
)
def test_inspect_of_anything_else_says_what_is_wrong_and_exits_1(
    content: bytes, kind: str, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "what.bin"
    path.write_bytes(content)
    result = run("inspect", path)
    assert result.exit_code == 1
    assert kind in result.output
    assert why in " ".join(result.output.split())
    assert "refuses it, step -3" in result.output


def test_inspect_of_a_release_with_a_damaged_image_still_names_the_release(
    vm: Path, app: Path
) -> None:
    path = make(vm, app).path
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(bytes(data))
    result = run("inspect", path)
    assert result.exit_code == 1
    assert "damaged release" in result.output
    assert "1.1.0" in result.output
    assert "SHA-256" in result.output or "checksum" in result.output


def test_synth_vm_command_says_that_no_chip_can_run_it(tmp_path: Path) -> None:
    out = tmp_path / "vm.bin"
    result = run("synth-vm", "--out", out, "--chip", "esp32c3", "--micropython", "1.28.0")
    assert result.exit_code == 0
    assert "a chip cannot run it" in result.output
    assert out.read_bytes() == synth_vm(STOCK_BYTES, "esp32c3", "1.28.0")
    assert run("synth-vm", "--out", out, "--size", "100").exit_code == 1


def test_command_names_tells_what_a_name_in_a_traceback_stands_for() -> None:
    found = json.loads(run("names", "--json").output)
    assert "_program" in found.values()
    short = next(short for short, long in found.items() if long == "_program")
    for name in (short, "_program"):
        assert run("names", name).output == f"{short}  _program\n"
    assert len(run("names").output.splitlines()) == len(found)


def test_command_names_of_a_name_that_is_none_says_so() -> None:
    result = run("names", "upgrade")
    assert result.exit_code == 1
    assert "as it stands" in result.output
