"""What a prompt must show to be looked at closely: any sign at all of several subtasks. One pattern, for DuckDB (RE2).

It throws out what no planner could split, and is meant to throw out nothing else: a sign is several lines, a number, a list of
any kind, two questions, quotation marks, or a word such as "each", "all of" or "translations" in one of 13 languages.
"""

from __future__ import annotations

import unicodedata
from functools import cache

from ppbench_plugins.decomposers.rules.lexicon import codes, words

SHORTEST = 10
"""Letters that a prompt has at least; the paper skips what is shorter, too."""
LONGEST = 20_000
"""Letters that a prompt may have; longer ones are documents, and dear to ask about."""

_FORM = (
    r"\S\s*[\n\r]+\s*\S",  # several lines
    r"[\pN]",  # a number
    r"[;；、،,，|/•].*[;；、،,，|/•]",  # a list
    r"[?？؟].*[?？؟]",  # two questions
    r"[:：].*\S",  # what is announced
    "[\"“„«»「『（(\\[【*‘]|(?:^|\\s)'",
    r"[一二两兩三四五六七八九十두세네열]|(?:다섯|여섯|일곱|여덟|아홉)",
    r"\\n",
)
_PLURAL = ("each", "these")
_COMMON = frozenset(("the", "von", "di", "de", "da", "का", "के", "की", "のは"))
_CAPITALS = (0xC0, 0x17F)


@cache
def pattern() -> str:
    """The signs as one pattern of RE2, case aside."""
    spaced, joined = set[str](), set[str]()
    for code in sorted(codes()):
        known = words(code)
        said = [*known.numbers, *(word for kind in _PLURAL for word in known.lists[kind])]
        (spaced if known.spaced else joined).update(word.strip() for word in said if len(word.strip()) > 1)
    apart = "|".join(_escaped(word) for word in sorted(spaced - _COMMON))
    within = "|".join(_escaped(word) for word in sorted(joined - spaced - _COMMON))
    return "(?is)" + "|".join((*_FORM, rf"(?:^|[^\pL])(?:{apart})(?:[^\pL]|$)", within))


def _escaped(word: str) -> str:
    """A folded word as a pattern that finds it with its accents, too."""
    return "".join(_class(letter) for letter in word)


def _class(letter: str) -> str:
    if letter == " ":
        return r"[\s\-]+"
    variants = _variants().get(letter, "")
    return f"[{letter}{variants}]" if variants else letter if letter.isalnum() else f"\\x{{{ord(letter):x}}}"


@cache
def _variants() -> dict[str, str]:
    found: dict[str, str] = {"е": "ё"}
    for code in range(*_CAPITALS):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base != chr(code) and base.isascii() and base.isalpha() and base.islower():
            found[base] = found.get(base, "") + chr(code)
    return found
