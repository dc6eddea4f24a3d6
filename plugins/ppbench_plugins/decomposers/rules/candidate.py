"""What the finders hand to the gate: items as places in the text. Knows no language and decides nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from ppbench import Schema

Span = tuple[int, int]


@dataclass(frozen=True)
class Finding:
    """What the rules say of a prompt: a schema, or None and why not."""

    schema: Schema | None
    rule: str
    """The rule that spoke."""
    reason: str
    """Why the prompt is not split, or empty."""


@dataclass(frozen=True)
class Candidate:
    """Items that stand in a text: `spans` without list marks, and from `start` to `end` all that belongs to the list."""

    rule: str
    text: str
    spans: tuple[Span, ...]
    start: int
    end: int
    strict: bool = False
    """No list marks: only a plain word that the parts are to be treated one by one makes it a list."""
    marked: bool = False
    """Lines with list marks."""
    near: bool = False
    """A list that also occurs in prose: the request must stand beside it."""
    inside: bool = False
    """Pieces of a running text, which is needed to understand them."""
    grouped: bool = False
    """Groups that the request itself names."""
    questions: bool = False
    options: bool = False
    """Marked as the options of a question are."""

    @cached_property
    def items(self) -> tuple[str, ...]:
        return tuple(self.text[start:end] for start, end in self.spans)

    @cached_property
    def lead(self) -> str:
        return self.text[: self.start]

    @cached_property
    def announced(self) -> str:
        """The line before the list, or what stands before it in its own line."""
        return self.lead.rstrip()[-300:].rpartition("\n")[2]

    @cached_property
    def tail(self) -> str:
        return self.text[self.end :]


@dataclass(frozen=True)
class Count:
    """A number of pieces that a text asks for, and where the number stands."""

    n: int
    span: Span
    noun: str = field(default="")


_ENDS = " \t\r\n　"


def trim(text: str, start: int, end: int, also: str = "") -> Span:
    """The span without white space (and the characters of `also`) at its ends."""
    drop = _ENDS + also
    while start < end and text[start] in drop:
        start += 1
    while end > start and text[end - 1] in drop:
        end -= 1
    return start, end


_LINE = re.compile(r"[^ \t\r\n　](?:[^\r\n]*[^ \t\r\n　])?")
_SOFT = re.compile(r"(?:[^\\]|\\(?!n))++")


def lines(text: str) -> list[Span]:
    """The lines with text, without white space at their ends. A text in one line may spell its line ends as \\n."""
    if "\n" in text or "\\n" not in text:
        return [match.span() for match in _LINE.finditer(text)]
    spans = (trim(text, *match.span()) for match in _SOFT.finditer(text))
    return [span for span in spans if span[0] < span[1]]


def gap(text: str, left: Span, right: Span) -> int:
    """Line ends between two lines: more than one is a blank line."""
    between = text[left[1] : right[0]]
    return between.count("\n") + between.count("\\n")
