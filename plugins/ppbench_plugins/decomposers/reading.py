"""Lenient reading of what a planning call replies. Pure; raises ValueError with a reason fit for a record."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

_OPENING = re.compile(r'\{(?=\s*+["}])')
_TRIES = 100
"""Opening braces tried; an endless reply of broken objects is not searched to its end."""
_LIST_MARK = re.compile(
    r"^([ \t]*+)(?:#+[ \t]*+)?(?:\*\*)?(\d{1,4})(?:\*\*)?[ \t]?[.)．）、:：](?!\d)(?:\*\*)?[ \t]*+(\S.*)$", re.MULTILINE
)
_BULLET = re.compile(r"^([ \t]*+)[-*•–][ \t]++(\S.*)$", re.MULTILINE)
_PAPER = re.compile(r"(?<!\d)(\d+)\.\s?([\s\S]+?)(?:\n|$)")
MOST_PARTS = 200
"""A reply that splits into more parts than this is taken for misread; nobody pays for a thousand calls by accident."""


def json_object(text: str) -> dict[str, Any]:
    """The first JSON object in a reply, with or without fences or prose around it."""
    decoder = json.JSONDecoder()
    for place in (match.start() for match in islice(_OPENING.finditer(text), _TRIES)):
        try:
            value, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise ValueError("the planner's reply holds no JSON object")


def points_paper(outline: str) -> list[tuple[str, str]]:
    """Points as the published code of Skeleton-of-Thought finds them (methods of arXiv 2307.15337), quirks included:
    digits and a full stop anywhere in a line; the first of each number is kept; nothing is trimmed or renumbered."""
    found: dict[str, str] = {}
    for index, text in _PAPER.findall(outline):
        found.setdefault(index, text)
    return list(found.items())


def points_mended(outline: str) -> list[tuple[str, str]]:
    """Points at line starts, numbered in any common style or bulleted; the first of each number is kept, those of
    an inner list are not, and all are renumbered in order of appearance."""
    numbered: dict[int, str] = {}
    for number, text in _outer(_LIST_MARK.findall(outline)):
        numbered.setdefault(int(number), text)
    texts = list(numbered.values()) or [text for _, text in _outer([(i, "", t) for i, t in _BULLET.findall(outline)])]
    return [(str(place), _unbolded(text)) for place, text in enumerate(texts, 1)]


def _outer(marked: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """(number, text) of the lines that are indented no deeper than the first; one blank more is no inner list."""
    widths = [len(indent.expandtabs(4)) for indent, _, _ in marked]
    return [(number, text) for (_, number, text), width in zip(marked, widths, strict=True) if width <= widths[0] + 1]


def _unbolded(text: str) -> str:
    """Without the second half of a pair of bold marks that opened before the number."""
    return (text.replace("**", "", 1) if text.count("**") % 2 else text).strip()
