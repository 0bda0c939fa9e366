"""The demo's loop, once as it is and once in each position of every switch of the stand-in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from host_tools.cloud.switches import SWITCHES
from host_tools.demo.commands import demo
from host_tools.demo.script import FOREIGN, checks, play

GROUPS = 4


def _positions() -> list[dict[str, Any]]:
    """Every position of every switch that is not its default, several switches at a time."""
    groups: list[dict[str, Any]] = [{} for _ in range(GROUPS)]
    at = 0
    for name, switch in SWITCHES.items():
        for value in switch.allowed:
            if value != switch.default:
                groups[at % GROUPS][name] = value
                at += 1
    return groups


POSITIONS = _positions()


def test_demo_command_writes_its_record_and_exits_with_0(tmp_path):
    result = CliRunner().invoke(demo, ["--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "demo.json").read_text())
    assert record["good"] is True
    assert [r["step"] for r in record["results"]] == [100, -6, -3, 100]
    assert [r["runs"] for r in record["results"]] == ["1.1.0", "1.1.0", "1.1.0", "1.3.0"]
    times = [event["t"] for event in record["events"]]
    assert times == sorted(times)
    assert any(e.get("topic", "").endswith("/ota/device/progress") for e in record["events"])
    assert "rolled back" in result.output


def test_every_switch_position_is_in_a_group():
    wanted = sum(len(switch.allowed) - 1 for switch in SWITCHES.values())
    assert sum(map(len, POSITIONS)) == wanted


@pytest.mark.parametrize("positions", POSITIONS, ids="+".join)
def test_loop_passes_in_switch_positions(tmp_path, releases, positions):
    seen = play(tmp_path, releases, switches=positions)
    failed = [what for what, ok in seen.checks if not ok]
    # Asked and pushed in one moment, a board may lack the memory for two sessions: it closes MQTT for the
    # download, as it must, and EnOS hears no steps of it.
    if any("MQTT is closed for the download" in e.get("line", "") for e in seen.events):
        failed = [what for what in failed if "rising progress steps" not in what]
    if positions.get("broker_range") == "no":
        # Nor is there an end of a file to be had before the rest of it: then the proof of all of it refuses it.
        [foreign] = [act.task for act in seen.acts if act.version == FOREIGN]
        assert (foreign["progress"], "not trusted" in foreign["desc"]) == (-3, True), foreign
        failed = [what for what in failed if FOREIGN not in what]
    assert failed == [], positions


def test_checks_see_a_missing_message_a_wrong_order_and_a_falling_step(tmp_path, releases):
    seen = play(tmp_path, releases)
    assert seen.good

    def failed(messages):
        changed = type(seen)(seen.acts, messages, seen.events, [], 0.0)
        return {what for what, ok in checks(changed) if not ok}

    messages = seen.messages
    reply = next(m for m in messages if m["tail"] == "upgrade_reply")
    assert failed([m for m in messages if m is not reply])
    informs = [m for m in messages if m["tail"] == "inform"]
    assert failed([m for m in messages if m is not informs[1]])
    assert failed(list(reversed(messages)))
    steps = [m for m in messages if m["tail"] == "progress"]
    assert failed([*messages[: messages.index(steps[4])], *messages[messages.index(steps[-1]) :]])
