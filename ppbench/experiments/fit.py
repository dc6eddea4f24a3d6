"""A line through times against n, and how far its slope and its intercept can be believed. Pure numbers.

Least squares with one intercept a family (the prompt): prompts differ in how long their answers are, and long lists come
from few prompts, so that a line through all points alike would mix the two. The intercept that is told is the mean of the
families'. The unit of chance is the family, and intervals are made as `ppbench.stats` makes them: from thirty families on
they are resampled, and the percentiles widened; below that a bootstrap covers too little, and the interval is Student's t,
here on errors that are clustered by family.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from ppbench.stats import BOOTSTRAP_FROM, RESAMPLES, Estimate


@dataclass(frozen=True)
class Line:
    """y = intercept + slope x n; bounds are None where a single family says nothing of others."""

    intercept: Estimate
    slope: Estimate
    residual: float
    """Root mean square of what the line leaves unexplained: beside the rise, it says whether a line is the right shape."""
    families: int
    points: int

    def at(self, n: float) -> float:
        return self.intercept.value + self.slope.value * n


def line(families: Mapping[str, Sequence[tuple[float, float]]], *, seed: int = 0) -> Line | None:
    """The line through the points (n, y) of all families; None if no family was seen at two different n."""
    known = {name: points for name, points in families.items() if len({n for n, _ in points}) > 1}
    if not known:
        return None
    sums = np.array([_sums(points) for points in known.values()])
    intercept, slope = _estimates(sums, seed)
    count = sum(map(len, known.values()))
    left = sums[:, 4].sum() - slope.value * sums[:, 3].sum()
    return Line(intercept, slope, float(np.sqrt(max(0.0, left) / count)), len(known), count)


def _sums(points: Sequence[tuple[float, float]]) -> list[float]:
    """Of one family: mean n, mean y, and about them the sums of squares of n, of products, of squares of y."""
    n, y = np.array(points, dtype=float).T
    return [n.mean(), y.mean(), ((n - n.mean()) ** 2).sum(), ((n - n.mean()) * (y - y.mean())).sum(),
            ((y - y.mean()) ** 2).sum()]  # fmt: skip


def _coefficients(sums: Any) -> Any:
    """Intercept and slope, of one sample or of many (the last two axes are families and their sums)."""
    slope = sums[..., 3].sum(-1) / sums[..., 2].sum(-1)
    return np.stack([sums[..., 1].mean(-1) - slope * sums[..., 0].mean(-1), slope], -1)


def _estimates(sums: Any, seed: int) -> tuple[Estimate, Estimate]:
    found = _coefficients(sums)
    if len(sums) < 2:
        return Estimate(float(found[0]), None, None), Estimate(float(found[1]), None, None)
    if len(sums) >= BOOTSTRAP_FROM:
        picks = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
        low, high = np.quantile(_coefficients(sums[picks]), _tails(len(sums)), axis=0)
    else:
        half = float(stdtrit(len(sums) - 1, 0.975)) * _errors(sums, found)
        low, high = found - half, found + half
    one, other = (Estimate(float(found[k]), float(low[k]), float(high[k])) for k in range(2))
    return one, other


def _errors(sums: Any, found: Any) -> Any:
    """Standard errors clustered by family, by the delta method."""
    count = len(sums)
    moved = (sums[:, 3] - found[1] * sums[:, 2]) / sums[:, 2].sum()
    shifted = (sums[:, 1] - found[1] * sums[:, 0] - found[0]) / count - moved * sums[:, 0].mean()
    return np.sqrt(np.stack([(shifted**2).sum(), (moved**2).sum()]) * count / (count - 1))


def _tails(count: int) -> tuple[float, float]:
    """The quantiles of an expanded percentile interval, as in `ppbench.stats.interval`."""
    tail = float(ndtr(math.sqrt(count / (count - 1)) * stdtrit(count - 1, 0.025)))
    return tail, 1 - tail
