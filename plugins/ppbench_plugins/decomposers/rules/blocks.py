"""Lists that are lines, or paragraphs, without the usual list marks: bare lines, labels, odd marks, rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, gap, trim
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_MOST_ROWS = 400
_MOST_TEXT = 20_000
_MARKS = (
    re.compile(r"[(（\[【<]?\s?(?:\d{1,3}|[^\W\d_][\u093e-\u094dـ]?)\s?(?:[)）\]】>．、。°º–-]|[.:：](?!\d)|\.[ºª°])+\s*"),
    re.compile(r"[(（\[【]\s?[^\W\d_]{1,3}\s?[)）\]】]\s*"),
    re.compile(r"\[[ xX]?\]\s*"),
    re.compile(r"[^\w\s¿¡\"'“”‘’«»「『」』(（\[{<@$€£…!?.।😀-🙏]++\s*(?=\S)|>+\s*"),
    re.compile(r"[^\W\d_]{1,2}\s?(?=[「『«“\"])"),
)
"""What all lines of a block may begin with."""
_BARE = re.compile(r"\d{1,3}\s+(?=\S)")
_LABEL = re.compile(r"['\"]?[^\W\d_][^:：\n。!?]{0,34}[:：]\s*(?=\S)")
_TRAIL = re.compile(r"\s*(?:[/|;；,，،\\]|(?:→|->|=>?|:)\s*(?:\?|_+|\.\.\.|…)?|_{2,}|\(\s*\))\s*$")
_QUOTES = {'"': '"', "“": "”", "«": "»", "「": "」", "『": "』", "'": "'", "‘": "’", "„": "“"}
_THANKS = 30
_FENCE = "```"


def line_blocks(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Lines under or above a request; if all of them begin alike (a mark, a label), then without that."""
    if len(rows) < 3 or len(rows) > _MOST_ROWS or len(text) > _MOST_TEXT:
        return
    for lines_ in _variants(text, rows):
        block = _polite(text, lines_, words)
        if len(block) < 2:
            continue
        if any(text.count("|", *row) > 1 for row in block[:2]):
            continue
        name, spans = "own lines", tuple(block)
        for mark in _MARKS:
            if cut := _cut(text, block, mark):
                name, spans = "marked lines of a block", cut
                break
        else:
            if (cut := _cut(text, block, _BARE)) and _rising(text, block):
                name, spans = "marked lines of a block", cut
            elif cut := _cut(text, block, _LABEL):
                name, spans = "labelled lines of a block", cut
        yield Candidate(name, text, tuple(clean(text, span) for span in spans), block[0][0], block[-1][1])


def _polite(text: str, block: Sequence[Span], words: Words) -> Sequence[Span]:
    """A block without a last line that only thanks."""
    start, end = block[-1]
    begin = " ".join(spoken(text[start : min(end, start + _THANKS)]).split()[:2])
    return block[:-1] if end - start <= _THANKS and "courtesy" in words.kinds(f" {begin} ") else block


def _variants(text: str, rows: Sequence[Span]) -> Iterator[Sequence[Span]]:
    """Blocks of lines between blank lines, without a first or last line that is the request."""
    blocks = _blocks(text, rows)
    for place in reversed(range(len(blocks))):
        block = blocks[place]
        if len(blocks) > 1 and len(block) >= 2:
            yield block
        if len(block) >= 3 and (place == 0 or text[block[0][1] - 1] in ":：" or len(blocks) < 3):
            yield block[1:]
        if len(block) >= 3 and place == len(blocks) - 1:
            yield block[:-1]
        if len(block) >= 4 and len(blocks) == 1:
            yield block[2:]
    if len(blocks) >= 3 and all(len(block) == 1 for block in blocks[2:]):
        yield [block[0] for block in blocks[1:]] if len(blocks[1]) == 1 else [block[0] for block in blocks[2:]]
    if len(blocks) >= 3 and all(len(block) == 1 for block in blocks[:-1]):
        yield [block[0] for block in blocks[:-1]]
        if len(blocks) >= 4:
            yield [block[0] for block in blocks[1:-1]]


