"""Whether an extraction may be believed: the published rules, and ours. Pure; knows no model and no plan.

`paper_tier` follows ParallelPrompt's validate_parallelizable (arXiv 2506.18728, its curation code) rule by rule, with what is
wrong in it left in: it knows five European languages and ASCII marks, allows no adjective between number and noun, and lets
reading comprehension, entity recognition and translation pass by their name alone. The word lists are in `tier_words`, and
most of them are ours. Where the wording of a rule leaves room, it is read so: c2 and c6 match whole words; the two kinds of
mark of c3 are counted together; the lines of c5 are not indented.

`Ground` is our own rule: what an extraction says is in the prompt has to stand there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

from ppbench_plugins.decomposers.names import placeholders
from ppbench_plugins.decomposers.tier_words import COUNTED, LISTED, LISTING, MANY, REQUESTS

Tier = Literal["high", "medium", "low", "not_parallelizable"]

REPEATED = "repeated generation"
_TRUSTED = ("reading comprehension", "named entity recognition", "translation")
_NOUNS = "|".join(f"{noun.removesuffix('s')}s?" for noun in COUNTED.split("|"))

# Runs are possessive and begin where no run of the kind ends, so that a search is linear in the text.
_LOWER = {
    "c1": re.compile(rf"\b(?:{REQUESTS})?\s*+(?<!\d)\d++\s*+(?:{_NOUNS})"),
    "c2": re.compile(rf"\b(?:{LISTING})\s++(?:{LISTED})\b"),
    "c6": re.compile(rf"\b(?:{MANY})\b"),
    "c7": re.compile(r"\b\w++,\s*+\w++,\s*+\w"),
    "c8": re.compile(r"\bfor\s++(?:each|every)\b"),
    "c9": re.compile(r"\ws[:;]\s*+\w"),
}
_TWICE = {
    "c3": re.compile(r"(?<!\d)\d++[.):]|\n[-•*]"),
    "c4": re.compile(r"\?\s"),
    "c5": re.compile(r"^(?:[-•*]|\d++[.)])", re.MULTILINE),
}


class Judged(NamedTuple):
    """A tier, the cues that speak for it, and what is wrong with the annotation if something is."""

    tier: Tier
    cues: tuple[str, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        return self.tier in ("high", "medium")


def paper_tier(prompt: str, category: str, annotation: Mapping[str, Any]) -> Judged:
    """The published tier of an annotation `template, context, data, n` (and `parallelizable`), whatever their types are."""
    kind = category.replace("_", " ").strip().casefold()
    if annotation.get("parallelizable") is False:
        return Judged("not_parallelizable", problem="the extraction says so")
    problem = _broken(kind, annotation)
    if problem:
        return Judged("not_parallelizable", problem=problem)
    cues = _cues(prompt, kind, annotation)
    if {"c1", "c2", "c3", "c4", "c5"} & cues or ("c6" in cues and {"c10", "c11"} & cues):
        tier: Tier = "high"
    else:
        tier = "medium" if {"c7", "c8", "c9", "category", "items"} & cues else "low"
    return Judged(tier, tuple(sorted(cues, key=lambda cue: (len(cue), cue))))


def _broken(kind: str, annotation: Mapping[str, Any]) -> str:
    """Step B: the first of seven rules of integrity that an annotation breaks. What it does not ask about passes: both data
    and n missing, no template, a broken count, items that stand twice, a context that is not there."""
    data, n, template = (annotation.get(key) for key in ("data", "n", "template"))
    if data is not None and n is not None:
        return "both data and n are given"
    if data is not None:
        if not isinstance(data, list):
            return "data is no list"
        if len(data) < 2:
            return "data holds fewer than two items"
        if not all(isinstance(item, str) for item in data):
            return "an item of data is no string"
    if n is not None and (not isinstance(n, (int, float)) or n < 2):
        return "n is no number of two or more"
    if not isinstance(template, str):
        return ""
    if kind == REPEATED:
        return "the template of a repeated generation holds {n}" if "{n}" in template else ""
    return "" if "{data}" in template or "{context}" in template else "the template holds neither {data} nor {context}"


def _cues(prompt: str, kind: str, annotation: Mapping[str, Any]) -> frozenset[str]:
    """Step C: the cues that speak for an annotation whose integrity stands."""
    data, n = annotation.get("data") or (), annotation.get("n")
    told = {"c10": len(data) > 1, "c11": (n or 0) > 1, "category": kind in _TRUSTED, "items": len(data) >= 3}
    return _text_cues(prompt) | {name for name, true in told.items() if true}


@lru_cache(maxsize=8)  # a list that streams is judged anew at each of its items
def _text_cues(prompt: str) -> frozenset[str]:
    lower = prompt.lower()
    found = {name for name, pattern in _LOWER.items() if pattern.search(lower)}
    return frozenset(found | {name for name, pattern in _TWICE.items() if _twice(pattern, prompt)})


def _twice(pattern: re.Pattern[str], text: str) -> bool:
    found = pattern.finditer(text)
    return next(found, None) is not None and next(found, None) is not None


_ENOUGH = 0.9
"""Share of a context's words that must stand in the prompt: models copy long texts with small slips."""


class Ground:
    """A prompt's text as what extractions are held against; what was looked up once is remembered."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, bool] = {}
        self._near: dict[str, bool] = {}

    def problem(self, template: str, context: str | None, items: Sequence[str]) -> str:
        """What an extraction claims that the prompt does not hold, or an empty string."""
        missing = next((item for item in items if not self.holds(item)), None)
        if missing is None and context and not self._holds_text(context):
            missing = context
        if missing is not None:
            return f"not in the prompt: {missing[:60]!r}"
        stray = next((name for name in placeholders(template) if name not in self._names), "")
        return f"a name that is not in the prompt: {stray[:60]}" if stray else ""

    def holds(self, item: str) -> bool:
        """An item stands in the prompt word for word, marks and case aside; without letters, exactly or not at all."""
        if item not in self._known:
            self._known[item] = item in self._text or (bool(_plain(item)) and _plain(item) in self._whole)
        return self._known[item]

    def _holds_text(self, context: str) -> bool:
        if context not in self._near:
            words = _words(context)
            held = sum(word in self._words for word in words)
            self._near[context] = self.holds(context) or held >= _ENOUGH * len(words) > 0
        return self._near[context]

    @cached_property
    def _whole(self) -> str:
        return _plain(self._text)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_words(self._text))

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(placeholders(self._text))


def _plain(text: str) -> str:
    return "".join(_words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
