"""Cutting a text where its parts are: nearly equal runs, halves, sentences, and putting a part in a whole's place.

Literal and lossless; knows nothing of what the text says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_END = re.compile(r"(?<![.!?])[.!?]++[\"'”’»)\]]*+(?!\S)")
"""Marks and what they close. Tried at the first mark of a run alone, so that a row of dots is read once."""
STATED = 200
"""Characters in which a problem over a list is stated; a longer text is about something else."""


def chunks(parts: Sequence[str], breadth: int) -> list[list[str]]:
    """`breadth` runs of nearly equal length, the first ones one longer; none if there are too few parts."""
    if len(parts) < breadth:
        return []
    size, extra = divmod(len(parts), breadth)
    cuts = [k * size + min(k, extra) for k in range(breadth + 1)]
    return [list(parts[a:b]) for a, b in pairwise(cuts)]


def halves(parts: Sequence[str]) -> list[list[str]]:
    """Two halves, the second one longer if need be; none of a single part."""
    middle = len(parts) // 2
    return [list(parts[:middle]), list(parts[middle:])] if middle else []


def put(text: str, spans: Sequence[tuple[int, int]], fillings: Sequence[str]) -> str:
    """The text with each span replaced, literally."""
    for (start, end), filling in sorted(zip(spans, fillings, strict=True), reverse=True):
        text = text[:start] + filling + text[end:]
    return text


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its marks and what they close; the last one may have none. A mark inside of a
    number or a name ends nothing."""
    ends = [0, *(match.end() for match in _END.finditer(text)), len(text)]
    return [said for a, b in pairwise(ends) if (said := text[a:b].strip())]


def tail(text: str) -> int:
    """Where the last line begins, or what follows a colon in it."""
    end = len(text.rstrip())
    return max(text.rfind("\n", 0, end), text.rfind(":", 0, end)) + 1
