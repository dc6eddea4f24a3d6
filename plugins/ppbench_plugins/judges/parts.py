"""Whether a part of an answer is in the language and in the form that it was asked for in. Pure; says so only when sure.

What was asked for is told by the references alone: their scripts, their language, their length. Without references, and
for short texts, nothing is said. Which language a text is in is asked of the identifier that the rules use, offline.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from ppbench_plugins.decomposers.rules.lexicon import identify
from ppbench_plugins.judges.metrics import named_labels
from ppbench_plugins.judges.scripts import plain

Accepted = Sequence[Sequence[str]]

_IN_WORDS = {"chrf", "token_f1"}
"""Metrics whose references are text in a language, not names or labels."""
_FEW = 9
"""Letters below which a script says nothing."""
_TELLING = 30
"""Letters below which a language is not asked for."""
_SURE = 0.8
_SAMPLE = 1000
_FOREIGN, _RARE = 0.8, 0.1
"""Share of letters in scripts that the references do not use, from which a part is in another one; share of theirs below
which a script is not one that they use."""
_LONG, _TIMES = 200, 10
"""A part is an essay where a short value is asked for when it has this many letters more than so many times the longest
reference."""
_FRAMED = re.compile(r"```|~~~|^[ \t]*\|.*\|[ \t]*$|^[ \t]*#{1,6}[ \t]|\A\s*[\[{].*[\]}]\s*\Z", re.MULTILINE)
_KANA = re.compile(r"[ぁ-ゖァ-ヺ]")
_WRITTEN = {"CJK": "HAN", "HIRAGANA": "HAN", "KATAKANA": "HAN"}


def in_wrong_language(parts: Sequence[str | None], accepted: Accepted | None, metric: str) -> set[int]:
    """Places of parts that are in another script or language than all references."""
    if accepted is None or metric not in _IN_WORDS:
        return set()
    everything = "\n".join(text for variants in accepted for text in variants)
    return {k for k, part in enumerate(parts) if part and _is_foreign(part[:_SAMPLE], everything, " ".join(accepted[k]))}


def _is_foreign(part: str, everything: str, own: str) -> bool:
    found, known = scripts(part), scripts(everything)
    if _weight(found) < _FEW or not known:
        return False
    used = {script for script, count in known.items() if count >= _RARE * known.total()}
    if sum(count for script, count in found.items() if script not in used) >= _FOREIGN * found.total():
        return True
    wanted, said = _language(everything), _language(part)
    return bool(wanted and said and said not in (wanted, _language(own))) and wanted not in _halves(part)


def _halves(part: str) -> set[str]:
    """The likeliest language of each half of a text: one that is mixed is not in another language."""
    text = " ".join(part.split())
    return {identify(half)[0] for half in (text[: len(text) // 2], text[len(text) // 2 :])}


@lru_cache(maxsize=4096)
def scripts(text: str) -> Counter[str]:
    """Letters of a text by script; Han and kana count as one, since Japanese is written in both."""
    names = Counter(unicodedata.name(letter, "?").split()[0] for letter in text[:_SAMPLE] if letter.isalpha())
    found: Counter[str] = Counter()
    for name, count in names.items():
        found[_WRITTEN.get(name, name)] += count
    return found


def _weight(letters: Counter[str]) -> int:
    """Letters of a text as a measure of how much it says: a Han letter or a syllable is worth three."""
    return letters.total() + 2 * (letters["HAN"] + letters["HANGUL"])


@lru_cache(maxsize=4096)
def _language(text: str) -> str:
    """The language of a text that is long and plain enough to tell; empty else."""
    letters = scripts(text)
    if _weight(letters) < _TELLING:
        return ""
    if letters["HAN"] > letters.total() / 2:
        return "ja" if _KANA.search(text) else "zh" if letters["HAN"] >= _TELLING else ""
    language, score = identify(" ".join(text[:_SAMPLE].split()))
    return language if score >= _SURE else ""


def in_wrong_form(parts: Sequence[str | None], accepted: Accepted | None, metric: str) -> set[int]:
    """Places of parts that are an essay where references are short, or hold a table, a heading, a fence or JSON where no
    reference does."""
    if accepted is None or metric == "none":
        return set()
    framed = any(_FRAMED.search(text) for variants in accepted for text in variants)
    labels = [text for variants in accepted for text in variants] if metric == "label" else []
    return {
        k
        for k, part in enumerate(parts)
        if part and ((not framed and _FRAMED.search(part)) or _is_essay(part, accepted[k], labels))
    }


def _is_essay(part: str, accepted: Sequence[str], labels: Sequence[str]) -> bool:
    most = max((len(plain(text)) for text in accepted), default=0)
    return len(part) > _LONG + _TIMES * most and not (labels and len(named_labels(part, labels)) == 1)
