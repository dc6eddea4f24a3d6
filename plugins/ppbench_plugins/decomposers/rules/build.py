"""Schemas from what was found: template, context and items, so that each filled template can be understood alone.

A placeholder that stands in the prompt's own words would be filled; such words go into the context, which is filled
literally, or, where that is taken, the prompt is not split.
"""

from __future__ import annotations

import re

from ppbench import Schema
from ppbench_plugins.decomposers.rules.candidate import Candidate, Count
from ppbench_plugins.decomposers.rules.lexicon import Words

SLOT = re.compile(r"\{(?:data|context|n)\}")
_LONG = 600
_WORD = re.compile(r"[A-Za-z]+")
_AHEAD = 7
_ENDINGS = (("ies", "y"), ("zzes", "z"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x"), ("ss", "ss"), ("s", ""))


class Unsafe(ValueError):
    """A prompt whose own words hold placeholders at more than one place."""


def of_list(found: Candidate) -> Schema:
    """The prompt with one item in the place of the list."""
    lead, tail = found.lead, found.tail
    if len(lead.strip()) > _LONG and not SLOT.search(tail):  # shared text first, alike in every call
        return Schema("{context}{data}" + tail, lead, found.items)
    held = [bool(SLOT.search(part)) for part in (lead, tail)]
    if all(held):
        raise Unsafe("the text holds placeholders before and after the list")
    if held[0]:
        return Schema("{context}{data}" + tail, lead, found.items)
    if held[1]:
        return Schema(lead + "{data}{context}", tail, found.items)
    return Schema(lead + "{data}" + tail, None, found.items)


def of_questions(found: Candidate, words: Words) -> Schema:
    """One question each, after the whole text: a later question may say "it" of what an earlier one names."""
    return Schema("{context}\n\n" + words.only + " {data}", found.text, found.items)


def of_count(text: str, found: Count, words: Words) -> Schema:
    """The prompt with the number as a slot; what is counted reads as one piece, where a plural is told by its ending."""
    start, end = found.span
    lead, tail = text[:start], text[end:]
    if SLOT.search(text):
        raise Unsafe("the text holds placeholders")
    return Schema(lead + "{n}" + (_one(tail, words) if words.code == "en" else tail), None, None, found.n)


def _one(tail: str, words: Words) -> str:
    """What stands behind a number, with the first noun for pieces in the singular: "short stories on" -> "short story on"."""
    for match, _ in zip(_WORD.finditer(tail), range(_AHEAD), strict=False):
        word = match[0]
        said = f" {word.lower()} "
        if word.endswith("s") and (words.said("works", said) or words.said("open", said)):
            return tail[: match.start()] + _singular(word) + tail[match.end() :]
    return tail


def _singular(word: str) -> str:
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word
