"""Lists without marks: commas, quotation marks, brackets, rows of a table, one item a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, gap, trim
from ppbench_plugins.decomposers.rules.lexicon import Words

_COLON = re.compile(r"：|(?<!\d):(?!//)|:(?![/\d])")
_LISTED = re.compile(r"[、,，،;；/]")
_LONGEST = 60
_LONGEST_ANY = 250
_LONGEST_JOINED = 14
_MOST_WORDS = 6
_FIELD = re.compile(r"[:：=]\s*\S")
_MOST_ROWS = 400
_NEAR = 700
_FARTHEST = 250
_MOST_TEXT = 1500
_NEAR_END = 200
_WRAPPED = 40


def comma_lists(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """After a colon to the end of the line, or a line of its own. The last such list first."""
    if not _LISTED.search(text):
        return
    kept = [row for row in rows[:_MOST_ROWS] if row[0] <= _NEAR]  # further down it stands in a longer text
    if _records(text, kept):
        return
    for row in reversed(kept):
        if not _LISTED.search(text, row[0], row[1]) or text.count("|", *row) > 1:
            continue
        starts = [match.end() for match in _COLON.finditer(text, row[0], min(row[1], row[0] + 2000))]
        for start in [*reversed(starts[-4:]), row[0]]:
            if start == rows[0][0] or (start == row[0] and text[row[1] - 1] in ":："):
                continue  # the request itself
            spans = _series(text, *trim(text, start, row[1], ".。！!"), words)
            if spans:
                yield Candidate("comma list", text, spans, spans[0][0], spans[-1][1], near=True)
                break


def _records(text: str, rows: Sequence[Span]) -> bool:
    """Whether the lines are records of a table: three in a row with as many commas, two or more."""
    if len(rows) < 3 or text.count(",") + text.count("，") < 6:
        return False
    counts = [text.count(",", *row) + text.count("，", *row) for row in rows]
    return any(a == b == c > 1 for a, b, c in zip(counts, counts[1:], counts[2:], strict=False))


def _series(text: str, start: int, end: int, words: Words) -> tuple[Span, ...]:
    """The items between separators of one kind, or nothing if this is prose."""
    piece = text[start:end]
    separator = next((mark for mark in "、;；,，،/" if mark in piece), "")
    if not separator or len(piece) > 4000:
        return ()
    if len(max(piece.split(separator), key=len)) > _LONGEST_ANY:
        return ()
    both = separator if separator not in ",，" else ",，"
    spans, place = list[Span](), start
    for match in re.finditer(f"[{re.escape(both)}]", piece):
        spans.append(trim(text, place, start + match.start()))
        place = start + match.end()
    spans += _last(text, place, end, words, separator)
    spans = [span for span in spans if span[0] < span[1]]
    enough = 2 if separator in "、;；" else 3
    items = [text[a:b] for a, b in spans]
    if items and not words.spaced and separator not in ";；" and len(items[-1]) > 2 * max(map(len, items[:-1]), default=0) + 1:
        return ()  # a sentence goes on behind the last item
    if len(items) < enough or not all(_short(item, separator) for item in items) or _mixed(items):
        return ()
    return tuple(spans)


_FORMULA = re.compile(r"[=\[\]{}<>∈∪:：\"“”]|\([^)]*$")


def _mixed(items: Sequence[str]) -> bool:
    """Formulas, fields with names, cut quotations, or numbers among words: no list of things of one kind."""
    numbers = sum(item[0].isdigit() for item in items)
    return any(_FORMULA.search(item) for item in items) or 0 < numbers < len(items)


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
        return len(item) <= 120 and "。" not in item
    if any(mark in item for mark in "。?？!！") or (". " in item):
        return False
    if item.isascii() or " " in item:
        return len(item) <= _LONGEST and item.count(" ") < _MOST_WORDS
    return len(item) <= (_LONGEST_JOINED if separator in ",，" else 30)


_QUOTED = re.compile(r"\"([^\"\n]{1,400}+)\"|“([^”\n]{1,400}+)”|「([^」\n]{1,400}+)」|«([^»\n]{1,400}+)»|"
                     r"(?<!\w)'([^'\n]{2,400}+)'(?!\w)|‘([^’\n]{1,400}+)’")  # fmt: skip
_MOST_QUOTED = 2_000


def quoted(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Quoted pieces with nothing but separators between them."""
    run: list[re.Match[str]] = []
    runs = list[list[re.Match[str]]]()
    for match in _QUOTED.finditer(text, 0, _MOST_QUOTED):
        if run and _joined(text[run[-1].end() : match.start()], words):
            run.append(match)
        else:
            run = [match]
            runs.append(run)
    for run in reversed(runs):
        if len(run) >= 2 and _apart(text, run[0].start(), run[-1].end()):
            spans = tuple(match.span(match.lastindex or 0) for match in run)
            spans = tuple(trim(text, *span) for span in spans)
            yield Candidate("quoted pieces", text, spans, run[0].start(), run[-1].end(), near=True)


