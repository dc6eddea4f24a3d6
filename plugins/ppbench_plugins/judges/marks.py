"""Cuts an answer at the marks of a list: numbers, bullets, headings. Pure text; knows no reference and no item.

Marks that are indented deeper than the first one belong to an entry, not to the list, and so do marks in another style
where those in the style of the first one are enough.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ppbench_plugins.judges.records import Piece

_NUMBER = re.compile(
    r"^([ \t]*+)(#*+)[ \t]*+(?:\*\*|__)?[ \t]*+"
    r"(?:[(（\[]?(\d{1,3})(?:\*\*|__)?[ \t]?([.)．）、:：\]])(?!\d)|([①-⑳]))(?:\*\*|__)?[ \t]*+(.*)$"
)
_BULLET = re.compile(r"^([ \t]*+)()()()()[-*•・‣–](?:[ \t]++(.*)|)$")
_HEADING = re.compile(r"^ {0,3}(?:(#{1,6})[ \t]++(\S.*)|()\*\*([^*\n]++)\*\*[ \t]*+[:：]?+[ \t]*+)$")
_COUNTED = re.compile(
    r"^[*_#]*+[ \t]*+([^\W\d_]{1,16})[ \t]?+(\d{1,3})(?:\*\*|__)?[ \t]?+[:：.)–—-](?!\d)(?:\*\*|__)?[ \t]*+(.*)$"
)
_INLINE = re.compile(r"(?:(?:(?<=\s)|^)([(（]?)(\d{1,3})([.)）])(?=[ \t])|([①-⑳]))[ \t]*+")
_BREAK = re.compile(r"\n[^\S\n]*+\n\s*+")
_DIGITS = re.compile(r"\d+")

Cut = list[Piece]


def first_mark(lines: Sequence[str]) -> int:
    """The line in which a list opens; the number of lines if none does."""
    return next((at for at, line in enumerate(lines) if _NUMBER.match(line) or _BULLET.match(line)), len(lines))


def readings(lines: Sequence[str], expected: int) -> list[Cut]:
    """The pieces of a text by the marks that open its list, by words that count ("Sentence 2:"), by its headings: those
    readings that there are, the likeliest first."""
    numbered, bulleted, headed = _numbered(lines, expected), _cut(lines, _BULLET), _headed(lines)
    opening = lines[first_mark(lines)] if first_mark(lines) < len(lines) else ""
    listed = bulleted if len(bulleted) > 1 and (not numbered or _BULLET.match(opening)) else numbered
    alone = len(headed) == 1 and (bool(listed) or headed[0].number is None or bool(_BREAK.search(headed[0].text)))
    found = [listed, [] if alone else headed, _counted(lines)]
    if listed is bulleted and len(headed) == len(listed):
        found = [headed, listed]
    return [cut for cut in found if cut]


def _counted(lines: Sequence[str]) -> Cut:
    """By lines that open with one and the same word and a number each; by one such line if it is the only one."""
    matches = [_COUNTED.match(line) if line[:1] not in " \t" else None for line in lines]
    words = {match[1].casefold() for match in matches if match}
    return _cut_at(lines, matches) if len(words) == 1 and (sum(map(bool, matches)) > 1 or len(lines) == 1) else []


def _cut_at(lines: Sequence[str], matches: Sequence[re.Match[str] | None]) -> Cut:
    found: list[tuple[int, list[str]]] = []
    for line, match in zip(lines, matches, strict=True):
        if match:
            found.append((int(match[2]), [match[3]]))
        elif found:
            found[-1][1].append(line)
    return [Piece("\n".join(text).strip(), number) for number, text in found]


def _numbered(lines: Sequence[str], expected: int) -> Cut:
    """By numbers in the style of the first; by numbers in any style where only those are as many as expected."""
    strict, free = _cut(lines, _NUMBER, strict=True), _cut(lines, _NUMBER)
    found = free if [piece.number for piece in free] == list(range(1, expected + 1)) else strict
    if len(found) == expected and len({piece.number for piece in found}) == 1:
        return [Piece(piece.text) for piece in found]  # Markdown counts for itself
    return found


def _cut(lines: Sequence[str], mark: re.Pattern[str], *, strict: bool = False) -> Cut:
    """Number, if the mark has one, and text of each entry that opens with a mark at the depth of the first one; one blank
    more is none. `strict` also asks for the style of the first one."""
    found: list[tuple[int | None, list[str]]] = []
    depth: int | None = None
    style: tuple[bool, str | None] | None = None
    for line in lines:
        match = mark.match(line)
        width = len(match[1].expandtabs(4)) if match else 0
        worn = (bool(match[2]), match[4]) if match else None
        if match and (depth is None or width <= depth + 1) and (not strict or style is None or worn == style):
            depth, style = width if depth is None else min(depth, width), style or worn
            found.append((_value(match[3] or match[5]), [match[6] or ""]))
        elif found:
            found[-1][1].append(line)
    return [Piece(_unbolded(text), number) for number, text in zip(*_without_close(found), strict=True)]


def _without_close(found: Sequence[tuple[int | None, list[str]]]) -> tuple[list[int | None], list[str]]:
    """Numbers and texts, without a paragraph after the list, where no entry of three or more has a paragraph of its own."""
    numbers, texts = [number for number, _ in found], ["\n".join(lines).strip() for _, lines in found]
    if len(texts) > 2 and not any(_BREAK.search(text) for text in texts[:-1]):
        parts = _BREAK.split(texts[-1])
        if len(parts) == 2 and parts[1] == texts[-1].rpartition("\n")[2]:  # one line, and not indented
            texts[-1] = parts[0]
    return numbers, texts


def _value(digits: str | None) -> int | None:
    if not digits:
        return None
    return int(digits) if digits.isdecimal() else int(unicodedata.numeric(digits))


def _unbolded(text: str) -> str:
    """Without the second half of a pair of bold marks that opened before the number."""
    head, line, rest = text.partition("\n")
    return ((head.replace("**", "", 1) if head.count("**") % 2 else head) + line + rest).strip()


def _headed(lines: Sequence[str]) -> Cut:
    """By the headings of the highest level that has several. A heading stays before what stands under it; where it counts,
    its number is taken."""
    found = [(at, match) for at, line in enumerate(lines) if (match := _HEADING.match(line))]
    levels = Counter(len(match[1] or "") or 7 for _, match in found)
    several = sorted(level for level, count in levels.items() if count > 1 or len(found) == 1)
    if not several:
        return []
    kept = [(at, (m[2] or m[4]).strip(" #*")) for at, m in found if (len(m[1] or "") or 7) == several[0]]
    ends = [at for at, _ in kept[1:]] + [len(lines)]
    bodies = ["\n".join(lines[at + 1 : end]).strip() for (at, _), end in zip(kept, ends, strict=True)]
    if sum(map(bool, bodies)) * 2 < len(bodies):
        return []
    numbers = [_DIGITS.findall(head) if len(head) <= 24 else [] for _, head in kept]
    count = all(len(n) == 1 and len(n[0]) < 4 for n in numbers) and len({n[0] for n in numbers}) == len(numbers)
    if count:
        return [Piece(body, int(n[0])) for body, n in zip(bodies, numbers, strict=True)]
    return [Piece(f"{head}\n{body}".strip()) for (_, head), body in zip(kept, bodies, strict=True)]


def inline(text: str, expected: int) -> Cut:
    """The pieces of a running text that counts them from 1 to as many as expected; none if it does not."""
    found: list[re.Match[str]] = []
    for match in _INLINE.finditer(text):
        same = not found or match.group(1, 3) == found[0].group(1, 3)
        if same and _value(match[2] or match[4]) == len(found) + 1:
            found.append(match)
    if expected < 2 or len(found) != expected:
        return []
    ends = [match.start() for match in found[1:]] + [len(text)]
    cut = [text[match.end() : end].strip() for match, end in zip(found, ends, strict=True)]
    return [Piece(text.rstrip(",;，；、 ") if k < expected else text, k) for k, text in enumerate(cut, 1)]


def blocks(text: str, expected: int) -> Cut:
    """Paragraphs, or lines, whichever are as many as expected; else whichever come closer. A first line that only
    introduces the rest is left out."""
    if expected == 1:
        return [Piece(text)]
    first, _, rest = text.partition("\n")
    if first.rstrip().endswith((":", "：")) and len(rest.split("\n")) >= expected:
        text = rest
    paragraphs = [part.strip() for part in _BREAK.split(text) if part.strip()]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [Piece(part) for part in min(paragraphs, lines, key=lambda parts: abs(len(parts) - expected))]
