"""Which numbers a text says: in digits of any script, and in the number words of the languages that rules know.

Simple compounds are put together ("twenty-five", "one hundred and fifty", "二十五"); those written as one word are not
known. Which language a text is in is not asked: a word that is a number in any of them counts, so that more numbers may be
found than are meant, and hardly ever fewer.
"""

from __future__ import annotations

import re
from functools import cache

from ppbench_plugins.decomposers.rules.lexicon import codes, spoken, words

_DIGITS = re.compile(r"\d{1,6}(?!\d)")
_HAN = re.compile(r"[〇零一二两兩三四五六七八九十百]+")
_HAN_DIGITS = dict(zip("〇零一二两兩三四五六七八九", (0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_HAN_UNITS = {"十": 10, "百": 100}
_HANGUL = re.compile(r"([두세네열]|다섯|여섯|일곱|여덟|아홉|스무)(?=[가개곡권단마명문번줄장편])")
_AND = frozenset(("and", "und", "y", "e", "et", "и"))
_ONE = frozenset(("a", "one", "ein", "eine", "un", "une", "uno", "una", "um", "uma"))
_LONGEST = 3
"""Words of the longest number word, as "dua puluh" is one of two."""


def numbers_in(text: str) -> frozenset[int]:
    """Every number that a text says or may say."""
    found = {int(digits) for digits in _DIGITS.findall(text)} | _worded(spoken(text).split())
    if text.isascii():
        return frozenset(found)
    hangul = (number for match in _HANGUL.findall(text) for number in _known().get(match, ()))
    return frozenset(found | {_han(run) for run in _HAN.findall(text)} | set(hangul))


def _worded(said: list[str]) -> set[int]:
    """The number words of a text, each alone and together with those before it."""
    known, found, place = _known(), set[int](), 0
    before = 0
    """What the run of number words up to here says."""
    while place < len(said):
        begins = said[place] in _first()
        size = next((k for k in range(_LONGEST, 0, -1) if begins and " ".join(said[place : place + k]) in known), 0)
        values = known[" ".join(said[place : place + size])] if size else frozenset[int]()
        if values:
            value = max(values)
            before = before * value if 0 < before < value == 100 else before + value if value < before else value
            found |= {*values, before}
        elif said[place] in _ONE:
            before = 1
        elif said[place] not in _AND:
            before = 0
        place += size or 1
    return found


def _han(run: str) -> int:
    total, digit = 0, 0
    for sign in run:
        if sign in _HAN_UNITS:
            total, digit = total + (digit or 1) * _HAN_UNITS[sign], 0
        else:
            digit = _HAN_DIGITS[sign]
    return total + digit


@cache
def _known() -> dict[str, frozenset[int]]:
    """The number words of all languages; what is one in two of them may have two values."""
    known: dict[str, set[int]] = {}
    for code in codes():
        for word, number in words(code).numbers.items():
            known.setdefault(" ".join(spoken(word).split()), set()).add(number)
    return {word: frozenset(numbers) for word, numbers in known.items()}


@cache
def _first() -> frozenset[str]:
    return frozenset(word.partition(" ")[0] for word in _known())
