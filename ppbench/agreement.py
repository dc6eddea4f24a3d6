"""How far several judges agree: Krippendorff's alpha, Kendall's tau-b of rankings, and a jury over verdict records.

Pure: numbers and records in, numbers out. Knows no judge, no prompt and no file, and does not say who is right.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any, Literal, TypeVar

K = TypeVar("K")
Level = Literal["nominal", "ordinal", "interval"]
Cell = tuple[str, int, str, int]
"""Item, repeat, decomposer, try: what one verdict is about."""
UNUSABLE, FLIP = "unusable", "flip"
"""Criteria by which a judge says that it could not be read, and how often the order of the answers decided: see `jury`."""
NOT_ASKED = "; not asked"
"""How the reason of a verdict ends that was known without asking anybody."""


def alpha(units: Iterable[Sequence[float | None]], level: Level = "ordinal") -> float | None:
    """Krippendorff's alpha: 1 for perfect agreement, 0 for what chance gives, below 0 for judges that contradict.

    A unit holds one value a judge, None where a judge said nothing; a unit with fewer than two values says nothing of
    agreement. None where that leaves nothing, or where all values are the same: agreement beyond chance is not defined
    then. By coincidences, as in K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).
    """
    coincidences: dict[tuple[float, float], float] = defaultdict(float)
    for unit in units:
        values = Counter(value for value in unit if value is not None and not math.isnan(value))
        said = values.total()
        for one in values if said > 1 else ():
            for other in values:
                coincidences[one, other] += values[one] * (values[other] - (one == other)) / (said - 1)
    margins: dict[float, float] = defaultdict(float)
    for (one, _), weight in coincidences.items():
        margins[one] += weight
    total = math.fsum(margins.values())
    squares = _squares(margins, level)
    expected = math.fsum(margins[one] * margins[other] * square for (one, other), square in squares.items())
    if expected == 0:
        return None
    observed = math.fsum(coincidences.get(pair, 0.0) * square for pair, square in squares.items())
    return 1 - (total - 1) * observed / expected


def _squares(margins: Mapping[float, float], level: Level) -> dict[tuple[float, float], float]:
    """Squared difference of each two values that occur; of ranks, the values that lie between count."""
    ordered = sorted(margins)
    below, found = 0.0, dict[float, float]()
    for value in ordered:
        found[value] = below + margins[value] / 2
        below += margins[value]
    where = {"ordinal": found, "interval": {value: value for value in ordered}}.get(level)
    return {(one, other): 1.0 if where is None else (where[one] - where[other]) ** 2
            for one in ordered for other in ordered if one != other}  # fmt: skip


def tau_b(one: Mapping[K, float], other: Mapping[K, float]) -> float | None:
    """Kendall's tau-b of two rankings, given as values by name; names that only one of them has are left out.

    1 for the same order, -1 for the reverse. None for fewer than two names in common, or where either ranks all alike.
    """
    names = [name for name in one if name in other]
    if len(names) < 2:
        return None
    from scipy.stats import kendalltau  # slow to import

    found = float(kendalltau([one[name] for name in names], [other[name] for name in names], variant="b").statistic)
    return None if math.isnan(found) else found


@dataclass(frozen=True)
class Ruling:
    """What a jury says of one cell."""

    by_judge: Mapping[str, float]
    """Of the judges that could be read."""
    mean: float
    majority: float
    """The value that more than half of those judges gave; 0.5, the tie, where there is none."""


@dataclass(frozen=True)
class Jury:
    """Several judges on the same cells, by one criterion. All judges weigh the same."""

    judges: tuple[str, ...]
    cells: Mapping[Cell, Ruling]
    silent: Mapping[str, int]
    """By judge, the cells that others ruled on or that it found unusable, and on which it said nothing."""
    alpha: float | None
    """Krippendorff's, of ordered values: lost, tie, won; over what was asked. None for fewer than two judges, or where it is
    not defined."""
    rankings: Mapping[str, Mapping[str, float]]
    """By judge, the mean value of each method."""
    taus: Mapping[tuple[str, str], float | None]
    """Kendall's tau-b of the rankings of each two judges, over the methods that both ruled on."""

    @property
    def ranking(self) -> dict[str, float]:
        """The mean of the jury's means for each method, best first."""
        found: dict[str, list[float]] = defaultdict(list)
        for (_, _, method, _), ruling in self.cells.items():
            found[method].append(ruling.mean)
        return dict(sorted(((method, fmean(means)) for method, means in found.items()), key=lambda row: (-row[1], row[0])))


def jury(records: Iterable[Mapping[str, Any]], criterion: str = "preference") -> Jury:
    """Take the verdict records of several judges together. Of a record these are read: judge, item, repeat, decomposer,
    try, criterion, value, reason. The last record counts where one stands twice. A judge is whoever gave this criterion, or
    said `unusable` above 0; it is silent where it gave none. What a judge that reports `flip` ruled without one, and what
    says in its reason that it was `NOT_ASKED`, was known without asking, the same text twice for example: it counts for
    means and rankings, and is no agreement."""
    values: dict[Cell, dict[str, float]] = defaultdict(dict)
    unread: dict[Cell, set[str]] = defaultdict(set)
    asked: dict[str, set[Cell]] = defaultdict(set)
    known: set[tuple[str, Cell]] = set()
    for record in records:
        cell = (record["item"], record["repeat"], record["decomposer"], record["try"])
        if record["criterion"] == criterion:
            values[cell][record["judge"]] = record["value"]
            unasked = record.get("reason", "").endswith(NOT_ASKED)
            (known.add if unasked else known.discard)((record["judge"], cell))
        elif record["criterion"] == UNUSABLE and record["value"] > 0:
            unread[cell].add(record["judge"])
        elif record["criterion"] == FLIP:
            asked[record["judge"]].add(cell)
    judges = tuple(sorted({judge for found in (*values.values(), *unread.values()) for judge in found}))
    silent = {judge: sum(judge not in values.get(cell, ()) for cell in values.keys() | unread.keys()) for judge in judges}
    rankings = {judge: _ranking(values, judge) for judge in judges}
    heard = {(judge, cell) for judge in judges for cell in asked.get(judge) or values} - known
    units = [[found.get(judge) if (judge, cell) in heard else None for judge in judges] for cell, found in values.items()]
    taus = {(one, other): tau_b(rankings[one], rankings[other]) for one, other in combinations(judges, 2)}
    return Jury(judges, {cell: _ruling(found) for cell, found in values.items()}, silent, alpha(units), rankings, taus)


def _ruling(found: Mapping[str, float]) -> Ruling:
    value, votes = Counter(found.values()).most_common(1)[0]
    return Ruling(dict(found), fmean(found.values()), value if 2 * votes > len(found) else 0.5)


def _ranking(values: Mapping[Cell, Mapping[str, float]], judge: str) -> dict[str, float]:
    said: dict[str, list[float]] = defaultdict(list)
    for (_, _, method, _), found in values.items():
        if judge in found:
            said[method].append(found[judge])
    return {method: fmean(found) for method, found in said.items()}
