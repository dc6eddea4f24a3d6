"""The values that pass from stage to stage: a row as it was read, what a planner says of it, what became of it.

Values only; they travel to other processes and machines, and into files. Nothing is decided here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ppbench import Schema

STAGES = ("reading", "pre-filter", "planning", "validation", "accepted")
"""Where a row can end, in order."""


class Row(NamedTuple):
    """One conversation: its place in the source from 1, its name there, its first user turn and language."""

    number: int
    name: str
    text: str
    language: str
    given: str = ""
    """JSON of its own annotation, where it has one."""
    line: int = 0
    """Of its file, from 1, where rows begin in one."""
    file: str = ""
    """Its file, where the source has several."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a planner says of a row: a schema and a category, or why there is none."""

    schema: Schema | None = None
    category: str = ""
    """As the planner names it; empty where it does not."""
    rule: str = ""
    """What it goes back to: the rule that spoke, or the model."""
    reason: str = ""
    """Why the row is not split."""
    broken: bool = False
    """It was split, and the split cannot be used: the validation's business, not the planner's."""
    text: str = ""
    """The prompt that the schema was taken from, where names were put in; else the row's own."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a row: the stage it ended in, and its line in one of the two files."""

    row: int
    stage: str
    language: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """One line of JSON, without its end."""
        shown = {"row": self.row, "stage": self.stage, "language": self.language, **self.fields}
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def refused(row: Row, stage: str, reason: str, *, text: str | None = None, **fields: Any) -> Settled:
    """A row that ended before the last stage, with the reason."""
    shown = {"text": text} if text is not None else {}
    return Settled(row.number, stage, row.language, {"id": row.name, **placed(row.file, row.line), "reason": reason, **fields,
                                                     **shown})  # fmt: skip


def placed(file: str, line: int) -> dict[str, Any]:
    """Where a row stands, as far as its number does not say it."""
    return ({"file": file} if file else {}) | ({"line": line} if line else {})
