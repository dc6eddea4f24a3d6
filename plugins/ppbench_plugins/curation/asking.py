"""Planning by a model: what a row's model is asked, and what its replies say. Pure; sends nothing.

The requests, the lenient reading and the second try are those of `schema:source=llm`; asked is as the paper asks
(`prompt=paper`), because that reply names a category. One reply that cannot be used is asked for again, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ppbench import Call
from ppbench_plugins.curation.mending import mended
from ppbench_plugins.curation.rows import Planned, Row
from ppbench_plugins.curation.stages import shown
from ppbench_plugins.decomposers.extraction import answer_schema, finished, is_empty, schema_of
from ppbench_plugins.decomposers.reading import without_thought
from ppbench_plugins.decomposers.tiers import Ground
from ppbench_plugins.prompts import fill

TRIES = ("extract", "extract-again")
_RULE = "model"


@dataclass
class Asking:
    """One row on its way to a plan: the next question while there is one, then the plan."""

    row: Row
    structured: bool = True
    max_tokens: int | None = None
    planned: Planned | None = None
    _tried: int = 0
    _problem: str = ""
    _text: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self._text = shown(self.row)

    @property
    def key(self) -> str:
        """Names the next question among all of a curation."""
        return f"{self.row.number}/{TRIES[self._tried]}"

    @property
    def call(self) -> Call:
        """The next question."""
        text = fill("extract_paper", prompt=self._text, one="one")
        if self._problem:
            text = fill("extract_again", request=text, problem=self._problem)
        schema = answer_schema("paper") if self.structured else None
        return Call(TRIES[self._tried], text, role="plan", max_tokens=self.max_tokens, json_schema=schema)

    def take(self, reply: str) -> None:
        """Read a reply: a plan, a refusal, or a reason to ask once more."""
        planned = self._read(without_thought(reply))
        self._tried += 1
        if planned.broken and self._tried < len(TRIES):
            self._problem = planned.reason
        else:
            self.planned = replace(planned, rule=_RULE, text=self._text)

    def _read(self, reply: str) -> Planned:
        fields: dict[str, Any] = {}
        try:
            fields = finished(reply)
            if is_empty(fields):
                return Planned(reason="the model found nothing to split")
            schema = mended(self._text, schema_of(fields))
        except ValueError as error:
            return Planned(reason=f"extraction: {error}", broken=True)
        problem = Ground(self._text).problem(schema.template, schema.context, schema.data or (), schema.n)
        if problem:
            return Planned(reason=f"extraction: {problem}", broken=True)
        return Planned(schema, _label(fields))


def _label(fields: dict[str, Any]) -> str:
    """What the model calls the kind of task; nothing, if it is no text."""
    said = fields.get("category")
    return said if isinstance(said, str) and said.isprintable() else ""
