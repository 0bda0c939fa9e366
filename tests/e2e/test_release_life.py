"""What runs after an upgrade is what the slot holds, and only that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from life_fixtures import starts

from host_tools import paths, size
from host_tools.demo.rig import Rig
from host_tools.demo.workshop import owner_digest
from host_tools.release.appfs import read as read_appfs
from host_tools.release.check import parse_release
from host_tools.release.synth import synth_vm

WAITING_APP = '''"""Tells which modules of the agent are loaded while it waits."""

import asyncio
import gc
import sys


async def run():
    while True:
        await asyncio.sleep(2)
        names = sorted([n[9:] for n in sys.modules if n.startswith("enos_ota.")])
        gc.collect()
        print("live bytes:", gc.mem_alloc())
        print("waiting:", " ".join(names))


def self_test():
    return True


def on_progress(step, desc):
    pass
'''

ELSEWHERE = """
import json, sys
from pathlib import Path
import host_tools
assert Path(host_tools.__file__).parent.parent == Path.cwd(), host_tools.__file__
assert not Path("device").exists()
from host_tools.demo.rig import Rig
old, new, folder = (Path(p) for p in sys.argv[1:4])
with Rig(folder) as rig:
    rig.start(old, keys=sys.argv[4:])
    task = rig.wait_task(rig.push(new, "1.1.0"))
    print(json.dumps([task["status"], rig.version(), rig.console()]))
"""


def test_upgrade_runs_without_the_checkouts_device_folder(tmp_path, releases):
    copy = tmp_path / "copy"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("host_tools", "boot"):
        shutil.copytree(paths.ROOT / name, copy / name, ignore=ignore)
    (copy / ".venv").symlink_to(paths.ROOT / ".venv")
    arguments = [releases["1.0.0"], releases["1.1.0"], tmp_path / "rig", owner_digest()]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *map(str, arguments)],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    status, version, console = json.loads(done.stdout.splitlines()[-1])
    assert (status, version) == ("succeeded", "1.1.0")
    assert "app: hello over the air" in console


def test_waiting_agent_holds_exactly_the_modules_that_size_counts(tmp_path, releases, workshop):
    teller = workshop.release("1.1.0", 2, app=WAITING_APP, name="teller")
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"])
        rig.wait_task(rig.push(teller.path, "1.1.0"))
        # After the trial, and again after an upgrade that failed: both bring modules and drop them.
        line = rig.wait_console("waiting:", count=3)
        assert set(line.split()[1:]) == set(size.WAITING) - {"__init__"}
        rig.cloud.set_fault("cmd_sign")  # it fails at the very end
        task = rig.wait_task(rig.push(releases["1.3.0"], "1.3.0"))
        assert task["desc"] == "1.3.0: sha256 is not the commanded one"
        seen = len([text for text in rig.console() if "waiting:" in text])
        line = rig.wait_console("waiting:", count=seen + 2)
        assert set(line.split()[1:]) == set(size.WAITING) - {"__init__"}
        # Of the 20 KB that an upgrade brings, a finished frame must not keep more than a rest.
        live = [int(text.split()[-1]) for text in rig.console() if "live bytes:" in text]
        assert live[-1] < live[2] + 5000, live


def test_record_of_another_version_than_commanded_is_refused_from_its_tail(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], trial_app_s=0)
        task = rig.wait_task(rig.push(releases["1.1.0"], "9.9.9"))
        assert (task["status"], task["progress"]) == ("failed", -3)
        assert task["desc"] == "9.9.9: the file holds version 1.1.0"
        assert starts(rig) == []
        assert rig.wait_task(rig.push(releases["1.3.0"], "1.3.0"))["status"] == "succeeded"


def test_upgrade_through_both_slots_and_back_to_an_older_version(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"], downgrade=True, trial_app_s=0)
        for version in ("1.1.0", "1.3.0", "1.4.0"):
            assert rig.wait_task(rig.push(releases[version], version))["status"] == "succeeded"
        again = rig.cloud.create_job(["1.1.0"], ["demo-board"])
        assert rig.wait_task(int(again["id"]))["status"] == "succeeded"
        slots = [e["slot"] for e in rig.events if e.get("event") == "boot"]
        assert slots == ["ota_0", "ota_1", "ota_0", "ota_1", "ota_0"]


ODD_BYTES = 289


@pytest.fixture
def frozen(releases):
    """The agent and an application as /lib of a board with the stock table: nothing in the slot."""
    image = releases["1.0.0"].read_bytes()
    _, record = parse_release(image)
    data = image[record.appfs_offset : record.appfs_offset + record.appfs_size_bytes]
    files = read_appfs(data, record.appfs_block_count)
    return {f"lib/{name}": content for name, content in dict(files).items()}


def test_plain_images_on_the_stock_table_keep_the_version_that_was_commanded(tmp_path, frozen):
    vms = []
    for seed in (1, 2):
        vm = tmp_path / f"vm{seed}.bin"
        content = synth_vm(1_500_000, seed=seed)
        # As IDF's openssl_aligned_bin: a multiple of neither its buffer nor ours, behind the image.
        vm.write_bytes(content + b"\xa5" * (ODD_BYTES - len(content) % ODD_BYTES))
        vms.append(vm)
    with Rig(tmp_path) as rig:
        rig.start(vms[0], "0", table="stock", extra_files=frozen, keys=[], trial_app_s=0)
        rig.cloud.set_fault("http_chunked", times=0)
        task = rig.wait_task(rig.push(vms[1], "micropython-1.26.1"))
        assert task["status"] == "succeeded"
        rig.wait_version("micropython-1.26.1")
        rig.board.power_off()
        rig.board.power_on()
        rig.wait("inform after power-up", lambda: len(rig.messages("inform")) >= 3)
        assert rig.version() == "micropython-1.26.1"
