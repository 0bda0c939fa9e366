"""What the tests share: named inputs, and what the device makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from . import campaign


@pytest.fixture
def taken(tmp_path: Path) -> Callable[..., str]:
    """How the device takes an input: the vector `TARGET-…` of this name, or `parts` for a target.

    Fails where it is not taken as declared.
    """

    def play(name: str, *parts: bytes) -> str:
        file = campaign.VECTORS / f"{name}.hex"
        if parts:
            file = tmp_path / name
            file.write_text("".join(part.hex() + "\n" for part in parts))
        played = campaign.play_input(name.partition("-")[0], file)
        assert not played.problems, "\n".join(
            [f"{name}: {'; '.join(one.wrong)}\n{one.trace}" for one in played.problems]
        )
        (outcome,) = played.outcomes
        return outcome

    return play
