"""Each subtask's answer against its reference, by the metric of the category. A missing answer scores 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import ClassVar

from ppbench import Case, Plan, Reply, Verdict
from ppbench_plugins.judges.align import slots
from ppbench_plugins.judges.metrics import METRICS, label


@dataclass(frozen=True)
class Reference:
    name: ClassVar[str] = "reference"

    def plan(self, case: Case) -> Plan | None:
        return None

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        """One verdict `reference`, the mean over subtasks; none where no answer is the right one."""
        item, metric = case.item, case.category.metric
        if item.reference is None or item.schema is None or metric == "none":
            return []
        answers = slots(case.trace.answer, item.schema.size, item.schema.data or ())
        pairs = list(zip(answers, item.reference, strict=True))
        labels = [text for accepted in item.reference for text in accepted]
        scores = [_score(metric, answer, accepted, labels, item.language) for answer, accepted in pairs]
        worst = min(range(len(scores)), key=scores.__getitem__)
        reason = f"{metric}; lowest {scores[worst]:.2f} for subtask {worst + 1}"
        return [Verdict("reference", min(1.0, fmean(scores)), reason)]


def _score(metric: str, answer: str | None, accepted: Sequence[str], labels: Sequence[str], language: str) -> float:
    if answer is None:
        return 0.0
    return label(answer, accepted, labels) if metric == "label" else METRICS[metric](answer, accepted, language)
