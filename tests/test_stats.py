"""Intervals: known quantiles, coverage by simulation, and honesty where nothing is known."""

from __future__ import annotations

import math
import random

import pytest

from ppbench.stats import geometric_mean, interval, t_quantile


@pytest.mark.parametrize(("df", "expected"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (13, 2.1604), (29, 2.0452)])
def test_t_quantiles_are_those_of_the_tables(df: int, expected: float) -> None:
    """97.5 % quantiles of Student's t."""
    assert t_quantile(0.975, df) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("families", "tables"), [(5, 600), (14, 600), (40, 100)])
def test_nominal_intervals_cover(families: int, tables: int) -> None:
    """A nominal 95 % interval covers the truth in about 95 % of simulated tables."""
    chance = random.Random(families)
    hits = 0
    for trial in range(tables):
        low, high = interval([chance.gauss(0.3, 1.0) for _ in range(families)], seed=trial)
        assert low is not None
        assert high is not None
        hits += low <= 0.3 <= high
    assert 0.91 <= hits / tables <= 0.985


def test_one_family_knows_no_interval() -> None:
    """A single family gives a value and no bounds."""
    estimate = geometric_mean({"a": [2.0, 8.0]})
    assert estimate is not None
    assert (estimate.value, estimate.low, estimate.high) == (pytest.approx(4.0), None, None)


def test_no_ratio_no_estimate() -> None:
    assert geometric_mean({}) is None
    assert geometric_mean({"a": []}) is None


def test_a_family_counts_once() -> None:
    """Ten translations of one prompt weigh as much as one prompt."""
    estimate = geometric_mean({"many": [4.0] * 10, "one": [1.0]})
    assert estimate is not None
    assert estimate.value == pytest.approx(2.0)


def test_equal_ratios_give_a_narrow_interval_and_no_nan() -> None:
    estimate = geometric_mean({str(k): [2.0] for k in range(5)})
    assert estimate is not None
    assert estimate.low is not None
    assert math.isclose(estimate.low, 2.0)


def test_from_thirty_families_on_families_are_resampled() -> None:
    """A bootstrap interval never leaves the range of the data, as a t interval of a skewed sample does."""
    low, high = interval([0.0] * 39 + [10.0])
    assert low is not None
    assert high is not None
    assert 0.0 <= low <= 0.25 <= high <= 1.0
    assert interval([0.0] * 28 + [10.0])[0] < 0  # type: ignore[operator]
