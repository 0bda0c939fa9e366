"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

OK, WARNING, BLOCKER = "ok", "warning", "blocker"
Facts = dict[str, Any]
"""What `on_board/probe.py` found, by the name of its function."""


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do about it ("" when nothing)."""

    name: str
    level: str
    text: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)
