"""Scores: rows of a table, derived from trials and verdicts. Pure; everything here can be thrown away and made again.

Figures are defined in the README. A ratio is taken within a pair: the method's trial and serial's, of the same
item, repeat and try. Blocks in which something was retried were run again, and the second try counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ppbench.stats import Estimate, geometric_mean
from ppbench.trace import Reply, Trace, Trial

SERIAL = "serial"
Pair = tuple[str, Trace, Trace]
"""Family of the item, the method's trace, serial's trace."""


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


Cells = Mapping[tuple[str, int], Mapping[str, Trial]]


def _by_try(trials: Iterable[Trial]) -> tuple[Cells, Cells]:
    """Cells (item, repeat) -> method -> trial, of first tries and of the tries that count."""
    first: dict[tuple[str, int], dict[str, Trial]] = defaultdict(dict)
    last: dict[tuple[str, int], dict[str, Trial]] = defaultdict(dict)
    for trial in sorted(trials, key=lambda t: t.try_):
        cell = (trial.item, trial.repeat)
        first[cell].setdefault(trial.decomposer, trial)
        last[cell][trial.decomposer] = trial
    return first, last


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
        decomposer=method, given=given, n=len(mine), failures=sum(t.failure is not None for t in mine),
        fallbacks=_count(mine, "fallback"), declines=_count(mine, "declined"),
        raw_speedup=_value(raw), raw_speedup_low=raw.low if raw else None, raw_speedup_high=raw.high if raw else None,
        normalized_speedup=_value(normalized), ttft_ratio=_value(ttft), token_ratio=_value(tokens),
        total_time_ratio=_total_ratio(pairs), slower_share=_slower(pairs),
        speedup_when_split=_value(_ratio(split, _speedup, seed)),
        experienced_speedup=_value(_ratio(_pairs(method, first, families), _speedup, seed)),
        unclean_share=_mean([0.0 if t.trace is None or t.trace.clean else 1.0 for t in tries]),
        length_share=_length_share(mine), cached_share=_cached_share(mine),
        structure=_mean(values.get((method, "structure"), [])), reference=_mean(values.get((method, "reference"), [])),
    )  # fmt: skip


def _pairs(method: str, cells: Cells, families: Mapping[str, str]) -> list[Pair]:
    """Cells in which both the method and serial were answered."""
    pairs = []
    for (item, _), cell in cells.items():
        mine, serial = cell.get(method), cell.get(SERIAL)
        if mine and serial and mine.trace and serial.trace and not mine.failure and not serial.failure:
            pairs.append((families[item], mine.trace, serial.trace))
    return pairs


def _ratio(pairs: Sequence[Pair], ratio: Callable[[Trace, Trace], float | None], seed: int) -> Estimate | None:
    by_family: dict[str, list[float]] = defaultdict(list)
    for family, mine, serial in pairs:
        value = ratio(mine, serial)
        if value is not None:
            by_family[family].append(value)
    return geometric_mean(by_family, seed=seed)


def _speedup(mine: Trace, serial: Trace) -> float | None:
    return _over(serial.latency_ns, mine.latency_ns)


def _ttft_ratio(mine: Trace, serial: Trace) -> float | None:
    return _over(serial.ttft_ns, mine.ttft_ns)


def _token_ratio(mine: Trace, serial: Trace) -> float | None:
    return _over(mine.tokens_out("solve"), serial.tokens_out("solve"))


def _over(a: float | None, b: float | None) -> float | None:
    """a / b where both are known and positive."""
    return a / b if a and b and a > 0 and b > 0 else None


def _times(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a * b


def _total_ratio(pairs: Sequence[Pair]) -> float | None:
    return _over(sum(serial.latency_ns for _, _, serial in pairs), sum(mine.latency_ns for _, mine, _ in pairs))


def _slower(pairs: Sequence[Pair]) -> float | None:
    return _mean([1.0 if mine.latency_ns > serial.latency_ns else 0.0 for _, mine, serial in pairs])


def _replies(trials: Sequence[Trial]) -> list[Reply]:
    """The replies of answered solve calls."""
    spans = [span for trial in trials if trial.trace for span in trial.trace.spans if span.request.role == "solve"]
    return [span.reply for span in spans if span.reply.error is None]


def _length_share(trials: Sequence[Trial]) -> float | None:
    return _mean([float(reply.finish == "length") for reply in _replies(trials)])


def _cached_share(trials: Sequence[Trial]) -> float | None:
    known = [r for r in _replies(trials) if r.tokens_in and r.tokens_cached is not None]
    return sum(r.tokens_cached or 0 for r in known) / sum(r.tokens_in or 0 for r in known) if known else None


def _count(trials: Sequence[Trial], status: str) -> int:
    return sum(1 for trial in trials if trial.trace and trial.trace.status == status)


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
