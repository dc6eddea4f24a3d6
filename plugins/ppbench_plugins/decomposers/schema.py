"""Schema extraction (ParallelPrompt, arXiv 2506.18728, section 3): find template, context and items; one call an item.

`source=llm` asks a model, and the extraction is part of the plan, inside the clock. `source=given` is shown the
gold schema: an upper bound, marked and ranked apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from ppbench import NUMBERED, Call, Plan, Prompt, Schema
from ppbench_plugins.decomposers.reading import MOST_PARTS, json_object
from ppbench_plugins.prompts import fill


@dataclass(frozen=True)
class SchemaExtraction:
    name: ClassVar[str] = "schema"
    source: Literal["llm", "given"] = "llm"
    max_tokens: int | None = None
    """Limit of the extraction call; None leaves it to the endpoint."""

    @property
    def given(self) -> tuple[str, ...]:
        return ("schema",) if self.source == "given" else ()

    def decompose(self, prompt: Prompt) -> Plan:
        if self.source == "given":
            return split(prompt.schema) if prompt.schema else Plan.decline(prompt, "no annotation was given")
        text = fill("extract", prompt=prompt.text)
        extraction = Call("extract", text, role="plan", max_tokens=self.max_tokens, expand=lambda reply: _read(prompt, reply))
        return Plan((extraction,))


def split(schema: Schema) -> Plan:
    """One independent call a subtask, answers merged as a numbered list."""
    texts = schema.render()
    if schema.n is not None:  # identical calls would give identical pieces
        texts = tuple(fill("shard", text=t, index=k, count=schema.n) for k, t in enumerate(texts, 1))
    return Plan(tuple(Call(str(k), text) for k, text in enumerate(texts, 1)), NUMBERED, schema)


def _read(prompt: Prompt, reply: str) -> Plan:
    try:
        found = json_object(reply)
        if found.get("data") is None and found.get("n") is None:
            return Plan.decline(prompt, "the extraction found nothing to split")
        schema = Schema.from_json(found)
    except ValueError as error:
        return Plan.fallback(prompt, f"extraction: {error}")
    if schema.size > MOST_PARTS:
        return Plan.fallback(prompt, f"extraction: more than {MOST_PARTS} parts")
    missing = _ungrounded(schema, prompt.text)
    return Plan.fallback(prompt, f"extraction: not in the prompt: {missing[:60]!r}") if missing else split(schema)


def _ungrounded(schema: Schema, text: str) -> str:
    """A part of the schema that the prompt does not hold. Copying slips are forgiven: marks, spaces and case aside,
    a part stands in the text, or nine in ten of its words do."""
    whole, words = _plain(text), set(_words(text))
    parts: list[str] = [*(schema.data or ()), *([schema.context] if schema.context else [])]
    return next((part for part in parts if _plain(part) not in whole and _share(part, words) < _ENOUGH), "")


_ENOUGH = 0.9


def _plain(text: str) -> str:
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _share(part: str, words: set[str]) -> float:
    mine = _words(part)
    return sum(word in words for word in mine) / len(mine) if mine else 0.0
