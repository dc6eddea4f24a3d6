"""Answers that can be computed: sorting, set intersection, counting, last letters, sums; and their merges.

Works on the text alone. A merge is computed from the parts it is given, so an error in a part stays an error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_LIST = re.compile(r"\[([^\[\]]*)\]")
_WORDS = re.compile(r"[^\W\d_]+(?:, *[^\W\d_]+)*(?=\s*$)")
_SUM = re.compile(r"(?:[-+]\s*)?\d+(?:\s*[-+]\s*\d+)*(?=\s*$)")
_COUNT = re.compile(r"([^\W\d_][^:,\n]*?):\s*(\d+)")
_COUNTRIES = (
    "Argentina Australia Austria Brazil Canada Chile China Colombia Denmark Egypt Finland France Germany Greece India "
    "Indonesia Ireland Italy Japan Kenya Mexico Morocco Netherlands Nigeria Norway Peru Poland Portugal Russia Spain "
    "Sweden Switzerland Thailand Turkey Ukraine Vietnam"
).split() + ["New Zealand", "Saudi Arabia", "South Africa", "South Korea", "United Kingdom", "United States"]


def task_of(problem: str) -> str:
    """Which computable task a problem states, or an empty string."""
    lower, lists = problem.casefold(), _LIST.findall(problem)
    if "sort" in lower and len(lists) == 1:
        return "sorting"
    if "intersection" in lower and len(lists) == 2:
        return "set_intersection"
    if "last letter" in lower and _WORDS.search(problem):
        return "concatenation"
    if lower.lstrip().startswith(("compute", "calculate")) and _SUM.search(problem):
        return "arithmetic"
    return "keyword_counting" if "count" in lower and "how many times" in lower and "countr" in lower else ""


def solve(problem: str) -> str:
    """The answer to a computable problem; an empty string if it is none."""
    task = task_of(problem)
    lists = [_numbers(text) for text in _LIST.findall(problem)]
    if task == "sorting":
        return _show(sorted(lists[0]))
    if task == "set_intersection":
        return _show(sorted(set(lists[0]) & set(lists[1])))
    if task == "concatenation":
        match = _WORDS.search(problem)
        return "".join(word.strip()[-1] for word in match[0].split(",")) if match else ""
    if task == "arithmetic":
        match = _SUM.search(problem)
        return str(_sum(match[0])) if match else ""
    return _tally(Counter({c: len(re.findall(rf"\b{c}\b", problem)) for c in _COUNTRIES})) if task else ""


def merge(problem: str, parts: Sequence[str]) -> str:
    """The answer to a computable problem from the answers to its parts; an empty string if it is none."""
    task = task_of(problem)
    lists = [_numbers(text) for part in parts for text in _LIST.findall(part)]
    if task == "sorting":
        return _show(sorted(number for one in lists for number in one))
    if task == "set_intersection":
        return _show(sorted({number for one in lists for number in one}))
    if task == "concatenation":
        return "".join(part.strip() for part in parts)
    if task == "arithmetic":
        return str(sum(_sum(part) for part in parts))
    counts: Counter[str] = Counter()
    for part in parts if task else ():
        counts.update({name: int(count) for name, count in _COUNT.findall(part)})
    return _tally(counts) if task else ""


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def _sum(text: str) -> int:
    return sum(int(term.replace(" ", "")) for term in re.findall(r"[-+]?\s*\d+", text))


def _show(numbers: Sequence[int]) -> str:
    return "[" + ", ".join(map(str, numbers)) + "]"


def _tally(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()) if count) or "none: 0"
