"""Some hostile input for every parser, the same in each run; `make fuzz` plays much more."""

from __future__ import annotations

import pytest

from . import campaign

SEED = 1
CASES = 400


@pytest.mark.parametrize("target", campaign.targets())
def test_parser_takes_hostile_input_as_declared(target: str) -> None:
    played = campaign.play(target, SEED, 0, campaign.count_of(target, CASES))
    shown = {problem.kind: str(problem) for problem in reversed(played.problems)}
    assert not played.problems, "\n\n".join(shown.values())
    # Input of which all is refused, or nothing, would reach little.
    assert len(played.outcomes) > 1 or target in ("log", "main"), played.outcomes
