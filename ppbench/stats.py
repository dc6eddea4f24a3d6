"""Paired ratios and their intervals. Pure: numbers in, numbers out; knows no trial and no file.

The unit of chance is the family of prompts: values are averaged within a family, and families are resampled. Below
thirty families a percentile bootstrap covers too little (91.5 % at n = 14), so there the interval is Student's t on the
mean of family log ratios.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

BOOTSTRAP_FROM = 30
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; the bounds are None where nothing can be said."""

    value: float
    low: float | None
    high: float | None


def geometric_mean(ratios: Mapping[str, Sequence[float]], *, seed: int = 0) -> Estimate | None:
    """Geometric mean of positive ratios, by family, with a 95 % interval. None without any ratio."""
    means = [fmean(math.log(ratio) for ratio in family) for family in ratios.values() if family]
    if not means:
        return None
    low, high = interval(means, seed=seed)
    edges = [None if bound is None else math.exp(bound) for bound in (low, high)]
    return Estimate(math.exp(fmean(means)), edges[0], edges[1])


def interval(means: Sequence[float], *, seed: int = 0) -> tuple[float | None, float | None]:
    """95 % interval of the mean of independent family means."""
    if len(means) < 2:
        return None, None
    if len(means) >= BOOTSTRAP_FROM:
        return _bootstrap(means, seed)
    half = t_quantile(0.975, len(means) - 1) * stdev(means) / math.sqrt(len(means))
    return fmean(means) - half, fmean(means) + half


def _bootstrap(means: Sequence[float], seed: int) -> tuple[float, float]:
    chance = random.Random(seed)
    sample = sorted(fmean(chance.choices(means, k=len(means))) for _ in range(RESAMPLES))
    return sample[int(0.025 * RESAMPLES)], sample[int(0.975 * RESAMPLES) - 1]


_Z = 1.959963984540054
"""Quantile of the normal distribution at 0.975."""


def wilson(hits: int, of: int) -> Estimate | None:
    """A share with Wilson's 95 % interval, which holds for small numbers too. None of nothing."""
    if not of:
        return None
    share, z2 = hits / of, _Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2)) / (1 + z2 / of)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def t_quantile(p: float, df: int) -> float:
    """Quantile of Student's t for p in (0.5, 1), by bisection on its distribution function."""
    low, high = 0.0, 2000.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_cdf(middle, df) < p else (low, middle)
    return (low + high) / 2


def _t_cdf(t: float, df: int) -> float:
    """Exact for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4); t >= 0."""
    theta = math.atan(t / math.sqrt(df))
    cosine, term, total = math.cos(theta), 1.0, 0.0
    start = 1 if df % 2 == 0 else 2
    if df > 1:
        term = 1.0 if df % 2 == 0 else cosine
        total = term
        for k in range(start, df - 2, 2):
            term *= cosine**2 * k / (k + 1)
            total += term
    area = math.sin(theta) * total if df % 2 == 0 else 2 / math.pi * (theta + math.sin(theta) * total)
    return 0.5 + area / 2
