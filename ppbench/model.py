"""The nouns of a task: what a method may see, what only judges see, and what a judge says.

Values only: frozen, checked when made, standard library alone. Knows nothing of plans, clocks or files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["data", "n"]
Metric = Literal["exact", "token_f1", "set_f1", "chrf", "label", "none"]
Dependency = Literal["none", "partial", "sequential"]

MOST = 10_000
"""Subtasks that one prompt may ask for by number."""

_PLACEHOLDER = re.compile(r"\{(data|context|n)\}")


@dataclass(frozen=True, slots=True)
class Schema:
    """The field's intermediate form of a parallelizable prompt (ParallelPrompt, section 3).

    Exactly one of `data` (two or more distinct items) and `n` (two or more) is given. A template over
    `data` holds `{data}`; it holds `{context}` exactly when there is a context. Raises ValueError.
    """

    template: str
    context: str | None = None
    data: tuple[str, ...] | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        problem = _schema_problem(self)
        if problem:
            raise ValueError(problem)

    @property
    def size(self) -> int:
        """Number of subtasks."""
        return len(self.data) if self.data is not None else (self.n or 0)

    def render(self) -> tuple[str, ...]:
        """The text of each subtask, in order.

        Placeholders are filled in one literal pass: whatever braces, backslashes or dollar signs the
        context and the items hold reach the model as they are. `{n}` becomes 1.
        """
        items: Sequence[str] = self.data if self.data is not None else [""] * self.size
        return tuple(self.fill(self.template, item, self.context or "") for item in items)

    @staticmethod
    def fill(template: str, item: str = "", context: str = "") -> str:
        """A template, or a part of one, with its placeholders filled in one literal pass."""
        values = {"data": item, "context": context, "n": "1"}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], template)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Schema:
        """Build from an annotation: `template, context, data | n`, other keys ignored. Raises ValueError."""
        if not isinstance(value, Mapping):
            raise ValueError(f"a schema is an object, this is {type(value).__name__}")
        data, n, context = value.get("data"), value.get("n"), value.get("context")
        if isinstance(n, float) and n.is_integer():  # the published data set stores n as float64
            n = int(n)
        if isinstance(data, list):
            data = tuple(data)
        return cls(template=value.get("template", ""), context=context or None, data=data, n=n)

    def to_json(self) -> dict[str, Any]:
        data = list(self.data) if self.data is not None else None
        return {"template": self.template, "context": self.context, "data": data, "n": self.n}


def _schema_problem(schema: Schema) -> str:
    """What is wrong with a schema, or an empty string."""
    template, context, data, n = schema.template, schema.context, schema.data, schema.n
    if not isinstance(template, str) or not template.strip():
        return "template is empty"
    if context is not None and not isinstance(context, str):
        return f"context is a string or null, this is {type(context).__name__}"
    if (data is None) == (n is None):
        return "give exactly one of data and n, this has " + ("neither" if data is None else "both")
    if data is not None:
        problem = _data_problem(template, data)
    else:
        problem = (
            ""
            if isinstance(n, int) and not isinstance(n, bool) and 2 <= n <= MOST
            else f"n is {n!r:.20}, not 2 or more, up to {MOST}"
        )
        if not problem and "{data}" in template:
            problem = "template holds {data}, but the schema counts with n"
    if problem:
        return problem
    if ("{context}" in template) != bool(context and context.strip()):
        return "template holds {context}, but context is empty" if not context else "template lacks {context}"
    return ""


def _data_problem(template: str, data: object) -> str:
    if not isinstance(data, tuple) or len(data) < 2:
        return "data is a list of two or more strings"
    for place, item in enumerate(data, 1):
        if not isinstance(item, str) or not item.strip():
            return f"data item {place} is not a string with text"
    if len(set(data)) < len(data):
        return "data holds an item twice"
    return "" if "{data}" in template else "template lacks {data}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a method sees. `category` and `schema` stay None unless the method declares them as `given`."""

    id: str
    text: str
    language: str = "en"
    """ISO 639-1."""
    category: str | None = None
    schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt and its gold. Seen by the runner, judges and scores; never by a decomposer."""

    id: str
    text: str
    language: str = "en"
    category: str = "general"
    schema: Schema | None = None
    reference: tuple[tuple[str, ...], ...] | None = None
    """One entry a subtask: accepted variants, best first; for the metric set_f1, the members."""
    splittable: bool | None = None
    dependency: Dependency = "none"
    edges: tuple[tuple[int, int], ...] = ()
    constraints: tuple[str, ...] = ()
    family: str = ""
    """Translations and rewordings of one prompt share a family; statistics resample families."""
    source: str = ""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("the prompt's text is empty")
        if self.reference is not None and self.schema is None:
            raise ValueError("a reference needs a schema")
        if self.reference is not None and self.schema and len(self.reference) != self.schema.size:
            raise ValueError(f"{len(self.reference)} references for {self.schema.size} subtasks")

    def prompt(self, given: Sequence[str] = ()) -> Prompt:
        """The part of this item that a method may see. Its id says nothing: the item's own one may name the category."""
        category = self.category if "category" in given else None
        schema = self.schema if "schema" in given else None
        opaque = hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return Prompt(opaque, self.text, self.language, category, schema)


@dataclass(frozen=True, slots=True)
class Category:
    """One task category, offered by a plugin as a value."""

    id: str
    title: str
    kind: Kind
    metric: Metric
    """How one answer is scored against its reference; `none` where no answer is the right one."""
    system: str = ""
    """System text used for solve calls when a run asks for `--system category`."""
    needs_context: bool = False
    criteria: tuple[str, ...] = ()
    format: str = "numbered"
    """The form in which a serial answer is expected."""
    prompts: str = ""
    """Path of the packaged JSONL, or empty."""
    aliases: tuple[str, ...] = ()
    """Other spellings, the labels of the paper among them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one answer by one criterion. For a comparison with serial 0.5 is parity."""

    criterion: str
    value: float
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            raise ValueError(f"verdict {self.criterion}: {self.value} lies outside [0, 1]")
