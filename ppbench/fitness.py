"""Which judges may be believed, from their verdicts on controls. Pure: records of `verdicts.jsonl` in, opinions out.

A fit judge values a constant, a truncated answer and bare flattery below parity, and the full answer of serial not above
parity because flattery stands behind it. Parity is 0.5 for a judge that compares with serial, else what the same judge
says of serial itself. Knows no judge by name.

Why the tolerance is 0.15: over twenty controls a judge that flips a coin in both orders lies so far below parity in 4
runs of 100, so that it passes all three bad controls in less than one of ten thousand, and so far above in 2 of 100. A
judge that is right where it can tell passes as long as it ties on no more than 14 of the 20, because nothing is known of
them. With fewer controls a coin passes more often, and never in more than 3 of 100.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

CRITERIA = ("preference", "reference", "structure")
"""What verdicts rest on; of other criteria it is not known which way is up."""
WORSE = ("constant", "truncated", "flattery")
"""Controls that must lie below parity; the other one, `flattered`, must not lie above."""
TOLERANCE = 0.15
_ROUNDING = 1e-9
WORTH = 0.5
"""What serial's own answer must earn of an absolute judge to be a control: below an answer that earns nothing there is
no room for a worse one."""


@dataclass(frozen=True)
class Fitness:
    """Whether a judge may be believed, and why not. One that valued answers but could be shown no control that tells, as when
    serial's own answers earn nothing, may not: nothing is known of it."""

    fit: bool
    reason: str = ""
    controls: int = 0
    """Values of controls that this rests on."""


@dataclass(frozen=True)
class Examination:
    """What all records together say of each of them."""

    judges: dict[str, Fitness] = field(default_factory=dict)
    rounds: dict[tuple[Any, ...], int] = field(default_factory=dict)
    """The last round of each case that was judged again."""
    blind: dict[tuple[str, str], str] = field(default_factory=dict)
    """(judge, category) in which a fit judge that compares misses its controls, with the reason."""
    categories: Mapping[str, str] = field(default_factory=dict)
    """Of the prompts."""

    @property
    def unheard(self) -> dict[str, str]:
        """By judge, or by judge and category, why it is not heard."""
        whole = {judge: fitness.reason for judge, fitness in self.judges.items() if not fitness.fit}
        return whole | {f"{judge}, on {category}": reason for (judge, category), reason in self.blind.items()}

    def hears(self, record: Mapping[str, Any]) -> bool:
        key = (record["judge"], self.categories.get(record["item"], ""))
        return self.judges[record["judge"]].fit and key not in self.blind


def examine(records: Iterable[Mapping[str, Any]], categories: Mapping[str, str] | None = None) -> Examination:
    """Hold each judge against its controls, one that compares in each category apart as well: where it rules alone, as where
    there is no reference, being right elsewhere is no proof. Where a case was judged again, what was said last counts."""
    judges: dict[str, _Seen] = defaultdict(_Seen)
    apart: dict[tuple[str, str], _Seen] = defaultdict(_Seen)
    rounds: dict[tuple[Any, ...], int] = {}
    for record in records:
        judges[record["judge"]].take(record)
        if record.get("compares") and categories:
            apart[record["judge"], categories.get(record["item"], "")].take(record)
        if record.get("round") and "failure" not in record:
            rounds[_case(record)] = record["round"]
    found = {judge: seen.fitness() for judge, seen in judges.items()}
    blind = {key: fitness.reason for key, seen in apart.items() if found[key[0]].fit and not (fitness := seen.fitness()).fit}
    return Examination(found, rounds, blind, categories or {})


def examine_run(run: Mapping[str, Any], records: Iterable[Mapping[str, Any]]) -> Examination:
    """The same for a stored run, whose record knows the category of each prompt."""
    return examine(records, {item["id"]: item["category"] for item in run["items"]})


def standing(records: Iterable[Mapping[str, Any]], examined: Examination) -> Iterator[Mapping[str, Any]]:
    """The records that hold values of methods, each case as it was judged last: no controls, no failures."""
    for record in records:
        if "value" in record and "control" not in record and record.get("round", 0) == examined.rounds.get(_case(record), 0):
            yield record


def usable(records: Iterable[Mapping[str, Any]], examined: Examination | None = None) -> Iterator[Mapping[str, Any]]:
    """The standing records of fit judges. Give the examination of the same records to read them as a stream."""
    if examined is None:
        records = list(records)
        examined = examine(records)
    return (record for record in standing(records, examined) if examined.hears(record))


def _case(record: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("judge", "item", "repeat", "decomposer", "try", "control")
    return tuple(record.get(name) for name in names)


class _Seen:
    """What a judge said of controls, and of the answers of serial that they were made from."""

    def __init__(self) -> None:
        self._own: dict[tuple[Any, ...], float] = {}
        self._controls: dict[tuple[Any, ...], tuple[float, bool]] = {}
        self._empty = 0
        self._rules = False
        """It gave values that verdicts would rest on."""

    def take(self, record: Mapping[str, Any]) -> None:
        control = record.get("control", "")
        if "value" not in record or (record["criterion"] == "unusable" and record["value"] > 0):
            self._empty += bool(control)
        elif record["criterion"] in CRITERIA:
            self._rules = self._rules or not control
            key = (record["item"], record["repeat"], record["try"], record["criterion"])
            if control:
                self._controls[(*key, control)] = (record["value"], record.get("compares", False))
            elif record["decomposer"] == "serial":
                self._own[key] = record["value"]

    def fitness(self) -> Fitness:
        if self._empty > len(self._controls):
            asked = self._empty + len(self._controls)
            return Fitness(False, f"gave no verdict on {self._empty} of its {asked} controls")
        excess = self._excess()
        count = sum(map(len, excess.values()))
        if self._rules and not count:
            return Fitness(False, "no control could be shown that tells, as when serial's own answers earn nothing")
        for (criterion, control), over in sorted(excess.items()):
            reason = _miss(criterion, control, fmean(over), len(over))
            if reason:
                return Fitness(False, reason, count)
        return Fitness(True, "", count)

    def _excess(self) -> dict[tuple[str, str], list[float]]:
        """(criterion, control) -> by how much each value lies above parity."""
        excess: dict[tuple[str, str], list[float]] = defaultdict(list)
        for (*key, control), (value, compares) in self._controls.items():
            own = self._own.get(tuple(key), 0.0)
            if compares or own >= WORTH:
                excess[key[-1], control].append(value - (0.5 if compares else own))
        return excess


def _miss(criterion: str, control: str, over: float, count: int) -> str:
    """In what way a judge misses a control, or an empty string."""
    if control in WORSE and over > _ROUNDING - TOLERANCE:
        return f"{criterion} of a {control} answer: {over:+.2f} from parity over {count} controls, not below {-TOLERANCE}"
    if control not in WORSE and over > TOLERANCE + _ROUNDING:
        return f"{criterion} of serial's {control} answer: {over:+.2f} from parity over {count} controls, above {TOLERANCE}"
    return ""
