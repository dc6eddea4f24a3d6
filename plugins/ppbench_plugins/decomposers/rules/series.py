"""Lists without marks: commas, quotation marks, brackets, rows of a table, one item a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, gap, trim
from ppbench_plugins.decomposers.rules.lexicon import Words

_STOPS = ".。!！?？;；"
_COLON = re.compile(r"[:：](?!//|\d)")
_LISTED = re.compile(r"[、,，،;；/|]")
_LONGEST = 60
_LONGEST_JOINED = 14
_MOST_WORDS = 6
_MOST_ROWS = 400


def comma_lists(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """After a colon to the end of the line, or a line of its own. The last such list first."""
    for row in reversed(rows[-_MOST_ROWS:]):
        if not _LISTED.search(text, row[0], row[1]):
            continue
        starts = [match.end() for match in _COLON.finditer(text, row[0], min(row[1], row[0] + 2000))]
        for start in [*reversed(starts[-4:]), row[0]]:
            if start == row[0] == rows[0][0] and not starts and len(rows) == 1:
                continue  # the text is this line
            spans = _series(text, *trim(text, start, row[1], ".。！!"), words)
            if spans:
                yield Candidate("comma list", text, spans, spans[0][0], spans[-1][1])
                break


def _series(text: str, start: int, end: int, words: Words) -> tuple[Span, ...]:
    """The items between separators of one kind, or nothing if this is prose."""
    piece = text[start:end]
    separator = next((mark for mark in "、;；,，،/|" if mark in piece), "")
    if not separator or len(piece) > 4000:
        return ()
    both = separator if separator not in ",，" else ",，"
    spans, place = list[Span](), start
    for match in re.finditer(f"[{re.escape(both)}]", piece):
        spans.append(trim(text, place, start + match.start()))
        place = start + match.end()
    spans += _last(text, place, end, words, separator)
    spans = [span for span in spans if span[0] < span[1]]
    enough = 2 if separator in "、;；|" else 3
    if len(spans) < enough or not all(_short(text[a:b], separator) for a, b in spans):
        return ()
    return tuple(spans)


def _last(text: str, start: int, end: int, words: Words, separator: str) -> list[Span]:
    """The last item, or the last two with "and" between them."""
    start, end = trim(text, start, end)
    lead = words.conjunction.match(text, start - 1, end) if words.spaced else words.conjunction.match(text, start, end)
    if lead and lead.end() < end:
        return [trim(text, lead.end(), end)]
    inner = words.conjunction.search(text, start, end)
    if inner and separator not in ";；" and words.spaced and inner.start() > start:
        return [trim(text, start, inner.start()), trim(text, inner.end(), end)]
    return [(start, end)]


def _short(item: str, separator: str) -> bool:
    if separator in ";；":
        return len(item) <= 300
    if any(mark in item for mark in "。?？!！") or (". " in item):
        return False
    if item.isascii() or " " in item:
        return len(item) <= _LONGEST and item.count(" ") < _MOST_WORDS
    return len(item) <= (_LONGEST_JOINED if separator in ",，" else 30)


_QUOTED = re.compile(r"\"([^\"\n]{1,2000}+)\"|“([^”\n]{1,2000}+)”|「([^」\n]{1,2000}+)」|«([^»\n]{1,2000}+)»|"
                     r"(?<!\w)'([^'\n]{2,2000}+)'(?!\w)|‘([^’\n]{1,2000}+)’")  # fmt: skip
_BETWEEN = re.compile(r"[\s,，、;；.。/&]*(?:\w{1,6}\s?)?")


def quoted(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Quoted pieces with nothing but separators between them."""
    run: list[re.Match[str]] = []
    runs = list[list[re.Match[str]]]()
    for match in _QUOTED.finditer(text):
        if run and _joined(text[run[-1].end() : match.start()], words):
            run.append(match)
        else:
            run = [match]
            runs.append(run)
    for run in reversed(runs):
        if len(run) >= 2:
            spans = tuple(match.span(match.lastindex or 0) for match in run)
            yield Candidate("quoted pieces", text, tuple(trim(text, *span) for span in spans), run[0].start(), run[-1].end())


def _joined(between: str, words: Words) -> bool:
    if len(between) > 12:
        return False
    bare = between.strip(" \t\r\n,，、;；.。/&")
    return not bare or bool(words.conjunction.fullmatch(f" {bare} "))


_STRING = re.compile(r'"((?:[^"\\\n]|\\.){0,4000}+)"\s{0,20}(,|\])?')
_OPEN = re.compile(r"\[\s{0,20}(?=\")")


def json_arrays(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """["a", "b"]: strings in square brackets."""
    for start in list(_OPEN.finditer(text))[:20]:
        spans, place = list[Span](), start.end()
        while match := _STRING.match(text, place):
            spans.append(trim(text, *match.span(1)))
            place = match.end()
            while place < len(text) and text[place] in " \t\r\n":
                place += 1
            if match[2] != ",":
                if match[2] == "]" and len(spans) >= 2:
                    yield Candidate("JSON array", text, tuple(spans), start.start(), place)
                break


def own_lines(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Lines of a kind under a line that announces them, without any mark: the last such block first."""
    blocks: list[list[Span]] = []
    for row in rows:
        if blocks and gap(text, blocks[-1][-1], row) < 2 and not text[blocks[-1][-1][1] - 1] in ":：":
            blocks[-1].append(row)
        else:
            blocks.append([row])
    for block in reversed(blocks):
        if len(block) < 2 or block[0][0] == rows[0][0]:
            continue
        lengths = [end - start for start, end in block]
        if max(lengths) > 12 * min(lengths) + 60 or len(block) > 200:
            continue
        spans = tuple(trim(text, start, end, ":：") for start, end in block)
        yield Candidate("own lines", text, spans, block[0][0], block[-1][1], strict=True)


def table_rows(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Rows of a table drawn with bars; its head is left before them."""
    run: list[Span] = []
    for row in [*rows, (len(text), len(text))]:
        if text.count("|", *row) >= 1:
            run.append(row)
            continue
        body = [line for line in run[1:] if text[line[0] : line[1]].strip(" |:-\t+")]
        if len(body) >= 2:
            yield Candidate("table rows", text, tuple(body), body[0][0], body[-1][1], strict=True)
        run = []
