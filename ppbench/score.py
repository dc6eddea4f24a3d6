"""Scores: rows of a table, derived from trials and verdicts. Pure; everything here can be thrown away and made again.

Figures are defined in the README. A ratio is taken within a pair: the method's trial and serial's, of the same
item, repeat and try. Blocks in which something was retried were run again, and the second try counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from sys import intern
from typing import Any

from ppbench.stats import Estimate, geometric_mean
from ppbench.trace import Trial

SERIAL = "serial"


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is kept of a trial, so that a run of any length can be scored: all of it but its text and its stamps."""

    try_: int
    failed: bool
    answered: bool
    status: str
    clean: bool
    latency_ns: int
    ttft_ns: int | None
    tokens_out: int | None
    """Of solve calls."""
    solved: int
    """Answered solve calls."""
    cut: int
    """Those of them that ended at a token limit."""
    read: int
    """Input tokens of those of them whose cached tokens are known."""
    cached: int


Pair = tuple[str, _Facts, _Facts]
"""Family of the item, the method's trial, serial's trial."""


@dataclass(frozen=True)
class Score:
    """One row. None stands where a figure cannot be known."""

    decomposer: str
    given: bool
    """The method was shown labels; its row is ranked apart."""
    n: int
    """Cells asked of it: items times repeats, failed ones included."""
    failures: int
    fallbacks: int
    declines: int
    raw_speedup: float | None
    """Geometric mean of serial latency / method latency, end to end; 95 % interval beside it."""
    raw_speedup_low: float | None
    raw_speedup_high: float | None
    normalized_speedup: float | None
    """The paper's: raw x token ratio. Rewards verbosity; never a headline."""
    ttft_ratio: float | None
    token_ratio: float | None
    """Output tokens of solve calls, method / serial."""
    total_time_ratio: float | None
    """Sum of serial latencies / sum of the method's."""
    slower_share: float | None
    speedup_when_split: float | None
    experienced_speedup: float | None
    """First tries, back-off included."""
    unclean_share: float | None
    """Share of first tries in which a call was retried or a connection was set up."""
    length_share: float | None
    """Share of answered solve calls that ended at a token limit."""
    cached_share: float | None
    """Cached input tokens / input tokens, where both are known."""
    structure: float | None
    reference: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score(run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]]) -> list[Score]:
    """One row a method, in the order of the run. `run` is the record in `run.json`."""
    families = {item["id"]: item["family"] for item in run["items"]}
    first, last = _by_try(trials)
    values = _values(verdicts, last)
    return [_row(method["spec"], method["given"], first, last, values, families, run["seed"]) for method in run["methods"]]


def score_by(
    what: str, run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]]
) -> dict[str, list[Score]]:
    """The rows of each group of prompts apart, by a field of the run's items: `category` or `language`."""
    group_of = {item["id"]: str(item[what]) for item in run["items"]}
    of_trials: dict[str, list[Trial]] = defaultdict(list)
    of_verdicts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for trial in trials:
        of_trials[group_of[trial.item]].append(trial)
    for verdict in verdicts:
        of_verdicts[group_of[verdict["item"]]].append(verdict)
    return {name: score(run, of_trials[name], of_verdicts[name]) for name in sorted(of_trials)}


Cells = Mapping[tuple[str, int], Mapping[str, _Facts]]


def _by_try(trials: Iterable[Trial]) -> tuple[Cells, Cells]:
    """Cells (item, repeat) -> method -> trial, of first tries and of the tries that count."""
    first: dict[tuple[str, int], dict[str, _Facts]] = defaultdict(dict)
    last: dict[tuple[str, int], dict[str, _Facts]] = defaultdict(dict)
    for trial in trials:
        cell, method, facts = (intern(trial.item), trial.repeat), intern(trial.decomposer), _facts(trial)
        if facts.try_ < first[cell].setdefault(method, facts).try_:
            first[cell][method] = facts
        if facts.try_ >= last[cell].setdefault(method, facts).try_:
            last[cell][method] = facts
    return first, last


def _facts(trial: Trial) -> _Facts:
    trace = trial.trace
    if trace is None:
        return _Facts(trial.try_, trial.failure is not None, False, "", True, 0, None, None, 0, 0, 0, 0)
    solved = [s.reply for s in trace.spans if s.request.role == "solve" and s.reply.error is None]
    known = [(reply.tokens_in, reply.tokens_cached) for reply in solved if reply.tokens_in and reply.tokens_cached is not None]
    return _Facts(
        trial.try_, trial.failure is not None, trial.failure is None, intern(trace.status), trace.clean, trace.latency_ns,
        trace.ttft_ns, trace.tokens_out("solve"), len(solved), sum(reply.finish == "length" for reply in solved),
        sum(read for read, _ in known), sum(cached for _, cached in known),
    )  # fmt: skip


