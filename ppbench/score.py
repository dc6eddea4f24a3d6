"""Scores: rows of a table, derived from trials and verdicts. Pure; everything here can be thrown away and made again.

Figures are defined in FIGURES.md. The sums behind them are those of `tally`, the intervals those of `stats`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ppbench import stats
from ppbench.stats import Estimate
from ppbench.tally import AGAIN, PREFERENCE, SERIAL, Tallies, Tally
from ppbench.trace import Trial
from ppbench.verdict import LEAST_PAIRS, Decision, decide

GROUPS = ("category", "language", "n")
"""What a table may have rows by: fields of a run's items, `n` the number of subtasks in ranges."""


@dataclass(frozen=True)
class Score:
    """One row. None stands where a figure cannot be known."""

    decomposer: str
    given: bool
    """The method was shown labels; its row is ranked apart."""
    verdict: str
    """See `verdict`."""
    reason: str
    """What the verdict rests on."""
    n: int
    """Cells asked of it: items times repeats, failed ones included."""
    pairs: int
    """Those of them that both it and serial answered."""
    families: int
    """Of prompts, in the pairs: the unit of chance."""
    failures: int
    fallbacks: int
    declines: int
    raw_speedup: float | None
    """Geometric mean of serial latency / method latency, end to end; 95 % interval beside it."""
    raw_speedup_low: float | None
    raw_speedup_high: float | None
    rank_low: int | None
    """Best and worst rank by raw speedup in 95 % of the resamples; of rows that were shown no labels."""
    rank_high: int | None
    noise_low: float | None
    """The interval of serial against itself, where a run had it twice."""
    noise_high: float | None
    normalized_speedup: float | None
    """The paper's: raw x token ratio. Rewards verbosity; never a headline."""
    length_matched_speedup: float | None
    """Where a line through the log speedups against the log token ratios passes equal length."""
    length_matched_low: float | None
    length_matched_high: float | None
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
    splittable: int
    """Cells known to be splittable; the share of them that was not split is beside it."""
    missed_split_share: float | None
    unsplittable: int
    false_split_share: float | None
    structure: float | None
    structure_n: int
    structure_difference: float | None
    """The method's less serial's, within pairs; by families."""
    reference: float | None
    reference_n: int
    reference_difference: float | None
    preference: float | None
    """Mean value of the comparison with serial; 0.5 is parity."""
    preference_n: int
    retention: float | None
    """Share of answers judged at least as good as serial's, flips and ties included; 95 % interval beside it."""
    retention_low: float | None
    retention_high: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def score(run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]]) -> list[Score]:
    """One row a method, in the order of the run. `run` is the record in `run.json`."""
    return _scored(run, trials, verdicts, None).get("", _table(run, {}, ""))


def score_by(
    what: str, run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]]
) -> dict[str, list[Score]]:
    """The rows of each group of prompts apart: by `category`, `language` or `n`, the number of subtasks."""
    groups = _scored(run, trials, verdicts, what)
    return {name: groups[name] for name in sorted(groups, key=_place)}


def _place(group: str) -> tuple[float, str]:
    """Ranges of numbers by their first one, names by the alphabet."""
    first = group.replace("-", " ").split()[0]
    return (int(first) if first.isdecimal() else math.inf, group)


def _scored(
    run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]], by: str | None
) -> dict[str, list[Score]]:
    tallies = Tallies(run, by)
    tallies.take_trials(trials)
    tallies.take_verdicts(verdicts)
    groups = dict.fromkeys(group for group, _ in tallies.rows)
    return {group: _table(run, tallies.rows, group, least=LEAST_PAIRS if by == "category" else 0) for group in groups}


