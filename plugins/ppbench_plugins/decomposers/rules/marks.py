"""Lists whose items carry marks: numbers, letters, bullets, or a label such as "Text 1:", on lines or within one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, gap, trim
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_KINDS = {
    "number": r"\d{1,3}(?:[.．][ºª°]?(?!\d)|[)）、°º]|[:：](?!\d)|[-–](?=\s))",
    "bracketed number": r"[(（\[【]\s?\d{1,3}\s?[)）\]】]\.?",
    "circled number": r"[①-⑳]",
    "letter": r"[a-zа-я][.)）](?=\s|[^\x00-\x7f])|[(（][a-zа-я][)）]",
    "capital": r"[A-ZА-Я](?:[.)）](?=\s|[^\x00-\x7f])|[、．])|[(（][A-ZА-Я][)）]",
    "ideograph": r"[一二三四五六七八九十]{1,3}[、.．)）]|"
    r"[가나다라마바사아자차카타파하][.)]|[ア-ンイロハニホヘト][.)）、]|[㉠-㉻]",
    "ordinal": r"第(?:\d{1,3}|[一二三四五六七八九十]{1,3})[^\W\d]?\s?[:：、]",
    "hash": r"#\d{1,3}[.:：)）]?(?=\s)",
    "bullet": r"[-*–—+](?=\s)|-(?=[^\W\d])|[•·‣◦●○▪■◆※・→▸►✓◇>]",
}
_MARK = re.compile("|".join(f"(?P<k{place}>{form})" for place, form in enumerate(_KINDS.values())))
_NAMES = tuple(_KINDS)
_UNCOUNTED = ("bullet", "ideograph", "ordinal")
_SPACE = re.compile(r"[ \t　]*")
_FIRST = re.compile(r"\d{1,3}")
_MOST_LINES = 3000
_MOST_BETWEEN = 100
_FARTHEST = 1000
_WIDEST_GAP = 3


@dataclass(frozen=True)
class _Mark:
    kind: str
    value: int
    """The number, the letter's place, or 0."""
    line: int
    start: int
    end: int
    indent: int


