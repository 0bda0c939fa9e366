"""Bytes of compiled code in the agent package, against its budget (`make size`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from host_tools.release.compile import compile_source
from host_tools.release.errors import ReleaseError
from host_tools.release.sources import AGENT, agent_folder, agent_sources

WAITING = (
    "__init__",
    "agent",
    "application",
    "board",
    "errors",
    "log",
    "messages",
    "session",
    "transport",
)
"""The modules a waiting board holds (an end-to-end test asks a board); the others come and go."""

_RECORD = ("record", "image", "segment")

_REACH = ("upgrade", "fetch", "reach")
_HTTP = ("source", "http", "url", "body", "digits")

MOMENTS = {
    "logging in": (*_REACH, *_HTTP, "login", "quote"),
    "dialing": (*_REACH, *_HTTP, "asking", "dial"),
    "asking": (*_REACH, *_HTTP, "asking", "redirect"),
    "judging": (*_REACH, *_HTTP, "answer"),
    "judging the signature": (*_REACH, "body", "digits", "tail", "signature"),
    "judging the record": (*_REACH, "body", "digits", "tail", "permit", *_RECORD),
    "streaming": ("upgrade", "fetch", "stream", "slot", "segment", "body", "digits"),
    "verifying the signature": ("upgrade", "verify", "signature"),
    "verifying the record": ("upgrade", "verify", "permit", *_RECORD),
    "switching": ("upgrade", "switch", "otadata", "journal"),
    "on trial": ("connect", "trial", "proof", *_HTTP, "login", "quote"),
    "confirming the clock": ("connect", "clock", "servertime", "url", "contexts", "pins", "der"),
}
"""What an upgrade holds at once beside `WAITING`; unit tests see each set gone before the next comes."""

WAITING_BUDGET_BYTES = 12 * 1024
AT_ONCE_BUDGET_BYTES = 40 * 512
"""What matters to the Python heap, of which it takes 1.6 times as much; the package only takes flash."""
PACKAGE_BUDGET_BYTES = 62 * 1024


@dataclass(frozen=True)
class Sizes:
    """Bytes of `.mpy` per module of the package."""

    modules: dict[str, int]

    @property
    def waiting_bytes(self) -> int:
        """Sum of the modules in `WAITING`."""
        return sum(size for name, size in self.modules.items() if name in WAITING)

    @property
    def at_once_bytes(self) -> int:
        """The waiting layer and the largest of the `MOMENTS`."""
        held = [sum(self.modules.get(name, 0) for name in names) for names in MOMENTS.values()]
        return self.waiting_bytes + max(held)

    @property
    def package_bytes(self) -> int:
        """Sum of all modules."""
        return sum(self.modules.values())

    def over_budget(self) -> list[str]:
        """One line for each sum that exceeds its budget."""
        return [
            f"{name} is {size - budget:,} bytes over its {budget:,}"
            for name, size, budget in self.sums()
            if size > budget
        ]

    def sums(self) -> list[tuple[str, int, int]]:
        """Name, bytes and budget of all sums."""
        return [
            ("waiting layer", self.waiting_bytes, WAITING_BUDGET_BYTES),
            ("most at once", self.at_once_bytes, AT_ONCE_BUDGET_BYTES),
            ("package", self.package_bytes, PACKAGE_BUDGET_BYTES),
        ]


def measure(folder: Path) -> Sizes:
    """Compile each module of `folder` as a release does.

    Raises: `ReleaseError` when one does not compile.
    """
    paths = sorted(folder.rglob("*.py"))
    names = [path.relative_to(folder).with_suffix("").as_posix() for path in paths]
    sources = agent_sources(dict(zip(names, paths, strict=True)))
    sizes = [len(compile_source(source, AGENT, lines=False)) for source in sources.values()]
    return Sizes(dict(zip(names, sizes, strict=True)))


def main() -> None:
    """Print the table; exit with 1 when a budget is exceeded."""
    try:
        sizes = measure(agent_folder())
    except ReleaseError as error:
        sys.exit(f"error: {error}")
    table = Table(box=None, pad_edge=False)
    table.add_column("module")
    table.add_column("layer")
    table.add_column(".mpy bytes", justify="right")
    for name, size in sorted(
        sizes.modules.items(), key=lambda item: (item[0] not in WAITING, item)
    ):
        table.add_row(name, "waiting" if name in WAITING else "upgrade", f"{size:,}")
    table.add_section()
    for name, size, budget in sizes.sums():
        table.add_row(name, "", f"{size:,}", f"of {budget:,}")
    Console().print(table)
    over = sizes.over_budget()
    if over:
        sys.exit("error: " + "; ".join(over))


if __name__ == "__main__":
    main()
