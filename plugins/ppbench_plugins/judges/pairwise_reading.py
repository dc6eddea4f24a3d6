"""Lenient reading of what a pairwise judge replies. Pure; knows no answer, no order and no method.

A reply must say one thing by each criterion, somewhere: in a JSON object, in what is nearly one, or in lines. What is
said twice and differently is not read at all: one of the two may have been put there by an answer.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from ppbench_plugins.decomposers.reading import without_thought

CRITERIA = ("accuracy", "grammar", "detail", "preference")
"""The paper's four, in its order."""
TIE = 0
TRIES = 100
"""Opening braces tried; an endless reply of broken objects is not searched to its end."""
_NAMES = {"1": 1, "2": 2, "a": 1, "b": 2, "first": 1, "second": 2, "1st": 1, "2nd": 2} | dict.fromkeys(
    ("0", "tie", "tied", "draw", "equal", "both", "neither", "none", "same"), TIE
)
_NOUN = r"(?:response|answer|option|assistant)"
_CHOICE = re.compile(
    rf"(?:the |an? )?{_NOUN}?[\W_]{{0,3}}({'|'.join(sorted(_NAMES, key=len, reverse=True))})(?:[\W_]{{1,3}}{_NOUN})?"
    r"(?: is better| wins)?"
)
_FIELD = re.compile(
    rf"(?:^[\W_]{{0,12}}|[{{,][ \t]{{0,8}}|[\"'])({'|'.join(CRITERIA)})[\"'*_ ]{{0,6}}[:=][\"'*_ ]{{0,6}}"
    rf"({_CHOICE.pattern})[\"'*_ ]{{0,6}}(?=[,}}\n.;]|$)",
    re.IGNORECASE | re.MULTILINE,
)


def read(reply: str) -> dict[str, int]:
    """What a reply says by each criterion: 1, 2 or TIE. Raises ValueError with a reason fit for a record."""
    text = without_thought(unicodedata.normalize("NFKC", reply)).strip()
    if not text:
        raise ValueError("says nothing but thoughts" if reply.strip() else "is empty")
    objects, rest = _objects(text)
    said = [*(pair for one in objects for pair in one), *_fields(rest)]
    if not said:
        raise ValueError(f"holds no verdict: {shown(text)}")
    return {criterion: _one(criterion, said) for criterion in CRITERIA}


def reasoning(reply: str) -> str:
    """The reasons that a reply gives, if they stand where they were asked for."""
    objects, _ = _objects(without_thought(reply))
    texts = (value for one in objects for key, value in one if key == "reasoning" and isinstance(value, str))
    return next(texts, "")


def shown(text: str, most: int = 60) -> str:
    """The beginning of a text, on one line and in quotes."""
    line = " ".join(text[: 4 * most].split())
    return repr(line if len(line) <= most else line[: most - 1] + "…")


Pairs = list[tuple[str, Any]]


def _objects(text: str) -> tuple[list[Pairs], str]:
    """The JSON objects that hold a verdict, as pairs so that a key that stands twice is seen; and the text around them."""
    decoder = json.JSONDecoder(object_pairs_hook=_Object)
    found, rest, end = [], [], 0
    for match in islice(re.finditer(r"\{", text), TRIES):
        if match.start() < end:
            continue
        try:
            value, after = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if any(key in CRITERIA for key, _ in value):
            rest.append(text[end : match.start()])
            found.append(list(value))
            end = after
    return found, "\n".join([*rest, text[end:]])


class _Object(tuple[tuple[str, Any], ...]):
    """The pairs of a JSON object, keys in lower case."""

    def __new__(cls, pairs: Iterable[tuple[str, Any]]) -> _Object:
        return super().__new__(cls, ((key.strip().casefold(), value) for key, value in pairs))


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Verdicts that stand outside of any readable object: in one that is broken, or in lines of their own."""
    return ((match[1].casefold(), match[2]) for match in _FIELD.finditer(text))


def _one(criterion: str, said: Sequence[tuple[str, Any]]) -> int:
    values = [_side(value, criterion) for key, value in said if key == criterion and not _is_form(value)]
    if not values:
        raise ValueError(f"holds no verdict on {criterion}")
    if len(set(values)) > 1:
        raise ValueError(f"holds two verdicts on {criterion}")
    return values[0]


def _is_form(value: Any) -> bool:
    """What was asked for, said again: "1 | 2 | tie"."""
    return isinstance(value, str) and "|" in value


def _side(value: Any, criterion: str) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value in (0, 1, 2):
        return int(value)
    match = _CHOICE.fullmatch(value.strip(" \t\n\"'*_.()[]").casefold()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"says {shown(str(value))} on {criterion}, none of 1, 2, tie")
    return _NAMES[match[1]]
