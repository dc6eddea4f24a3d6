"""Sums over the trials and verdicts of one row, by family of prompts: whatever a run's length, a row stays this small.

A ratio is taken within a pair: the method's trial and serial's, of the same item, repeat and try. Blocks in which
something was retried were run again, and the second try counts. Decides nothing; `score` and `verdict` read the sums.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ppbench.facts import Facts, facts
from ppbench.trace import Trial

SERIAL = "serial"
AGAIN = "serial:copy=1"
"""Serial, entering a second time: what it gains is the noise floor."""
COMPARED = ("reference", "structure")
"""Criteria of which serial has a value of its own: what counts is the difference within the pair."""
PREFERENCE = "preference"
"""The criterion of a comparison with serial: 0.5 is parity."""
CONTENT = ("reference", PREFERENCE)
"""Criteria that look at what is said, not only at how it is laid out."""


Cell = tuple[str, int]
"""Item and repeat."""


class ByFamily:
    """A mean for each family, kept as a sum and a count."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}
        self.n = 0

    def add(self, family: str, value: float | None) -> None:
        if value is not None:
            entry = self._sums.setdefault(family, [0.0, 0.0])
            entry[0] += value
            entry[1] += 1
            self.n += 1

    def means(self) -> dict[str, float]:
        return {family: total / count for family, (total, count) in self._sums.items()}


@dataclass
class Tally:
    """One row: a method, in one group of prompts."""

    n: int = 0
    failures: int = 0
    pairs: int = 0
    statuses: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tries: int = 0
    unclean: int = 0
    unsplittable: int = 0
    splittable: int = 0
    false_splits: int = 0
    missed_splits: int = 0
    serial_ns: int = 0
    mine_ns: int = 0
    solved: int = 0
    cut: int = 0
    read: int = 0
    cached: int = 0
    logs: dict[str, ByFamily] = field(default_factory=lambda: defaultdict(ByFamily))
    """Logarithms of ratios by the name of the figure, and `slower`, a share."""
    values: dict[str, ByFamily] = field(default_factory=lambda: defaultdict(ByFamily))
    """By criterion."""
    differences: dict[str, ByFamily] = field(default_factory=lambda: defaultdict(ByFamily))
    """The method's value less serial's."""
    retained: ByFamily = field(default_factory=ByFamily)
    """1 where the answer was judged at least as good as serial's."""
    paired: dict[str, set[Cell]] = field(default_factory=lambda: defaultdict(set))
    """By family, the cells that make pairs; beside it those of them in which what is said was judged."""
    content: dict[str, set[Cell]] = field(default_factory=lambda: defaultdict(set))

    def count(self, mine: Facts, splittable: bool | None) -> None:
        """A cell that counts, answered or not."""
        self.n += 1
        self.failures += mine.failed
        self.statuses[mine.status] += 1
        split = mine.status == "split"
        if splittable is not None and mine.traced:
            self.splittable += splittable
            self.unsplittable += not splittable
            self.missed_splits += splittable and not split
            self.false_splits += not splittable and split
        self.solved, self.cut = self.solved + mine.solved, self.cut + mine.cut
        self.read, self.cached = self.read + mine.read, self.cached + mine.cached

    @property
    def unjudged(self) -> int:
        """Families of which some answer's content was never judged: a method must not choose what is looked at."""
        return sum(not self.content.get(name) or not self.paired.get(name, set()) <= self.content[name]
                   for name in self.logs["speed"].means())  # fmt: skip

    def pair(self, family: str, cell: Cell, mine: Facts, serial: Facts) -> None:
        """Both were answered."""
        self.paired[family].add(cell)
        speed = _log_ratio(serial.latency_ns, mine.latency_ns)
        tokens = _log_ratio(mine.tokens_out, serial.tokens_out)
        self.pairs += 1
        self.serial_ns, self.mine_ns = self.serial_ns + serial.latency_ns, self.mine_ns + mine.latency_ns
        self.logs["speed"].add(family, speed)
        self.logs["slower"].add(family, float(mine.latency_ns > serial.latency_ns))
        self.logs["ttft"].add(family, _log_ratio(serial.ttft_ns, mine.ttft_ns))
        self.logs["tokens"].add(family, tokens)
        self.logs["normalized"].add(family, None if speed is None or tokens is None else speed + tokens)
        if mine.status == "split":
            self.logs["split"].add(family, speed)

    def first_try(self, family: str, mine: Facts, serial: Facts | None) -> None:
        """What a user felt: the first try, whatever came of it."""
        self.tries += 1
        self.unclean += not mine.clean
        if serial is not None and serial.answered and mine.answered:
            self.logs["experienced"].add(family, _log_ratio(serial.latency_ns, mine.latency_ns))

    def judged(self, family: str, cell: Cell, criterion: str, value: float, serial: float | None) -> None:
        """One verdict of a try that counts, beside the same judge's of serial, where there is one."""
        self.values[criterion].add(family, value)
        if criterion == PREFERENCE:
            self.retained.add(family, float(value >= 0.5))
        if criterion in COMPARED and serial is not None:
            self.differences[criterion].add(family, value - serial)
        if criterion == PREFERENCE or (criterion in CONTENT and serial is not None):
            self.content[family].add(cell)


