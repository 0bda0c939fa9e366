"""`enos-ota job watch`: a bar per device until every task is final."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .cli_common import reason
from .client import AdminClient
from .told import printable

POLL_S = 0.3
STYLES = {"succeeded": "green", "failed": "red", "upgrading": "cyan"}


def watch(client: AdminClient, job_id: int, *, quiet: bool) -> dict[str, Any]:
    """Poll a job until it is final and return it; draws, in a terminal live, unless `quiet`."""
    job = client.job(job_id)
    console = Console(highlight=False)
    if quiet or not console.is_terminal:
        while not job["final"]:
            time.sleep(POLL_S)
            job = client.job(job_id)
        if not quiet:
            console.print(render(job))
        return job
    with Live(render(job), console=console, auto_refresh=False) as live:
        while not job["final"]:
            time.sleep(POLL_S)
            job = client.job(job_id)
            live.update(render(job), refresh=True)
    return job


def render(job: dict[str, Any]) -> Group:
    """The job as a table: device, versions, bar, step, status; why tasks failed stands below it."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for task in job["tasks"]:
        style = STYLES.get(task["status"], "dim")
        step = 100 if task["status"] == "succeeded" else task["progress"]
        target = task["to_version"] or " or ".join(job["versions"])
        doing = task["desc"].removeprefix(f"{target}: ")
        if not task["online"] and not task["final"]:
            doing = doing or "offline"
        table.add_row(
            Text(task["device"]),
            Text(printable(f"{task['from_version']} -> {target}")),
            ProgressBar(total=100, completed=max(step, 0), width=24, complete_style=style),
            Text(f"{step}%" if step >= 0 else str(step)),
            Text(task["status"], style=style),
            Text("" if task["status"] == "failed" else printable(doing)),
        )
    failed = [task for task in job["tasks"] if task["status"] == "failed"]
    several = len(job["tasks"]) > 1
    why = ((f"{task['device']}: " if several else "") + printable(reason(task)) for task in failed)
    return Group(table, *(Text(f"  {text}", STYLES["failed"]) for text in why))
