"""Finds where an answer names the item that it answers. Pure text; knows no reference and no layout but what parts an
item from its answer: a colon, a dash, an arrow, the end of a bold word or of a line.

Items are found by their first letters and then word by word, never by a pattern, so that an answer of any size is read once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest

_KEY = 16
"""Letters and digits by which an item is looked up."""
_REACH = 64
_CLOSING = r"[ \t\u00a0\u202f.?!。？！।؟…\"'“”»」』›’*_`)\]]*+"
_PARTED = r"(?:[:：=→–—]|-+>|=>|(?<=\s)-(?=\s)|\n|(?<=\*\*[ \t])(?=[^\s*]))"
_AFTER = re.compile(rf"{_CLOSING}{_PARTED}(?:{_CLOSING}[:：→–—])?(?:(?:\*\*|__|[\"”»])(?=\s|\Z))?\s*+")
_ASKED = re.compile(r"[ \u00a0\u202f]*+[?？؟]++[\"”»」』*_]*+\s++(?=\S)")
_LETTER = re.compile(r"[^\W_]")
_ALPHA = re.compile(r"(?<![^\W_])[^\W_]")
_LEAD = re.compile(r"[\W_]*+")
_LINE_START = re.compile(r"(?:\A|\n)([^\w\n]*+(?:(?:\d{1,3}[.)．）、:：\]]|[^\W\d_]{1,16}[*_]{0,2}[:：])[^\w\n]*+)?)\Z")
_OPENED = re.compile(r"[\"'“„«‹「『‘(*_`\[][^\w\s]*\Z")
LABEL = re.compile(r"[*_]{0,3}+([^\W\d_][^\W_]{0,15}(?:[ \t]\d{1,3})?)[*_]{0,3}+[:：][*_]{0,3}+\s++(?=\S)")
"""A word that says what follows ("Original: ...")."""
_JOINTS = ";；,，、"


@dataclass(frozen=True)
class Anchor:
    """Where an answer names an item: the place of the item, where its name begins, and where what is said of it does."""

    place: int
    start: int
    body: int
    inline: bool


@dataclass(frozen=True, eq=False)
class Names:
    """The items of a prompt, ready to be found in an answer."""

    words: tuple[tuple[str, ...], ...]
    by_key: dict[str, list[int]] = field(default_factory=dict)
    lengths: tuple[int, ...] = ()
    firsts: frozenset[str] = frozenset()

    def opening(self, text: str) -> tuple[int, str] | None:
        """The item that a text begins with, and what is said of it; None if it begins otherwise, or says no more."""
        found = self._at(text, lead.end()) if (lead := _LEAD.match(text)) and lead.end() <= _REACH else None
        return (found[0], text[found[1] :].strip()) if found else None

    def whole(self, text: str) -> int | None:
        """The item that a text is, with nothing beside it but marks and quotes."""
        lead = _LEAD.match(text)
        for place in self._likely(text, lead.end()) if lead else ():
            end = _spelt(text, lead.end(), self.words[place]) if lead else -1
            if end >= 0 and not _LETTER.search(text, end):
                return place
        return None

    def anchors(self, text: str) -> list[Anchor]:
        """Where items are named in a text: at the beginning of a line, or after an opening mark within one."""
        found: list[Anchor] = []
        for match in _ALPHA.finditer(text) if self.by_key else ():
            at = match.start()
            if text[at].casefold()[:1] not in self.firsts or (found and at < found[-1].body):
                continue
            named = self._at(text, at)
            begun = _begun(text, at) if named else None
            if named is None or begun is None or (found and at == found[-1].body and named[0] == found[-1].place):
                continue
            found.append(Anchor(named[0], begun[0], named[1], begun[1]))
        return found

    def parted(self, text: str) -> list[tuple[int, str]]:
        """Each item that a text names, with what stands between its name and the next one."""
        anchors = self.anchors(text)
        bodies = []
        for anchor, following in zip_longest(anchors, anchors[1:]):
            begin = anchor.body
            if LABEL.match(text, anchor.start) and (label := LABEL.match(text, begin)):
                begin = label.end()  # "Original: the item", and below it "Result: the answer"
            body = text[begin : max(begin, following.start) if following else None].rstrip()
            bodies.append((anchor.place, body.rstrip(_JOINTS).rstrip() if following and following.inline else body))
        return bodies

    def _at(self, text: str, at: int) -> tuple[int, int] | None:
        """The longest item that is named at a place of a text, and where the answer to it begins."""
        for place in self._likely(text, at):
            end = _spelt(text, at, self.words[place])
            after = (_AFTER.match(text, end) or _ASKED.match(text, end)) if end >= 0 else None
            if after:
                return place, after.end()
        return None

    def _likely(self, text: str, at: int) -> Iterator[int]:
        key = _letters(text[at : at + _REACH])
        for length in self.lengths:
            yield from self.by_key.get(key[:length], ()) if len(key) >= length else ()


@lru_cache(maxsize=64)
def names_of(items: tuple[str, ...]) -> Names:
    """Items as they are looked for: without the marks around them, the longest first."""
    words = tuple(tuple(_bare(unicodedata.normalize("NFC", item)).split()) for item in items)
    by_key: dict[str, list[int]] = {}
    for place in sorted(range(len(words)), key=lambda k: -len(" ".join(words[k]))):
        if key := _letters(" ".join(words[place])[:_REACH]):
            by_key.setdefault(key, []).append(place)
    lengths = tuple(sorted({len(key) for key in by_key}, reverse=True))
    return Names(words, by_key, lengths, frozenset(key[0] for key in by_key))


def _bare(item: str) -> str:
    """An item from its first letter or digit on, without the punctuation at its end."""
    lead = _LEAD.match(item)
    start = lead.end() if lead else 0
    return item[start:].rstrip(" \t\n.?!。？！।؟…:：\"'“”»」』›’*_`)]")


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))[:_KEY]


def _spelt(text: str, at: int, words: Sequence[str]) -> int:
    """Where the words end that stand at a place of a text, whatever white space parts them; -1 if others stand there."""
    for word in words:
        while at < len(text) and text[at].isspace():
            at += 1
        if text[at : at + len(word)].casefold() != word.casefold():
            return -1
        at += len(word)
    return at if words else -1


def _begun(text: str, at: int) -> tuple[int, bool] | None:
    """Where the marks before a name begin, and whether they stand within a line; None where nothing sets the name off."""
    tail = text[max(0, at - 32) : at]
    first = _LINE_START.search(tail)
    if first and (first.start(1) or at <= 32):
        return at - len(first[1]), False
    opened = _OPENED.search(tail)
    return (at - len(opened[0]), True) if opened else None
