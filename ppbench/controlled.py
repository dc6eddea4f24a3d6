"""A judge's preference with length and visible structure taken out by regression, beside the raw one.

A judge may like what is longer, or has headings, bold type and list marks. The log odds that the method is preferred are
taken to be a constant plus a slope for each of these differences; the constant alone is the preference at no difference
(length-controlled AlpacaEval, Dubois et al. 2024, arXiv 2404.04475; its item difficulty is left out, for it takes many
models to learn it). A judge that goes by length alone, in steps rather than slopes, is not wholly undone. Pure; knows no
judge and no file. What cannot be known from the rows is None, with the reason.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from statistics import fmean
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ppbench.stats import Estimate, interval

Array: TypeAlias = NDArray[np.float64]

ROWS_A_FACTOR = 10
"""Families that are needed for the constant and for each slope; with fewer nothing is said."""
RIDGE = 0.16
"""Holds the slopes of standardised differences back, as a normal prior with deviation 2.5 does: without it, a difference
that tells winners from losers has no finite slope. The constant is not held back."""
_STEPS = 100
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]", re.MULTILINE)
_BOLD = re.compile(r"(\*\*|__)(?=\S)[^\n*_]{1,200}(?<=\S)\1")
_MARK = re.compile(r"^[ \t]*+(?:[-*+•‣–][ \t]|[(（]?\d{1,3}[.)．）、](?!\d))", re.MULTILINE)


@dataclass(frozen=True)
class Look:
    """What can be seen of an answer without reading it: its length in characters, and counts."""

    length: int
    headings: int
    bold: int
    marks: int
    """Lines that begin with a bullet or a number."""


def look(text: str) -> Look:
    counts = [sum(1 for _ in pattern.finditer(text)) for pattern in (_HEADING, _BOLD, _MARK)]
    return Look(len(text.strip()), *counts)


@dataclass(frozen=True)
class Compared:
    """One comparison: the family of the prompt, the value for the method (1 won, 0 lost, 0.5 a tie), and both answers."""

    family: str
    value: float
    method: Look
    serial: Look


@dataclass(frozen=True)
class Controlled:
    """Preference, raw and at no difference of length and structure, each with its 95 % interval."""

    raw: Estimate | None
    """Mean of family means; None of nothing."""
    value: Estimate | None
    reason: str = ""
    """Why `value` is None, or has no bounds."""
    slopes: Mapping[str, float] = field(default_factory=dict)
    """By what differed, the log odds of being preferred that twice as much brings (of counts: of one more than counted)."""


def controlled(rows: Sequence[Compared], *, seed: int = 0) -> Controlled:
    """Fit and read off at zero. Every family weighs the same; ties count as half a win. The interval is the sandwich's,
    by family, with Student's t; the raw one is that of any mean (`stats.interval`)."""
    families: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        families[row.family].append(row.value)
    if not families:
        return Controlled(None, None, "nothing was compared")
    means = [fmean(values) for values in families.values()]
    raw = Estimate(fmean(means), *interval(means, seed=seed))
    names, differences = _differences(rows)
    reason = _unknown(names, differences, len(families))
    if reason:
        return Controlled(raw, None, reason)
    if len({row.value for row in rows}) == 1:
        return Controlled(raw, Estimate(raw.value, None, None), "every comparison came out alike, which bounds nothing")
    return _fitted(rows, raw, names, differences)


def _differences(rows: Sequence[Compared]) -> tuple[list[str], Array]:
    """Log ratios, method to serial, of what differs at all; counts and lengths are taken one higher, for they may be 0."""
    pairs = [(astuple(row.method), astuple(row.serial)) for row in rows]
    found = np.array([[math.log((1 + a) / (1 + b)) for a, b in zip(one, other, strict=True)] for one, other in pairs])
    kept = [k for k in range(found.shape[1]) if found[:, k].any()]
    return [fields(Look)[k].name for k in kept], found[:, kept]


def _unknown(names: Sequence[str], differences: Array, families: int) -> str:
    """Why the value at no difference cannot be known, if so."""
    needed = ROWS_A_FACTOR * (1 + len(names))
    if families < needed:
        return f"{families} families of prompts are too few, {needed} are needed"
    for k, name in enumerate(names):
        if differences[:, k].min() > 0:
            return f"every answer has more {name} than serial's, so nothing is seen at no difference"
        if differences[:, k].max() < 0:
            return f"every answer has less {name} than serial's, so nothing is seen at no difference"
    return ""


def _fitted(rows: Sequence[Compared], raw: Estimate, names: Sequence[str], differences: Array) -> Controlled:
    members: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        members[row.family].append(place)
    weights = np.array([1 / len(members[row.family]) for row in rows])
    scales = np.sqrt(weights @ differences**2 / weights.sum())  # about zero, which must stay where it is
    design = np.column_stack([np.ones(len(rows)), differences / scales])
    values = np.array([row.value for row in rows])
    held = np.diag([0.0] + [RIDGE] * len(names))
    found = _fit(design, values, weights, held)
    if found is None:
        return Controlled(raw, None, "the regression does not settle")
    deviation = _deviation(design, values, weights, held, found, list(members.values()))
    half = float(stdtrit(len(members) - len(found), 0.975)) * deviation
    low, value, high = (_share(found[0] + step) for step in (-half, 0.0, half))
    slopes = {name: float(slope) * math.log(2) for name, slope in zip(names, found[1:] / scales, strict=True)}
    return Controlled(raw, Estimate(value, low, high), "", slopes)


def _share(log_odds: Any) -> float:
    return float(1 / (1 + np.exp(-np.clip(log_odds, -500, 500))))


def _fit(design: Array, values: Array, weights: Array, held: Array) -> Array | None:
    """Constant and slopes by Newton's method, a step halved while it makes things worse; None if it does not settle."""
    found = np.zeros(design.shape[1])
    loss = _loss(design, values, weights, held, found)
    for _ in range(_STEPS):
        shares = 1 / (1 + np.exp(-design @ found))
        slope = design.T @ (weights * (values - shares)) - held @ found
        step = np.linalg.solve(_bread(design, shares, weights, held), slope)
        while (after := _loss(design, values, weights, held, found + step)) > loss and np.abs(step).max() > 1e-9:
            step = step / 2
        found, loss = found + step, min(loss, after)
        if np.abs(step).max() <= 1e-9:
            return found
    return None


def _loss(design: Array, values: Array, weights: Array, held: Array, at: Array) -> float:
    log_odds = design @ at
    return float(weights @ (np.logaddexp(0, log_odds) - values * log_odds) + at @ held @ at / 2)


def _bread(design: Array, shares: Array, weights: Array, held: Array) -> Array:
    bread: Array = (design.T * (weights * shares * (1 - shares))) @ design + held
    return bread


def _deviation(
    design: Array, values: Array, weights: Array, held: Array, found: Array, families: Sequence[Sequence[int]]
) -> float:
    """Standard error of the constant when comparisons of one family hang together (Liang and Zeger 1986), with the usual
    correction for few families."""
    shares = 1 / (1 + np.exp(-design @ found))
    residuals = design * (weights * (values - shares))[:, None]
    sums = np.array([residuals[list(places)].sum(axis=0) for places in families])
    sums = sums - sums.mean(axis=0)  # what the ridge holds back is no chance
    inverse = np.linalg.inv(_bread(design, shares, weights, held))
    count, factors = len(families), len(found)
    variance = inverse @ sums.T @ sums @ inverse * count / (count - factors)
    return math.sqrt(max(0.0, float(variance[0, 0])))
