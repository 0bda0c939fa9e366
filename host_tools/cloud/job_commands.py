"""Commands `job` and `switch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .cli_common import operator_command, reason, show, table
from .client import AdminClient

# --- job


@click.group()
def job() -> None:
    """Upgrade jobs of the running stand-in."""


@job.command("create")
@click.option("--version", "versions", multiple=True, required=True, help="Target (repeatable).")
@click.option("--device", "devices", multiple=True, help="Device key (repeatable); default: all.")
@click.option("--on-request", is_flag=True, help="Offered when devices ask, not pushed.")
@click.option("--from-versions", multiple=True, help="Only devices that run one of these.")
@click.option("--timeout-s", type=int, default=7200, show_default=True, help="upgradeTimeout.")
@click.option("--retry-count", type=int, default=0, show_default=True, help="Automatic retries.")
@click.option(
    "--retry-interval-s", type=int, default=60, show_default=True, help="Seconds between them."
)
@operator_command
def job_create(home: Path, as_json: bool, **options: Any) -> None:
    """Make an upgrade job for devices that have informed a version."""
    options["from_versions"] = [
        version for given in options["from_versions"] for version in given.split(",")
    ]
    created = AdminClient(home).create_job(**options)
    show(as_json, created, _job_text(created))


@job.command("list")
@operator_command
def job_list(home: Path, as_json: bool) -> None:
    """List the jobs and their tasks."""
    jobs = AdminClient(home).jobs()
    show(as_json, jobs, "\n".join(map(_job_text, jobs)) or "no jobs")


@job.command("watch", short_help="Show a job live until all its tasks are final.")
@click.argument("job_id", type=int)
@operator_command
def job_watch(job_id: int, home: Path, as_json: bool) -> None:
    """Show a job live until all its tasks are final; exit code 1 if any failed."""
    from .watch import watch  # noqa: PLC0415 - rich is slow to import

    ended = watch(AdminClient(home), job_id, quiet=as_json)
    if as_json:
        show(True, ended, "")
    if any(task["status"] == "failed" for task in ended["tasks"]):
        raise SystemExit(1)


def _act(name: str, help_text: str, *, per_device: bool = True) -> None:
    @operator_command
    def call(job_id: int, home: Path, as_json: bool, device: str | None = None) -> None:
        client = AdminClient(home)
        method = getattr(client, name)
        changed = method(job_id, device) if per_device else method(job_id)
        show(as_json, changed, _job_text(changed))

    if per_device:
        call = click.option("--device", help="Only this device's task.")(call)
    job.command(name, help=help_text)(click.argument("job_id", type=int)(call))


_act("cancel", "Cancel the tasks that wait or were only pushed.")
_act("retry", "Begin the failed tasks again.")
_act("stop", "Push and offer nothing more of a job.", per_device=False)


def _job_text(one: dict[str, Any]) -> str:
    kind = "on request" if one["kind"] == "request" else "push"
    lines = [f"job {one['id']}: {', '.join(one['versions'])} ({kind}, {one['status']})"]
    rows = [
        (
            "  " + task["device"],
            f"{task['from_version']} -> {task['to_version'] or '?'}",
            task["status"],
            task["progress"],
            reason(task),
        )
        for task in one["tasks"]
    ]
    return "\n".join([*lines, table(("  DEVICE", "VERSION", "STATUS", "STEP", ""), rows)])


# --- switch


@click.group()
def switch() -> None:
    """Switches for what is not known about EnOS."""


@switch.command("list")
@operator_command
def switch_list(home: Path, as_json: bool) -> None:
    """List the switches and their positions."""
    found = AdminClient(home).switches()
    rows = [
        (one["name"], one["value"], "|".join(map(str, one["allowed"])), one["meaning"])
        for one in found
    ]
    show(as_json, found, table(("SWITCH", "IS", "POSITIONS", "DECIDES"), rows))


@switch.command("set")
@click.argument("name")
@click.argument("value")
@operator_command
def switch_set(name: str, value: str, home: Path, as_json: bool) -> None:
    """Put a switch into a position; it stays there over restarts."""
    changed = AdminClient(home).set_switch(name, value)
    show(as_json, changed, f"{changed['name']} = {changed['value']}")
