"""Schema extraction (ParallelPrompt, arXiv 2506.18728, section 3): find template, context and items; one call an item.

`source=llm` asks a model, and the extraction is part of the plan, inside the clock. `source=given` is shown the
gold schema: an upper bound, marked and ranked apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ppbench import NUMBERED, Call, Plan, Prompt, Schema
from ppbench_plugins.decomposers.reading import MOST_PARTS, json_object
from ppbench_plugins.decomposers.rules import Finding, find
from ppbench_plugins.prompts import fill


@dataclass(frozen=True)
class SchemaExtraction:
    name: ClassVar[str] = "schema"
    source: Literal["llm", "given", "rules"] = "llm"
    max_tokens: int | None = None
    """Limit of the extraction call; None leaves it to the endpoint."""

    @property
    def given(self) -> tuple[str, ...]:
        return ("schema",) if self.source == "given" else ()

    def decompose(self, prompt: Prompt) -> Plan:
        if self.source == "given":
            return split(prompt.schema) if prompt.schema else Plan.decline(prompt, "no annotation was given")
        if self.source == "rules":
            found = find(prompt.text, prompt.language)
            return replace(split(found.schema), reason=f"rule: {found.rule}") if found.schema else _declined(prompt, found)
        text = fill("extract", prompt=prompt.text)
        extraction = Call("extract", text, role="plan", max_tokens=self.max_tokens, expand=lambda reply: _read(prompt, reply))
        return Plan((extraction,))


def _declined(prompt: Prompt, found: Finding) -> Plan:
    return Plan.decline(prompt, f"rule: {found.rule}: {found.reason}")


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


_ENOUGH = 0.9
"""Share of a context's words that must stand in the prompt: models copy long texts with small slips."""


def _ungrounded(schema: Schema, text: str) -> str:
    """A part of the schema that the prompt does not hold. Items stand there word for word, marks and case aside."""
    whole = _plain(text)
    missing = next((item for item in schema.data or () if not _stands(item, text, whole)), "")
    context = schema.context or ""
    if missing or not context or _plain(context) in whole:
        return missing
    words, held = _words(context), set(_words(text))
    return "" if sum(word in held for word in words) >= _ENOUGH * len(words) > 0 else context


def _stands(item: str, text: str, whole: str) -> bool:
    """An item without letters, an emoji say, stands there exactly or not at all."""
    return item in text or (bool(_plain(item)) and _plain(item) in whole)


def _plain(text: str) -> str:
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
