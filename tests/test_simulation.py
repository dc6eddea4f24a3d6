"""Intervals cover and verdicts do not lie, by simulation; `make simulate` runs the same for longer."""

from __future__ import annotations

import pytest
from simulation import COVERED, NULLS, REAL, World, called_good, coverage


@pytest.mark.parametrize("n", [14, 30, 60, 200])
def test_nominal_intervals_cover(n: int) -> None:
    """With effects that differ from prompt to prompt a 95 % interval holds the truth in 93 to 97 % of 2,000 tables."""
    assert 0.93 <= coverage(COVERED["prompts differ"], n, 2000) <= 0.97


@pytest.mark.parametrize("world", NULLS, ids=lambda world: world.name)
def test_nothing_false_is_called_faster_and_not_worse(world: World) -> None:
    """At most one table in twenty, within what 300 tables can tell: no faster, or worse by the margin, however it is lost."""
    assert called_good(world, 200, 300) <= 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5


def test_what_is_faster_and_as_good_is_called_so() -> None:
    """The test is no refusal of everything."""
    assert called_good(REAL, 200, 20) == 1.0
