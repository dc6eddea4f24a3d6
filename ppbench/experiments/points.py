"""What `vary-n` saw: one point a prompt, count, repeat and method; its table, its lines, its CSV.

A point that failed, or was never run, stays a point: without a time, counted wherever points are counted. Derived from a
stored run; knows no file and draws nothing.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any, Literal

from ppbench.experiments.fit import Line, line
from ppbench.stats import Estimate, geometric_mean
from ppbench.tally import SERIAL
from ppbench.trace import Trial

Outcome = Literal["single", "split", "serial", "declined", "fallback", "failed", "missing"]


@dataclass(frozen=True, slots=True)
class Point:
    """One cell. None where something is not known."""

    n: int
    family: str
    item: str
    repeat: int
    method: str
    outcome: Outcome
    """`single`: n = 1, one call whatever the method; `missing`: never run, as when a run was stopped."""
    latency_s: float | None = None
    ttft_s: float | None = None
    calls: int | None = None
    tokens_out: int | None = None
    """Of solve calls."""
    structure: float | None = None
    """Share of the subtasks that were answered once, in order: a reply that leaves some out is a fast one."""
    clean: bool | None = None
    """Nothing was retried and no connection was set up, in the try that counts."""


def points(
    run: Mapping[str, Any], asked: Mapping[str, int], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]]
) -> list[Point]:
    """Every cell that the run was asked for, in order of n. `asked`: item id -> n. Of several tries the last one counts."""
    families = {item["id"]: item["family"] for item in run["items"]}
    last: dict[tuple[str, int, str], Point] = {}
    tries: dict[tuple[str, int, str], int] = {}
    whole = {(v["item"], v["repeat"], v["decomposer"], v["try"]): v["value"]
             for v in verdicts if v["criterion"] == "structure"}  # fmt: skip
    for trial in trials:
        key = (trial.item, trial.repeat, trial.decomposer)
        if trial.try_ >= tries.get(key, 0):
            tries[key] = trial.try_
            last[key] = _point(trial, asked[trial.item], families[trial.item], whole.get(trial.key))
    cells = [(item, repeat, method["spec"]) for item in families for repeat in range(run["conditions"]["repeats"])
             for method in run["methods"]]  # fmt: skip
    made = [last.get(cell) or Point(asked[cell[0]], families[cell[0]], *cell, "missing") for cell in cells]
    return sorted(made, key=lambda point: point.n)


def _point(trial: Trial, n: int, family: str, structure: float | None) -> Point:
    cell = (n, family, trial.item, trial.repeat, trial.decomposer)
    trace = trial.trace
    if trial.failure is not None or trace is None:
        return Point(*cell, "failed", calls=len(trace.spans) if trace else None, clean=trace.clean if trace else None)
    single = n == 1 and trace.status in ("serial", "declined")
    return Point(
        *cell, "single" if single else trace.status, trace.latency_ns / 1e9,
        None if trace.ttft_ns is None else trace.ttft_ns / 1e9, len(trace.spans), trace.tokens_out("solve"), structure,
        trace.clean,
    )  # fmt: skip


def methods(found: Sequence[Point]) -> list[str]:
    """Serial first, then the others as they were asked for."""
    names = dict.fromkeys(point.method for point in found)
    return sorted(names, key=lambda name: name != SERIAL)


@dataclass(frozen=True)
class Fit:
    """One method over all n."""

    method: str
    line: Line | None
    asked: int
    outcomes: Mapping[str, int]


def fits(found: Sequence[Point], seed: int) -> list[Fit]:
    """The line of each method, over all of its points that have a time, split or not."""
    return [_fit(method, [p for p in found if p.method == method], seed) for method in methods(found)]


def _fit(method: str, mine: Sequence[Point], seed: int) -> Fit:
    families: dict[str, list[tuple[float, float]]] = defaultdict(list)
    outcomes: dict[str, int] = defaultdict(int)
    for point in mine:
        outcomes[point.outcome] += 1
        if point.latency_s is not None:
            families[point.family].append((point.n, point.latency_s))
    return Fit(method, line(families, seed=seed), len(mine), dict(outcomes))


@dataclass(frozen=True)
class AtN:
    """One method at one n."""

    n: int
    method: str
    prompts: int
    asked: int
    answered: int
    seconds: float | None
    """Mean over the answered ones."""
    speedup: Estimate | None
    """Geometric mean of serial / method within pairs, by family."""
    structure: float | None


def by_n(found: Sequence[Point], seed: int) -> list[AtN]:
    """Every method but serial beside serial, at each n."""
    rows = []
    for n in sorted({point.n for point in found}):
        here = [point for point in found if point.n == n]
        rows += [_at_n(n, method, here, seed) for method in methods(found)]
    return rows


def _at_n(n: int, method: str, here: Sequence[Point], seed: int) -> AtN:
    mine = [point for point in here if point.method == method]
    times = [point.latency_s for point in mine if point.latency_s is not None]
    whole = [point.structure for point in mine if point.structure is not None]
    serial = {(p.item, p.repeat): p.latency_s for p in here if p.method == SERIAL}
    ratios: dict[str, list[float]] = defaultdict(list)
    for point in mine:
        beside = serial.get((point.item, point.repeat))
        if point.latency_s and beside and method != SERIAL:
            ratios[point.family].append(beside / point.latency_s)
    return AtN(n, method, len({p.family for p in mine}), len(mine), len(times), fmean(times) if times else None,
               geometric_mean(ratios, seed=seed) if ratios else None, fmean(whole) if whole else None)  # fmt: skip


def to_csv(found: Sequence[Point]) -> str:
    """All points, those without a time included."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [f.name for f in fields(Point)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(point) for point in found)
    return out.getvalue()
