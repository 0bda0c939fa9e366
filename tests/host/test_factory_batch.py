"""A batch: one image per line of a CSV, each with its own identity, and a manifest without secrets."""

from __future__ import annotations

import csv
import hashlib
import json
import stat

import pytest
from factory_fixtures import app, bench, build_time, refused  # noqa: F401
from test_factory_image import files_of

from host_tools.simboard.chip import nvs
from host_tools.simboard.chip.nor import Nor

THREE = "name,device_key,device_secret\na,k1,s1\nb,k2,s2\nc,k3,s3\n"


def manifest(bench):
    return list(csv.DictReader((bench.out_dir / "manifest.csv").open()))


def test_batch_of_100_boards_gives_each_its_own_identity(bench):
    lines = [f"key-{n},secret-of-{n}" for n in range(100)]
    result = bench.batch("device_key,device_secret\n" + "\n".join(lines))
    assert result.exit_code == 0, result.output
    rows = manifest(bench)
    assert [row["name"] for row in rows] == [f"key-{n}" for n in range(100)]
    seen, common = set(), set()
    for row in rows:
        flash = (bench.out_dir / row["file"]).read_bytes()
        assert hashlib.sha256(flash).hexdigest() == row["sha256"]
        assert len(flash) == int(row["size"])
        settings = json.loads(files_of(flash)["enos.json"])
        assert settings["device_key"] == row["device_key"]
        assert settings["product_key"] == "pump"
        seen.add((settings["device_key"], settings["device_secret"]))
        common.add(hashlib.sha256(flash[:0x3B0000] + flash[0x3E0000:]).digest())
    assert seen == {(f"key-{n}", f"secret-of-{n}") for n in range(100)}
    assert len(common) == 1


def test_batch_of_one_board_makes_the_image_that_the_single_command_makes(bench):
    single = bench.made()
    bench.batch("device_key,device_secret\npump-1,a-secret-of-pump-1\n")
    assert (bench.out_dir / "pump-1.bin").read_bytes() == single


def test_batch_columns_override_settings_and_numbers_are_numbers(bench):
    bench.settings(device_key=None, device_secret=None, product_key=None, check_s=60)
    text = (
        "device_key,device_secret,product_key,check_s,watchdog_s\nk1,s1,fan,30,45\nk2,s2,pump,0,0\n"
    )
    result = bench.batch(text)
    assert result.exit_code == 0, result.output
    for name, wanted in (("k1", ("fan", 30, 45)), ("k2", ("pump", 0, 0))):
        path = bench.out_dir / f"{name}.bin"
        settings = json.loads(files_of(path.read_bytes())["enos.json"])
        assert tuple(settings[key] for key in ("product_key", "check_s", "watchdog_s")) == wanted
        storage = nvs.mount(Nor(path.open("r+b", buffering=0), path.stat().st_size), 0x9000, 0x4000)
        blob = storage.get_blob(storage.namespaces[b"enos_boot"], "wdt_s")
        assert blob == b"%d" % wanted[2]


def test_batch_files_are_for_their_owner_only_and_the_manifest_holds_no_secret(bench):
    result = bench.batch(THREE)
    names = {path.name for path in bench.out_dir.iterdir()}
    assert names == {"a.bin", "b.bin", "c.bin", "manifest.csv"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in bench.out_dir.iterdir()} == {0o600}
    told = (bench.out_dir / "manifest.csv").read_text() + result.output
    for secret in ("s1,", "s2,", "a-secret", "of-the-hall"):
        assert secret not in told
    assert manifest(bench)[1] | {"sha256": ""} == {
        "name": "b", "device_key": "k2", "file": "b.bin", "size": "4194304", "sha256": "",
        "chip": "esp32", "release": "1.1.0",
    }  # fmt: skip


def test_batch_again_replaces_its_images_and_leaves_other_files(bench):
    bench.batch(THREE)
    (bench.out_dir / "notes.txt").write_text("mine")
    assert bench.batch(THREE.replace("s2", "other")).exit_code == 0
    settings = json.loads(files_of((bench.out_dir / "b.bin").read_bytes())["enos.json"])
    assert settings["device_secret"] == "other"
    assert len(list(bench.out_dir.iterdir())) == 5


