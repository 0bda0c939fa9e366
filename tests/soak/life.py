"""A board's life: a chain of upgrades, each beginning where the one before ended."""

from __future__ import annotations

import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from host_tools.demo.rig import Json

from .judge import History, judge
from .plan import Plan
from .play import Play
from .releases import Release, signers
from .stage import SETTINGS, Stage

SHAPES = ("enos-connect", "relative")


@dataclass
class Result:
    """One upgrade played: what was seen and judged; `error` when the soak itself failed."""

    index: int
    history: History | None
    verdicts: dict[str, str]
    error: str = ""


class Log:
    """Everything of a life, line by line, with seconds since its begin."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._began = file, time.time()

    def event(self, event: Json) -> None:
        """Something the board did or printed."""
        text = event.get("line") or {k: v for k, v in event.items() if k not in ("t", "source")}
        self._write(event["t"], f"{event['source']:8} {text}")

    def cloud(self, at: float, who: str, what: str) -> None:
        """Something the stand-in told."""
        self._write(at, f"cloud    {who}: {what}")

    def say(self, text: str) -> None:
        """Something the soak did."""
        self._write(time.time(), f"SOAK     {text}")

    def _write(self, at: float, text: str) -> None:
        self._file.write(f"{at - self._began:8.2f} {text}\n")
        self._file.flush()


def live(
    plans: list[Plan],
    releases: dict[str, Release],
    log_path: Path,
    on_result: Callable[[Result], Any],
) -> None:
    """Play the plans; a board that a verdict went against is replaced by a new one."""
    with log_path.open("w") as file:
        log = Log(file)
        while plans:
            played = 0
            folder = Path(tempfile.mkdtemp(dir=log_path.parent, prefix="board-"))
            try:
                for result in _one_board(folder, plans, releases, log):
                    played += 1
                    on_result(result)
                    if result.verdicts:
                        break
            except Exception as error:
                log.say(traceback.format_exc())
                broken = plans[min(played, len(plans) - 1)]
                on_result(Result(broken.index, None, {}, f"{type(error).__name__}: {error}"))
                played += 1
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            plans = plans[played:]


def _one_board(
    folder: Path, plans: list[Plan], releases: dict[str, Release], log: Log
) -> Iterator[Result]:
    """Raises: what the host's own parts raise; SecretLeakError at the end of a life."""
    with Stage(folder, log.event, log.cloud) as stage:
        for number, (version, release) in enumerate(releases.items()):
            shape = SHAPES[number % len(SHAPES)]
            stage.cloud.add_firmware(release.path, version, url_shape=shape)
        first = releases[plans[0].before]
        stage.start(first.path, first.version, keys=signers(first), **SETTINGS)
        for plan in plans:
            history = Play(stage, releases, plan, log.say).run()
            verdicts = judge(history)
            log.say(f"verdicts: {verdicts or 'none'}")
            yield Result(plan.index, history, verdicts)
