"""Cuts an answer into the entries it lists. Pure text; knows no reference and no method.

One aligner for every answer: numbers at line starts (in any common style) or bullets, whichever opens the list, else
paragraphs, else lines. Marks that are indented deeper than the first one belong to an entry, not to the list.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(
    r"^([ \t]*+)(?:#+[ \t]*+)?(?:\*\*|__)?[ \t]*+"
    r"(?:[(（]?(\d{1,3})(?:\*\*|__)?[ \t]?[.)．）、:：](?!\d)|([①-⑳]))(?:\*\*|__)?[ \t]*+(.*)$"
)
_BULLET = re.compile(r"^([ \t]*+)()()[-*•・‣–][ \t]++(.*)$")
_BREAK = re.compile(r"\n[^\S\n]*+\n\s*+")
_AFTER_ECHO = r"[ \t\"'“”»』」*_`]*+(?:[:：=→–—]|-+>|=>|(?<=\s)-(?=\s)|\n)\s*+(?=\S)"


@dataclass(frozen=True)
class Entry:
    """One entry of an answer. `number` is the one it carries, or its place from 1."""

    number: int
    text: str


def entries(answer: str, expected: int) -> list[Entry]:
    """The entries of an answer that should hold `expected` of them, in the order in which they stand."""
    lines = answer.strip().splitlines()
    if not lines:
        return []
    numbered, bulleted = _cut(lines, _NUMBER), _cut(lines, _BULLET)
    if len(bulleted) > 1 and (not numbered or _opens(lines) is _BULLET):
        return [Entry(k, text) for k, (_, text) in enumerate(bulleted, 1)]
    if numbered:
        same = len(numbered) == expected and len({number for number, _ in numbered}) == 1  # Markdown counts for itself
        return [Entry(k if same else number, text) for k, (number, text) in enumerate(numbered, 1)]
    return [Entry(k, text) for k, text in enumerate(_blocks("\n".join(lines), expected), 1)]


def slots(answer: str, expected: int, items: Sequence[str] = ()) -> list[str | None]:
    """The answer for each of `expected` subtasks: the first entry that carries its number, None where there is none.
    Where an entry repeats its item before the answer, the repetition is left out."""
    found: dict[int, str] = {}
    for entry in entries(answer, expected):
        if entry.text:
            found.setdefault(entry.number, entry.text)
    filled = [found.get(k) for k in range(1, expected + 1)]
    for place, item in enumerate(items[:expected]):
        filled[place] = _without_echo(filled[place] or "", item) or None
    return filled


def _opens(lines: Sequence[str]) -> re.Pattern[str] | None:
    """The kind of mark that comes first."""
    return next((mark for line in lines for mark in (_NUMBER, _BULLET) if mark.match(line)), None)


def _cut(lines: Sequence[str], mark: re.Pattern[str]) -> list[tuple[int, str]]:
    """(number or 0, text) of each entry that opens with a mark at the depth of the first one; one blank more is none."""
    found: list[tuple[int, list[str]]] = []
    depth: int | None = None
    for line in lines:
        match = mark.match(line)
        width = len(match[1].expandtabs(4)) if match else 0
        if match and (depth is None or width <= depth + 1):
            depth = width if depth is None else min(depth, width)
            found.append((_value(match[2] or match[3]), [match[4]]))
        elif found:
            found[-1][1].append(line)
    return [(number, _unbolded("\n".join(text))) for number, text in found]


def _value(digits: str) -> int:
    return int(unicodedata.numeric(digits)) if digits and not digits.isdecimal() else int(digits or 0)


def _unbolded(text: str) -> str:
    """Without the second half of a pair of bold marks that opened before the number."""
    head, line, rest = text.strip().partition("\n")
    return ((head.replace("**", "", 1) if head.count("**") % 2 else head) + line + rest).strip()


def _blocks(text: str, expected: int) -> list[str]:
    """Paragraphs, or lines, whichever are as many as expected; else whichever come closer. A first line that only
    introduces the rest is left out."""
    if expected == 1:
        return [text]
    first, _, rest = text.partition("\n")
    if first.rstrip().endswith((":", "：")) and len(rest.split("\n")) >= expected:
        text = rest
    paragraphs = [part.strip() for part in _BREAK.split(text) if part.strip()]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return min(paragraphs, lines, key=lambda parts: abs(len(parts) - expected))


def _without_echo(text: str, item: str) -> str:
    words = item.strip().split()
    if not words or len(text) <= len(item):
        return text
    echo = re.match(r"[\"'“„«「『*_`]*+" + r"\s+".join(map(re.escape, words)) + _AFTER_ECHO, text, re.IGNORECASE)
    return text[echo.end() :] if echo else text