def test_batch_that_ends_early_leaves_no_manifest(bench):
    bench.batch(THREE)
    (bench.out_dir / "c.bin").unlink()
    (bench.out_dir / "c.bin").mkdir()
    refused(bench.batch(THREE), "c.bin: cannot be written")
    assert not (bench.out_dir / "manifest.csv").exists()
    assert not list(bench.out_dir.glob(".factory-*"))


def test_batch_of_a_spreadsheet_with_mark_spaces_and_empty_lines_is_read(bench):
    text = '\ufeffname, device_key ,device_secret\r\n a ,k1, "s,1"\r\n\r\n,,\r\nb,k2,s2\r\n'
    assert bench.batch(text).exit_code == 0
    settings = json.loads(files_of((bench.out_dir / "a.bin").read_bytes())["enos.json"])
    assert (settings["device_key"], settings["device_secret"]) == ("k1", "s,1")


def test_batch_says_what_it_made(bench):
    said = bench.batch(THREE).output
    assert f"{bench.out_dir}: 3 images of 4,194,304 bytes and manifest.csv, esp32" in said
    assert f"0 {bench.out_dir}/NAME.bin" in said
    told = json.loads(bench.batch(THREE, "--json").output)
    assert [board["file"] for board in told["boards"]] == ["a.bin", "b.bin", "c.bin"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column 'device_key'"),
        ("device_key\nk1\n", "no column 'device_secret': every board needs its own"),
        ("device_key,device_secret\n", "there is no board in it"),
        ("device_key;device_secret\nk;s\n", "separated by commas"),
        ("device_key,device_secret,device_key\nk,s,k\n", "two columns 'device_key'"),
        ("device_key,device_secret,devicekey\nk,s,k\n", "column 'devicekey' is no setting: did"),
        ("device_key,device_secret,wifi\nk,s,w\n", "wifi is a list: put it into --config"),
        ("device_key,device_secret\nk1,s1\nk2,\n", "line 3: device_secret is empty"),
        ("device_key,device_secret\nk1,s1\nk2\n", "line 3: 1 values in 2 columns"),
        ("device_key,device_secret\nk1,s1,x\n", "line 2: 3 values in 2 columns"),
        ("device_key,device_secret\nk1,s1\nk1,s2\n", "line 3: the same device_key as in line 2"),
        ("device_key,device_secret\nk1,s1\nk2,s1\n", "line 3: the same device_secret as in"),
        (THREE + "A,k4,s4\n", "line 5: the same name as in line 2"),
        (THREE + "../x,k4,s4\n", "line 5: '../x' cannot be the name of a file"),
        ("device_key,device_secret\nk/1,s1\n", "'k/1' cannot be the name of a file"),
        ("device_key,device_secret,check_s\nk1,s1,1.5\n", "line 2: check_s must be a whole number"),
        ("device_key,device_secret,check_s\nk1,s1,-1\n", "check_s must be a whole number"),
        ("device_key,device_secret,mqtt\nk1,s1,enos\n", "mqtt must be like mqtts://host"),
        ('device_key,device_secret\nk1,"s1\n', "line 2: unexpected end of data"),
        ("device_key,device_secret\nk1,s1\nk2," + "s" * 50000, "do not fit the board's file"),
    ],
)
def test_batch_that_is_wrong_is_refused_before_anything_is_written(bench, text, why):
    refused(bench.batch(text), why)
    assert not bench.out_dir.exists()


def test_batch_with_wrong_common_settings_names_their_file(bench):
    bench.settings(colour="red")
    refused(bench.batch(THREE), f"line 2, with {bench.config}: 'colour' is no setting")


def test_batch_that_is_absent_or_no_text_is_refused(bench):
    arguments = ("--batch", bench.csv, "--out-dir", bench.out_dir)
    refused(bench.run(*arguments, out=False), "boards.csv: No such file")
    bench.csv.write_bytes(b"device_key\n\xe4\n")
    refused(bench.run(*arguments, out=False), "not UTF-8")
