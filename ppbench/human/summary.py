"""What came of it: how much each annotator judged, how far they agree with one another and with each model judge.

Pure: records of `verdicts.jsonl` in, tables out. Agreement is Krippendorff's alpha of ordered values (lost, tie, won),
and the cells on which all said the same, of those that at least two of them judged. Only fit annotators and judges
count. What was known without asking is no agreement and is left out. Does not say who is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppbench.agreement import FLIP, Cell, alpha
from ppbench.fitness import examine, standing
from ppbench.human.desk import SAME
from ppbench.store import cell

Values = Mapping[str, Mapping[str, Mapping[Cell, float]]]
"""By judge, criterion and cell."""


@dataclass(frozen=True)
class Summary:
    annotators: Sequence[Sequence[object]]
    """Rows: annotator, comparisons wholly judged, those begun, controls wholly judged, fit or why not."""
    agreement: Sequence[Sequence[str]]
    """Rows: who, with whom, and a cell for each criterion."""
    notes: Sequence[str]


def summarize(records: Sequence[Mapping[str, Any]], annotators: Mapping[str, str], criteria: Sequence[str]) -> Summary:
    """`annotators`: the spec of each judge that is a person, and the name to print."""
    examined = examine(records)
    fit = [spec for spec in annotators if spec in examined.judges and examined.judges[spec].fit]
    values = _values(standing(records, examined), criteria)
    models = [spec for spec in sorted(values) if spec not in annotators and examined.judges[spec].fit]
    rows = []
    if len(annotators) > 1:
        rows.append([f"annotators ({len(fit)})", "one another", *(_cell([values[s][c] for s in fit if s in values])
                                                                  for c in criteria)])  # fmt: skip
    rows += [[annotators[spec], model, *(_cell([values[spec][c], values[model][c]]) for c in criteria)]
             for spec in fit for model in models if spec in values]  # fmt: skip
    counts = _counts(records, annotators, len(criteria))
    who = [[annotators[spec], *counts[spec], examined.judges[spec].reason or "fit"]
           for spec in annotators if spec in examined.judges]  # fmt: skip
    return Summary(who, rows, _notes(annotators, fit, values, models, examined.judges))


def _notes(
    annotators: Mapping[str, str], fit: Sequence[str], values: Values, models: Sequence[str], judges: Mapping[str, Any]
) -> list[str]:
    notes = []
    concerned = annotators.keys() | values.keys()
    unfit = [annotators.get(spec, spec) for spec in sorted(concerned & judges.keys()) if not judges[spec].fit]
    if unfit:
        notes.append(f"Left out as unfit by their controls: {', '.join(unfit)}.")
    if len(fit) < 2:
        notes.append("Agreement between annotators needs two of them that are fit.")
    if not models:
        notes.append("No fit model judge has judged this run by these criteria; `--judge pairwise:model=...` asks one.")
    return notes


def _values(records: Iterable[Mapping[str, Any]], criteria: Container[str]) -> Values:
    """What was said when asked: a judge that reports `flip` was asked where it reports one, a person what they were shown."""
    values: dict[str, dict[str, dict[Cell, float]]] = defaultdict(lambda: defaultdict(dict))
    asked: dict[str, set[Cell]] = defaultdict(set)
    for record in records:
        key = cell(record)[:4]
        if record["criterion"] == FLIP:
            asked[record["judge"]].add(key)
        elif record["criterion"] in criteria and record["reason"] != SAME:
            values[record["judge"]][record["criterion"]][key] = record["value"]
    for judge, cells in asked.items():
        for said in values.get(judge, {}).values():
            for known in said.keys() - cells:
                del said[known]
    return values


def _cell(said: Sequence[Mapping[Cell, float]]) -> str:
    """alpha, and on how many of those that two or more judged all said the same; `-` where alpha is not defined."""
    cells = sorted(set().union(*said)) if said else []
    units = [[one.get(key) for one in said] for key in cells]
    both = [values for values in units if sum(value is not None for value in values) > 1]
    same = sum(len(set(values) - {None}) == 1 for values in both)
    found = alpha(both)
    return f"{'-' if found is None else f'{found:.2f}'} ({same} of {len(both)})"


def _counts(records: Iterable[Mapping[str, Any]], annotators: Container[str], whole: int) -> Mapping[str, tuple[int, int, int]]:
    """By annotator: comparisons of methods wholly judged, begun at all, and controls wholly judged."""
    said: dict[str, dict[Any, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        if record["judge"] in annotators and "value" in record and record["reason"] != SAME:
            said[record["judge"]][cell(record)].add(record["criterion"])
    counts = {}
    for judge, cells in said.items():
        complete = [key for key, names in cells.items() if len(names) == whole]
        controls = sum(bool(key[4]) for key in complete)
        counts[judge] = (len(complete) - controls, sum(not key[4] for key in cells), controls)
    return defaultdict(lambda: (0, 0, 0), counts)
