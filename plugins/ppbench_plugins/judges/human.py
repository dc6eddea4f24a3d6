"""The judge `human`: what people are asked, and under which name their verdicts stand.

It asks no model and knows no page: `ppbench judge RUN --human` shows its questions to an annotator, and writes what is
chosen as verdicts of this judge. Judging without the page is refused, not made up.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ppbench import Case, Plan, Reply, UsageError, Verdict

LONGEST = 60
"""Characters of an annotator's name."""


@dataclass(frozen=True)
class Human:
    """A person who compares a method's answer with serial's by the paper's four criteria: 1 won, 0 lost, 0.5 a tie."""

    name: ClassVar[str] = "human"
    compares: ClassVar[bool] = True
    """Its verdicts are relative to serial."""
    criteria: ClassVar[Mapping[str, str]] = {
        "accuracy": "Which answer is more accurate, and does what the prompt asks?",
        "grammar": "Which answer is better written: grammar, spelling, fluency?",
        "detail": "Which answer has the detail that the prompt asks for, no less and no more?",
        "preference": "All in all, which answer do you prefer?",
    }
    """What the page asks, in this order; the first letters are keys."""

    annotator: str
    """Who says it, as they call themselves; initials will do."""

    def __post_init__(self) -> None:
        name = " ".join(unicodedata.normalize("NFC", self.annotator).split())
        if not name or len(name) > LONGEST or not name.isprintable():
            problem = f"annotator is {self.annotator[:80]!r}"
            raise ValueError(f"{problem}; give a name of 1 to {LONGEST} characters that can be printed")
        object.__setattr__(self, "annotator", name)

    @property
    def instructions(self) -> str:
        """The fixed text of what is asked."""
        return "\n".join(f"{name}: {question}" for name, question in self.criteria.items())

    def plan(self, case: Case) -> Plan | None:
        return None

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        raise UsageError("people judge on a page: `ppbench judge RUN --human` serves it")
