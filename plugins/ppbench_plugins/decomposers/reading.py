"""Lenient reading of what a planning call replies. Pure; raises ValueError with a reason fit for a record."""

from __future__ import annotations

import json
import re
from typing import Any

_LIST_MARK = re.compile(r"^\s*(?:\*\*)?\s*(\d+)\s*(?:[.)．）、:：])\s*(?:\*\*)?\s*(\S.*?)\s*$", re.MULTILINE)
_BULLET = re.compile(r"^\s*[-*•]\s+(\S.*?)\s*$", re.MULTILINE)
_PAPER = re.compile(r"(\d+)\.\s?([\s\S]+?)(?:\n|$)")


def json_object(text: str) -> dict[str, Any]:
    """The first JSON object in a reply, with or without fences or prose around it."""
    decoder = json.JSONDecoder()
    for place in (match.start() for match in re.finditer(r"\{", text)):
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
    """Points at line starts, numbered in any common style or bulleted; renumbered in order of appearance."""
    marked = list(dict.fromkeys(_LIST_MARK.findall(outline)))
    texts = [text for _, text in {number: (number, text) for number, text in reversed(marked)}.values()][::-1]
    texts = texts or _BULLET.findall(outline)
    return [(str(place), text.rstrip("*").rstrip()) for place, text in enumerate(texts, 1)]
