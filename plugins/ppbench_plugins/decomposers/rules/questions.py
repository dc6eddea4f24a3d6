"""Several questions one after another, with or without a passage that they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, trim
from ppbench_plugins.decomposers.rules.lexicon import Words

_ENDS = re.compile(r"[?？؟]+[\"”」』)）]?|[.!。！।…](?=\s|$|[^\x00-\x7f])[\"”」』)）]?|[\r\n:：]")
_LONGEST = 400
_MOST = 50_000


def question_runs(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Runs of two or more questions with nothing between them; the longest first."""
    if sum(text.count(mark) for mark in "?？؟") < 2:
        return
    runs = list[list[Span]]()
    start, asked_before = 0, False
    for match in _ENDS.finditer(text[:_MOST]):
        span = trim(text, start, match.end())
        start = match.end()
        asked = match[0][0] in "?？؟" and 1 < span[1] - span[0] <= _LONGEST
        if asked and asked_before:
            runs[-1].append(span)
        elif asked:
            runs.append([span])
        if asked or match[0] not in "\r\n" or span[0] < span[1]:
            asked_before = asked
    for run in sorted(runs, key=len, reverse=True):
        if len(run) >= 2:
            yield Candidate("questions", text, tuple(run), run[0][0], run[-1][1], questions=True)
