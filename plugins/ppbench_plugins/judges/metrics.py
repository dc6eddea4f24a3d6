"""Scores of one answer against its accepted references, each in [0, 1]. Pure; no list, no trace, no item."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

_OPENING = " -*_•\"'“”«»„「『`"
_CLOSING = " *_\"'“”«»」』`.。!！"
_SEPARATORS = re.compile(
    r"(?:(?<!\d),|,(?!\d{3}(?:\D|$))|[，、;；،\n]|(?<!\d)/(?!\d))(?:\s?(?:and|und|et|y|e|и|&)\s)?", re.IGNORECASE
)
_TOKEN = re.compile(r"[぀-ヿ㐀-䶿一-鿿]|\w+")
_ARTICLES = {"a", "an", "the", "le", "la", "les", "der", "die", "das", "el", "los", "las", "il", "lo", "o", "os"}


def plain(text: str) -> str:
    """Case, width, white space, quotes and end punctuation put aside."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).lstrip(_OPENING).rstrip(_CLOSING)


def exact(answer: str, accepted: Sequence[str]) -> float:
    """1 if the answer is an accepted one, or is accepted after a heading that ends in a colon."""
    options = {plain(text) for text in accepted}
    tail = re.split(r"[:：]\s", answer)[-1]
    return float(plain(answer) in options or plain(tail) in options)


def token_f1(answer: str, accepted: Sequence[str]) -> float:
    """Best F1 of word overlap with an accepted answer, articles aside (SQuAD, arXiv 1606.05250, section 6)."""
    return max((_f1(_words(answer), _words(text)) for text in accepted), default=0.0)


def _words(text: str) -> Counter[str]:
    found = _TOKEN.findall(plain(text))
    return Counter([word for word in found if word not in _ARTICLES] or found)


def _f1(one: Counter[str], other: Counter[str]) -> float:
    shared = sum((one & other).values())
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def set_f1(answer: str, members: Sequence[str]) -> float:
    """F1 of the members that the answer lists, separated by commas, semicolons or lines."""
    return _f1(Counter(_members(answer)), Counter({name for member in members for name in _members(member)}))


def _members(text: str) -> set[str]:
    return {name for part in _SEPARATORS.split(text) if (name := plain(part))}


def chrf(answer: str, accepted: Sequence[str]) -> float:
    """Sentence chrF against all accepted texts (Popović 2015), by sacrebleu."""
    return float(_chrf().sentence_score(answer, list(accepted)).score) / 100


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF  # slow to import

    return CHRF()


def label(answer: str, accepted: Sequence[str], labels: Sequence[str]) -> float:
    """1 if the answer names an accepted label and no other of those that the prompt uses."""
    text = plain(answer)
    named = {plain(one) for one in labels if _names(text, plain(one))}
    longest = {one for one in named if not any(one != other and one in other for other in named)}
    return float(bool(longest) and longest <= {plain(one) for one in accepted})


def _names(text: str, word: str) -> bool:
    spaced = re.search(r"[぀-ヿ㐀-䶿一-鿿]", word) is None
    return (re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None) if spaced else word in text


METRICS: dict[str, Callable[[str, Sequence[str]], float]] = {
    "exact": exact,
    "token_f1": token_f1,
    "set_f1": set_f1,
    "chrf": chrf,
}
