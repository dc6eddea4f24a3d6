"""The canonical tasks of Tree of Problems, recognised by their text and divided by code, as published.

Sorting halves the list whatever the breadth is; set intersection crosses the halves of both sets for a breadth of
four and else halves the longer set; the others are cut into `breadth` nearly equal runs, the first ones one longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

_NUMBERS = re.compile(r"\[\s*-?\d+(?:\s*,\s*-?\d+)*\s*\]")
_SORT = re.compile(r"\bsort\b")
_TERMS = re.compile(r"^[^\d*/×÷^()]*?((?:[-+]\s*)?\d+(?:\s*[-+]\s*\d+)+)[\s.=?]*$")
_WORDS = re.compile(r"\s*([^\W\d_][\w'’-]*(?:, *[^\W\d_][\w'’-]*)+)\.?")
_TERM = re.compile(r"[-+]?\s*\d+")
_STATED = 200
"""Characters in which a problem over lists of numbers is stated; a longer text is about something else."""


def recognise(text: str) -> str:
    """Name of the canonical task that a text states, or an empty string."""
    lower = text.casefold()
    lists = len(_NUMBERS.findall(text)) if len(_NUMBERS.sub("", text)) <= _STATED else 0
    if _SORT.search(lower) and lists == 1:
        return "sorting"
    if "intersection" in lower and lists == 2:
        return "set_intersection"
    if "last letter" in lower and _names(text):
        return "concatenation"
    if lower.lstrip().startswith(("compute", "calculate")) and _TERMS.search(text):
        return "arithmetic"
    if "count" in lower and "how many times" in lower and len(_sentences(text)) > 1:
        return "keyword_counting"
    return ""


def divide(text: str, breadth: int) -> list[str]:
    """The subproblems of a canonical problem; none if it has fewer parts than asked for."""
    task = recognise(text)
    return _DIVIDERS[task](text, breadth) if task else []


def chunks(parts: Sequence[str], breadth: int) -> list[list[str]]:
    """`breadth` runs of nearly equal length, the first ones one longer; none if there are too few parts."""
    if len(parts) < breadth:
        return []
    size, extra = divmod(len(parts), breadth)
    cuts = [k * size + min(k, extra) for k in range(breadth + 1)]
    return [list(parts[a:b]) for a, b in pairwise(cuts)]


def _replace(text: str, spans: Sequence[tuple[int, int]], fillings: Sequence[str]) -> str:
    """The text with each span replaced, literally."""
    for (start, end), filling in sorted(zip(spans, fillings, strict=True), reverse=True):
        text = text[:start] + filling + text[end:]
    return text


def _listed(text: str) -> list[tuple[tuple[int, int], list[str]]]:
    return [(match.span(), re.findall(r"-?\d+", match[0])) for match in _NUMBERS.finditer(text)]


def _show(numbers: Sequence[str]) -> str:
    return "[" + ", ".join(numbers) + "]"


def _sorting(text: str, breadth: int) -> list[str]:
    [(span, numbers)] = _listed(text)
    return [_replace(text, [span], [_show(half)]) for half in chunks(numbers, 2)]


def _set_intersection(text: str, breadth: int) -> list[str]:
    (span1, one), (span2, two) = _listed(text)
    halves1, halves2 = chunks(one, 2), chunks(two, 2)
    if breadth == 4:
        return [_replace(text, [span1, span2], [_show(a), _show(b)]) for a in halves1 for b in halves2]
    if len(one) > len(two):
        return [_replace(text, [span1], [_show(half)]) for half in halves1]
    return [_replace(text, [span2], [_show(half)]) for half in halves2]


def _names(text: str) -> re.Match[str] | None:
    """The words that are listed after the last line break or colon."""
    end = len(text.rstrip())
    return _WORDS.fullmatch(text, max(text.rfind("\n", 0, end), text.rfind(":", 0, end)) + 1, end)


def _concatenation(text: str, breadth: int) -> list[str]:
    match = _names(text)
    assert match is not None
    return [_replace(text, [match.span(1)], [", ".join(run)]) for run in chunks(re.split(r",\s*", match[1]), breadth)]


def _arithmetic(text: str, breadth: int) -> list[str]:
    match = _TERMS.search(text)
    assert match is not None
    runs = chunks(_TERM.findall(match[1]), breadth)
    return [_replace(text, [match.span(1)], [" ".join(run).removeprefix("+").strip()]) for run in runs]


def _sentences(text: str) -> list[str]:
    """The sentences of the passage that follows the first line."""
    return re.findall(r"\S[^.!?]*(?:[.!?]+|$)", text.partition("\n")[2])


def _keyword_counting(text: str, breadth: int) -> list[str]:
    head, line, passage = text.partition("\n")
    start = len(head) + len(line) + len(passage) - len(passage.lstrip())
    span = (start, len(text.rstrip()))
    return [_replace(text, [span], [" ".join(run)]) for run in chunks(_sentences(text), breadth)]


_DIVIDERS: dict[str, Callable[[str, int], list[str]]] = {
    "sorting": _sorting,
    "set_intersection": _set_intersection,
    "concatenation": _concatenation,
    "arithmetic": _arithmetic,
    "keyword_counting": _keyword_counting,
}