def _apart(text: str, start: int, end: int) -> bool:
    """Whether quoted pieces stand after a colon or at the end of a line or sentence, not within one."""
    before, after = text[max(0, start - 5) : start].rstrip(" \t"), text[end : end + 5].lstrip(" \t")
    return before.endswith((":", "：", "\n")) or not before or after[:1] in ("", "\n", ".", "。", "!", "?", "？")


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
        while len(spans) <= _MOST_ROWS and (match := _STRING.match(text, place)):
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
    if len(text) > _MOST_TEXT or _records(text, rows):
        return
    for row in rows:
        if blocks and gap(text, blocks[-1][-1], row) < 2 and text[blocks[-1][-1][1] - 1] not in ":：":
            blocks[-1].append(row)
        else:
            blocks.append([row])
    for block in reversed(blocks):
        if block[0][0] == rows[0][0] and len(block) > 2 and text[block[0][1] - 1] in ".。?？":
            block = block[1:]
        if len(block) < 2 or block[0][0] == rows[0][0] or block[0][0] > _FARTHEST:
            continue
        if len(text) - block[-1][1] > _NEAR_END or len(block) > 200 or _prose(text, block):
            continue
        spans = tuple(trim(text, start, end, ":：") for start, end in block)
        yield Candidate("own lines", text, spans, block[0][0], block[-1][1], strict=True)


def _prose(text: str, block: Sequence[Span]) -> bool:
    """Lines of very unlike length, or a text that is broken into lines."""
    lengths = [end - start for start, end in block]
    wrapped = any(
        end - start > _WRAPPED and text[after].islower() != text[block[0][0]].islower() and text[after].islower()
        for (start, end), (after, _) in pairwise(block)
    )
    return (
        wrapped
        or max(lengths) > 12 * min(lengths) + 60
        or any(not text[start].isalnum() for start, _ in block)
        or _fields(text, block)
    )


def _fields(text: str, block: Sequence[Span]) -> bool:
    """Lines such as "Input: 3": the parts of one record."""
    return sum(bool(_FIELD.search(text, start, min(end, start + 40))) for start, end in block) * 2 > len(block)


def table_rows(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Rows of a table drawn with bars; its head is left before them."""
    run: list[Span] = []
    if "|" not in text:
        return
    for row in [*rows, (len(text), len(text))]:
        if text.count("|", *row) >= 1:
            run.append(row)
            continue
        body = [line for line in run[1:] if text[line[0] : line[1]].strip(" |:-\t+")]
        if len(body) >= 2:
            yield Candidate("table rows", text, tuple(body), body[0][0], body[-1][1], strict=True)
        run = []


_BRACKETED = re.compile(r"\[([^\[\]\n]{1,80}+)\]")


def bracketed(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Pieces that a text marks with square brackets, and says so; they are asked about in their place."""
    found = [match.span(1) for _, match in zip(range(300), _BRACKETED.finditer(text), strict=False)]
    if len(found) >= 2:
        yield Candidate("bracketed pieces", text, tuple(found), found[0][0], found[-1][1], inside=True)
