"""What jobs, firmware and switches refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud_bench import Bench

from host_tools.cloud.envelope import DeviceId
from host_tools.cloud.firmware import FirmwareError
from host_tools.cloud.jobs import JobError
from host_tools.cloud.switches import SWITCHES, SwitchError, Switches, parse


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def refusal(bench: Bench, *arguments, **options) -> str:
    with pytest.raises(JobError) as error:
        bench.desk.create(*arguments, **options)
    assert bench.store.jobs() == []
    return str(error.value)


def test_create_never_informed_device_is_refused(bench: Bench) -> None:
    assert "never informed" in refusal(bench, ["1.1.0"], ["dk"])
    assert "no device that informed" in refusal(bench, ["1.1.0"])


def test_create_unknown_things_are_refused(bench: Bench) -> None:
    bench.start()
    assert "no firmware has version 9" in refusal(bench, ["9"], ["dk"])
    assert "no device nobody" in refusal(bench, ["1.1.0"], ["nobody"])
    assert "needs versions" in refusal(bench, [])
    assert "needs versions" in refusal(bench, ["1.1.0", "1.1.0"], on_request=True)


def test_create_several_versions_need_on_request(bench: Bench) -> None:
    bench.start()
    assert "on request" in refusal(bench, ["1.1.0", "1.2.0"], ["dk"])


def test_create_target_that_runs_or_is_a_from_version_is_refused(bench: Bench) -> None:
    bench.start("1.1.0")
    assert "runs 1.1.0 already" in refusal(bench, ["1.1.0"], ["dk"])
    assert "from-versions" in refusal(bench, ["1.2.0"], ["dk"], from_versions=["1.2.0"])
    assert "not a from-version" in refusal(bench, ["1.2.0"], ["dk"], from_versions=["1.0.0"])


@pytest.mark.parametrize("timeout_s", [0, -1, 172_801])
def test_create_timeout_out_of_range_is_refused(bench: Bench, timeout_s: int) -> None:
    bench.start()
    assert "time-out" in refusal(bench, ["1.1.0"], ["dk"], timeout_s=timeout_s)


def test_create_key_in_two_products_needs_the_product(bench: Bench) -> None:
    bench.add(DeviceId("pk2", "dk"))
    bench.start()
    assert "PRODUCT/dk" in refusal(bench, ["1.1.0"], ["dk"])
    job = bench.desk.create(["1.1.0"], ["pk/dk"])
    assert bench.task(job).product_key == "pk"


def test_create_without_devices_takes_all_that_fit(bench: Bench) -> None:
    for key, version in (("a", "1.0.0"), ("b", "1.1.0"), ("c", "1.2.0")):
        device = DeviceId("pk", key)
        bench.add(device)
        bench.start(version, device)
    job = bench.desk.create(["1.2.0"], from_versions=["1.0.0", "1.1.0"])
    assert [task.device_key for task in bench.store.tasks(job=job.id)] == ["a", "b"]


def test_unknown_job_is_24404(bench: Bench) -> None:
    for act in (bench.desk.get, bench.desk.cancel, bench.desk.retry, bench.desk.stop):
        with pytest.raises(JobError) as error:
            act(77)
        assert error.value.code == 24404


@pytest.mark.parametrize(
    ("content", "name", "version", "method", "shape", "text"),
    [
        (b"", "f.bin", "2", "sha256", "https", "empty"),
        (b"x", "f.exe", "2", "sha256", "https", ".bin"),
        (b"x", "a/f.bin", "2", "sha256", "https", ".bin"),
        (b"x", "f.bin", "", "sha256", "https", "version"),
        (b"x", "f.bin", " 2", "sha256", "https", "blanks"),
        (b"x", "f.bin", "1.1.0", "sha256", "https", "unique"),
        (b"x", "f.bin", "2", "sha1", "https", "signMethod"),
        (b"x", "f.bin", "2", "md5", "ftp", "url shape"),
        (bytes(100 * 1024 * 1024 + 1), "f.bin", "2", "md5", "https", "100 MB"),
    ],
    ids=["empty", "suffix", "folder", "noversion", "blank", "twice", "sign", "shape", "size"],
)
def test_add_firmware_enos_would_refuse(  # noqa: PLR0917 - one row of the table
    bench: Bench, content: bytes, name: str, version: str, method: str, shape: str, text: str
) -> None:
    with pytest.raises(FirmwareError, match=text):
        bench.shelf.add(content, name, version, method, shape)
    assert len(bench.shelf.all()) == 3


def test_add_firmware_relative_addresses_stay_apart(bench: Bench) -> None:
    urls = {bench.shelf.add(b"x", "f.bin", f"2.{n}", "md5", "relative").url for n in range(5)}
    assert len(urls) == 5
    assert all(url.startswith("/upload/firmware/100000000") for url in urls)


def test_switch_table_defaults_are_positions_and_have_a_meaning() -> None:
    for name, switch in SWITCHES.items():
        assert switch.default in switch.allowed, name
        assert len(switch.positions) == len(set(switch.positions)) > 1, name
        assert switch.meaning, name


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, s in SWITCHES.items() for v in s.positions]
)
def test_switch_every_position_is_accepted_as_value_and_text(name: str, value: str | int) -> None:
    assert parse(name, value) == value
    assert parse(name, str(value)) == value
    assert Switches({name: value})[name] == value


@pytest.mark.parametrize("name", SWITCHES)
def test_switch_other_position_is_refused(name: str) -> None:
    for value in ("", "maybe", -1, 99999):
        with pytest.raises(SwitchError, match="it has"):
            Switches().set(name, value)


def test_switch_unknown_is_refused() -> None:
    with pytest.raises(SwitchError, match="no switch 'nonsense'"):
        parse("nonsense", 1)
