"""Two methods held against each other, of one run or of two: who is faster, on what, and why. Pure; prints nothing.

The first method takes serial's place as the baseline, so that every figure is defined as in a leaderboard row. Prompts
that only one of the two was asked, or that changed between two runs, are left out and counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from ppbench.critical import PARTS, critical_path, straggler_ratio
from ppbench.score import Score, score, score_by
from ppbench.tally import COMPARED, SERIAL
from ppbench.trace import Trace, Trial

OTHER = "the other"
"""What the second method is called inside the scores."""
MOST = 10
_SAME = ("endpoint", "executor", "clock", "timing")


@dataclass(frozen=True)
class Side:
    """A method and the stored run that it was measured in."""

    spec: str
    run: Mapping[str, Any]
    trials: Callable[[], Iterable[Trial]]
    verdicts: Callable[[], Iterable[Mapping[str, Any]]]


@dataclass
class Drivers:
    """Where a method's time and tokens went, means over its pairs."""

    n: int = 0
    calls: float = 0.0
    tokens_out: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    """By part of the critical path."""
    straggling: list[float] = field(default_factory=list)

    def take(self, trace: Trace) -> None:
        self.n += 1
        self.calls += len(trace.spans)
        self.tokens_out += trace.tokens_out() or 0
        for part, spent in critical_path(trace).items():
            self.seconds[part] += spent / 1e9
        ratio = straggler_ratio(trace)
        if ratio is not None:
            self.straggling.append(math.log(ratio))

    def to_json(self) -> dict[str, Any]:
        total, n = sum(self.seconds.values()), max(1, self.n)
        straggler = math.exp(fmean(self.straggling)) if self.straggling else None
        return {"n": self.n, "calls": self.calls / n, "tokens_out": self.tokens_out / n,
                "seconds": {part: spent / n for part, spent in self.seconds.items()},
                "planning_share": self.seconds["plan"] / total if total else None, "straggler_ratio": straggler}  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """The second method (`b`) against the first (`a`). Ratios above 1: the second is faster."""

    a: str
    b: str
    whole: Score
    groups: Mapping[str, Score]
    drivers: tuple[Drivers, Drivers]
    prompts: Sequence[tuple[str, float, float, float]]
    """(prompt, speedup, seconds of a, seconds of b), best first."""
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        names = ("prompt", "speedup", "a_s", "b_s")
        helped = [dict(zip(names, row, strict=True)) for row in self.prompts if row[1] > 1]
        hurt = [dict(zip(names, row, strict=True)) for row in self.prompts[::-1] if row[1] < 1]
        return {"a": self.a, "b": self.b, "all": self.whole.to_json(),
                "groups": {name: row.to_json() for name, row in self.groups.items()},
                "drivers": {"a": self.drivers[0].to_json(), "b": self.drivers[1].to_json()},
                "most_helped": helped[:MOST], "most_hurt": hurt[:MOST], "warnings": list(self.warnings)}  # fmt: skip


def compare(a: Side, b: Side, *, by: str = "category") -> Comparison:
    """Hold `b` against `a`, over all prompts and in each group of them."""
    shared, warnings = _shared(a.run, b.run)
    run = {"items": shared, "seed": a.run["seed"],
           "methods": [{"spec": spec, "given": False} for spec in (SERIAL, OTHER)]}  # fmt: skip
    keep = {item["id"] for item in shared}
    tried = [_tries_that_count(side, keep) for side in (a, b)]

    def trials() -> Iterator[Trial]:
        for side, label, tries in ((a, SERIAL, tried[0]), (b, OTHER, tried[1])):
            yield from (replace(t, decomposer=label, try_=0) for t in _counted(side, tries))

    def verdicts() -> Iterator[Mapping[str, Any]]:
        for side, label, tries in ((a, SERIAL, tried[0]), (b, OTHER, tried[1])):
            for record in side.verdicts():
                told = record["criterion"] in COMPARED or a.spec == SERIAL
                if (
                    told
                    and record["decomposer"] == side.spec
                    and tries.get((record["item"], record["repeat"])) == record["try"]
                ):
                    yield {**record, "decomposer": label, "try": 0}

    whole = score(run, trials(), verdicts())[1]
    groups = {name: rows[1] for name, rows in score_by(by, run, trials(), verdicts()).items()}
    drivers, prompts = _details(trials())
    return Comparison(a.spec, b.spec, whole, groups, drivers, prompts, tuple(warnings))


def _shared(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The prompts that both runs asked, unchanged, and what else of the two is not alike."""
    digests = {item["id"]: item["digest"] for item in other["items"]}
    shared = [item for item in one["items"] if digests.get(item["id"]) == item["digest"]]
    warnings = []
    lost = len(one["items"]) + len(other["items"]) - 2 * len(shared)
    if lost:
        warnings.append(f"{lost} prompts were asked in one of the runs only, or changed in between, and are left out")
    for name in _SAME:
        if one[name] != other[name]:
            warnings.append(f"the runs differ in {name}: {one[name]} and {other[name]}; so may all that follows from it")
    mine, theirs = ({k: v for k, v in run["conditions"].items() if k != "nonce"} for run in (one, other))
    unlike = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    if unlike:
        warnings.append(f"the runs differ in {', '.join(unlike)}")
    return shared, warnings


def _tries_that_count(side: Side, keep: set[str]) -> dict[tuple[str, int], int]:
    tries: dict[tuple[str, int], int] = {}
    for trial in side.trials():
        if trial.decomposer == side.spec and trial.item in keep:
            cell = (trial.item, trial.repeat)
            tries[cell] = max(tries.get(cell, 0), trial.try_)
    return tries


def _counted(side: Side, tries: Mapping[tuple[str, int], int]) -> Iterator[Trial]:
    for trial in side.trials():
        if trial.decomposer == side.spec and tries.get((trial.item, trial.repeat)) == trial.try_:
            yield trial


def _details(trials: Iterable[Trial]) -> tuple[tuple[Drivers, Drivers], list[tuple[str, float, float, float]]]:
    """What drives each side, and each prompt's mean ratio, over pairs that both answered."""
    waiting: dict[tuple[str, int], Trace] = {}
    drivers = (Drivers(), Drivers())
    by_prompt: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for trial in trials:
        if trial.failure is not None or trial.trace is None:
            continue
        if trial.decomposer == SERIAL:
            waiting[trial.item, trial.repeat] = replace(trial.trace, answer="", parts=())
        elif (first := waiting.pop((trial.item, trial.repeat), None)) is not None:
            drivers[0].take(first)
            drivers[1].take(trial.trace)
            by_prompt[trial.item].append((first.latency_ns, trial.trace.latency_ns))
    rows = [(item, math.exp(fmean(math.log(a / b) for a, b in pairs)), fmean(a for a, _ in pairs) / 1e9,
             fmean(b for _, b in pairs) / 1e9) for item, pairs in by_prompt.items()]  # fmt: skip
    return drivers, sorted(rows, key=lambda row: (-row[1], row[0]))