def marked_lines(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Runs of lines with marks of one kind, the last run first."""
    marks = [mark for place, row in enumerate(rows[:_MOST_LINES]) if (mark := _mark(text, place, row, words))]
    for run in reversed(_runs(text, rows, marks)):
        yield _candidate(text, rows, run)


def _mark(text: str, place: int, row: Span, words: Words) -> _Mark | None:
    start = row[0]
    first = text[start : start + 1]
    if not first or not (found := _one(text, start, words)):
        return None
    kind, value, end = found
    while kind != "bullet" and (again := _one(text, end, words)) and again[0] == kind:
        end = again[2]  # "2. 2. text": a mark that was doubled
    return None if end >= row[1] else _Mark(kind, value, place, start, end, _indent(text, start))


def _one(text: str, start: int, words: Words) -> tuple[str, int, int] | None:
    """Kind, value and end of the mark at a place."""
    match = _MARK.match(text, start)
    if match:
        kind = _NAMES[(match.lastindex or 1) - 1]
        return kind, _value(kind, match[0]), _SPACE.match(text, match.end()).end()  # type: ignore[union-attr]
    label = _LABEL.search(text, start, start + _LONGEST_LABEL) if text[start : start + 1].isalpha() else None
    if label is None:
        return None
    name = text[start : label.start()].rstrip().casefold()
    if name in words.labels:
        return "label", _place(label[0]), label.end()
    known = words.said("given", spoken(name)) or words.said("given", spoken(name + "s"))  # "Step 1:", "Rule 1:"
    if label[0][0].isdigit() and name.isalpha() and not known:
        return f"label {name}", _place(label[0]), label.end()
    return None


def _value(kind: str, mark: str) -> int:
    if "number" in kind or kind == "hash":
        digits = _FIRST.search(mark)
        return int(digits[0]) if digits else ord(mark[0]) - ord("①") + 1
    return 0 if kind in _UNCOUNTED else ord(mark.strip("(（)）.、．")[:1] or "a")


def _indent(text: str, start: int) -> int:
    place = start
    while place and text[place - 1] in " \t　":
        place -= 1
    return start - place


def _runs(text: str, rows: Sequence[Span], marks: Sequence[_Mark]) -> list[list[_Mark]]:
    """Marks of one kind whose values go up by one; a deeper bullet belongs to the item above it."""
    lines_with_marks = {mark.line for mark in marks}
    runs: list[list[_Mark]] = []
    open_runs: dict[tuple[str, int], list[_Mark]] = {}
    for mark in marks:
        run = open_runs.get(_group(mark))
        if run and _announced(text, rows, run[-1], mark, lines_with_marks):
            run = None
        if run and _follows(run[-1], mark):
            run.append(mark)
            continue
        run = [mark]
        open_runs[_group(mark)] = run
        runs.append(run)
    return [run for run in runs if len(run) >= 2]


def _follows(last: _Mark, mark: _Mark) -> bool:
    """Whether a mark goes on with a run: numbers may leave gaps, or stand twice, on lines that follow each other."""
    if mark.kind in _UNCOUNTED or mark.value == last.value + 1:
        return True
    return mark.line == last.line + 1 and last.value <= mark.value <= last.value + _WIDEST_GAP


def _group(mark: _Mark) -> tuple[str, int]:
    return mark.kind, mark.indent if mark.kind == "bullet" else 0


def _announced(text: str, rows: Sequence[Span], last: _Mark, mark: _Mark, marked: set[int]) -> bool:
    """Whether what stands since the last item begins a new list: a line that ends in a colon, or a new paragraph."""
    first = max(last.line + 1, mark.line - _MOST_BETWEEN)
    between = [line for line in range(first, mark.line) if line not in marked]
    if not between:
        return False
    if text[rows[between[-1]][1] - 1] in ":：" and between[-1] == mark.line - 1:
        return True
    return mark.kind == "bullet" and any(
        gap(text, rows[line - 1], rows[line]) > 1 and _indent(text, rows[line][0]) <= mark.indent for line in between
    )


def _candidate(text: str, rows: Sequence[Span], run: Sequence[_Mark]) -> Candidate:
    spans: list[Span] = []
    for here, following in pairwise(run):
        spans.append(trim(text, here.end, rows[following.line - 1][1]))
    last = run[-1].line
    if any(after.line - here.line > 1 for here, after in pairwise(run)):
        while last + 1 < len(rows) and gap(text, rows[last], rows[last + 1]) < 2:
            last += 1  # other items go over several lines: so may the last one, until a blank line
    end = _form_asked(text, run[-1].end, rows[last][1])
    spans.append(trim(text, run[-1].end, end))
    spans = _bare(text, spans)
    kind = run[0].kind
    name = "bulleted lines" if kind == "bullet" else "labelled lines" if kind.startswith("label") else "numbered lines"
    return Candidate(name, text, tuple(spans), run[0].start, end,
                     options=kind == "capital", marked=not kind.startswith("label"))  # fmt: skip


_QUOTED = re.compile(r"([\"“«「']).*([\"”»」'])", re.DOTALL)
_SAME = re.compile(r"(?P<word>[^\W\d_]+)\s?\d{1,3}\s?[:：]\s*(?=\S)")


def _bare(text: str, spans: list[Span]) -> list[Span]:
    """Items without quotation marks or labels, if all of them have them."""
    for form in (_SAME, _QUOTED):
        found = [form.match(text, *span) for span in spans]
        if form is _SAME and all(found) and len({match["word"] for match in found if match}) == 1:
            spans = [(match.end(), end) for match, (_, end) in zip(found, spans, strict=True) if match]
        elif form is _QUOTED and all(match and match.end() == end and match[0].count(match[1]) <= 2 for match, (_, end)
                                     in zip(found, spans, strict=True)):  # fmt: skip
            spans = [trim(text, start + 1, end - 1) for start, end in spans]
    return spans


_FORM = re.compile(r"json|csv", re.IGNORECASE)


def _form_asked(text: str, start: int, end: int) -> int:
    """Where the last item ends if its last sentence says in which form to answer."""
    cut = max(text.rfind(". ", start, end), text.rfind("。", start, end - 1), text.rfind("! ", start, end))
    return cut + 1 if cut > start and _FORM.search(text, cut, end) and not _FORM.search(text, start, cut) else end


_LABEL = re.compile(r"(?:\d{1,3}|(?<=\s)[A-Za-z]|(?<=[^\x00-\x7f])[A-Za-z]|[一二三四五六七八九十])\s{0,2}[:：.．、)）]\s*")
_LONGEST_LABEL = 24
_INLINE = re.compile(
    r"\d{1,2}(?:[.．](?!\d)|[)）、]|[:：](?!\d))\s*|[(（](?:\d{1,2}|[a-h])[)）]\s*|[①-⑳]\s*|[a-hA-H][.)）](?=\s|[^\x00-\x7f])\s*"
)
_SECOND = re.compile(r"2\s{0,2}[.．)）、:：]|②|[bB]\s{0,2}[.:：．、)）]|二\s{0,2}[:：.．、)）]")
_OPENERS = " \t\r\n　:：;；,，、。.?？!！)）(（"
_SENTENCE = re.compile(r"[。！？!?](?=.)|\.\s")
_Place = tuple[int, int, int]
"""Where a mark within a line begins and ends, and its number."""


def inline_marks(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Items that stand in one line: "1. a; 2. b; 3. c", "(1) a (2) b", or "Text 1: a Text 2: b"."""
    for row in rows[:_MOST_LINES]:
        if row[0] > _FARTHEST:
            return
        if not _SECOND.search(text, *row):
            continue
        for name, found in (("labelled pieces", _labelled(text, row, words)), ("inline marks", _bounded(text, row))):
            run = _ascending(found)
            if len(run) < 2:
                continue
            edges = [*(start for start, _, _ in run[1:]), _sentence_end(text, run, row[1])]
            spans = tuple(trim(text, end, edge, ";；,，、") for (_, end, _), edge in zip(run, edges, strict=True))
            if all(start < end for start, end in spans):
                capital = name == "inline marks" and text[run[0][0] : run[0][1]].strip("(（)）.、． ").isupper()
                yield Candidate(name, text, spans, run[0][0], edges[-1], options=capital, near=True)


def _sentence_end(text: str, run: Sequence[_Place], end: int) -> int:
    """Where the last item ends: with its sentence, if the items before it are no whole sentences."""
    inner = any(_SENTENCE.search(text, here[1], after[0]) for here, after in pairwise(run))
    stop = None if inner else _SENTENCE.search(text, run[-1][1], end)
    return stop.end() if stop else end


def _bounded(text: str, row: Span) -> list[_Place]:
    """Marks after white space, punctuation or a letter of another script."""
    found = []
    for match in _INLINE.finditer(text, *row):
        start = match.start()
        if start == 0 or text[start - 1] in _OPENERS or not text[start - 1].isascii():
            found.append((start, match.end(), _place(match[0])))
    return found


def _labelled(text: str, row: Span, words: Words) -> list[_Place]:
    """Numbers behind a word such as "Text" or "Sentence"."""
    found = []
    for match in _LABEL.finditer(text, *row):
        begin = max(row[0], match.start() - _LONGEST_LABEL)
        before = text[begin : match.start()].rstrip()
        label = next((word for word in words.labels if before.casefold().endswith(word)), "")
        if label:
            found.append((begin + len(before) - len(label), match.end(), _place(match[0])))
    return found


def _ascending(found: Sequence[_Place]) -> list[_Place]:
    """The run of marks that begins with 1 or a and goes up by one."""
    run: list[_Place] = []
    for place in found:
        if place[2] == 1:
            run = [place]
        elif run and place[2] == len(run) + 1:
            run.append(place)
    return run


def _place(mark: str) -> int:
    digits = _FIRST.search(mark)
    if digits:
        return int(digits[0])
    core = mark.strip("(（)）.、．:： \t")
    if core and "①" <= core <= "⑳":
        return ord(core) - ord("①") + 1
    last = core[-1:].lower()
    return ord(last) - ord("a") + 1 if "a" <= last <= "z" else "一二三四五六七八九十".find(last) + 1
