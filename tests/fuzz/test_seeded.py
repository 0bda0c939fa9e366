"""That fuzzing can fail: faults in a copy of the device code, each of which it must find."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from host_tools import paths

from . import campaign, workshop
from .campaign import How, Played

CASES = 250
SEED = 1


@dataclass(frozen=True)
class Fault:
    """A piece of a source, found once, that becomes another; found: what the fuzz must say of it."""

    file: str
    line: str
    becomes: str
    target: str
    found: str

    def seeded(self, folder: Path) -> How:
        """The code with the fault in it."""
        source = paths.ROOT / self.file
        text = source.read_text()
        assert text.count(self.line) == 1, f"{self.line!r} is not found once in {self.file}"
        return How(out=workshop.with_fault(folder, source, text.replace(self.line, self.becomes)))


FAULTS = {
    "record behind the slot": Fault(
        "device/enos_ota/image.py",
        "image.behind + _SECTOR <= slot.info()[3] and",
        "",
        "image",
        "OSError",
    ),
    "line without a limit": Fault(
        "device/enos_ota/body.py",
        "while len(line) < _LINE_BYTES:",
        "while True:",
        "http",
        "no end after that many operations",
    ),
    "headers without a limit": Fault(
        "device/enos_ota/http.py",
        "for _ in range(_HEADERS + 2):",
        "while True:",
        "http",
        "no end after that many operations",
    ),
    "blank in a request": Fault(
        "device/enos_ota/http.py", 'min(url) <= " "', "not url", "source", "no request"
    ),
    "any host": Fault(
        "device/enos_ota/redirect.py",
        "if origin and _peer(origin) == peer:",
        "if origin:",
        "address",
        "is permitted",
    ),
    "error of umqtt": Fault(
        "device/enos_ota/session.py",
        "except AssertionError:",
        "except ValueError:",
        "session",
        "AssertionError",
    ),
    "undeclared error": Fault(
        "device/enos_ota/firmware.py",
        "ValueError, IndexError, OverflowError)",
        "IndexError, OverflowError)",
        "messages",
        "ValueError",
    ),
    "signature of another content": Fault(
        "device/enos_ota/signature.py",
        "hashlib.sha256(bytes(8) + digest + salt).digest() == seed",
        "len(seed) == 32",
        "signature",
        "a signature for",
    ),
    "signature of another file": Fault(
        "device/enos_ota/verify.py",
        'if signed not in (b"", content):',
        "if signed is None:",
        "upgrade",
        "a file that nobody signed",
    ),
    "console": Fault(
        "device/enos_ota/log.py",
        'if not " " <= char <= "~":',
        "if not char:",
        "log",
        "the log holds",
    ),
    "memory never given back": Fault(
        "device/enos_ota/log.py",
        "    now = time.gmtime()\n",
        "    now = time.gmtime()\n    log.__globals__.setdefault('kept', []).append(text)\n",
        "log",
        "bytes are never given back",
    ),
    "past that is not tolerated": Fault(
        "device/enos_ota/startup.py",
        '    except Exception as error:\n        log("E", "look back: %r" % error)',
        '    except OSError as error:\n        log("E", "look back: %r" % error)',
        "lookback",
        "Error",
    ),
    "certificate read behind its end": Fault(
        "device/enos_ota/der.py",
        "    if at + 2 > len(data) or tag",
        "    if tag",
        "der",
        "IndexError",
    ),
    "trial without a watchdog": Fault(
        "boot/boot.py",
        "    if is_trial:\n        machine.WDT",
        "    if 0:\n        machine.WDT",
        "boot",
        "watchdog",
    ),
}


def played(how: How, fault: Fault, cases: int = CASES) -> Played:
    return campaign.play(fault.target, SEED, 0, cases, how)


@pytest.mark.parametrize("name", FAULTS)
def test_fuzz_with_a_fault_seeded_finds_it(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    found = played(fault.seeded(tmp_path / "out"), fault)
    assert any(fault.found in text for problem in found.problems for text in problem.wrong), (
        [problem.wrong for problem in found.problems],
        found.outcomes,
    )


def test_fuzz_problem_played_again_alone_is_the_same(tmp_path: Path) -> None:
    fault = FAULTS["certificate read behind its end"]
    how = fault.seeded(tmp_path / "out")
    first = played(how, fault).problems[-1]
    again = campaign.play(fault.target, SEED, first.case, 1, how)
    assert [(one.wrong, one.parts) for one in again.problems] == [(first.wrong, first.parts)]
    assert first.replay == f"make fuzz SEED={SEED} TARGET=der CASE={first.case}"
    file = tmp_path / "input.hex"
    file.write_text("".join(part.hex() + "\n" for part in first.parts))
    assert campaign.play_input("der", file, how).problems[0].wrong == first.wrong


def test_fuzz_same_seed_is_the_same_input_and_another_seed_another() -> None:
    def inputs(seed: int) -> list[str]:
        output = campaign.play("session", seed, 0, 20, How(shows=True)).output
        return [line for line in output.splitlines() if line.startswith(("part", "outcome"))]

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)


HANG = Fault(
    "device/enos_ota/digits.py",
    "    text = text.lower()\n",
    "    text = text.lower()\n    while text == '200':\n        pass\n",
    "http",
    "no end within",
)
CRASH = replace(
    HANG, becomes="    import uctypes\n    uctypes.bytearray_at(0, 8)[0]\n", found="ended with -11"
)


@pytest.mark.parametrize("fault", [HANG, CRASH], ids=["hang", "crash"])
def test_fuzz_case_that_hangs_or_crashes_is_named_and_the_rest_is_played(
    fault: Fault, tmp_path: Path
) -> None:
    how = replace(fault.seeded(tmp_path / "out"), hang_s=3)
    found = played(how, fault, 30)
    problem = found.problems[0]
    assert fault.found in problem.wrong[0]
    again = campaign.play(fault.target, SEED, problem.case, 1, how)
    assert again.problems[0].wrong == problem.wrong


def test_fuzz_room_too_small_is_told_as_an_escape(tmp_path: Path) -> None:
    found = campaign.play("session", SEED, 0, 50, How(room_kib=2))
    assert any("MemoryError" in text for problem in found.problems for text in problem.wrong)
