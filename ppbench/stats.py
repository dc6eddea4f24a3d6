"""Estimates, intervals and tests. Pure: numbers in, numbers out; knows no trial, no judge and no file.

The unit of chance is the family of prompts: values are averaged within a family, and families are resampled. What this
page promises is tried by simulation, `tests/simulation.py`; the figures stand in FIGURES.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

BOOTSTRAP_FROM = 30
"""Families. Below it a percentile bootstrap covers too little (91.5 % at 14), and Student's t is taken."""
RESAMPLES = 2000
DRAWS = 10_000
"""For a bounded mean: p values down to 0.0001 are told apart."""
NUMBERS = 20_000_000
"""Most weights held at once: of more than two thousand families fewer draws are taken."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; the bounds are None where nothing can be said."""

    value: float
    low: float | None
    high: float | None


def geometric_mean(ratios: Mapping[str, Sequence[float]], *, seed: int = 0) -> Estimate | None:
    """Geometric mean of positive ratios, by family, with a 95 % interval. None without any ratio."""
    return mean_ratio(
        {name: fmean(math.log(ratio) for ratio in family) for name, family in ratios.items() if family}, seed=seed
    )


def mean_ratio(logs: Mapping[str, float], *, seed: int = 0) -> Estimate | None:
    """The same, given the mean logarithm of each family."""
    means = list(logs.values())
    if not means:
        return None
    low, high = interval(means, seed=seed)
    edges = [None if bound is None else math.exp(bound) for bound in (low, high)]
    return Estimate(math.exp(fmean(means)), edges[0], edges[1])


def interval(means: Sequence[float], *, seed: int = 0) -> tuple[float | None, float | None]:
    """95 % interval of the mean of independent family means.

    From thirty families on a percentile bootstrap, its quantiles widened for what n values know of their own spread
    (the expanded percentile interval of Hesterberg 2015, The American Statistician 69, 371); below, Student's t.
    """
    n = len(means)
    if n < 2:
        return None, None
    if n >= BOOTSTRAP_FROM:
        sample = means_of_resamples(np.asarray([means]), seed)[0]
        tail = float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.025)))
        low, high = np.quantile(sample, (tail, 1 - tail))
        return float(low), float(high)
    half = float(stdtrit(n - 1, 0.975)) * _standard_error(means)
    return fmean(means) - half, fmean(means) + half


def means_of_resamples(rows: Array, seed: int) -> Array:
    """Each row's mean over the same resampled families: rows x RESAMPLES, from rows x families."""
    means: Array = rows @ _resamples(rows.shape[1], seed)
    return means


@lru_cache(maxsize=2)  # the figures of a table have the same families
def _resamples(n: int, seed: int) -> Array:
    """n x RESAMPLES: the share of each family in a resample."""
    shares: Array = (np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n).T
    return shares


def _standard_error(means: Sequence[float]) -> float:
    return float(np.std(means, ddof=1)) / math.sqrt(len(means))


def p_above(means: Sequence[float], margin: float = 0.0) -> float | None:
    """One-sided p value of Student's t test that the mean lies above `margin`; None below two families."""
    if len(means) < 2:
        return None
    distance, error = fmean(means) - margin, _standard_error(means)
    if error == 0.0:
        return 0.5 if distance == 0.0 else float(distance < 0)
    return float(stdtr(len(means) - 1, -distance / error))


def p_bounded_above(means: Sequence[float], margin: float, *, floor: float, seed: int = 0) -> float | None:
    """One-sided p value that the mean of values that never lie below `floor` lies above `margin`. None of nothing.

    Gaffke's bound (2005; Learned-Miller and Thomas 2020, arXiv 1905.06208): the values and one more at the floor are
    weighted by a flat Dirichlet distribution. It is Clopper and Pearson's for values of two kinds, so rare disasters that
    a few prompts could not show are allowed for, where a t test takes equal values for certainty. That it holds for any
    distribution is a conjecture that nobody has broken; the simulation tries those that come up here.
    """
    if not means:
        return None
    drawn = _bounded_means(means, floor, seed)
    return float((np.count_nonzero(drawn <= margin) + 1) / (len(drawn) + 1))


def bounded_mean(means: Sequence[float], *, floor: float, ceiling: float, seed: int = 0) -> Estimate | None:
    """The mean of values within [floor, ceiling] with a 95 % interval by the same bound from both sides."""
    if not means:
        return None
    low = np.quantile(_bounded_means(means, floor, seed), 0.025)
    high = np.quantile(_bounded_means(means, ceiling, seed), 0.975)
    return Estimate(fmean(means), float(low), float(high))


def _bounded_means(means: Sequence[float], edge: float, seed: int) -> Array:
    """Means of the values and one at the edge, weighted at random."""
    weighted: Array = (_weights(len(means) + 1, seed) @ np.asarray([*means, edge], dtype=np.float32)).astype(np.float64)
    return weighted


@lru_cache(maxsize=1)  # the measures of a table have the same families
def _weights(n: int, seed: int) -> NDArray[np.float32]:
    """Draws x n of the flat Dirichlet distribution."""
    draws = max(1_000, min(DRAWS, NUMBERS // n))
    weights = np.random.default_rng(seed).standard_exponential((draws, n), dtype=np.float32)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values, in the order given: one claim of all is wrong with the chance named at most (Holm 1979)."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def at_zero(y: Sequence[float], x: Sequence[float]) -> Estimate | None:
    """Where the line of y against x passes x = 0, by least squares, with a 95 % interval whose error is robust against
    uneven spread (HC3; MacKinnon and White 1985). None unless x varies and three points are there."""
    n = len(y)
    if n < 3 or np.ptp(x) < 1e-9:
        return None
    design = np.column_stack([np.ones(n), x])
    inverse = np.linalg.inv(design.T @ design)
    line = inverse @ design.T @ np.asarray(y)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    weights = ((np.asarray(y) - design @ line) / np.maximum(1 - leverage, 1e-9)) ** 2
    error = math.sqrt((inverse @ (design.T * weights) @ design @ inverse)[0, 0])
    half = float(stdtrit(n - 2, 0.975)) * error
    return Estimate(float(line[0]), float(line[0]) - half, float(line[0]) + half)


def rank_ranges(rows: Mapping[str, Mapping[str, float]], *, seed: int = 0) -> dict[str, tuple[int, int]]:
    """The ranks, 1 for the highest mean, that a row takes in 95 % of the resamples of the families that all rows share."""
    shared = sorted(set.intersection(*(set(row) for row in rows.values()))) if rows else []
    if len(shared) < 2:
        return {}
    means = means_of_resamples(np.asarray([[row[name] for name in shared] for row in rows.values()]), seed)
    ranks = 1 + (means[None, :, :] > means[:, None, :]).sum(axis=1)
    return {name: (int(np.quantile(row, 0.025, method="lower")), int(np.quantile(row, 0.975, method="higher")))
            for name, row in zip(rows, ranks, strict=True)}  # fmt: skip


def wilson(hits: int, of: int) -> Estimate | None:
    """A share with Wilson's 95 % interval, which holds for small numbers too. None of nothing."""
    if not of:
        return None
    z = float(ndtri(0.975))
    share, z2 = hits / of, z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = z * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))