def _table(run: Mapping[str, Any], rows: Mapping[tuple[str, str], Tally], group: str, *, least: int = 0) -> list[Score]:
    seed = run["seed"]
    mine = {method["spec"]: rows.get((group, method["spec"]), Tally()) for method in run["methods"]}
    decisions = decide(mine, baseline=SERIAL, seed=seed, least=least)
    ranked = {m["spec"]: mine[m["spec"]].logs["speed"].means() for m in run["methods"] if not m["given"]}
    ranks = stats.rank_ranges({spec: means for spec, means in ranked.items() if means}, seed=seed)
    noise = _noise(mine, seed)
    return [_row(spec, m["given"], mine[spec], decisions[spec], ranks.get(spec, (None, None)), noise, seed)
            for m in run["methods"] for spec in (m["spec"],)]  # fmt: skip


def _noise(rows: Mapping[str, Tally], seed: int) -> Estimate | None:
    """What serial gains over itself."""
    return _ratio(rows[AGAIN], "speed", seed) if AGAIN in rows else None


def _row(
    spec: str, given: bool, row: Tally, decision: Decision, ranks: tuple[int | None, int | None], noise: Estimate | None,
    seed: int,
) -> Score:  # fmt: skip
    raw, matched = _ratio(row, "speed", seed), _matched(row)
    retained = stats.bounded_mean(list(row.retained.means().values()), floor=0.0, ceiling=1.0, seed=seed)
    return Score(
        decomposer=spec, given=given, verdict=decision.word, reason=decision.reason,
        n=row.n, pairs=row.pairs, families=len(row.logs["speed"].means()),
        failures=row.failures, fallbacks=row.statuses["fallback"], declines=row.statuses["declined"],
        raw_speedup=_value(raw), raw_speedup_low=_low(raw), raw_speedup_high=_high(raw),
        rank_low=ranks[0], rank_high=ranks[1], noise_low=_low(noise), noise_high=_high(noise),
        normalized_speedup=_value(_ratio(row, "normalized", seed)),
        length_matched_speedup=_value(matched), length_matched_low=_low(matched), length_matched_high=_high(matched),
        ttft_ratio=_value(_ratio(row, "ttft", seed)), token_ratio=_value(_ratio(row, "tokens", seed)),
        total_time_ratio=_share(row.serial_ns, row.mine_ns), slower_share=_mean(row.logs["slower"].means()),
        speedup_when_split=_value(_ratio(row, "split", seed)), experienced_speedup=_value(_ratio(row, "experienced", seed)),
        unclean_share=_share(row.unclean, row.tries), length_share=_share(row.cut, row.solved),
        cached_share=_share(row.cached, row.read),
        splittable=row.splittable, missed_split_share=_share(row.missed_splits, row.splittable),
        unsplittable=row.unsplittable, false_split_share=_share(row.false_splits, row.unsplittable),
        structure=_mean(row.values["structure"].means()), structure_n=row.values["structure"].n,
        structure_difference=_mean(row.differences["structure"].means()),
        reference=_mean(row.values["reference"].means()), reference_n=row.values["reference"].n,
        reference_difference=_mean(row.differences["reference"].means()),
        preference=_mean(row.values[PREFERENCE].means()), preference_n=row.values[PREFERENCE].n,
        retention=_value(retained), retention_low=_low(retained), retention_high=_high(retained),
    )  # fmt: skip


def _ratio(row: Tally, figure: str, seed: int) -> Estimate | None:
    return stats.mean_ratio(row.logs[figure].means(), seed=seed)


def _matched(row: Tally) -> Estimate | None:
    """The speedup at equal length; the log speedup of a family is its normalized one less its token ratio."""
    tokens, normalized = row.logs["tokens"].means(), row.logs["normalized"].means()
    line = stats.at_zero([normalized[name] - tokens[name] for name in normalized], [tokens[name] for name in normalized])
    return None if line is None else Estimate(*(math.exp(value) for value in (line.value, line.low or 0.0, line.high or 0.0)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def _low(estimate: Estimate | None) -> float | None:
    return estimate.low if estimate else None


def _high(estimate: Estimate | None) -> float | None:
    return estimate.high if estimate else None


def _mean(means: Mapping[str, float]) -> float | None:
    return fmean(means.values()) if means else None
