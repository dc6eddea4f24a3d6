"""What annotators chose: kept while they work, stored as verdicts, given back when they return.

A comparison is stored when all its criteria are answered, and again, as the next round, when one changes; what is half
answered is stored when the desk closes. The last round counts, so nothing ever counts twice. Knows no page and no
network; what it shows says neither the method nor which side is serial's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol

from ppbench.agreement import NOT_ASKED
from ppbench.errors import UsageError
from ppbench.hookspecs import Judge
from ppbench.human.cases import Comparison, Material, ordered, serial_is_a
from ppbench.judging import Bench, prompt_hash
from ppbench.model import Verdict
from ppbench.specs import spec_of
from ppbench.store import Cell, RunDirectory, cell, encode_verdict

CHOICES = ("a", "tie", "b")
SAME = "the same text" + NOT_ASKED


class Asking(Judge, Protocol):
    """A judge whose criteria are questions for people."""

    annotator: str
    criteria: Mapping[str, str]


@dataclass
class _Sheet:
    """All that one annotator was shown and said."""

    judge: Asking
    order: list[Comparison]
    said: dict[Cell, dict[str, float]] = field(default_factory=dict)
    """By comparison and criterion, the value for the method."""
    rounds: dict[Cell, int] = field(default_factory=dict)
    """Of what is stored."""
    open: set[Cell] = field(default_factory=set)
    """What was said since it was stored, or never was."""


class Desk:
    """Gives out comparisons and takes choices, from several annotators at once."""

    def __init__(
        self,
        bench: Bench,
        directory: RunDirectory,
        material: Material,
        make: Callable[[str], Asking],
        only: str | None = None,
    ) -> None:
        self._bench, self._directory, self._material, self._make = bench, directory, material, make
        self._seed: int = directory.run["seed"]
        self._sheets: dict[str, _Sheet] = {}
        self._lock = Lock()
        self._closed = False
        self.annotator = make(only).annotator if only is not None else ""
        """Who judges, where that was said beforehand."""

    def overview(self, annotator: str) -> dict[str, Any]:
        """The questions, how many comparisons there are, and how many criteria of each are answered."""
        with self._lock:
            sheet = self._sheet(annotator)
            answered = [len(sheet.said.get(one.cell, ())) for one in sheet.order]
            return {"annotator": sheet.judge.annotator, "criteria": dict(sheet.judge.criteria), "answered": answered}

    def show(self, annotator: str, number: int) -> dict[str, Any]:
        """One comparison, blind, and what was chosen."""
        with self._lock:
            sheet = self._sheet(annotator)
            one = self._at(sheet, number)
            texts = (one.serial, one.other) if self._serial_is_a(sheet, one) else (one.other, one.serial)
            chosen = {name: self._choice(sheet, one, value) for name, value in sheet.said.get(one.cell, {}).items()}
            return {"number": number, "prompt": one.prompt, "language": one.language, "a": texts[0], "b": texts[1],
                    "chosen": chosen}  # fmt: skip

    def choose(self, annotator: str, number: int, criterion: str, choice: str) -> int:
        """Take one choice in place of an earlier one; returns how many criteria of the comparison are answered."""
        with self._lock:
            if self._closed:
                raise UsageError("the judging has ended; this choice was not kept")
            sheet = self._sheet(annotator)
            one = self._at(sheet, number)
            if criterion not in sheet.judge.criteria or choice not in CHOICES:
                raise UsageError(f"{criterion!r}: {choice!r} is no choice of this page")
            value = 0.5 if choice == "tie" else float((choice == "b") == self._serial_is_a(sheet, one))
            said = sheet.said.setdefault(one.cell, {})
            if said.get(criterion) != value:
                said[criterion] = value
                sheet.open.add(one.cell)
            if one.cell in sheet.open and len(said) == len(sheet.judge.criteria):
                self._store(sheet, [one])
            return len(said)

    def close(self) -> None:
        """Store what is half answered; nothing is taken any more."""
        with self._lock:
            self._closed = True
            for sheet in self._sheets.values():
                self._store(sheet, [one for one in sheet.order if one.cell in sheet.open])

    def _at(self, sheet: _Sheet, number: int) -> Comparison:
        if not 0 <= number < len(sheet.order):
            raise UsageError(f"there is no comparison {number + 1}; there are {len(sheet.order)}")
        return sheet.order[number]

    def _serial_is_a(self, sheet: _Sheet, one: Comparison) -> bool:
        return serial_is_a(one, self._seed, sheet.judge.annotator)

    def _choice(self, sheet: _Sheet, one: Comparison, value: float) -> str:
        if value == 0.5:
            return "tie"
        return "b" if (value == 1) == self._serial_is_a(sheet, one) else "a"

    def _sheet(self, annotator: str) -> _Sheet:
        """The sheet of an annotator, with what was stored earlier. Raises UsageError for a name that is none."""
        judge = self._make(self.annotator or annotator)
        if judge.annotator not in self._sheets:
            sheet = _Sheet(judge, ordered(self._material.shown, self._seed, judge.annotator))
            _restore(sheet, self._directory.verdicts())
            self._sheets[judge.annotator] = sheet
        return self._sheets[judge.annotator]

    def _store(self, sheet: _Sheet, done: Sequence[Comparison]) -> None:
        """Append the next round of each; what could not be written stays open, and is tried again with the next choice."""
        if not done:
            return
        same = self._due(sheet, done)
        ties = dict.fromkeys(sheet.judge.criteria, 0.5)
        records = [record for one in done for record in self._records(sheet, one, sheet.said[one.cell], "")]
        records += [record for one in same for record in self._records(sheet, one, ties, SAME)]
        self._directory.append_verdicts(records)
        for one in (*done, *same):
            sheet.rounds[one.cell] = sheet.rounds.get(one.cell, -1) + 1
            sheet.open.discard(one.cell)

    def _due(self, sheet: _Sheet, done: Sequence[Comparison]) -> list[Comparison]:
        """Ties that nobody is asked about, in step with what was judged: whoever stops early has no more of them."""
        judged = sheet.rounds.keys() | {one.cell for one in done}
        asked = [one.cell for one in self._material.shown if not one.control]
        share = len(judged.intersection(asked)) / len(asked)
        due = self._material.same[: int(share * len(self._material.same))]
        return [one for one in due if one.cell not in sheet.rounds]

    def _records(self, sheet: _Sheet, one: Comparison, said: Mapping[str, float], reason: str) -> list[dict[str, Any]]:
        """All criteria of one comparison: a round takes the place of the one before as a whole."""
        judge, round_ = sheet.judge, sheet.rounds.get(one.cell, -1) + 1
        about = {"version": self._bench.version_of(judge), "prompt": prompt_hash(judge), "round": round_,
                 "control": one.control, "compares": bool(one.control)}  # fmt: skip
        return [encode_verdict(one.trial, spec_of(judge), Verdict(name, said[name], reason), **about)
                for name in judge.criteria if name in said]  # fmt: skip


def _restore(sheet: _Sheet, records: Iterable[Mapping[str, Any]]) -> None:
    """Fill a sheet with the last round of each comparison."""
    spec = spec_of(sheet.judge)
    for record in records:
        if record["judge"] == spec and "value" in record:
            where, round_ = cell(record), record.get("round", 0)
            if round_ > sheet.rounds.get(where, -1):
                sheet.rounds[where], sheet.said[where] = round_, {}
            sheet.said[where][record["criterion"]] = record["value"]
