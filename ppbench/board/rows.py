"""Boards from entries: rows that may stand beside one another, with what only all of them together can tell. Pure.

The verdict of a row is that of its own run, tested among the rows of that run. Ranks are of the whole board: families are
resampled for all entries alike, whose prompts are the same. An entry is taken as checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppbench import stats
from ppbench.board.derived import Records
from ppbench.board.identity import Board
from ppbench.fitness import usable
from ppbench.specs import split_spec
from ppbench.stats import Estimate
from ppbench.tally import AGAIN, COMPARED, PREFERENCE, SERIAL, Tallies, Tally
from ppbench.verdict import FLOOR, MARGINS, PARITY

ADVERSARIES = frozenset({"constant", "truncator", "flatterer", "randomsplit"})
"""Methods that try to win without answering, by the first word of their spec."""
MEASURES = (PREFERENCE, *COMPARED)
"""Of quality, in the order in which they are preferred; parity and margin are those of the verdicts."""


@dataclass(frozen=True)
class Loaded:
    """A checked entry."""

    name: str
    digest: str
    """SHA-256 of its files."""
    said: Mapping[str, Any]
    records: Records
    conformance: Mapping[str, Any] | None
    verified: str
    """Who ran it again and when, in words; empty for nobody."""


@dataclass(frozen=True)
class Row:
    """A method of an entry."""

    entry: Loaded
    spec: str
    score: Mapping[str, Any]
    rank: tuple[int, int] | None
    quality: Mapping[str, Estimate]
    """By measure, relative to serial, with 95 % intervals."""

    @property
    def grey(self) -> bool:
        """An adversary, or serial against itself."""
        return split_spec(self.spec)[0] in ADVERSARIES or self.spec == AGAIN

    @property
    def given(self) -> bool:
        return bool(self.score["given"])

    @property
    def label(self) -> str:
        return self.spec + (" (given)" if self.given else "")


def boards(entries: Sequence[Loaded]) -> dict[Board, list[Row]]:
    """Rows by board, real ones first; within one by speed, those that were shown labels last, serial first and once."""
    groups: dict[Board, list[Loaded]] = defaultdict(list)
    for entry in entries:
        groups[Board(**entry.said["board"])].append(entry)
    return {board: _rows(groups[board]) for board in sorted(groups)}


def _rows(entries: Sequence[Loaded]) -> list[Row]:
    tallies = {(k, spec): tally for k, entry in enumerate(entries) for spec, tally in _tallies(entry).items()}
    scores = {(k, row["decomposer"]): row for k, entry in enumerate(entries) for row in entry.said["scores"]}
    shown = [key for key in scores if key[1] != SERIAL or key[0] == 0]
    seed = entries[0].records.run["seed"]
    means = {str(number): tallies[key].logs["speed"].means() for number, key in enumerate(shown) if not scores[key]["given"]}
    ranks = stats.rank_ranges({name: families for name, families in means.items() if families}, seed=seed)
    rows = [Row(entries[key[0]], key[1], scores[key], ranks.get(str(number)), _quality(tallies[key], seed))
            for number, key in enumerate(shown)]  # fmt: skip
    return sorted(rows, key=lambda row: (row.given, row.spec != SERIAL, -(row.score["raw_speedup"] or 0.0), row.spec))


def _tallies(entry: Loaded) -> dict[str, Tally]:
    counted = Tallies(entry.records.run)
    counted.take_trials(entry.records.decoded())
    counted.take_verdicts(usable(entry.records.verdicts))
    return {spec: counted.rows["", spec] for spec in (method["spec"] for method in entry.records.run["methods"])}


def _quality(tally: Tally, seed: int) -> dict[str, Estimate]:
    found = {}
    for measure in MEASURES:
        means = (tally.values if measure == PREFERENCE else tally.differences)[measure].means()
        ceiling = FLOOR[measure] + (2.0 if measure in COMPARED else 1.0)
        estimate = stats.bounded_mean(list(means.values()), floor=FLOOR[measure], ceiling=ceiling, seed=seed)
        if estimate is not None:
            found[measure] = estimate
    return found


def measure_of(rows: Sequence[Row]) -> str:
    """The measure of quality that a board is drawn by: the one that is known of the most methods, else the first of them."""
    known = {measure: sum(measure in row.quality for row in rows if row.spec != SERIAL) for measure in MEASURES}
    best = max(MEASURES, key=lambda measure: known[measure])
    return best if known[best] else ""


def parity(measure: str) -> float:
    return PARITY[measure]


def margin(measure: str) -> float:
    """The least mean that is still not worse."""
    return MARGINS[measure]


def frontier(rows: Sequence[Row], measure: str) -> list[Row]:
    """Rows that no other row beats in speed and quality both, by speed; without adversaries and those shown labels."""
    ranked = [row for row in rows if not row.grey and not row.given and row.score["raw_speedup"]]
    best: list[Row] = []
    for row in sorted(ranked, key=lambda row: -row.score["raw_speedup"]):
        value = row.quality[measure].value if measure in row.quality else parity(measure) if row.spec == SERIAL else None
        if value is not None and (not best or value > _value(best[-1], measure)):
            best.append(row)
    return best


def _value(row: Row, measure: str) -> float:
    return row.quality[measure].value if measure in row.quality else parity(measure)
