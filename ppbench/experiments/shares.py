"""Where the time of a split answer goes: planning, solving, merging, and the rest, on the critical path of each trial.

The paper timed its extraction apart, and left out the prompts whose extraction failed. Here every prompt that was asked
stays in the count: one that fell back or was declined with the time that it took, one that failed as a failure. Derived
from a stored run; knows no file and draws nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ppbench.critical import PARTS, critical_path
from ppbench.stats import Estimate, geometric_mean
from ppbench.tally import SERIAL
from ppbench.trace import Trace, Trial


@dataclass(frozen=True)
class Row:
    """One method over all prompts. None where nothing is known."""

    method: str
    given: bool
    asked: int
    answered: int
    failed: int
    fallbacks: int
    declines: int
    missing: int
    """Never run, as when a run was stopped."""
    seconds: Mapping[str, float]
    """Mean over the answered ones, by part of the critical path."""
    end_to_end: Estimate | None
    """Serial / method, everything counted: fallbacks and declines with the time they took."""
    without_planning: Estimate | None
    """The same, less what the critical path spent on planning."""
    survivors: Estimate | None
    """End to end over those that split alone, as the paper counts."""
    split: int
    total_ratio: float | None
    """Sum of serial's seconds / sum of the method's, as the paper averages."""

    @property
    def planning_share(self) -> float | None:
        total = sum(self.seconds.values())
        return self.seconds["plan"] / total if total else None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "planning_share": self.planning_share}


def rows(run: Mapping[str, Any], trials: Iterable[Trial], seed: int) -> list[Row]:
    """One row a method, serial first. Of several tries the last one counts."""
    cells: dict[tuple[str, int], dict[str, Trial]] = defaultdict(dict)
    for trial in trials:
        known = cells[trial.item, trial.repeat].get(trial.decomposer)
        if known is None or trial.try_ >= known.try_:
            cells[trial.item, trial.repeat][trial.decomposer] = trial
    families = {item["id"]: item["family"] for item in run["items"]}
    asked = len(families) * run["conditions"]["repeats"]
    order = sorted(run["methods"], key=lambda method: method["spec"] != SERIAL)
    return [_row(method["spec"], method["given"], asked, cells, families, seed) for method in order]


def _row(
    method: str, given: bool, asked: int, cells: Mapping[tuple[str, int], Mapping[str, Trial]],
    families: Mapping[str, str], seed: int,
) -> Row:  # fmt: skip
    mine = [cell[method] for cell in cells.values() if method in cell]
    answered = [trace for trial in mine if (trace := _answered(trial)) is not None]
    paths = [critical_path(trace) for trace in answered]
    pairs = [(families[item], trace, serial) for (item, _), cell in cells.items()
             if (trace := _answered(cell.get(method))) and (serial := _answered(cell.get(SERIAL)))]  # fmt: skip
    split = [pair for pair in pairs if pair[1].status == "split"]
    spent, beside = sum(trace.latency_ns for _, trace, _ in pairs), sum(serial.latency_ns for _, _, serial in pairs)
    return Row(
        method, given, asked, len(answered), sum(trial.failure is not None for trial in mine),
        sum(trace.status == "fallback" for trace in answered), sum(trace.status == "declined" for trace in answered),
        asked - len(mine), {part: fmean(path[part] for path in paths) / 1e9 if paths else 0.0 for part in PARTS},
        _speedup(pairs, seed), _speedup(pairs, seed, less_planning=True), _speedup(split, seed), len(split),
        beside / spent if spent else None,
    )  # fmt: skip


def _answered(trial: Trial | None) -> Trace | None:
    return None if trial is None or trial.failure is not None else trial.trace


def _speedup(pairs: Sequence[tuple[str, Trace, Trace]], seed: int, *, less_planning: bool = False) -> Estimate | None:
    ratios: dict[str, list[float]] = defaultdict(list)
    for family, trace, serial in pairs:
        spent = trace.latency_ns - (critical_path(trace)["plan"] if less_planning else 0)
        if spent > 0 and serial.latency_ns > 0:
            ratios[family].append(serial.latency_ns / spent)
    return geometric_mean(ratios, seed=seed)
