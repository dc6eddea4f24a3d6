"""Cuts an answer into the entries it lists. Pure text; knows no reference and no method.

One aligner for every answer: numbers at line starts (in any common style), else bullets, else paragraphs, else
lines. Marks that are indented deeper than the first one belong to an entry, not to the list.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_NUMBER = re.compile(r"^([ \t]*)(?:#+\s*)?(?:\*\*|__)?\s*[(（]?(\d{1,3})\s*(?:[.)．）、:：])(?:\*\*|__)?[ \t]*(.*)$")
_BULLET = re.compile(r"^([ \t]*)[-*•・‣]\s+(.*)$")


@dataclass(frozen=True)
class Entry:
    """One entry of an answer. `number` is the one it carries, or its place from 1."""

    number: int
    text: str


def entries(answer: str, expected: int) -> list[Entry]:
    """The entries of an answer that should hold `expected` of them, in the order in which they stand."""
    lines = unicodedata.normalize("NFKC", answer).strip().splitlines()
    if not lines:
        return []
    numbered = _cut(lines, _NUMBER)
    if numbered and (len(numbered) > 1 or expected == 1 or numbered[0][0] != ""):
        return [Entry(int(number), text) for number, text in numbered]
    bulleted = _cut(lines, _BULLET)
    if len(bulleted) > 1:
        return [Entry(k, text) for k, (_, text) in enumerate(bulleted, 1)]
    return [Entry(k, text) for k, text in enumerate(_blocks("\n".join(lines), expected), 1)]


def _cut(lines: list[str], mark: re.Pattern[str]) -> list[tuple[str, str]]:
    """(number or "", text) of each entry that opens with a mark at the depth of the first one."""
    found: list[tuple[str, list[str]]] = []
    depth: int | None = None
    for line in lines:
        match = mark.match(line)
        if match and (depth is None or len(match[1]) <= depth):
            depth = len(match[1])
            found.append((match[2] if mark is _NUMBER else "", [match[match.re.groups]]))
        elif found:
            found[-1][1].append(line)
    return [(number, "\n".join(text).strip()) for number, text in found]


def _blocks(text: str, expected: int) -> list[str]:
    """Paragraphs, or lines, whichever are as many as expected; else whichever come closer."""
    if expected == 1:
        return [text]
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return min(paragraphs, lines, key=lambda parts: abs(len(parts) - expected))


def slots(answer: str, expected: int) -> list[str | None]:
    """The answer for each of `expected` subtasks: the first entry that carries its number, None where there is none."""
    found: dict[int, str] = {}
    for entry in entries(answer, expected):
        if entry.text:
            found.setdefault(entry.number, entry.text)
    return [found.get(k) for k in range(1, expected + 1)]
