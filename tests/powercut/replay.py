"""Plays one case of the power-cut sweep with the board's log: `replay.py first-upgrade:k17:half`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import sweeping
import workshop


def main() -> int:
    """Print the log; the exit code says whether the board ended where it must."""
    if len(sys.argv) != 2 or ":" not in sys.argv[1]:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        bench = Path(folder)
        workshop.prepare(bench)
        swept = sweeping.run(bench, sys.argv[1].partition(":")[0], "replay", sys.argv[1])
    print(swept.output)
    for case, problems in swept.problems.items():
        print(f"FAILED {case}: {'; '.join(problems)}")
    return 1 if swept.problems else 0


if __name__ == "__main__":
    sys.exit(main())
