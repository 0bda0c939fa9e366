"""A batch: one image per line of a CSV, each with its own identity, and a manifest without secrets."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from factory_fixtures import Issuer, app, bench, build_time, key_pem, pem, refused  # noqa: F401
from test_factory_image import files_of

from host_tools.board.certificates import spki
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
        ("device_key,device_secret,keys\nk,s,w\n", "keys is a list: put it into --config"),
        ("device_key,device_secret,cert\nk,s,c\n", "columns 'cert' and 'key' go together"),
        ("device_key,device_secret,key\nk,s,c\n", "columns 'cert' and 'key' go together"),
        ("device_key,device_secret,cert,key\nk,s,c,\n", "line 2: key is empty"),
        ("device_key,device_secret,cert,key\nk,s,c,d\n", "c: No such file"),
        ("device_key,device_secret,downgrade\nk,s,yes\n", "downgrade must be true or false"),
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


def pairs_csv(bench, names=("k1", "k2"), **options):
    """A CSV of boards with certificates in a folder beside it, and who issued them."""
    folder = bench.folder / "pairs"
    folder.mkdir(exist_ok=True)
    issuer = Issuer()
    lines = ["device_key,device_secret,cert,key"]
    for name in names:
        certificate, key = issuer.pair(folder, name, **options)
        relative = [path.relative_to(bench.folder) for path in (certificate, key)]
        lines.append(f"{name},secret-of-{name},{relative[0]},{relative[1]}")
    return "\n".join(lines) + "\n"


def test_batch_with_certificates_gives_each_board_its_own_pair(bench, monkeypatch, tmp_path):
    text = pairs_csv(bench)
    monkeypatch.chdir(tmp_path)  # names of files are relative to the CSV
    result = bench.batch(text)
    assert result.exit_code == 0, result.output
    seen = set()
    for name in ("k1", "k2"):
        files = files_of((bench.out_dir / f"{name}.bin").read_bytes())
        settings = json.loads(files["enos.json"])
        certificate = x509.load_der_x509_certificate(files[settings["cert"][1:]])
        key = load_der_private_key(files[settings["key"][1:]], None)
        assert certificate.subject.rfc4514_string() == f"CN={name}"
        assert spki(certificate.public_key()) == spki(key.public_key())
        # CA, certificate, key: nobody else's.
        assert len([path for path in files if path.endswith(".der")]) == 3
        seen |= {settings["cert"], settings["key"]}
    assert len(seen) == 4


def test_batch_of_two_boards_with_one_key_is_refused(bench):
    text = pairs_csv(bench, key=ec.generate_private_key(ec.SECP256R1()))
    refused(bench.batch(text), "line 3: the same key as in line 2")
    assert not bench.out_dir.exists()


def test_batch_with_a_key_of_another_board_is_refused_with_its_line(bench):
    text = pairs_csv(bench).replace("k2.key", "k1.key")
    refused(bench.batch(text), "boards.csv, line 3: ", "k1.key is not the key of ", "k2.pem")


def test_batch_with_one_certificate_for_all_is_told_of_the_columns(bench):
    text = pairs_csv(bench, ("k1",))
    pair = [bench.folder / "pairs" / name for name in ("k1.pem", "k1.key")]
    result = bench.batch(text, "--cert", pair[0], "--key-file", pair[1])
    assert result.exit_code == 2
    assert "columns 'cert' and 'key'" in result.output


def test_batch_asks_the_passphrase_of_its_keys(bench, monkeypatch):
    text = pairs_csv(bench)
    for name in ("k1", "k2"):
        path = bench.folder / "pairs" / f"{name}.key"
        path.write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1()), "of all"))
    refused(bench.batch(text), "there is no terminal to ask its passphrase")
    monkeypatch.setenv("ENOS_OTA_PASSPHRASE", "of all")
    refused(bench.batch(text), "k1.key is not the key of ")  # it could be read


def test_batch_that_warns_of_many_certificates_counts_the_rest(bench):
    result = bench.batch(pairs_csv(bench, [f"k{n}" for n in range(7)], days=30))
    assert result.output.count("ends on 20") == 5
    assert "and 2 more about certificates" in result.output


def test_batch_of_which_one_board_does_not_fit_writes_none(bench):
    """Not the one with the longest settings, but the one with the largest certificate."""
    text = pairs_csv(bench).replace("secret-of-k1", "SECRET1s").replace("secret-of-k2", "SECRET2")

    def wide(length):
        return text.replace("SECRET", "s" * length)

    def fits(length):
        result = bench.batch(wide(length))
        shutil.rmtree(bench.out_dir, ignore_errors=True)
        return result.exit_code == 0

    # Both copies of the settings grow by a block at a time.
    length = next(n for n in range(46_000, 4096, -4096) if fits(n))
    issuer, key = Issuer(), ec.generate_private_key(ec.SECP256R1())
    certificate, _ = issuer.pair(bench.folder / "pairs", "k2", key)
    certificate.write_bytes(pem(issuer.issue("k2", key, padding=12_000)))
    refused(bench.batch(wide(length)), "do not fit the board's file system")
    assert not bench.out_dir.exists()
