"""Questions on a passage that stand on lines of their own, as people write them: without marks, or without question marks.

The lines stand together at the end of the prompt, or open it, and all of them ask; a passage stands apart from them.
Decides nothing but that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Candidate, Span, gap, trim
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_ASKED = ("?", "？", "؟")
_CODE = "#/<>{}@$|"
_LONGEST = 140
_LONGEST_PROMPT = 12_000
_MOST = 60
_FEWEST = 3
_WITHIN = 5
"""A question word stands among so many words at the beginning."""
_SHORTEST_PASSAGE = 150
_MARK = re.compile(
    r"(?:[-*•·–—▪◦→>]|[(（\[]?(?:\d{1,2}|[a-zA-Zа-я])[.)）\]、．:]|[①-⑳]|(?:[QqFfPpВв]\s?)?\d{1,2}[.:)]?(?=\s))\s*"
)
_SPEAKER = re.compile(r"[^\W\d_][^:：?？\n]{0,24}[:：](?=\s?\S)")
"""A line of a conversation is no question to the one who is asked."""
_LAST = 80
"""Characters of a last line that only thanks, or says how to answer."""


def asked_lines(text: str, rows: Sequence[Span], words: Words) -> Iterator[Candidate]:
    """The lines that ask at the end of a prompt, a last remark aside; else those that open it, an announcement aside."""
    if len(rows) < _FEWEST + 1 or len(text) > _LONGEST_PROMPT:
        return
    for run in (_run(text, rows[::-1], words)[::-1], _run(text, rows, words)):
        if len(run) >= _FEWEST and _passage(text, rows, run):
            yield Candidate("lines that ask", text, _bare(text, run), run[0][0], run[-1][1])


def _run(text: str, rows: Sequence[Span], words: Words) -> list[Span]:
    """The lines from an end of the text on that ask; what stands outermost may be another."""
    first = rows[0]
    start = 0 if _asks(text, first, words) or first[1] - first[0] > _LAST else 1
    run: list[Span] = []
    for row in rows[start : start + _MOST]:
        if not _asks(text, row, words):
            break
        run.append(row)
    return _whole(text, run, rows[start : start + _MOST], words)


def _whole(text: str, run: list[Span], rows: Sequence[Span], words: Words) -> list[Span]:
    """The run with the rest of its paragraph, if most of that asks: "closing time on Saturday" stands among questions.
    A line that is much longer than the others announces them."""
    if not run:
        return run
    paragraph = list[Span](rows[:1])
    for row in rows[1:]:
        near, far = sorted((paragraph[-1], row))
        told = text[row[1] - 1] in ".,。，、" or _SPEAKER.match(text, *row)
        if gap(text, near, far) > 1 or row[1] - row[0] > _LONGEST or told:
            break
        paragraph.append(row)
    if len(paragraph) > len(run) and not _asks(text, paragraph[-1], words):
        paragraph.pop()
    asking = sum(_asks(text, row, words) for row in paragraph)
    found = paragraph if len(paragraph) > len(run) and 3 * asking >= 2 * len(paragraph) else run
    lengths = [end - start for start, end in found]
    return found[:-1] if len(found) > _FEWEST and lengths[-1] > 2 * max(lengths[:-1]) else found


def _asks(text: str, row: Span, words: Words) -> bool:
    if row[1] - row[0] > _LONGEST or text[row[1] - 1] in ":：" or text[row[0]] in _CODE or _SPEAKER.match(text, *row):
        return False
    if text[row[1] - 1] in _ASKED:
        return True
    heard = spoken(text[slice(*row)])
    if words.spaced or words.code in ("ar", "hi"):
        begins = f" {' '.join(heard.split()[:_WITHIN])} "
        return any(f" {word.strip()} " in begins or (word[-1:] != " " and words.spaced and word in begins)
                   for word in words.lists["interrogative"])  # fmt: skip
    return bool(words.said("interrogative", heard)) and text[row[1] - 1] not in "。.!！"


def _passage(text: str, rows: Sequence[Span], run: Sequence[Span]) -> bool:
    """Whether a passage stands apart from the questions."""
    return sum(end - start for start, end in rows if not run[0][0] <= start <= run[-1][0]) >= _SHORTEST_PASSAGE


def _bare(text: str, run: Sequence[Span]) -> tuple[Span, ...]:
    """The lines without list marks, if all of them have them."""
    found = [_MARK.match(text, *row) for row in run]
    if not all(found):
        return tuple(run)
    return tuple(trim(text, match.end(), end) for match, (_, end) in zip(found, run, strict=True) if match)
