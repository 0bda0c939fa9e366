"""`enos-ota doctor`: the right blocker for each kind of board, and nothing of the board is disturbed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from desk_fixtures import STOCK_BOOT, Desk, desk, edition, entry
from factory_fixtures import CONFIG, Issuer, certificate

from host_tools import paths
from host_tools.board import snippet, stubs
from host_tools.board.certificates import PairReader
from host_tools.board.doctor import examine, trust
from host_tools.board.doctor.examine import judge
from host_tools.board.doctor.finding import BLOCKER, OK, WARNING
from host_tools.board.port import attached
from host_tools.cli import main
from host_tools.cloud.server import CloudThread
from host_tools.factory.files import board_files, der_names, with_ders
from host_tools.release.make import make_release
from host_tools.release.synth import synth_vm
from host_tools.simboard import make
from host_tools.simboard.chip.partitions import Entry
from host_tools.simboard.provision import device_config

NEW, PENDING, VALID = 0, 1, 2
SMALL_SLOTS = (
    Entry(1, 2, 0x9000, 0x4000, "nvs"),
    Entry(1, 0, 0xD000, 0x2000, "otadata"),
    Entry(1, 1, 0xF000, 0x1000, "phy_init"),
    Entry(0, 0, 0x10000, 0x1A0000, "factory"),
    Entry(0, 0x10, 0x1B0000, 0x100000, "ota_0"),
    Entry(0, 0x11, 0x2B0000, 0x100000, "ota_1"),
    Entry(1, 0x81, 0x3B0000, 0x50000, "vfs"),
)
FOREIGN_BOOT = b"import machine\nprint('mine')\n"


def examined(desk: Desk) -> dict[str, Any]:
    """The report as JSON, with its findings by name."""
    result = desk.run("doctor", "--json")
    report: dict[str, Any] = json.loads(result.stdout)
    report["by_name"] = {finding["name"]: finding for finding in report["findings"]}
    report["exit_code"] = result.exit_code
    return report


def blockers(report: dict[str, Any]) -> dict[str, str]:
    return {
        f["name"]: f"{f['text']} | {f['advice']}"
        for f in report["findings"]
        if f["level"] == BLOCKER
    }


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_doctor_of_a_stock_board_with_slots_finds_no_blocker(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        report = examined(board)
        levels = {name: finding["level"] for name, finding in report["by_name"].items()}
    assert (report["exit_code"], blockers(report)) == (0, {})
    assert levels["/boot.py"] == levels["settings"] == levels["agent"] == WARNING
    assert report["facts"]["files"]["kind"] == "littlefs"
    for name in (
        "NVS",
        "file system",
        "TLS session",
        "partition table",
        "umqtt.simple",
        "rollback",
        "flash size",
    ):
        assert levels[name] == OK
    assert "seq 1 VALID" in report["by_name"]["otadata"]["text"]
    assert "takes 26,136 bytes" in report["by_name"]["TLS session"]["text"]


def test_doctor_without_radio_does_not_judge_the_memory_of_tls(tmp_path: Path) -> None:
    with desk(tmp_path / "board") as board:
        report = json.loads(board.run("doctor", "--json", "--no-radio").stdout)
    assert "TLS session" not in [finding["name"] for finding in report["findings"]]
    assert report["blockers"] == 0


def test_doctor_of_a_chip_that_panics_at_wi_fi_tells_all_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = snippet.source("tls_memory").replace(
        "network.WLAN(network.STA_IF).active(True)", "__import__('machine').reset()"
    )
    assert "reset" in source
    known = snippet.source
    monkeypatch.setattr(examine, "TLS_S", 4)
    monkeypatch.setattr(snippet, "source", lambda n: source if n == "tls_memory" else known(n))
    with desk(tmp_path / "board") as board:
        report = examined(board)
    assert list(blockers(report)) == ["TLS session"]
    assert "restarted when Wi-Fi was switched on" in blockers(report)["TLS session"]
    assert report["by_name"]["partition table"]["level"] == OK


def test_doctor_of_a_table_with_one_application_sends_it_to_the_migration(tmp_path: Path) -> None:
    with desk(tmp_path / "board", table=make.TABLES["factory"]) as board:
        report = examined(board)
    assert (report["exit_code"], list(blockers(report))) == (1, ["partition table"])
    assert "no OTA slots" in blockers(report)["partition table"]
    assert "factory --migrate" in blockers(report)["partition table"]


def test_doctor_of_slots_that_are_too_small_says_how_small(tmp_path: Path) -> None:
    with desk(tmp_path / "board", table=SMALL_SLOTS) as board:
        report = examined(board)
    assert list(blockers(report)) == ["slot size"]
    assert "1,048,576" in blockers(report)["slot size"]
    assert "too small" in blockers(report)["slot size"]


def test_doctor_of_stock_ota_slots_warns_that_only_the_firmware_fits(tmp_path: Path) -> None:
    with desk(tmp_path / "board", table=make.TABLES["stock"]) as board:
        report = examined(board)
    assert blockers(report) == {}
    assert report["by_name"]["slot size"]["level"] == WARNING
    assert "only the firmware" in report["by_name"]["slot size"]["advice"]


def on_trial(folder: Path, cloud: CloudThread) -> dict[str, Any]:
    """A board that is about to try a release with the agent: its files, slots and network."""
    vm, release = folder / "vm.bin", folder / "release.bin"
    vm.write_bytes(synth_vm(micropython="1.26.1"))
    make_release(vm, paths.DEVICE / "example", "1.0.0", 1, release)
    ca = Path(cloud.client.endpoints["ca_der"]).read_bytes()
    config = device_config(cloud.client.endpoints, cloud.client.add_device("tried"))
    settings = with_ders(config | {"ca": [], "spread_s": 1, "trial_app_s": 8}, [ca])
    return {
        "files": board_files(settings, [ca], "esp32"),
        "entries": (entry(1, VALID), entry(2, NEW)),
        "release": release.read_bytes(),
        "ports": {"123": cloud.client.endpoints["ntp"]["port"]},
    }


def test_doctor_of_an_image_on_trial_blocks_and_the_trial_goes_on(tmp_path: Path) -> None:
    passed = entry(1, VALID) + entry(2, VALID)
    with CloudThread(tmp_path / "cloud") as cloud:
        with desk(tmp_path / "board", **on_trial(tmp_path, cloud)) as board:
            wait_for(lambda: "app: hello from the factory" in board.lines)
            reports = [examined(board), examined(board)]
            states = board.otadata()
            wait_for(lambda: board.otadata() == passed)
        starts = [line for line in board.lines if line.startswith("rst:")]
    assert states == entry(1, VALID) + entry(2, PENDING)
    assert len(starts) <= 1
    for found in reports:
        assert list(blockers(found)) == ["otadata"], blockers(found)
        assert "PENDING_VERIFY" in blockers(found)["otadata"]
        assert "wait until the trial is over" in blockers(found)["otadata"]


def test_doctor_of_a_full_file_system_says_how_much_is_needed(tmp_path: Path) -> None:
    files = {"boot.py": b"", "log.txt": bytes(130_000)}
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    assert list(blockers(report)) == ["file system"]
    assert "are needed" in blockers(report)["file system"]


def test_doctor_of_an_old_micropython_asks_for_a_newer_one(tmp_path: Path) -> None:
    with desk(tmp_path / "board", micropython="1.22.2") as board:
        report = examined(board)
    assert list(blockers(report)) == ["MicroPython"]
    assert "1.22.2" in blockers(report)["MicroPython"]
    assert "1.23.0 or newer" in blockers(report)["MicroPython"]


def test_doctor_of_a_foreign_boot_py_tells_how_it_is_kept(tmp_path: Path) -> None:
    with desk(tmp_path / "board", {"boot.py": FOREIGN_BOOT}) as board:
        report = examined(board)
    assert list(blockers(report)) == ["/boot.py"]
    assert "--replace" in blockers(report)["/boot.py"]


def test_doctor_of_a_board_whose_main_never_ends_interrupts_and_restarts_it(tmp_path: Path) -> None:
    main = b"import time\nprint('main begins')\nwhile True:\n    time.sleep(1)\n"
    with desk(tmp_path / "board", {"main.py": main}) as board:
        report = examined(board)
        result = board.run("monitor", "--until", "main begins", "--seconds", "20")
    assert list(blockers(report)) == ["/main.py"]
    assert result.exit_code == 0


def test_doctor_of_stubs_of_another_abi_blocks(tmp_path: Path) -> None:
    boot = stubs.content("boot.py").replace(b"Stub ABI 1", b"Stub ABI 7")
    with desk(tmp_path / "board", {"boot.py": boot, "main.py": edition("main.py")}) as board:
        report = examined(board)
    assert list(blockers(report)) == ["/boot.py"]
    assert "stub ABI 7, ours is 1" in blockers(report)["/boot.py"]
    assert report["by_name"]["/main.py"]["text"] == "stub ABI 1, another edition"


def test_doctor_of_a_stub_of_ours_that_was_edited_takes_it_for_foreign(tmp_path: Path) -> None:
    boot = stubs.content("boot.py") + b"import webrepl\n"
    with desk(tmp_path / "board", {"boot.py": boot}) as board:
        report = examined(board)
    assert list(blockers(report)) == ["/boot.py"]
    assert "--replace" in blockers(report)["/boot.py"]


def test_doctor_shows_a_table_for_a_person(tmp_path: Path) -> None:
    with desk(tmp_path / "board", {"boot.py": FOREIGN_BOOT}) as board:
        result = board.run("doctor")
    assert result.exit_code == 1
    assert "blocker  /boot.py" in result.stdout
    assert "upgrades will not work yet: 1 blocker, " in result.stdout


@pytest.mark.parametrize("port", ["/dev/no-such-port", "socket://127.0.0.1:1"])
def test_doctor_without_a_board_says_what_to_look_at(port: str) -> None:
    result = CliRunner().invoke(main, ["doctor", port])
    assert result.exit_code == 1
    assert port in result.output
    assert "Traceback" not in result.output


def facts_of_a_stock_board(tmp_path: Path) -> dict[str, Any]:
    with desk(tmp_path / "board") as board:
        facts: dict[str, Any] = examined(board)["facts"]
    return facts


def test_doctor_judges_what_no_simulated_board_can_show(tmp_path: Path) -> None:
    facts = facts_of_a_stock_board(tmp_path)

    def finding(name: str) -> Any:
        return next(f for f in judge(facts) if f.name == name)

    assert finding("rollback").level == OK
    facts["flash"]["size"] = 0x200000
    assert finding("flash size").level == BLOCKER
    facts["partitions"]["apps"][0]["idf"] = "v5.5.1"  # the bootloader is of another build
    assert finding("rollback").level == WARNING
    facts["partitions"]["otadata"] = [[1, NEW, True], [0, 0, False]]
    assert finding("rollback").level == WARNING
    assert "look again" in finding("rollback").advice
    facts["vm"]["machine"] = "Arduino Nano ESP32 with ESP32S3"
    assert finding("rollback").level == BLOCKER
    assert "ESP32_GENERIC_S3" in finding("rollback").advice
    facts["tls"] = [[113840, 90000, 39000, 90000], [113840, 64000, 20000, 64000]]
    assert finding("TLS session").level == BLOCKER
    facts["tls"] = [[113840, 90000, 60000, 90000], [113840, 64000, 30000, 64000]]
    assert finding("TLS session").level == WARNING
    facts["vm"]["umqtt"] = None
    assert "mip install umqtt.simple" in finding("umqtt.simple").advice
    facts["vm"]["missing"] = ["hashlib.md5"]
    assert finding("modules").level == BLOCKER
    assert finding("flash size").text.startswith("0x200000 found")
    facts["nvs"] = [-4353, "ESP_ERR_NVS_NOT_INITIALIZED"]
    assert "ESP_ERR_NVS_NOT_INITIALIZED" in finding("NVS").text
    facts["files"] |= {"block": 4096, "blocks": 0, "free": 0}  # nothing is mounted at /
    assert finding("file system").level == BLOCKER


def test_doctor_of_frozen_stubs_does_not_look_at_the_boot_py_that_never_runs(
    tmp_path: Path,
) -> None:
    # A boot.py of no ABI that runs ours: to the board it is as if ours were frozen.
    files = {
        "boot.py": b"exec(open('/ours').read())\n",
        "ours": stubs.content("boot.py"),
        "main.py": STOCK_BOOT,
    }
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    assert (report["facts"]["files"]["frozen_stubs"], blockers(report)) == (True, {})
    for name in ("/boot.py", "/main.py"):
        finding = report["by_name"][name]
        assert (finding["level"], finding["text"]) == (
            OK,
            f"frozen into the firmware; {name} is never run",
        )


def test_doctor_of_a_boot_py_with_the_path_of_ours_does_not_take_it_for_frozen(
    tmp_path: Path,
) -> None:
    boot = b"import sys\nsys.path.insert(0, '/app')\n"
    with desk(tmp_path / "board", {"boot.py": boot}) as board:
        report = examined(board)
    assert list(blockers(report)) == ["/boot.py"]


def test_doctor_of_files_that_are_no_text_and_of_one_long_line(tmp_path: Path) -> None:
    files = {"boot.py": b"# caf\xe9\n", "main.py": b"x = '" + bytes(range(32, 38)) * 10_000 + b"'"}
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    found = report["facts"]["files"]
    assert list(blockers(report)) == ["/main.py"]
    assert found["boot.py"][:2] == ["# caf?", False]
    assert found["main.py"][1:3] == [True, hashlib.sha256(files["main.py"]).hexdigest()]


@pytest.mark.parametrize("place", ["/", "/lib/"])
def test_doctor_warns_of_an_agent_that_comes_before_the_copied_one(
    tmp_path: Path, place: str
) -> None:
    name = place.lstrip("/") + "enos_ota/__init__.py"
    with desk(tmp_path / "board", {"boot.py": STOCK_BOOT, name: b"# old\n"}) as board:
        report = examined(board)
    finding = report["by_name"]["agent"]
    assert finding["level"] == WARNING
    assert f"rm -r :{place}enos_ota" in finding["advice"]


def test_doctor_of_a_full_nvs_blocks_and_says_what_to_do(tmp_path: Path) -> None:
    fill = """