def _blocks(text: str, rows: Sequence[Span]) -> list[list[Span]]:
    blocks: list[list[Span]] = []
    broken = True
    for place, row in enumerate(rows):
        if text.startswith(_FENCE, row[0]) or not any(map(str.isalnum, text[row[0] : min(row[1], row[0] + 40)])):
            broken = True
            continue
        if broken or gap(text, rows[place - 1], row) > 1:
            blocks.append([])
        blocks[-1].append(row)
        broken = False
    return blocks


def _cut(text: str, block: Sequence[Span], form: re.Pattern[str]) -> tuple[Span, ...]:
    """The lines without what each of them begins with, or nothing if one begins otherwise."""
    cut, seen = list[Span](), list[str]()
    for start, end in block:
        match = form.match(text, start, end)
        if not match or match.end() >= end:
            return ()
        cut.append((match.end(), end))
        seen.append(match[0].strip())
    named = any(map(str.isalnum, seen[0]))
    return (
        tuple(cut) if len(set(seen)) == (len(seen) if named and form is not _LABEL else len(set(seen)) if named else 1) else ()
    )


def _rising(text: str, block: Sequence[Span]) -> bool:
    numbers = [int(text[start:end].split()[0]) for start, end in block]
    return numbers[0] <= 2 and all(a <= b <= a + 3 for a, b in pairwise(numbers)) and numbers[-1] > numbers[0]


def clean(text: str, span: Span) -> Span:
    """An item without what closes its line ("/", "→ ?") and without quotation marks around all of it."""
    start, end = trim(text, *span)
    if match := _TRAIL.search(text, max(start, end - 12), end):
        start, end = trim(text, start, max(match.start(), start + 1))
    close = _QUOTES.get(text[start : start + 1])
    if close and text[end - 1] == close and end - start > 2 and close not in text[start + 1 : end - 1]:
        start, end = trim(text, start + 1, end - 1)
    return start, end


def table_rows(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Rows drawn with bars, with or without their head: the one cell that is filled, or the row."""
    if "|" not in text and " / " not in text and "\t" not in text:
        return
    for bar in ("|", "\t", " / "):
        run: list[Span] = []
        for row in [*rows[:_MOST_ROWS], (len(text), len(text))]:
            if text.count(bar, *row) >= 1 or (bar == " / " and run and text.endswith(" /", *row)):
                run.append(row)
                continue
            if len(run) >= 2:
                yield from _rows(text, run, bar)
            run = []


def _rows(text: str, run: Sequence[Span], bar: str) -> Iterator[Candidate]:
    ruled = any(not text[slice(*row)].strip(" |:-—\t+=") for row in run[1:2])
    for body in [run[1:]] if ruled else [run[1:], run]:
        body = [row for row in body if text[slice(*row)].strip(" |:-—\t+=/")]
        filled = [[cell for cell in _cells(text, row, bar) if cell[0] < cell[1]] for row in body]
        if len(body) < 2:
            continue
        spans = tuple(trim(text, *row, "|/\t ") for row in body)
        if all(len(cells) == 1 for cells in filled):
            spans = tuple(cells[0] for cells in filled)
        elif all(len(cells) == 2 and text[slice(*cells[0])].strip(".)#").isalnum() and cells[0][1] - cells[0][0] <= 4
                 for cells in filled):  # fmt: skip
            spans = tuple(cells[1] for cells in filled)
        yield Candidate("table rows", text, tuple(clean(text, span) for span in spans), body[0][0], body[-1][1])


def _cells(text: str, row: Span, bar: str) -> list[Span]:
    cells, place = [], row[0]
    for piece in text[slice(*row)].split(bar):
        cells.append(trim(text, place, place + len(piece), "/_"))
        place += len(piece) + len(bar)
    return cells
