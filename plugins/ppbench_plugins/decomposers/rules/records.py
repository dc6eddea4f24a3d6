"""Records in rows under a head of names, asked about group by group: "for each region", "per month"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, trim
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_DATE = re.compile(r"\d{4}-\d{2}(?=-\d{2}$)")
_MARKS = ",;\t|"
_FEWEST = 3
_MOST_ROWS = 2000
_MOST_COLUMNS = 50
_REACH = 24
_MOST_ASKED = 1500


def record_groups(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """The groups that the records fall into, if the request names the column by which, or months of dates."""
    table, mark = _table(text, rows[:_MOST_ROWS])
    if len(table) <= _FEWEST:
        return
    start, end = table[0][0], table[-1][1]
    request = spoken(f"{text[:start][-_MOST_ASKED:]} \n {text[end:][:_MOST_ASKED]}")
    if not words.said("each", request):
        return
    cells = [_cells(text, row, mark) for row in table]
    for column, head in enumerate(cells[0][:_MOST_COLUMNS]):
        body = [row[column] for row in cells[1:]]
        if all(_DATE.match(text[a:b]) for a, b in body):
            body = [(a, a + 7) for a, _ in body] if words.said("month", request) else []
        elif not _named(text[slice(*head)], request, words):
            body = []
        groups = _distinct(text, body)
        if 2 <= len(groups) < len(table) - 1:
            yield Candidate("groups of records", text, groups, start, end, inside=True, grouped=True)


def _table(text: str, rows: Sequence[Span]) -> tuple[list[Span], str]:
    """The longest run of lines with one separator at the same number of places, two or more."""
    best: list[Span] = []
    chosen = ""
    for mark in _MARKS:
        if text.count(mark) <= _FEWEST:
            continue
        run: list[Span] = []
        count = 0
        for row in rows:
            here = text.count(mark, *row)
            run = run if here == count and here else []
            run.append(row)
            count = here
            if here and len(run) > len(best):
                best, chosen = run, mark
    return (best, chosen) if len(best) > _FEWEST else ([], "")


def _cells(text: str, row: Span, mark: str) -> list[Span]:
    cells, place = [], row[0]
    for piece in text[slice(*row)].split(mark):
        cells.append(trim(text, place, place + len(piece)))
        place += len(piece) + 1
    return cells


def _named(head: str, request: str, words: Words) -> bool:
    """Whether a column's name stands behind a word such as "each"."""
    name = spoken(head).strip()
    return bool(name) and any(
        name in request[match.end() : match.end() + _REACH + len(name)]
        for each in words.lists["each"]
        for match in re.finditer(re.escape(each.strip()), request)
    )


def _distinct(text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The first span of each text, in order."""
    first: dict[str, Span] = {}
    for span in spans:
        if span[0] < span[1]:
            first.setdefault(text[slice(*span)], span)
    return tuple(first.values())
