"""Lists whose items carry marks: numbers, letters, bullets, or a label such as "Text 1:", on lines or within one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, gap, trim
from ppbench_plugins.decomposers.rules.lexicon import Words

_KINDS = {
    "number": r"\d{1,3}(?:[.．](?!\d)|[)）、]|[:：](?!\d))",
    "bracketed number": r"[(（\[【]\s?\d{1,3}\s?[)）\]】]\.?",
    "circled number": r"[①-⑳]",
    "letter": r"[a-zа-я][.)）](?=\s|[^\x00-\x7f])|[(（][a-zа-я][)）]",
    "capital": r"[A-ZА-Я](?:[.)）](?=\s|[^\x00-\x7f])|[、．])|[(（][A-ZА-Я][)）]",
    "ideograph": r"[一二三四五六七八九十]{1,3}[、.．)）]|[가나다라마바사아][.)]|[ア-オ][.)）]",
    "bullet": r"[-*–—+](?=\s)|[•·‣◦●○▪■◆※・]",
}
_MARK = re.compile("|".join(f"(?P<k{place}>{form})" for place, form in enumerate(_KINDS.values())))
_NAMES = tuple(_KINDS)
_SPACE = re.compile(r"[ \t　]*")
_FIRST = re.compile(r"\d{1,3}")
_MOST_LINES = 3000


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
    label = words.label.match(text, start) if text[start].isalpha() else None
    if label:
        digits = _FIRST.search(label[0])
        return "label", int(digits[0]) if digits else 0, label.end()
    return None


def _value(kind: str, mark: str) -> int:
    if "number" in kind:
        digits = _FIRST.search(mark)
        return int(digits[0]) if digits else ord(mark[0]) - ord("①") + 1
    return 0 if kind in ("bullet", "ideograph") else ord(mark.strip("(（)）.、．")[:1] or "a")


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
        if run and (mark.value == run[-1].value + (mark.kind not in ("bullet", "ideograph")) or _loose(run, mark)):
            run.append(mark)
            continue
        run = [mark]
        open_runs[_group(mark)] = run
        runs.append(run)
    return [run for run in runs if len(run) >= 2]


def _group(mark: _Mark) -> tuple[str, int]:
    return mark.kind, mark.indent if mark.kind == "bullet" else 0


def _announced(text: str, rows: Sequence[Span], last: _Mark, mark: _Mark, marked: set[int]) -> bool:
    """Whether what stands since the last item begins a new list: a line that ends in a colon, or a new paragraph."""
    between = [line for line in range(last.line + 1, mark.line) if line not in marked]
    if not between:
        return False
    if text[rows[between[-1]][1] - 1] in ":：" and between[-1] == mark.line - 1:
        return True
    return mark.kind == "bullet" and any(
        gap(text, rows[line - 1], rows[line]) > 1 and _indent(text, rows[line][0]) <= mark.indent for line in between
    )


def _loose(run: Sequence[_Mark], mark: _Mark) -> bool:
    """All marks are 1., as Markdown allows, or labels bear no number."""
    return mark.value == run[-1].value and (mark.kind == "label" and mark.value == 0)


def _candidate(text: str, rows: Sequence[Span], run: Sequence[_Mark]) -> Candidate:
    spans: list[Span] = []
    for here, following in zip(run, run[1:], strict=False):
        spans.append(trim(text, here.end, rows[following.line - 1][1]))
    last = run[-1].line
    if any(after.line - here.line > 1 for here, after in zip(run, run[1:], strict=False)):
        while last + 1 < len(rows) and gap(text, rows[last], rows[last + 1]) < 2:
            last += 1  # other items go over several lines: so may the last one, until a blank line
    end = _form_asked(text, run[-1].end, rows[last][1])
    spans.append(trim(text, run[-1].end, end))
    kind = run[0].kind
    name = {"bullet": "bulleted lines", "label": "labelled lines"}.get(kind, "numbered lines")
    return Candidate(name, text, tuple(spans), run[0].start, end,
                     options=kind == "capital", marked=kind != "label")  # fmt: skip


_FORM = re.compile(r"json|csv", re.IGNORECASE)


def _form_asked(text: str, start: int, end: int) -> int:
    """Where the last item ends if its last sentence says in which form to answer."""
    cut = max(text.rfind(". ", start, end), text.rfind("。", start, end - 1), text.rfind("! ", start, end))
    return cut + 1 if cut > start and _FORM.search(text, cut, end) and not _FORM.search(text, start, cut) else end


_INLINE = re.compile(
    r"(?:(?<=[\s:：;；,，。.？?！!、)）])|(?<=[^\x00-\x7f]))"
    r"(?:(?P<n>\d{1,2})(?:[.．](?!\d)|[)）、]|[:：](?!\d))|[(（](?P<b>\d{1,2}|[a-h])[)）]|(?P<c>[①-⑳])|(?P<a>[a-hA-H])[.)）](?=\s|[^\x00-\x7f]))\s*"
)
_FEWEST_CHARACTERS = 1


def inline_marks(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """Items that stand in one line: "1. a; 2. b; 3. c", "(1) a (2) b", or "Text 1: a Text 2: b"."""
    for row in rows[:_MOST_LINES]:
        for form in (words.label, _INLINE):
            found = [match for match in form.finditer(text, row[0], row[1]) if form is _INLINE or _bounded(text, match.start())]
            run = _ascending(found)
            if len(run) < 2:
                continue
            edges = [*(match.start() for match in run[1:]), row[1]]
            edges[-1] = _sentence_end(text, run, row[1])
            spans = tuple(trim(text, match.end(), edge, ";；,，、") for match, edge in zip(run, edges, strict=True))
            if all(end - start >= _FEWEST_CHARACTERS for start, end in spans):
                capital = form is _INLINE and run[0][0].strip("(（)）.、． ").isupper()
                name = "inline marks" if form is _INLINE else "labelled pieces"
                yield Candidate(name, text, spans, run[0].start(), edges[-1], options=capital, near=True)


_SENTENCE = re.compile(r"[。！？!?](?=.)|\.\s")


def _sentence_end(text: str, run: Sequence[re.Match[str]], end: int) -> int:
    """Where the last item ends: with its sentence, if the items before it are no whole sentences."""
    inner = any(_SENTENCE.search(text, here.end(), after.start()) for here, after in zip(run, run[1:], strict=False))
    stop = None if inner else _SENTENCE.search(text, run[-1].end(), end)
    return stop.end() if stop else end


def _bounded(text: str, start: int) -> bool:
    return start == 0 or not text[start - 1].isascii() or not text[start - 1].isalnum()


def _ascending(found: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """The run of marks that begins with 1 or a and goes up by one."""
    run: list[re.Match[str]] = []
    for match in found:
        value = _place(match[0])
        if value == 1:
            run = [match]
        elif run and value == len(run) + 1:
            run.append(match)
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
