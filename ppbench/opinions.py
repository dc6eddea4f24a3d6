"""What stands behind the preferences of a run: how often judges flipped, how far they agree, what length and looks explain.

Derived from the verdicts that are heard and from the stored answers; decides nothing, prints nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ppbench.agreement import Jury, jury
from ppbench.controlled import Compared, Controlled, Look, controlled, look
from ppbench.tally import PREFERENCE, SERIAL
from ppbench.trace import Trial

Cell = tuple[str, int, int]


@dataclass(frozen=True)
class Habits:
    """Of one judge. None where it never said."""

    rulings: int
    flips: float | None
    """Share of criteria on which its two orders disagreed; such a verdict is a tie."""
    unusable: float | None
    """Share of cases of which it gave no verdict that can be read."""


@dataclass(frozen=True)
class Opinions:
    """All judges that compare with serial."""

    habits: Mapping[str, Habits]
    jury: Jury
    controlled: Mapping[str, Controlled]
    """By method: the preference, raw and with length and visible structure controlled for."""

    def to_json(self) -> dict[str, Any]:
        return {
            "judges": {name: asdict(habits) for name, habits in self.habits.items()},
            "alpha": self.jury.alpha,
            "taus": [{"judges": list(pair), "tau": tau} for pair, tau in self.jury.taus.items()],
            "controlled": {name: asdict(found) for name, found in self.controlled.items()},
        }


def opinions(run: Mapping[str, Any], trials: Iterable[Trial], verdicts: Iterable[Mapping[str, Any]]) -> Opinions | None:
    """None if nobody compared answers with serial's. `verdicts` are those that are heard."""
    records = [record for record in verdicts if record["criterion"] in (PREFERENCE, "flip", "unusable")]
    ruled = jury(records)
    if not ruled.judges:
        return None
    return Opinions({judge: _habits(judge, records) for judge in ruled.judges}, ruled, _controlled(run, trials, ruled))


def _habits(judge: str, records: Iterable[Mapping[str, Any]]) -> Habits:
    said: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record["judge"] == judge:
            said[record["criterion"]].append(record["value"])
    shares = {name: sum(values) / len(values) for name, values in said.items()}
    return Habits(len(said[PREFERENCE]), shares.get("flip"), shares.get("unusable"))


def _controlled(run: Mapping[str, Any], trials: Iterable[Trial], ruled: Jury) -> dict[str, Controlled]:
    """By method; of a jury the mean value of each cell."""
    looks: dict[Cell, dict[str, Look]] = defaultdict(dict)
    judged = {(item, repeat, try_) for item, repeat, _, try_ in ruled.cells}
    for trial in trials:
        cell = (trial.item, trial.repeat, trial.try_)
        if trial.trace is not None and cell in judged:
            looks[cell][trial.decomposer] = look(trial.trace.answer)
    families = {item["id"]: item["family"] for item in run["items"]}
    rows: dict[str, list[Compared]] = defaultdict(list)
    for (item, repeat, method, try_), ruling in ruled.cells.items():
        seen = looks[item, repeat, try_]
        if method in seen and SERIAL in seen:
            rows[method].append(Compared(families[item], ruling.mean, seen[method], seen[SERIAL]))
    return {method: controlled(found, seed=run["seed"]) for method, found in rows.items()}
