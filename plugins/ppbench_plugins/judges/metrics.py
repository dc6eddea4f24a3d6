"""Scores of one answer against its accepted references, each in [0, 1]. Pure; no list, no trace, no item."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from ppbench_plugins.judges.scripts import of_word, unspaced, words
from ppbench_plugins.judges.scripts import plain as plain

_PAIRS = (("**", "**"), ("__", "__"), ("`", "`"), ("“", "”"), ("«", "»"), ("「", "」"), ("„", "“"), ('"', '"'))
_SEPARATORS = re.compile(
    r"(?:(?<!\d),|,(?!\d{3}(?:\D|$))|[，、;；،\n]|(?<!\d)/(?!\d))(?:\s?(?:and|und|et|y|e|и|&)\s)?", re.IGNORECASE
)


def exact(answer: str, accepted: Sequence[str], language: str = "") -> float:
    """1 if the answer is an accepted one, or is accepted after a heading that ends in a colon."""
    options = {plain(text) for text in accepted}
    tail = re.split(r"[:：]\s", answer)[-1]
    return float(plain(answer) in options or plain(tail) in options)


def token_f1(answer: str, accepted: Sequence[str], language: str = "") -> float:
    """Best F1 of word overlap with an accepted answer, articles aside (SQuAD, arXiv 1606.05250, section 6)."""
    said = Counter(words(answer, language))
    return max((_f1(said, Counter(words(text, language))) for text in accepted), default=0.0)


def _f1(one: Counter[str], other: Counter[str]) -> float:
    shared = sum((one & other).values())
    return 2 * shared / (one.total() + other.total()) if shared else 0.0


def set_f1(answer: str, members: Sequence[str], language: str = "") -> float:
    """F1 of the members that the answer lists, separated by commas, semicolons or lines."""
    return _f1(Counter(_members(answer)), Counter({name for member in members for name in _members(member)}))


def _members(text: str) -> set[str]:
    return {name for part in _SEPARATORS.split(text) if (name := plain(part))}


def chrf(answer: str, accepted: Sequence[str], language: str = "") -> float:
    """Sentence chrF against all accepted texts (Popović 2015), by sacrebleu. Case and punctuation count; marks of emphasis
    and quotes around the whole do not."""
    return float(_chrf().sentence_score(_bare(answer), [_bare(text) for text in accepted]).score) / 100


def _bare(text: str) -> str:
    """A text without what only wraps it."""
    text = unicodedata.normalize("NFC", text).strip()
    for opening, closing in _PAIRS:
        inner = text[len(opening) : -len(closing)]
        wrapped = text.startswith(opening) and text.endswith(closing) and inner.strip()
        if wrapped and opening not in inner and closing not in inner:
            text = inner.strip()
    return text


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF  # slow to import

    return CHRF()


def label(answer: str, accepted: Sequence[str], labels: Sequence[str]) -> float:
    """1 if the answer names an accepted label and no other of those that the prompt uses."""
    named = named_labels(answer, labels)
    return float(bool(named) and named <= {plain(one) for one in accepted})


def named_labels(answer: str, labels: Sequence[str]) -> set[str]:
    """The labels that an answer names, the longest at each place: `very positive` names one. Where words are not parted a
    label may stand within others; a Korean one may carry an ending."""
    text, known = plain(answer), sorted({plain(one) for one in labels} - {""}, key=len, reverse=True)
    if not known:
        return set()
    pattern = re.compile("|".join(map(re.escape, known)))
    return {match[0] for match in pattern.finditer(text) if _stands(text, match.start(), match.end())}


def _stands(text: str, start: int, end: int) -> bool:
    """Whether what stands at a place of a text is a word of its own."""
    first, last = text[start], text[end - 1]
    before, after = text[start - 1 : start], text[end : end + 1]
    if after and unicodedata.category(after)[0] == "M":
        return False
    parted_left = not before or not of_word(before) or not of_word(first) or unspaced(first)
    parted_right = not after or not of_word(after) or not of_word(last) or unspaced(last) or "가" <= last <= "힣"
    return parted_left and parted_right


METRICS: dict[str, Callable[[str, Sequence[str], str], float]] = {
    "exact": exact,
    "token_f1": token_f1,
    "set_f1": set_f1,
    "chrf": chrf,
}
