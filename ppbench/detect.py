"""Scores what a method found in a prompt against labels: precision, recall, and items that are exactly right.

Pure: rows and schemas in, figures out. Knows no method and no file, and sends nothing. A prompt counts as
parallelizable if its label says so and its shape, where one is given, is flat or repeated: a prompt that must first be
planned, or whose parts need each other, is no flat split.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppbench.model import Schema
from ppbench.stats import Estimate, wilson

FLAT = ("flat", "repeat")


@dataclass(frozen=True)
class Label:
    """One labelled prompt."""

    where: str
    prompt: str
    language: str
    parallelizable: bool
    data: tuple[str, ...] | None = None
    n: int | None = None
    borderline: bool = False


@dataclass(frozen=True)
class Found:
    """What a method made of a labelled prompt: the schema it split into, or None, and what it said."""

    label: Label
    schema: Schema | None
    reason: str = ""
    failed: bool = False
    """The model that the method asks gave no answer."""

    @property
    def exact(self) -> bool:
        """Whether the items, or their number, are those of the label."""
        label, schema = self.label, self.schema
        if schema is None:
            return False
        if label.data is None:
            return label.n is not None and schema.n == label.n
        return tuple(map(bare, label.data)) == tuple(map(bare, schema.data or ()))

    @property
    def fault(self) -> str:
        """What is wrong: a false split, a missed one, wrong items, or nothing."""
        if self.label.parallelizable:
            return "missed" if self.schema is None else "" if self.exact else "items"
        return "false split" if self.schema is not None else ""


@dataclass(frozen=True)
class Figures:
    """Shares with their Wilson intervals; None where nothing can be said."""

    n: int
    precision: Estimate | None
    recall: Estimate | None
    items_exact: Estimate | None
    """Of the parallelizable prompts that were split."""

    def to_json(self) -> dict[str, Any]:
        named = {"precision": self.precision, "recall": self.recall, "items_exact": self.items_exact}
        values: dict[str, Any] = {"n": self.n}
        for name, share in named.items():
            values[name] = share and share.value
            values[f"{name}_interval"] = share and [share.low, share.high]
        return values


def read_label(where: str, row: Mapping[str, Any]) -> Label:
    """A row of labels: `prompt` (or `text`), `parallelizable`, `data` or `n`, `lang` (or `language`), and maybe
    `borderline` and `shape`. Raises ValueError."""
    prompt = row.get("prompt", row.get("text"))
    if isinstance(prompt, str) and not prompt.strip():
        raise ValueError("its prompt is empty")
    if not isinstance(prompt, str):
        raise ValueError(f"has no prompt; give `prompt`, have: {', '.join(map(str, row)) or 'nothing'}")
    known, borderline = row.get("parallelizable"), row.get("borderline")
    if "parallelizable" not in row:
        raise ValueError("does not say whether it is parallelizable; give true or false")
    if not isinstance(known, bool):
        raise ValueError(f"parallelizable is true or false, this is {json.dumps(known):.40}")
    if not isinstance(borderline, bool | None):
        raise ValueError(f"borderline is true or false, this is {json.dumps(borderline):.40}")
    shape = row.get("shape")
    data, n = _data(row.get("data")), _number(row.get("n"))
    true = known and (shape is None or shape in FLAT)
    if true and (data is None) == (n is None):
        raise ValueError("a parallelizable prompt has either data or n, this has " + ("neither" if n is None else "both"))
    language = row.get("lang", row.get("language"))
    return Label(where, prompt, language if isinstance(language, str) else "und", true, data, n, bool(borderline))


def _data(value: object) -> tuple[str, ...] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("data is a list of strings, or null")
    return tuple(value)


def _number(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError(f"n is a whole number or null, this is {json.dumps(value):.40}")


def figures(found: Sequence[Found]) -> Figures:
    """The figures of all rows that are not borderline."""
    kept = [one for one in found if not one.label.borderline]
    true = [one for one in kept if one.label.parallelizable]
    hits = [one for one in true if one.schema]
    split = sum(one.schema is not None for one in kept)
    exact = sum(one.exact for one in hits)
    return Figures(len(kept), wilson(len(hits), split), wilson(len(hits), len(true)), wilson(exact, len(hits)))


def by_language(found: Sequence[Found]) -> dict[str, Figures]:
    """The same, a language each, in alphabetical order."""
    names = sorted({one.label.language for one in found if not one.label.borderline})
    return {name: figures([one for one in found if one.label.language == name]) for name in names}


_MARK = re.compile(
    r"(?:[-*+–—](?=\s)|[•·‣◦]|[①-⑳]|[(（\[【](?:\d{1,4}|[^\W\d_])[)）\]】]|(?:\d{1,4}|[^\W\d_])(?:[)）、]|[.．:：](?!\d)))\s*"
)


def bare(item: str) -> str:
    """An item as it is compared: without a list mark, end punctuation and white space."""
    text = item.strip()
    mark = _MARK.match(text)
    text = text[mark.end() :] if mark and mark.end() < len(text) else text
    end = len(text)
    while end and (text[end - 1].isspace() or unicodedata.category(text[end - 1]) in _ENDS):
        end -= 1
    start = 0
    while start < end and unicodedata.category(text[start]) in _QUOTES:
        start += 1
    return "".join(text[start:end].split())


_ENDS = {"Po", "Pf", "Pi", "Pe"}
_QUOTES = {"Pf", "Pi"}
