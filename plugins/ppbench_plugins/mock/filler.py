"""Deterministic text that means nothing, for requests whose answer nobody knows, and errors on demand."""

from __future__ import annotations

import hashlib
import random
import re

_SYLLABLES = "ba ko lu me ni ro sa te vi do pa ri mo ne tu la si ge fo ha".split()
_MADE = re.compile(f"(?:{'|'.join(_SYLLABLES)})++")
_GREEK = str.maketrans("abdefghiklmnoprstuv", "αβδεφγχικλμνοπρστυω")


def chance(*seeds: object) -> random.Random:
    """A generator that depends on nothing but its seeds."""
    return random.Random(hashlib.sha256("\x1f".join(map(str, seeds)).encode("utf-8", "surrogatepass")).digest())


def sentence(words: int, *seeds: object) -> str:
    """A sentence of that many made-up words."""
    random_ = chance("filler", *seeds)
    made = ["".join(random_.choices(_SYLLABLES, k=random_.randint(1, 3))) for _ in range(max(1, words))]
    return " ".join(made).capitalize() + "."


def made_up(text: str) -> bool:
    """Whether a text is such a sentence, in whatever letters and marks around it."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    return bool(words) and all(_MADE.fullmatch(word) for word in words)


def mistake(words: int, *seeds: object) -> str:
    """A wrong answer. Its letters are Greek, so that no metric finds a part of it right by accident."""
    return sentence(words, *seeds).rstrip(".").casefold().translate(_GREEK)
