"""Lists inside a sentence that names what it lists: "the words cat, dog and house into French"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, trim
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_COMMA = re.compile(r"\s?[,،]\s+")
_LONGEST = 4
_MOST_LINES = 100
_REACH = 400
_FARTHEST = 1200


def and_lists(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Three or more short items with commas, the last one after "and", behind a noun such as "words" or "countries"."""
    if not words.spaced or ("," not in text and "،" not in text):
        return
    for row in rows[:_MOST_LINES]:
        for joint in words.conjunction.finditer(text, row[0], min(row[1], _FARTHEST)):
            spans = _items(text, row, joint, words)
            if len(spans) >= 3 and len({text[a:b] for a, b in spans}) == len(spans):
                yield Candidate("list in a sentence", text, spans, spans[0][0], spans[-1][1], near=True)


def _items(text: str, row: Span, joint: re.Match[str], words: Words) -> tuple[Span, ...]:
    begin = max(row[0], joint.start() - _REACH)
    if text.find(",", begin, joint.start()) < 0 and text.find("،", begin, joint.start()) < 0:
        return ()
    commas = list(_COMMA.finditer(text, begin, joint.start()))
    if not commas:
        return ()
    last = _last(text, joint.end(), min(row[1], joint.end() + 80), words)
    spans = [] if last is None else [last]
    end = joint.start() if text[joint.start() - 1] not in ",،" else joint.start() - 1
    for comma in reversed([*commas]):
        if comma.end() > end:
            continue
        span = trim(text, comma.end(), end)
        if not _short(text, span):
            return ()
        spans.append(span)
        end = comma.start()
    first = _first(text, begin, end, words)
    return tuple(reversed([*spans, first])) if first and last else ()


def _short(text: str, span: Span) -> bool:
    return (
        span[0] < span[1] and 1 <= len(_WORD.findall(text, *span)) <= _LONGEST and not re.search(r"[.!?;:]", text[slice(*span)])
    )


def _first(text: str, begin: int, end: int, words: Words) -> Span | None:
    """The first item: what stands between the noun that names the list and the first comma."""
    found = list(_WORD.finditer(text, begin, end))[-_LONGEST - 1 :]
    for place in range(len(found) - 1):
        if words.said("nouns", spoken(found[place][0])):
            span = trim(text, found[place].end(), end, ":\"'“”")
            if _short(text, span):
                return span
    return None


def _last(text: str, start: int, end: int, words: Words) -> Span | None:
    """The last item: up to a preposition or the end of the sentence."""
    stop = re.compile(r"[.,;:!?\n]").search(text, start, end)
    end = stop.start() if stop else end
    for word in _WORD.finditer(text, start, end):
        if words.said("stop", spoken(word[0])) or word[0].casefold() in ("into", "em", "al", "alle", "ins"):
            end = word.start()
            break
    span = trim(text, start, end)
    return span if _short(text, span) else None