def _log_ratio(a: float | None, b: float | None) -> float | None:
    """log(a / b) where both are known and positive."""
    return math.log(a / b) if a and b and a > 0 and b > 0 else None


SIZES = ((2, 4), (5, 9), (10, 19), (20, 49))
"""Numbers of subtasks that stand in one row together; what is beyond has a row of its own."""


def group_of(item: Mapping[str, Any], by: str | None) -> str:
    """The group of a run's item: its category, its language, or the range of `n` in which its number of subtasks lies."""
    if by is None:
        return ""
    if by != "n":
        return str(item[by])
    n = item.get("n")
    if n is None:
        return "unknown"
    return next((f"{low}-{high}" for low, high in SIZES if low <= n <= high), f"{SIZES[-1][1] + 1} or more")


class Tallies:
    """Takes a run's trials, then its verdicts, and keeps a tally for each (group, method)."""

    def __init__(self, run: Mapping[str, Any], by: str | None = None) -> None:
        self._items = {item["id"]: item for item in run["items"]}
        self._by = by
        self._methods = [method["spec"] for method in run["methods"]]
        self._open: dict[tuple[str, int, int], dict[str, Facts]] = defaultdict(dict)
        self._unclean: dict[Cell, dict[str, Facts]] = {}
        """First tries that may still be replaced."""
        self._retried: set[Cell] = set()
        self._lost: list[tuple[str, Cell]] = []
        """Methods without an answer, in cells that count."""
        self.rows: dict[tuple[str, str], Tally] = defaultdict(Tally)

    def take_trials(self, trials: Iterable[Trial]) -> None:
        for trial in trials:
            block = self._open[trial.item, trial.repeat, trial.try_]
            block[trial.decomposer] = facts(trial)
            if len(block) == len(self._methods):
                self._close((trial.item, trial.repeat, trial.try_))
        for key in list(self._open):
            self._close(key)
        for cell, block in self._unclean.items():
            self._count(cell, block)
        self._unclean = {}

    def _close(self, key: tuple[str, int, int]) -> None:
        """A block is whole: count it, unless another try may come in its place."""
        block, cell = self._open.pop(key), (key[0], key[1])
        if key[2] == 0:
            for method, mine in block.items():
                self._row(cell, method).first_try(self._family(cell), mine, block.get(SERIAL))
            if all(mine.clean and mine.traced for mine in block.values()):
                self._count(cell, block)
            else:
                self._unclean[cell] = block
        else:
            self._retried.add(cell)
            self._count(cell, {**self._unclean.pop(cell, {}), **block})

    def _count(self, cell: Cell, block: Mapping[str, Facts]) -> None:
        serial = block.get(SERIAL)
        for method, mine in block.items():
            row = self._row(cell, method)
            row.count(mine, self._items[cell[0]].get("splittable"))
            if not mine.traced:
                self._lost.append((method, cell))
            if serial is not None and serial.answered and mine.answered:
                row.pair(self._family(cell), cell, mine, serial)

    def take_verdicts(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Of tries that count; a method without an answer gets the lowest value wherever serial has one."""
        serial: dict[tuple[Cell, str, str], float] = {}
        waiting: list[tuple[Cell, str, str, str, float]] = []
        for cell, method, judge, criterion, value in self._counted(records):
            key = (cell, judge, criterion)
            if method == SERIAL and criterion in COMPARED:
                serial[key] = value
            if criterion in COMPARED and key not in serial:
                waiting.append((cell, method, judge, criterion, value))
            else:
                self._judged(cell, method, criterion, value, serial.get(key))
        for cell, method, judge, criterion, value in waiting:
            self._judged(cell, method, criterion, value, serial.get((cell, judge, criterion)))
        lost = defaultdict(list)
        for method, cell in self._lost:
            lost[cell].append(method)
        for (cell, _, criterion), value in serial.items():
            for method in lost.get(cell, ()):
                self._judged(cell, method, criterion, 0.0, value)

    def _counted(self, records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Cell, str, str, str, float]]:
        for record in records:
            cell = (record["item"], record["repeat"])
            if cell[0] in self._items and record["try"] == (cell in self._retried):
                yield cell, record["decomposer"], record.get("judge", ""), record["criterion"], record["value"]

    def _judged(self, cell: Cell, method: str, criterion: str, value: float, serial: float | None) -> None:
        self._row(cell, method).judged(self._family(cell), cell, criterion, value, serial)

    def _family(self, cell: Cell) -> str:
        return str(self._items[cell[0]]["family"])

    def _row(self, cell: Cell, method: str) -> Tally:
        return self.rows[group_of(self._items[cell[0]], self._by), method]