def _values(verdicts: Iterable[Mapping[str, Any]], last: Cells) -> dict[tuple[str, str], list[float]]:
    """(method, criterion) -> values of the tries that count."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in verdicts:
        counted = last.get((record["item"], record["repeat"]), {}).get(record["decomposer"])
        if counted is not None and counted.try_ == record["try"]:
            values[record["decomposer"], record["criterion"]].append(record["value"])
    return values


def _row(
    method: str, given: bool, first: Cells, last: Cells, values: Mapping[tuple[str, str], list[float]],
    families: Mapping[str, str], seed: int,
) -> Score:  # fmt: skip
    mine = [cell[method] for cell in last.values() if method in cell]
    pairs = _pairs(method, last, families)
    split = [pair for pair in pairs if pair[1].status == "split"]
    raw = _ratio(pairs, _speedup, seed)
    tokens, ttft = _ratio(pairs, _token_ratio, seed), _ratio(pairs, _ttft_ratio, seed)
    normalized = _ratio(pairs, lambda m, s: _times(_speedup(m, s), _token_ratio(m, s)), seed)
    tries = [cell[method] for cell in first.values() if method in cell]
    return Score(
        decomposer=method, given=given, n=len(mine), failures=sum(t.failed for t in mine),
        fallbacks=_count(mine, "fallback"), declines=_count(mine, "declined"),
        raw_speedup=_value(raw), raw_speedup_low=raw.low if raw else None, raw_speedup_high=raw.high if raw else None,
        normalized_speedup=_value(normalized), ttft_ratio=_value(ttft), token_ratio=_value(tokens),
        total_time_ratio=_total_ratio(pairs), slower_share=_slower(pairs),
        speedup_when_split=_value(_ratio(split, _speedup, seed)),
        experienced_speedup=_value(_ratio(_pairs(method, first, families), _speedup, seed)),
        unclean_share=_mean([0.0 if t.clean else 1.0 for t in tries]),
        length_share=_length_share(mine), cached_share=_cached_share(mine),
        structure=_mean(values.get((method, "structure"), [])), reference=_mean(values.get((method, "reference"), [])),
    )  # fmt: skip


def _pairs(method: str, cells: Cells, families: Mapping[str, str]) -> list[Pair]:
    """Cells in which both the method and serial were answered."""
    pairs = []
    for (item, _), cell in cells.items():
        mine, serial = cell.get(method), cell.get(SERIAL)
        if mine and serial and mine.answered and serial.answered:
            pairs.append((families[item], mine, serial))
    return pairs


def _ratio(pairs: Sequence[Pair], ratio: Callable[[_Facts, _Facts], float | None], seed: int) -> Estimate | None:
    by_family: dict[str, list[float]] = defaultdict(list)
    for family, mine, serial in pairs:
        value = ratio(mine, serial)
        if value is not None:
            by_family[family].append(value)
    return geometric_mean(by_family, seed=seed)


def _speedup(mine: _Facts, serial: _Facts) -> float | None:
    return _over(serial.latency_ns, mine.latency_ns)


def _ttft_ratio(mine: _Facts, serial: _Facts) -> float | None:
    return _over(serial.ttft_ns, mine.ttft_ns)


def _token_ratio(mine: _Facts, serial: _Facts) -> float | None:
    return _over(mine.tokens_out, serial.tokens_out)


def _over(a: float | None, b: float | None) -> float | None:
    """a / b where both are known and positive."""
    return a / b if a and b and a > 0 and b > 0 else None


def _times(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _total_ratio(pairs: Sequence[Pair]) -> float | None:
    return _over(sum(serial.latency_ns for _, _, serial in pairs), sum(mine.latency_ns for _, mine, _ in pairs))


def _slower(pairs: Sequence[Pair]) -> float | None:
    return _mean([1.0 if mine.latency_ns > serial.latency_ns else 0.0 for _, mine, serial in pairs])


def _length_share(trials: Sequence[_Facts]) -> float | None:
    solved = sum(trial.solved for trial in trials)
    return sum(trial.cut for trial in trials) / solved if solved else None


def _cached_share(trials: Sequence[_Facts]) -> float | None:
    read = sum(trial.read for trial in trials)
    return sum(trial.cached for trial in trials) / read if read else None


def _count(trials: Sequence[_Facts], status: str) -> int:
    return sum(1 for trial in trials if trial.status == status)


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
