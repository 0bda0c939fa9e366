"""Seeded faults: one line of the device code made wrong, described in `faults/*.toml`.

A fault has: id; file; line, a piece of it that is found exactly once, or once inside the function named by
`within`; becomes, what stands there instead; why it matters; tests, tried in this order until one fails.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "faults"


class FaultError(Exception):
    """A description that cannot be used; the text says which, and what to do."""


@dataclass(frozen=True)
class Fault:
    """One fault; `table` is the file that describes it."""

    id: str
    file: str
    line: str
    becomes: str
    why: str
    tests: tuple[str, ...]
    within: str
    table: str

    def applied(self, text: str) -> tuple[str, int]:
        """The source with the fault in it, and the number of the line that changed.

        Raises: FaultError when the line is not found exactly once, or the result is no Python.
        """
        start, end = self._span(text)
        found = text.count(self.line, start, end)
        if found != 1:
            raise self._stale(f"{self.line!r} is found {found} times")
        at = text.index(self.line, start)
        wrong = text[:at] + self.becomes + text[at + len(self.line) :]
        try:
            compile(wrong, self.file, "exec")
        except SyntaxError as error:
            raise FaultError(f"{self.id}: with the fault it is no Python: {error}") from None
        changed_at = at + len(self.line) - len(self.line.lstrip("\n "))
        return wrong, text.count("\n", 0, changed_at) + 1

    def _span(self, text: str) -> tuple[int, int]:
        if not self.within:
            return 0, len(text)
        heads = list(re.finditer(rf"^( *)(?:async )?def {self.within}\b", text, re.MULTILINE))
        if len(heads) != 1:
            raise self._stale(f"the function {self.within} is found {len(heads)} times")
        start = heads[0].end()
        indent = heads[0].group(1)
        # Its end is the next line that stands no deeper than its head.
        following = re.compile(rf"^ {{0,{len(indent)}}}[^\s)]", re.MULTILINE).search(text, start)
        return start, following.start() if following else len(text)

    def _stale(self, what: str) -> FaultError:
        return FaultError(
            f"{self.id}: {what} in {self.file}: the code has changed: adapt tests/mutate/faults/{self.table}"
        )


def load(folder: Path = FOLDER) -> list[Fault]:
    """All faults, by table and as they stand there.

    Raises: FaultError for a field that is missing or unknown, and for an id that is used twice.
    """
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text())["fault"]:
            try:
                fields = {"within": "", **entry, "tests": tuple(entry["tests"])}
                fault = Fault(**fields, table=path.name)
            except (KeyError, TypeError) as error:
                raise FaultError(f"{path.name}: {entry.get('id')}: {error}") from None
            if any(known.id == fault.id for known in faults):
                raise FaultError(f"{path.name}: the id {fault.id} is used twice")
            faults.append(fault)
    return faults
