"""Intervals and tests: known quantiles, published examples, and honesty where nothing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta, ttest_1samp

from ppbench.stats import (
    at_zero,
    bounded_mean,
    geometric_mean,
    holm,
    interval,
    mean_ratio,
    p_above,
    p_bounded_above,
    rank_ranges,
    wilson,
)


def test_below_thirty_families_the_interval_is_students() -> None:
    """Mean and 97.5 % quantile for thirteen degrees of freedom, 2.1604."""
    values = [float(k) for k in range(14)]
    low, high = interval(values)
    assert low is not None
    assert high is not None
    half = 2.160369 * float(np.std(values, ddof=1)) / math.sqrt(14)
    assert (low, high) == pytest.approx((6.5 - half, 6.5 + half), abs=1e-5)


def test_from_thirty_families_on_families_are_resampled() -> None:
    """A bootstrap interval never leaves the range of the data, as a t interval of a skewed sample does."""
    low, high = interval([0.0] * 39 + [10.0])
    assert low == 0.0
    assert high is not None
    assert 0.5 < high < 1.2


def test_an_interval_is_the_same_again() -> None:
    """The seed decides, not the hour."""
    values = [float(np.sin(k)) for k in range(50)]
    assert interval(values, seed=3) == interval(values, seed=3) != interval(values, seed=4)


def test_one_family_knows_no_interval() -> None:
    """A single family gives a value and no bounds."""
    estimate = mean_ratio({"a": math.log(4.0)})
    assert estimate is not None
    assert (estimate.value, estimate.low, estimate.high) == (pytest.approx(4.0), None, None)


def test_a_family_counts_once() -> None:
    """Ten translations of one prompt weigh as much as one prompt."""
    estimate = geometric_mean({"many": [4.0] * 10, "one": [1.0], "none": []})
    assert estimate is not None
    assert estimate.value == pytest.approx(2.0)


def test_no_ratio_no_estimate() -> None:
    assert mean_ratio({}) is None
    assert geometric_mean({"a": []}) is None
    assert p_above([1.0]) is None
    assert p_bounded_above([], 0.0, floor=-1.0) is None
    assert bounded_mean([], floor=0.0, ceiling=1.0) is None
    assert wilson(0, 0) is None


@pytest.mark.parametrize("n", [5, 40])
def test_equal_ratios_give_a_narrow_interval_and_no_nan(n: int) -> None:
    estimate = mean_ratio({str(k): math.log(2.0) for k in range(n)})
    assert estimate is not None
    assert (estimate.low, estimate.high) == (pytest.approx(2.0), pytest.approx(2.0))


def test_the_one_sided_test_is_students() -> None:
    """The same p value as SciPy's."""
    values = [0.1, -0.2, 0.4, 0.3, 0.25, -0.05]
    expected = ttest_1samp(values, 0.05, alternative="greater").pvalue
    assert p_above(values, 0.05) == pytest.approx(expected)
    assert (p_above([1.0, 1.0]), p_above([0.0, 0.0]), p_above([-1.0, -1.0])) == (0.0, 0.5, 1.0)


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (3, 20), (20, 20), (50, 60)])
def test_of_values_of_two_kinds_the_bounds_are_clopper_and_pearsons(hits: int, n: int) -> None:
    """Exact limits for a share, within what ten thousand draws can tell."""
    found = bounded_mean([1.0] * hits + [0.0] * (n - hits), floor=0.0, ceiling=1.0)
    assert found is not None
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_equal_answers_on_few_prompts_do_not_prove_that_rare_losses_are_rare() -> None:
    """With no loss in 14 prompts a loss of three answers in a hundred stays possible; in 200 it does not."""
    few, many = (p_bounded_above([0.0] * n, -0.03, floor=-1.0) for n in (14, 200))
    assert few == pytest.approx(0.97**14, abs=0.02)
    assert many is not None
    assert many < 0.01


def test_holms_correction_is_the_published_one() -> None:
    """Four p values by hand: the smallest times four, the next times three, never falling, at most one."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_speedup_at_equal_length_is_where_the_line_passes_zero() -> None:
    """log speed = 0.4 - 0.5 x log tokens gives back 0.4, its interval around it."""
    chance = np.random.default_rng(0)
    tokens = chance.normal(0.3, 0.4, 60)
    found = at_zero(list(0.4 - 0.5 * tokens + chance.normal(0, 0.05, 60)), list(tokens))
    assert found is not None
    assert found.value == pytest.approx(0.4, abs=0.03)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.4 < found.high < found.low + 0.1


def test_no_line_without_a_spread_of_lengths() -> None:
    assert at_zero([1.0, 2.0, 3.0], [0.5, 0.5, 0.5]) is None
    assert at_zero([1.0, 2.0], [0.0, 1.0]) is None


def test_ranks_span_what_resampling_leaves_open() -> None:
    """A method far ahead is first; two that differ by chance share second and third."""
    chance = np.random.default_rng(1)
    rows = {"far": 2.0, "one": 1.0, "two": 1.0}
    values = {name: {str(k): float(mean + chance.normal(0, 0.3)) for k in range(40)} for name, mean in rows.items()}
    assert rank_ranges(values) == {"far": (1, 1), "one": (2, 3), "two": (2, 3)}
    assert rank_ranges({}) == {}


def test_wilsons_interval_is_the_published_one() -> None:
    """No hit in ten: 0 to 0.278 (Brown, Cai and DasGupta 2001)."""
    found = wilson(0, 10)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.0, 0.2775), abs=1e-3)
