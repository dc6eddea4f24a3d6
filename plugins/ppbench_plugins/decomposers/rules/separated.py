"""Lists within a line, or in such lines one after another: separators of any kind, and quotation marks with words between.

Looser than `series`: what is found here is asked about by its frame alone. Decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.blocks import clean
from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, trim
from ppbench_plugins.decomposers.rules.lexicon import Words

_START = re.compile(r"：|(?<!\d):(?!//)|:(?![/\d])|[?!？！。](?=.)|\.(?=\s)|\s{2,}|\)\s")
_LISTED = re.compile(r"[、,，،;；؛|/]")
_LONGEST = 60
_LONGEST_ANY = 250
_LONGEST_JOINED = 14
_MOST_WORDS = 8
_MOST_ROWS = 12
_MOST_LINE = 1500
_WHOLE = "|/;；؛"
"""Separators of items that may be whole sentences."""


def separated(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Behind a colon or a sentence to the end of the line, or a line of its own, or such lines one after another."""
    if not _LISTED.search(text):
        return
    kept = [row for row in rows[:_MOST_ROWS] if _LISTED.search(text, *row) and row[1] - row[0] <= _MOST_LINE]
    alone: list[tuple[Span, ...]] = []
    for row in reversed(kept):
        whole = _series(text, *row, words) if len(rows) > 1 else ()
        if whole:
            alone.append(whole)
            yield _found(text, whole)
        starts = [match.end() for match in _START.finditer(text, row[0], row[1])]
        starts = starts if len(starts) < 3 else [starts[0], *starts[-2:]]
        for start in starts:
            spans = _series(text, *trim(text, start, row[1]), words)
            if spans:
                yield _found(text, spans)
    for part in (alone, alone[:-1], alone[1:]):
        if len(part) > 1:
            yield _found(text, tuple(span for spans in reversed(part) for span in spans))


def _found(text: str, spans: tuple[Span, ...]) -> Candidate:
    mark = text[spans[0][1] : spans[1][0]]
    whole = any(sign in mark for sign in _WHOLE)
    return Candidate("separated list" if whole else "comma list", text, spans, spans[0][0], spans[-1][1])


def _series(text: str, start: int, end: int, words: Words) -> tuple[Span, ...]:
    """The items between separators of one kind, or nothing if this is prose."""
    piece = text[start:end]
    separator = _separator(piece)
    if not separator:
        return ()
    if separator not in _WHOLE:
        end = _sentence(text, start, end)
        piece = text[start:end]
    if len(max(re.split(f"[{re.escape(separator)}]", piece), key=len)) > _LONGEST_ANY:
        return ()
    spans, place = list[Span](), start
    pattern = r"\s[/|]\s|\s/$" if separator in "/|" and f" {separator}" in piece else f"[{re.escape(separator)}]"
    for match in re.finditer(pattern, piece):
        spans.append(trim(text, place, start + match.start()))
        place = start + match.end()
    spans += _last(text, place, end, words, separator)
    spans = [clean(text, span) for span in spans if span[0] < span[1]]
    spans = [span for span in spans if span[0] < span[1]]
    items = [text[a:b] for a, b in spans]
    enough = 2 if separator in "、;；؛|/" else 3
    if items and not words.spaced and separator not in _WHOLE and len(items[-1]) > 2 * max(map(len, items[:-1]), default=0) + 1:
        return ()  # a sentence goes on behind the last item
    if len(items) < enough or not all(_short(item, separator) for item in items) or _mixed(items, separator):
        return ()
    return tuple(spans)


def _separator(piece: str) -> str:
    for marks in ("|", "/", ";；؛", "、", ",，،"):
        count = sum(map(piece.count, marks))
        if marks == "/" and count != piece.count(" / ") + piece.rstrip().endswith("/"):
            continue
        if count >= (1 if marks in ("、", ";；؛", "|", "/") else 2):
            return marks
    return ""


_FULL = re.compile(r"[.!?。！？](?:\s|$)|[。！？]")


def _sentence(text: str, start: int, end: int) -> int:
    """Where the first sentence ends: what is said behind a list of short items is no item."""
    stop = _FULL.search(text, start, end)
    return stop.start() if stop else end


_FORMULA = re.compile(r"[=\[\]{}<>∈∪]|\([^)]*$")


def _mixed(items: Sequence[str], separator: str) -> bool:
    """Formulas, fields with names, or numbers among words: no list of things of one kind."""
    numbers = sum(item[0].isdigit() for item in items)
    if separator in _WHOLE:
        return False
    return any(_FORMULA.search(item) or ":" in item for item in items) or (0 < numbers < len(items) and len(items) < 6)


def _last(text: str, start: int, end: int, words: Words, separator: str) -> list[Span]:
    """The last item, or the last two with "and" between them."""
    start, end = trim(text, start, end)
    if separator in _WHOLE:
        return [(start, end)]
    lead = words.conjunction.match(text, start - 1, end) if words.spaced else words.conjunction.match(text, start, end)
    if lead and lead.end() < end:
        return [trim(text, lead.end(), end)]
    inner = words.conjunction.search(text, start, end)
    if inner and words.spaced and inner.start() > start:
        return [trim(text, start, inner.start()), trim(text, inner.end(), end)]
    return [(start, end)]


def _short(item: str, separator: str) -> bool:
    if separator in _WHOLE:
        return len(item) <= _LONGEST_ANY
    if item.isascii() or " " in item:
        return len(item) <= _LONGEST and item.count(" ") < _MOST_WORDS
    return len(item) <= (_LONGEST_JOINED if separator in ",，،" else 40)


_QUOTED = re.compile(r"\"([^\"\n]{1,400}+)\"|“([^”\n]{1,400}+)”|「([^」\n]{1,400}+)」|«([^»\n]{1,400}+)»|『([^』\n]{1,400}+)』|"
                     r"【([^】\n]{1,80}+)】|„([^“”\n]{1,400}+)[“”]|"
                     r"(?<!\w)'([^'\n]{2,400}+)'(?!\w)|‘([^’\n]{1,400}+)’")  # fmt: skip
_MOST_QUOTED = 12_000
_MOST_BETWEEN = 28


def quotations(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Quoted pieces with nothing but separators between them, or a few words each."""
    for farthest in (2, _MOST_BETWEEN):
        run: list[re.Match[str]] = []
        runs = list[list[re.Match[str]]]()
        for match in _QUOTED.finditer(text, 0, _MOST_QUOTED):
            if run and match[0][0] == run[-1][0][0] and _joined(text[run[-1].end() : match.start()], words, farthest):
                run.append(match)
            else:
                run = [match]
                runs.append(run)
        best = sorted((run for run in runs if len(run) >= 2), key=len)[-3:]
        for run in best:
            spans = tuple(trim(text, *match.span(match.lastindex or 0)) for match in run)
            name = "quoted pieces" if farthest == 2 else "quoted pieces in sentences"
            yield Candidate(name, text, spans, run[0].start(), run[-1].end())


def _joined(between: str, words: Words, farthest: int) -> bool:
    bare = between.strip(" \t\r\n,，、،;；؛.。/&|-•*")
    return len(bare) <= (farthest if farthest > 2 else 0) or bool(words.conjunction.fullmatch(f" {bare} "))
