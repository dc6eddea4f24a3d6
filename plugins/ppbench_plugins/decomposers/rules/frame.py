"""A second look at what the gate refused: only the request's own words are read, not the items and what is quoted.

A list that the gate let go for a word within a long passage, or whose request is put in an unusual way, is taken here if
the frame around it is short, names what is to be done, and holds no sign that the parts hang together. Fills no template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from ppbench_plugins.decomposers.rules.blocks import line_blocks, table_rows
from ppbench_plugins.decomposers.rules.candidate import Candidate, Span
from ppbench_plugins.decomposers.rules.fields import field_lists
from ppbench_plugins.decomposers.rules.gate import duties, needs_another
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken
from ppbench_plugins.decomposers.rules.separated import quotations, separated

_LINES = (table_rows, line_blocks)
_WITHIN = (quotations, separated)
_SHAPES = ("JSON array", "numbered lines", "bulleted lines", "labelled lines", "inline marks", "labelled pieces")
_MARKED = (
    "numbered lines",
    "bulleted lines",
    "labelled lines",
    "JSON array",
    "inline marks",
    "labelled pieces",
    "marked lines of a block",
)
_MOST_EACH = 4
_MOST_TEXT = 4_000
_MOST_WITHIN = 900
_LONGEST_FRAME = 420
_LONGEST_LOOSE = 300
_MOST_ITEMS = 60
_LONGEST_ITEM = 400
_LONGEST_LINE = 280
_EDGE = 90
_LONGEST_PASSAGE = 1_800
_LONGEST_FIELD = 70
_QUOTE = re.compile(r"\"[^\"\n]{1,200}\"|“[^”\n]{1,200}”|«[^»\n]{1,200}»|「[^」\n]{1,200}」|„[^“”\n]{1,200}[“”]")
_ORDERLY = re.compile(
    r"in (?:the same|this|that|the given) order|in order(?! of| to)|keep the order"
    r"|in (?:der gleichen|derselben|dieser|der) reihenfolge|dans (?:le même |l'|cet )ordre"
    r"|en (?:el mismo |ese )?orden(?! de)|na mesma ordem|pela ordem|nello stesso ordine|in ordine(?! di)"
    r"|в (?:том же |этом )?порядке|по порядку|按(?:原|照)?(?:来的)?顺序|顺序不变|順番(?:に|通り|どおり)|同じ順番?|순서대로"
    r"|بالترتيب|क्रम (?:में|से)",
    re.IGNORECASE,
)
"""In the order of the list: what each list is answered in."""
_LOOSE = ("labelled lines of a block", "quoted pieces in sentences")
_FEWEST = 3
_PARAGRAPH = 200
_LINED = ("own lines", "table rows", "labelled lines of a block")
_HANGS = ("joint", "then")
_ONE = ("whole", "single", "material", "given")
_SURE = ("translate", "tongue", "mend")
_MILD = ("classes", "extract", "apart")
_POINTS = ("these", "nouns", "pieces", "each", "alone")


def second_look(text: str, rows: Sequence[Span], words: Words, seen: Sequence[Candidate]) -> Candidate | None:
    """The first list whose frame asks for its items one by one, or None. `seen` is what the gate was asked about."""
    if len(text) > _MOST_TEXT:
        return None
    shaped = len(rows) > 2 or any(found.rule in _SHAPES for found in seen)
    within = len(text) <= _MOST_WITHIN and _several(text)
    if not (shaped or within) or not _hopeful(spoken(_ends(text)), shaped, words):
        return None
    for found in _candidates(text, rows, words, seen, within):
        if (
            _near(found)
            and _fits(found)
            and _asks(found, words)
            and not duties(found, words)
            and not needs_another(found, words)
        ):
            return found
    return _fields(text, rows, words)


def _fields(text: str, rows: Sequence[Span], words: Words) -> Candidate | None:
    """Fields to be taken from a passage that stands in the prompt."""
    if len(text) < _SHORTEST_SOURCE or not _EXTRACT.search(spoken(_ends(text))):
        return None
    for found in islice(field_lists(text, rows, words), _MOST_EACH):
        before = max(found.lead.rfind(mark) for mark in _STOPS)
        said = spoken(f"{found.lead[before + 1 :]} {found.tail[:_BESIDE]}")
        named = _named(found.items) and not any(item[0].isdigit() for item in found.items)
        if not (named and _EXTRACT.search(said)):
            continue
        passage = max(len(found.lead), len(found.tail)) >= _SHORTEST_SOURCE
        if passage and len(set(found.items)) == len(found.items) and not _any(_HANGS, said, words):
            return found
    return None


def _candidates(text: str, rows: Sequence[Span], words: Words, seen: Sequence[Candidate], within: bool) -> Iterator[Candidate]:
    yield from (found for found in seen if found.rule in _SHAPES)
    if len(rows) > 2:
        for finder in _LINES:
            yield from islice(finder(text, rows, words), _MOST_EACH)
    if within:
        for finder in _WITHIN:
            yield from islice(finder(text, rows, words), _MOST_EACH)


_EXTRACT = re.compile(
    r" extra[ceyhi]|hier extra| estra[ei]| ekstrak| entnimm| releve"
    r"|извлек|выпиш|抽出|抜き出|提取|抽取|추출|뽑아|استخرج|निकाल",
)
_STOPS = ".!?。！？\n"
_BESIDE = 60
_SHORTEST_SOURCE = 100


_MANY_COMMAS = 4


def _several(text: str) -> bool:
    """Whether a text holds what parts a list within a line."""
    return (
        text.count(",") >= _MANY_COMMAS
        or any(text.count(mark) > 1 for mark in "、;；؛«「“【·")
        or text.count('"') > _FEWEST
        or (text.count(" / ") > 1 or text.count("|") > 1 or text.count("，") + text.count("،") >= _MANY_COMMAS)
    )


def _ends(text: str) -> str:
    return f"{text[:_LONGEST_FRAME]} \n {text[-_LONGEST_FRAME:]}" if len(text) > 2 * _LONGEST_FRAME else text


def _hopeful(said: str, shaped: bool, words: Words) -> bool:
    """Whether what is said anywhere, items and all, could be enough."""
    if _any(_SURE, said, words):
        return _any(_POINTS, said, words)
    if words.said("alone", said) and _any(("pieces", "these", "extract"), said, words):
        return True
    each = bool(words.said("each", said))
    return (each or shaped) and sum(bool(words.said(kind, said)) for kind in _MILD) >= (1 if each and shaped else 2)


def _any(kinds: Iterable[str], said: str, words: Words) -> bool:
    return any(words.said(kind, said) for kind in kinds)


def _near(found: Candidate) -> bool:
    apart = len(found.text) - found.end + found.start
    fields = found.rule in _MARKED and max(map(len, found.items)) <= _LONGEST_FIELD
    return apart <= (_LONGEST_PASSAGE if fields else 2 * _LONGEST_FRAME)


def _fits(found: Candidate) -> bool:
    items = found.items
    return (
        not found.options
        and 2 <= len(items) <= _MOST_ITEMS
        and len(set(items)) == len(items)
        and all(item.strip() and len(item) <= _LONGEST_ITEM for item in items)
        and not any(_CODE.search(item) for item in items)
        and not (found.rule == "comma list" and not _named(items))
        and not (found.rule == "marked lines of a block" and _AMONG.match(found.announced.strip()))
    )


def _named(items: Sequence[str]) -> bool:
    """Whether items are names, not the clauses of a sentence."""
    letters = sum(map(len, items)) / len(items)
    spaced = sum(item.count(" ") for item in items) / len(items)
    return not any(_IN_QUOTES.search(item) for item in items) and (spaced <= _FEW_SPACES if spaced else letters <= _SHORT_NAME)


_IN_QUOTES = re.compile(r"[«»“”「」\"]")
_FEW_SPACES = 2
_SHORT_NAME = 9
_CODE = re.compile(r"[{}]|\(\)|=\s?\w+\(|\bFile \"|^[0-9a-f]{7}\s|```|^https?:")
_AMONG = re.compile(r"[-*–—•·・▸>]|[(（]?(?:\d{1,3}|[^\W\d_])\s?[.)）、:-]")
"""What stands before a block is marked like its lines: then the block is a part of a list."""


def frame(found: Candidate) -> str:
    """The prompt without the list and what is quoted."""
    said = _QUOTE.sub(" ", f"{found.lead} \n {found.tail}")
    return "\n".join(line if len(line) <= _LONGEST_LINE else _edges(line) for line in said.split("\n"))


def _edges(line: str) -> str:
    """The ends of a pasted passage: the request may share its line."""
    return f"{line[:_EDGE]} \n {line[-_EDGE:]}"


def _asks(found: Candidate, words: Words) -> bool:
    said = frame(found)
    marked = found.rule in _MARKED
    if (len(said) if marked else len(found.lead) + len(found.tail)) > (_LONGEST_FRAME if marked else _LONGEST_LOOSE):
        return False
    heard = spoken(said)
    each, alone = bool(words.said("each", heard)), bool(words.said("alone", heard))
    sure = _any(_SURE, heard, words)
    if alone and not sure and (marked or found.rule in _LINED):  # "only the names, nothing else"
        sure = _any(("pieces", "these", "extract"), heard, words) and (each or not _any(_ONE, heard, words))
    done = sure + sum(bool(words.said(kind, heard)) for kind in _MILD)
    if not (done or alone) or not _any(_POINTS, heard, words):
        return False
    if _any(_HANGS, heard, words) and _any(_HANGS, spoken(_ORDERLY.sub(" ", said)), words):
        return False
    if not each and (words.said("pick", heard) or (not sure and _any(_ONE, heard, words))):
        return False
    if not each and _asks_of_all(found) and not _any(("translate", "tongue"), heard, words):
        return False
    if _options(found) or _given(found, words):
        return False
    many = each or _counts(heard, len(found.items), words)
    if marked:
        return sure or many or (done >= 2 and bool(words.said("these", heard)) and _any(("nouns", "pieces"), heard, words))
    if found.rule in _LOOSE:
        return many and sure and len(found.items) >= _FEWEST
    if len(found.items) < _FEWEST and not many:
        return False
    if max(map(len, found.items)) > _PARAGRAPH and not many:
        return False
    return (sure and _any(_POINTS[1:], heard, words)) or (many and done >= 2)


def _asks_of_all(found: Candidate) -> bool:
    """Whether behind a list one question is asked, and the list itself asks none; or it is what "is:" leads up to."""
    asked = any(mark in found.tail for mark in (*_ASKS, "ですか。")) and not found.items[0].endswith(_ASKS)
    return asked or found.announced.rstrip().endswith(("的是：", "的是:", "はどれですか。"))


def _given(found: Candidate, words: Words) -> bool:
    """Whether the line before a list says that it is what one task starts from."""
    announced = spoken(found.announced)
    return bool(words.said("given", announced)) and not words.said("nouns", announced)


def _options(found: Candidate) -> bool:
    """Whether a list is the options of a question."""
    asked = found.rule == "own lines" and found.items[0].endswith(_ASKS) and not found.items[1].endswith(_ASKS)
    blank = found.announced.rstrip().endswith(_BLANKS)
    return asked or blank or found.items[0].startswith(_BLANKS)


_ASKS = ("?", "？", "؟")
_BLANKS = ("（　　）", "( )", "（ ）", "（）", "()", "___")


def _counts(heard: str, n: int, words: Words) -> bool:
    """Whether the frame names the number of items: "these three sentences"."""
    tokens = heard.split()
    return str(n) in tokens or any(words.numbers.get(token) == n for token in tokens)
