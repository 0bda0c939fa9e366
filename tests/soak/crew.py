"""Lives played side by side, each in the hands of a process of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from .life import Result, live
from .plan import life_of
from .releases import load_releases

Life = tuple[int, int]
"""Its first and its last upgrade."""
LOOK_S = 0.2


def lives(upgrades: int, life: int) -> list[Life]:
    """How so many upgrades fall to boards of `life` upgrades each."""
    return [(first, min(first + life, upgrades) - 1) for first in range(0, upgrades, life)]


def play(seed: int, todo: list[Life], boards: int, folder: Path) -> Iterator[Result]:
    """Play lives with the releases below `folder`, `boards` at a time; logs go there, too."""
    context = multiprocessing.get_context("spawn")
    results: Queue[Any] = context.Queue()
    waiting, running = list(todo), dict[Life, BaseProcess]()
    ended = set[Life]()
    while waiting or running:
        while waiting and len(running) < boards:
            one = waiting.pop(0)
            arguments = (seed, one, folder, results)
            running[one] = context.Process(target=_work, args=arguments, daemon=True)
            running[one].start()
        try:
            life, result = results.get(timeout=LOOK_S)
        except queue.Empty:
            for life, process in list(running.items()):
                if life in ended:  # nor was anything left in the queue
                    del running[life]
                    yield Result(life[0], None, {}, f"its process ended with {process.exitcode}")
                elif not process.is_alive():
                    ended.add(life)
            continue
        if result is not None:
            yield result
            continue
        running.pop(life).join()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(seed: int, life: Life, folder: Path, results: Queue[Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's affair, which then ends this one
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Connections that break are wanted here.
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)
    log = folder / f"life-{seed}-{life[0]}.log"
    try:
        plans = list(life_of(seed, *life))
        live(plans, load_releases(folder), log, lambda one: results.put((life, one)))
    except Exception as error:
        results.put((life, Result(life[0], None, {}, f"{type(error).__name__}: {error}")))
    results.put((life, None))
