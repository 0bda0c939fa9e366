"""The rules that the simulation compares, and that its own is what boards run."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from host_tools.bench import __main__ as bench
from host_tools.bench import device, rules
from host_tools.bench.stampede import Fleet

DRAWS = 4000


def waits_ms(rule: rules.Rule, waits: int, seed: int = 1) -> list[int]:
    wait = rule.make(random.Random(seed))
    return [wait(waits) for _ in range(DRAWS)]


@pytest.mark.parametrize("waits", range(12))
def test_devices_waits_fill_their_range_evenly(waits: int) -> None:
    spread_s = device.default_spread_s()
    drawn = sorted(waits_ms(device.reconnect(), waits))
    least_ms, most_ms = 1000, 1000 * min(spread_s << waits, spread_s * 16)
    assert least_ms <= drawn[0] and drawn[-1] <= most_ms
    for tenth in range(1, 10):
        expected_ms = least_ms + (most_ms - least_ms) * tenth / 10
        assert drawn[DRAWS * tenth // 10] == pytest.approx(
            expected_ms, abs=(most_ms - least_ms) / 20
        )


def test_devices_rule_is_the_one_whose_constants_are_compared() -> None:
    model = rules.spread(device.default_spread_s(), 16)
    for waits in (0, 1, 2, 3, 50):
        ours_s = rules.mean_s(device.reconnect(), waits)
        assert ours_s == pytest.approx(rules.mean_s(model, waits), rel=0.02)


def test_devices_pauses_between_downloads_grow_and_differ() -> None:
    rule = device.download()
    first, last = waits_ms(rule, 0), waits_ms(rule, device.download_tries() - 1)
    assert min(first) > 0 and max(first) < sorted(last)[DRAWS // 2]
    assert max(last) <= device.default_spread_s() * 16000
    assert len(set(last)) > DRAWS / 2


def test_devices_modules_leave_no_trace() -> None:
    marker = sys.modules["enos_ota"] = type(sys)("enos_ota")
    try:
        before, path = set(sys.modules), list(sys.path)
        device.reconnect().make(random.Random(1))(0)
        device.download().make(random.Random(1))(0)
        assert sys.modules["enos_ota"] is marker
        added = set(sys.modules) - before
        assert not {
            name for name in added if name.split(".")[0] in ("enos_ota", "umqtt", "machine")
        }
        assert sys.path == path
    finally:
        del sys.modules["enos_ota"]


def test_rules_without_a_seed_in_common_differ_but_for_those_without_chance() -> None:
    for rule in (device.reconnect(), device.download(), rules.half_random(), rules.spread(32, 8)):
        assert waits_ms(rule, 3, seed=1) == waits_ms(rule, 3, seed=1)
        assert waits_ms(rule, 3, seed=1) != waits_ms(rule, 3, seed=2)
    assert set(waits_ms(rules.no_jitter(), 3)) == {16_000}


@pytest.mark.parametrize(("spread_s", "times"), [(32, 1), (32, 8), (8, 32), (50, 6)])
def test_spread_ends_at_so_many_times_its_first_bound(spread_s: int, times: int) -> None:
    rule = rules.spread(spread_s, times)
    assert max(waits_ms(rule, 0)) <= spread_s * 1000
    assert 0.99 * spread_s * times < max(waits_ms(rule, 99)) / 1000 <= spread_s * times


def test_bench_prints_its_tables_and_writes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.main(Fleet(boards=2000, capacity_per_s=10), tmp_path)
    record = json.loads((tmp_path / "bench.json").read_text())["stampede"]
    assert (record["boards"], record["capacity_per_s"]) == (2000, 10)
    printed = capsys.readouterr().out
    for sheet in bench.SHEETS:
        assert sheet.title.split(",")[0] in printed
        assert all(set(sheet.columns) <= set(row) for row in record[sheet.name])
    assert max(len(line) for line in printed.splitlines()) <= 80
