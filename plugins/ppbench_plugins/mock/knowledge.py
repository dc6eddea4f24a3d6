"""The prompts that the mock model knows, and how it finds them in a request.

A request is understood only as far as its text goes: the item must stand in it, with the context that its answer
depends on and the instruction. Who sent it, and why, is not known here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from ppbench import Item, installed_categories

_CJK = re.compile(r"[぀-ヿ㐀-䶿一-鿿]")
_PAIRED = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯]{2,}")
_WORD = re.compile(r"\w+")
_ENOUGH = 0.9
"""Share of the instruction's words that a request must hold to carry the instruction."""
_STRAY = 0.05
"""An item that fills less of a request, with neither context nor instruction there, stands in it by accident."""


@dataclass(frozen=True)
class Known:
    """One prompt as the mock knows it; its schema is there."""

    item: Item

    @cached_property
    def text(self) -> str:
        return squeeze(self.item.text)

    @cached_property
    def context(self) -> str:
        schema = self.item.schema
        return squeeze(schema.context) if schema and schema.context else ""

    @cached_property
    def parts(self) -> tuple[str, ...]:
        schema = self.item.schema
        return tuple(squeeze(part) for part in schema.data or ()) if schema else ()

    @cached_property
    def instruction(self) -> frozenset[str]:
        """Words that stand both in the prompt's own instruction and in the template for one item."""
        assert self.item.schema is not None
        template = _words(re.sub(r"\{(?:data|context|n)\}", " ", self.item.schema.template))
        return frozenset(template & _words(self.frame(self.text)) or template)

    def frame(self, text: str) -> str:
        """A text without this prompt's items and context: their words are no instruction."""
        for part in sorted((*self.parts, self.context), key=len, reverse=True):
            text = text.replace(part, " ") if part else text
        return text


@dataclass(frozen=True)
class Found:
    """A known prompt in a request: the places (from 0) of its items there, in the order of the text."""

    known: Known
    places: tuple[int, ...]
    understood: bool
    """The request holds the instruction, and the context if the answers depend on one."""
    whole: bool
    """The request holds the whole prompt."""

    def part(self, text: str) -> Found:
        """The same prompt, of which a text asks for the items that stand in it; a longer one hides those inside it."""
        rest, at, parts = squeeze(text), dict[int, int](), self.known.parts
        for place in sorted(self.places, key=lambda place: -len(parts[place])):
            if (start := _stands(parts[place], rest)) >= 0:
                at[place] = start
                end = start + len(parts[place])
                rest = rest[:start] + "\0" * (end - start) + rest[end:]
        return replace(self, places=tuple(sorted(at, key=at.__getitem__)), whole=False)


class Knowledge:
    """All known prompts, with the lookup."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._known = [Known(item) for item in items if item.schema is not None]
        self._open = [known for known in self._known if not known.parts]
        self._single = {squeeze(item.text) for item in items if item.schema is None and item.splittable is False}
        self._by_key: dict[str, list[tuple[int, int]]] = {}
        """By a piece that a request must hold to hold a part: the known prompt and the place of the part."""
        for number, known in enumerate(self._known):
            for place, part in enumerate(known.parts):
                self._by_key.setdefault(_key(part), []).append((number, place))

    def is_single(self, text: str) -> bool:
        """A text is a known prompt that holds nothing to split."""
        return squeeze(text) in self._single

    def find(self, text: str) -> Found | None:
        """The known prompt that a request is about, or None. A whole prompt goes before parts of one."""
        squeezed = squeeze(text)
        words = _words(squeezed)
        places: dict[int, list[int]] = {}
        for key in _keys(squeezed) & self._by_key.keys():
            for number, place in self._by_key[key]:
                places.setdefault(number, []).append(place)
        told = [match for known in self._open if (match := _told(known, squeezed, words))]
        held = [match for number in sorted(places) if (match := _match(self._known[number], places[number], squeezed, words))]
        return max(told + held, key=lambda f: (f.whole, f.understood, len(f.places), len(f.known.text)), default=None)


def _key(part: str) -> str:
    """A piece of a part that stands in every text in which the part stands as a unit."""
    paired = _PAIRED.search(part)
    return paired[0][:2] if paired else max(_WORD.findall(part), key=len, default="")


def _keys(text: str) -> set[str]:
    pairs = {run[k : k + 2] for run in _PAIRED.findall(text) for k in range(len(run) - 1)}
    return {"", *_WORD.findall(text), *pairs, *_CJK.findall(text)}


def squeeze(text: str) -> str:
    """The text with every run of white space made one space."""
    return re.sub(r"\s+", " ", text).strip()


def is_set(item: Item) -> bool:
    """Whether a reference of this item lists the members of one answer, not variants of it."""
    return item.category.casefold() in _sets()


@cache
def _sets() -> frozenset[str]:
    """Names of the installed categories whose metric is set_f1, a stranger's among them."""
    chosen = [category for category in installed_categories() if category.metric == "set_f1"]
    return frozenset(name.casefold() for c in chosen for name in (c.id, c.title, *c.aliases))


def _told(known: Known, text: str, words: set[str]) -> Found | None:
    """A prompt for open pieces, if a text carries it or its instruction."""
    whole = known.text in text
    return Found(known, (), True, whole) if whole or _carries(known.instruction, words) else None


def _match(known: Known, places: Sequence[int], text: str, words: set[str]) -> Found | None:
    """A prompt with items, of which those at some places may stand in a text."""
    at = {place: start for place in places if (start := _stands(known.parts[place], text)) >= 0}
    if not at:
        return None
    whole = known.text in text
    framed, told = known.context in text, whole or _carries(known.instruction, _words(known.frame(text)))
    if not told and not (known.context and framed) and sum(len(known.parts[place]) for place in at) < _STRAY * len(text):
        return None
    return Found(known, tuple(sorted(at, key=at.__getitem__)), told and framed, whole)


def _stands(part: str, text: str) -> int:
    """Where an item stands in a text as a unit, not inside a longer word; -1 if nowhere."""
    if part not in text:
        return -1
    left = r"(?<!\w)" if part[0].isalnum() and not _CJK.match(part[0]) else ""
    right = r"(?!\w)" if part[-1].isalnum() and not _CJK.match(part[-1]) else ""
    match = re.search(left + re.escape(part) + right, text)
    return match.start() if match else -1


def _carries(instruction: frozenset[str], words: set[str]) -> bool:
    return bool(instruction) and len(instruction & words) >= _ENOUGH * len(instruction)


def _words(text: str) -> set[str]:
    """Words of three letters or more; of Chinese, Japanese and Korean, pairs of characters."""
    folded = text.casefold()
    pairs = {run[k : k + 2] for run in _PAIRED.findall(folded) for k in range(len(run) - 1)}
    spaced = re.sub(r"[^\w\s]|[\d_]", _space_unless_mark, _PAIRED.sub(" ", folded))
    return pairs | {word for word in spaced.split() if len(word) > 2}


def _space_unless_mark(match: re.Match[str]) -> str:
    """Vowel signs of Indic scripts are marks, not letters, and belong to their word."""
    return match[0] if unicodedata.category(match[0]).startswith("M") else " "
