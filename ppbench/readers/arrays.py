"""The elements of a JSON array, cut out of its text one by one. Only cuts: what an element says is for the JSON parser.

A broken element is cut at its comma like any other, so the ones after it are still found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_CHUNK = 1 << 16
_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)
"""A whole string, or one sign; a lone quote opens a string that the text at hand does not end."""


def elements(read: Callable[[int], str], limit: int) -> Iterator[str | None]:
    """Texts of the elements of the array that `read` gives in pieces; None, and the end, for one beyond the limit."""
    text, start, at, depth = "", 0, 0, 0
    while True:
        at_end = len(text)
        for match in _MARK.finditer(text, at):
            mark = match[0]
            if mark == '"':
                at_end = match.start()
                break
            if mark in "[{":
                depth += 1
                start = match.end() if depth == 1 else start
            elif mark in "]}":
                depth -= 1
                if depth <= 0:
                    if text[start : match.start()].strip():
                        yield text[start : match.start()]
                    return
            elif mark == "," and depth == 1:
                yield text[start : match.start()]
                start = match.end()
        text, at, start = text[start:], at_end - start, 0
        if len(text) > limit:
            yield None
            return
        more = read(max(_CHUNK, len(text)))  # as much again as is held: what is looked at twice stays in proportion
        if not more:
            if text.strip():
                yield text
            return
        text += more
