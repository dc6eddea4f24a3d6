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
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ppbench_plugins.decomposers.names import placeholders
from ppbench_plugins.decomposers.reading import MOST_PARTS
from ppbench_plugins.decomposers.tier_words import COUNTED, LISTED, LISTING, MANY, REQUESTS
from ppbench_plugins.decomposers.told import numbers_in

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
    return Published(prompt).judge(category, annotation)


class Published:
    """A prompt's text as the published rules see it. Its cues are looked for once: a list that streams is judged anew at
    each of its items, and another trial looks for itself."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt

    def judge(self, category: str, annotation: Mapping[str, Any]) -> Judged:
        kind = category.replace("_", " ").strip().casefold()
        if annotation.get("parallelizable") is False:
            return Judged("not_parallelizable", problem="the extraction says so")
        problem = _broken(kind, annotation)
        if problem:
            return Judged("not_parallelizable", problem=problem)
        cues = self._cues | _told(kind, annotation)
        if {"c1", "c2", "c3", "c4", "c5"} & cues or ("c6" in cues and {"c10", "c11"} & cues):
            tier: Tier = "high"
        else:
            tier = "medium" if {"c7", "c8", "c9", "category", "items"} & cues else "low"
        return Judged(tier, tuple(sorted(cues, key=lambda cue: (len(cue), cue))))

    @cached_property
    def _cues(self) -> frozenset[str]:
        """Step C, what speaks for an annotation whose integrity stands: the cues of the text."""
        lower = self._prompt.lower()
        found = {name for name, pattern in _LOWER.items() if pattern.search(lower)}
        return frozenset(found | {name for name, pattern in _TWICE.items() if _twice(pattern, self._prompt)})


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


def _told(kind: str, annotation: Mapping[str, Any]) -> frozenset[str]:
    """Step C: the cues of the annotation itself."""
    data, n = annotation.get("data") or (), annotation.get("n")
    told = {"c10": len(data) > 1, "c11": (n or 0) > 1, "category": kind in _TRUSTED, "items": len(data) >= 3}
    return frozenset(name for name, true in told.items() if true)


def _twice(pattern: re.Pattern[str], text: str) -> bool:
    found = pattern.finditer(text)
    return next(found, None) is not None and next(found, None) is not None


_ENOUGH = 0.9
"""Share of a context's words that must stand in the prompt: models copy long texts with small slips."""


_FEW = 30
"""Pieces at most where the prompt says no number that can be read: number words are known of some languages alone, and few
compounds of them ("fünfundzwanzig" is none)."""
_UNSPACED = (
    "\u0590-\u08ff\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufdff\ufe70-\ufeff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
"""Scripts that put no space between words, or attach to them what other languages write apart: Hebrew and Arabic, Thai,
Lao, Burmese, Khmer, Chinese, Japanese, Korean."""
_LETTER = rf"[^\W\d_{_UNSPACED}\u2460-\u24ff]|[\u0300-\u036f\u0900-\u0963\u0970-\u0dff]"
_TOKEN = re.compile(rf"(\d+|(?:{_LETTER})+)|(?:(?=[{_UNSPACED}])[^\W\d_])+")
_SPELT = re.compile(r"\\[nrt]")


class Ground:
    """A prompt's text as what extractions are held against; what was looked up once is remembered."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, bool] = {}
        self._near: dict[str, bool] = {}

    def problem(self, template: str, context: str | None, items: Sequence[str], n: int | None = None) -> str:
        """What an extraction claims that the prompt does not hold, or an empty string."""
        missing = next((item for item in items if not self.holds(item)), None)
        if missing is None and context and not self._holds_text(context):
            missing = context
        if missing is not None:
            return f"not in the prompt: {missing[:60]!r}"
        if n is not None and not (n in self._numbers or (not self._numbers and n <= _FEW)):
            return f"the prompt does not say that there are {n}"
        stray = next((name for name in placeholders(template) if name not in self._names), "")
        return f"a name that is not in the prompt: {stray[:60]}" if stray else ""

    def holds(self, item: str) -> bool:
        """An item stands in the prompt word for word, marks and case aside; without letters, exactly or not at all.

        Words are whole words, in scripts that write them apart: "land" does not stand in "island", nor the other way."""
        if item not in self._known:
            plain = _plain(item)
            self._known[item] = plain in self._whole if plain else item in self._text
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
    def _numbers(self) -> frozenset[int]:
        """The numbers that could be one of pieces: a year is none."""
        return frozenset(number for number in numbers_in(self._text) if 2 <= number <= MOST_PARTS)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_words(self._text))

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(placeholders(self._text))


def _plain(text: str) -> str:
    """The letters and digits of a text; each word of a script that writes words apart stands between spaces."""
    runs = _TOKEN.finditer(_SPELT.sub(" ", text).casefold())
    return "".join(f" {run[1]} " if run[1] else run[0] for run in runs)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())
