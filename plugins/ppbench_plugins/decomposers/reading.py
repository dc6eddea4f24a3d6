"""Lenient reading of what a planning call replies. Pure; raises ValueError with a reason fit for a record."""

from __future__ import annotations

import json
import re
import unicodedata
from itertools import islice
from typing import Any

_THOUGHT = re.compile(r"\s*+<think(?:ing)?>")
_THOUGHT_ENDS = ("</think>", "</thinking>")
OPENING = re.compile(r'\{(?=\s*+["}])')
TRIES = 100
"""Opening braces tried; an endless reply of broken objects is not searched to its end."""
_LIST_MARK = re.compile(
    r"^([ \t]*+)(?:[-*+•–][ \t]++|#+[ \t]*+)?(?:\*\*)?[(（]?(\d{1,4})(?:\*\*)?[ \t]?[.)．）、:：](?!\d)(?:\*\*)?"
    r"[ \t]*+(\S.*)$",
    re.MULTILINE,
)
_CIRCLED = re.compile(r"^([ \t]*+(?:[-*+•–][ \t]++)?(?:\*\*)?)([①-⑳])(?=.*\S)", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*+)[-*+•–][ \t]++(\S.*)$", re.MULTILINE)
_PAPER = re.compile(r"(?<!\d)(\d+)\.\s?([\s\S]+?)(?:\n|$)")
MOST_PARTS = 200
"""A reply that splits into more parts than this is taken for misread; nobody pays for a thousand calls by accident."""


def without_thought(reply: str) -> str:
    """A reply without the thoughts that open it in a tag of their own; of one that still thinks nothing is left."""
    opening = _THOUGHT.match(reply)
    if not opening:
        return reply
    ends = [at + len(mark) for mark in _THOUGHT_ENDS if (at := reply.find(mark, opening.end())) >= 0]
    return reply[min(ends) :] if ends else ""


def json_object(text: str) -> dict[str, Any]:
    """The first JSON object in a reply, with or without fences or prose around it."""
    text, decoder = without_thought(text), json.JSONDecoder()
    for place in (match.start() for match in islice(OPENING.finditer(text), TRIES)):
        try:
            value, _ = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    raise ValueError("the planner's reply holds no JSON object")


_LONGEST = 400
"""Characters of each end of a reply that are searched for a letter."""


def letter(reply: str, letters: str) -> str:
    """The one of some capital letters that a reply chooses, or an empty string if it names none or more than one.

    Read in this order: the reply is the letter, whatever marks stand around it; it ends with a colon and the letter;
    it begins with the marked letter; it holds one of the letters alone. A bare `A` before a word is an article."""
    text = unicodedata.normalize("NFKC", without_thought(reply)).strip()
    if len(text) > 2 * _LONGEST:
        text = f"{text[:_LONGEST]}\n{text[-_LONGEST:]}"
    one = f"[{letters}{letters.lower()}]"
    begins = rf"[\W_]*({one})[\W_]*?(?:[.):;*\]>](?!\w)|\n|\s[-–—]).*"
    for pattern in (rf"[\W_]*({one})[\W_]*", rf".*[:=][\W_]*({one})[\W_]*", begins):
        if (match := re.fullmatch(pattern, text, re.DOTALL)) and _alone(text, match[1], match.start(1)):
            return match[1].upper()
    bare = re.findall(rf"(?<![\w'])[{letters}](?![\w'])", text) or re.findall(rf"[(\[*\"'`]({one})[)\]*\"'`]", text)
    named = {name.upper() for name in bare}
    article = named == {"A"} and not re.search(r"(?<![\w'])[Aa](?![\w']|\s+[a-z])", text)
    return named.pop() if len(named) == 1 and not article else ""


def _alone(text: str, letter: str, start: int) -> bool:
    """No letter, digit or apostrophe stands beside it."""
    beside = text[max(0, start - 1) : start] + text[start + len(letter) : start + len(letter) + 1]
    return not any(mark.isalnum() or mark == "'" for mark in beside)


def points_paper(outline: str) -> list[tuple[str, str]]:
    """Points as the published code of Skeleton-of-Thought finds them (methods of arXiv 2307.15337), quirks included:
    digits and a full stop anywhere in a line; the first of each number is kept; nothing is trimmed or renumbered."""
    found: dict[str, str] = {}
    for index, text in _PAPER.findall(outline):
        found.setdefault(index, text)
    return list(found.items())


def points_mended(outline: str) -> list[tuple[str, str]]:
    """Points at line starts, numbered in any common style or bulleted; the first of each number is kept, those of
    an inner list are not, and all are renumbered in order of appearance. A single line before a list that begins
    at 2 is the first point, whose number the model took for written; where all have one number, none was meant."""
    outline = _CIRCLED.sub(lambda mark: f"{mark[1]}{ord(mark[2]) - ord('①') + 1}.", outline)
    numbered: dict[int, str] = {}
    marked = [(int(number), text) for number, text in _outer(_LIST_MARK.findall(outline))]
    if len(marked) > 1 and len({number for number, _ in marked}) == 1:
        marked = [(place, text) for place, (_, text) in enumerate(marked, 1)]
    for number, text in marked:
        numbered.setdefault(number, text)
    if next(iter(numbered), 0) == 2 and 1 not in numbered and (first := _unnumbered(outline)):
        numbered = {1: first, **numbered}
    texts = list(numbered.values()) or [text for _, text in _outer([(i, "", t) for i, t in _BULLET.findall(outline)])]
    return [(str(place), _unbolded(text)) for place, text in enumerate(texts, 1)]


def _unnumbered(outline: str) -> str:
    """The one line before the first numbered one, unless it leads over to a list."""
    match = _LIST_MARK.search(outline)
    lines = [line.strip() for line in outline[: match.start()].splitlines() if line.strip()] if match else []
    said = len(lines) == 1 and re.search(r"[^\W\d_]", lines[0]) and not lines[0].endswith((":", "："))
    return lines[0] if said else ""


def _outer(marked: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """(number, text) of the lines that are indented no deeper than the first; one blank more is no inner list."""
    widths = [len(indent.expandtabs(4)) for indent, _, _ in marked]
    return [(number, text) for (_, number, text), width in zip(marked, widths, strict=True) if width <= widths[0] + 1]


def _unbolded(text: str) -> str:
    """Without the second half of a pair of bold marks that opened before the number."""
    return (text.replace("**", "", 1) if text.count("**") % 2 else text).strip()