import esp32
nvs = esp32.NVS("mine")
for size in (1000, 32):
    try:
        for number in range(100):
            nvs.set_blob("%d-%d" % (size, number), bytes(size))
    except OSError:
        pass
"""
    with desk(tmp_path / "board") as board:
        with attached(board.port) as port:
            port.exec(fill)
        report = examined(board)
    assert list(blockers(report)) == ["NVS"]
    assert "erase keys" in blockers(report)["NVS"]


def test_doctor_warns_where_the_settings_switch_the_watchdog_off(tmp_path: Path) -> None:
    settings = json.dumps(CONFIG | {"ca": [], "watchdog_s": 0}).encode()
    files = {"boot.py": STOCK_BOOT, "enos.json": settings, "enos.bak": settings}
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    assert report["by_name"]["settings"]["level"] == OK
    assert report["by_name"]["watchdog"]["level"] == WARNING


def test_doctor_warns_of_a_root_that_is_fat(tmp_path: Path) -> None:
    reformat = """
import flashbdev, vfs
vfs.umount("/")
vfs.VfsFat.mkfs(flashbdev.bdev)
"""
    with desk(tmp_path / "board") as board:
        with attached(board.port) as port:
            port.exec(reformat)
        report = examined(board)
    assert report["by_name"]["file system"]["level"] == WARNING
    assert "FAT" in report["by_name"]["file system"]["text"]


def test_doctor_of_settings_that_are_a_riddle_tells_all_the_rest(tmp_path: Path) -> None:
    text = json.dumps(CONFIG | {"ca": [{}], "cert": "/lib", "keys": "none"}).encode()
    files = {"boot.py": STOCK_BOOT, "enos.json": text, "enos.bak": text, "lib/a.py": b""}
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    assert "the agent refuses them: " in blockers(report)["settings"]
    assert report["by_name"]["certificate"]["level"] == BLOCKER
    assert report["by_name"]["partition table"]["level"] == OK
    assert "cannot be told: no answer" in [f.text for f in trust.checks({"trust": "no answer"})]


def trusting(folder: Path, **changes: Any) -> dict[str, bytes]:
    """Files of a board with a CA, a certificate, a key, and the settings for them."""
    issuer = Issuer()
    pair = PairReader(lambda path: "").read(*issuer.pair(folder, days=365))
    settings = with_ders(CONFIG, [issuer.der], pair) | changes
    ders = [issuer.der, *pair.ders]
    files = {name[1:]: der for name, der in zip(der_names(ders), ders, strict=True)}
    text = json.dumps(settings).encode()
    return {"boot.py": STOCK_BOOT, **files, "enos.json": text, "enos.bak": text}


def test_doctor_tells_how_long_trust_lasts_and_shows_no_secret(tmp_path: Path) -> None:
    files = trusting(tmp_path, access_key="a-key-of-the-tenant")
    settings = json.loads(files["enos.json"])
    with desk(tmp_path / "board", files) as board:
        result = board.run("doctor", "--json", "--no-radio")
        table = board.run("doctor", "--no-radio").stdout
    report = json.loads(result.stdout)
    found = {finding["name"]: finding for finding in report["findings"]}
    for name in ("CA", "certificate", "signatures", "settings"):
        assert found[name]["level"] == OK, found[name]
    assert found["CA"]["text"].startswith(f"{settings['ca'][0]}: CN=issuer, EC secp256r1, until 20")
    assert found["certificate"]["text"].startswith(f"{settings['cert']}: CN=pump-1, ")
    assert found["signatures"]["text"] == "required; keys abababab"
    key = files[settings["key"][1:]]
    passwords = [network["password"] for network in CONFIG["wifi"]]
    for secret in (CONFIG["device_secret"], "a-key-of", *passwords, key.hex()):
        assert secret not in result.stdout + table


def test_doctor_of_another_boards_key_blocks(tmp_path: Path) -> None:
    other = PairReader(lambda path: "").read(*Issuer().pair(tmp_path, "other"))
    files = trusting(tmp_path, key="/other.key") | {"other.key": other.key}
    with desk(tmp_path / "board", files) as board:
        report = examined(board)
    assert "/other.key is not its key" in blockers(report)["certificate"]
    assert "--cert FILE --key-file FILE" in blockers(report)["certificate"]


@pytest.mark.parametrize(("agent", "keys"), [("new", "cdcdcdcd"), ("old", "abababab")])
def test_doctor_counts_the_keys_of_a_release_where_the_agent_on_the_board_does(
    tmp_path: Path, agent: str, keys: str
) -> None:
    trust = json.dumps({"keys": ["cd" * 32], "revoked": ["ab" * 32]}).encode()
    files = trusting(tmp_path) | {"enos_trust.json": trust}
    if agent == "old":
        files |= {f"lib/enos_ota/{name}.py": b"" for name in ("__init__", "agent", "trust")}
    with desk(tmp_path / "board", files) as board:
        if agent == "new":
            result = board.run("deploy", "--app", str(paths.DEVICE / "example"))
            assert result.exit_code == 0, result.output
        finding = examined(board)["by_name"]["signatures"]
    assert f"keys {keys}" in finding["text"]
    assert (finding["level"] == OK) == (agent == "new")
    assert ("older than signatures" in finding["text"]) == (agent == "old")


def trust_findings(facts: dict[str, Any], **changes: Any) -> dict[str, tuple[str, str]]:
    """Level and text by name, of what doctor says with other settings on the same board."""
    facts = {**facts, "settings": facts["settings"] | changes}
    return {f.name: (f.level, f.text) for f in trust.checks({"trust": facts})}


def ca_facts(name: str, days: int) -> dict[str, str]:
    der = certificate(name, days).public_bytes(Encoding.DER)
    return trust.describe(f"/{name}.der", der)


def sound_trust() -> dict[str, Any]:
    ca = ca_facts("good", 200)
    settings = with_ders(CONFIG, []) | {"ca": ["/good.der"], "device_secret": "***"}
    return {"settings": settings, "knows_signatures": True, "ca": [ca], "cert": None, "key": None}


@pytest.mark.parametrize(
    ("cas", "level", "text"),
    [
        ([("good", 200)], OK, "CN=good, EC secp256r1, until 20"),
        ([("soon", 50)], WARNING, "49 days are left"),
        ([("old", -1)], BLOCKER, "it has expired"),
        ([("good", 200), ("old", -1)], WARNING, "it has expired"),
        ([], BLOCKER, "trusts nothing and connects to nothing"),
    ],
)
def test_doctor_judges_cas_by_their_end(cas: list[tuple[str, int]], level: str, text: str) -> None:
    facts = sound_trust() | {"ca": [ca_facts(*ca) for ca in cas]}
    found = trust_findings(facts, ca=[f"/{name}.der" for name, _ in cas])
    assert found["CA"][0] == level
    assert text in found["CA"][1]


def test_doctor_judges_what_takes_the_place_of_a_ca() -> None:
    facts = sound_trust() | {"ca": []}
    pins = trust_findings(facts, ca=[], pins=["ab" * 32, "cd" * 32])
    assert pins["pins"][0] == OK
    assert pins["CA"] == (
        WARNING, "none: the board gets no file from an https host but those that the pins cover",
    )  # fmt: skip
    plain = trust_findings(facts, ca=[], mqtt="mqtt://h", plain=["mqtt"])
    assert (plain["CA"][0], plain["without TLS"][0]) == (WARNING, WARNING)
    assert "anybody on the way can command" in plain["without TLS"][1]


def test_doctor_blocks_a_ca_that_is_revoked_or_no_certificate() -> None:
    facts = sound_trust()
    revoked = trust_findings(facts, revoked=[facts["ca"][0]["sha256"].upper()])
    assert revoked["CA"][0] == BLOCKER
    assert revoked["CA"][1].endswith(": it is revoked")
    for content, problem in ((b"hello", "is no certificate in DER"), (None, "is not there")):
        broken = facts | {"ca": [trust.describe("/good.der", content)]}
        assert trust_findings(broken)["CA"] == (BLOCKER, f"/good.der: {problem}")


@pytest.mark.parametrize(
    ("days", "key", "level", "text"),
    [
        (200, True, OK, "until 20"),
        (50, True, WARNING, "49 days are left"),
        (-1, True, BLOCKER, "it has expired"),
        (200, None, BLOCKER, "its key /a.key is not there"),
        (200, False, BLOCKER, "/a.key is not its key"),
    ],
)
def test_doctor_judges_the_boards_own_certificate(
    days: int, key: bool | None, level: str, text: str
) -> None:
    facts = sound_trust() | {"cert": ca_facts("a", days), "key": key}
    found = trust_findings(facts, cert="/a.der", key="/a.key")
    assert found["certificate"][0] == level
    assert text in found["certificate"][1]


@pytest.mark.parametrize(
    ("changes", "level", "text"),
    [
        ({}, OK, "required; keys abababab"),
        ({"keys": []}, WARNING, "releases are not signed: whoever can publish"),
        ({"signature": "if_present"}, WARNING, "a release with no signature is taken"),
        ({"signature": "off"}, WARNING, "a release with a bad signature is taken"),
        ({"downgrade": True}, OK, "required"),
    ],
)
def test_doctor_judges_signatures(changes: dict[str, Any], level: str, text: str) -> None:
    found = trust_findings(sound_trust(), **changes)
    assert found["signatures"][0] == level
    assert text in found["signatures"][1]
    assert ("downgrade" in found) == ("downgrade" in changes)


def test_doctor_of_keys_and_an_agent_that_knows_no_signatures_warns() -> None:
    found = trust_findings(sound_trust() | {"knows_signatures": False})
    assert found["signatures"][0] == WARNING
    assert "older than signatures" in found["signatures"][1]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"mqtt": "mqtt://h"}, 'plain must hold "mqtt"'),
        ({"pins": ["ab" * 32]}, "pins must be 2 to 8"),
        ({"keys": "ab"}, "keys must be a list"),
    ],
)
def test_doctor_of_settings_that_the_agent_refuses_says_which(
    changes: dict[str, Any], text: str
) -> None:
    level, said = trust_findings(sound_trust(), **changes)["settings"]
    assert level == BLOCKER
    assert text in said
    assert "settings" not in trust_findings(sound_trust())
