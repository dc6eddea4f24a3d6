"""Which numbers of a text may be a number of pieces that are asked for: not a clock time, a decimal, a date, a length.

Pure. The published rule looks for digits that one of 26 English nouns follows at once (ParallelPrompt, c1). Here the number
may be a word, stand in any script, and be followed by other words first; what cannot be a count is taken out of the text.
"""

from __future__ import annotations

import re

from ppbench_plugins.decomposers.rules.lexicon import Words, spoken
from ppbench_plugins.decomposers.told import numbers_in

_NO_COUNT = re.compile(
    r"\d{1,2}\s?[:：h]\s?\d{2}(?:[:：]\d{2})?"  # clock times
    r"|\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?"  # dates
    r"|[vV]?\d+(?:[.,]\d+)+|\d+\s*[%％°]|[$€£¥₹₽]\s?\d+|#\d+"  # decimals, versions, shares, money
    r"|\d+\s?(?:[ap]\.?m\b|[AP]M\b|点|時|时|시)"
)
_MARK = re.compile(r"^[ \t]*+[(（]?\d{1,4}[.)．）、:：](?!\d)", re.MULTILINE)
"""The number of a list's item."""
_LENGTH = re.compile(
    r"(?:\d{1,6}|[〇零一二两兩三四五六七八九十百千]+)\s?"
    r"(?:个字|個字|字|词以|文字|글자|자\b|자로|자 |단어|语|語|分|秒|岁|歳|살|년|年|ページ|页)"
)
"""A count of letters, words or years, where words are not spaced."""
_SHORT = 1
_BEFORE = re.compile(r"(\S+)\s+\S*$")
_MEASURES = (
    "word", "character", "letter", "minute", "hour", "second", "day", "week", "month", "year", "page", "percent", "people",
    "step",
    "wort", "worte", "worter", "zeichen", "minute", "stunde", "tage", "woche", "monat", "jahr", "seite", "prozent",
    "palabra", "caracter", "minuto", "hora", "dias", "semana", "mes", "ano", "pagina",
    "mot", "caractere", "heure", "jour", "semaine", "mois", "ans", "annee", "page",
    "parol", "caratter", "ore", "giorn", "settiman", "mesi", "ann", "pagin",
    "palavra", "caractere", "dia", "meses", "anos",
    "слов", "символ", "минут", "час", "дн", "недел", "месяц", "лет", "год", "страниц",
    "kata", "karakter", "menit", "jam", "hari", "minggu", "bulan", "tahun", "halaman",
    "شخص", "كلم", "حرف", "دقيق", "ساع", "يوم", "أسبوع", "شهر", "سن", "صفح",
    "शब्द", "अक्षर", "मिनट", "घंट", "दिन", "सप्ताह", "महीन", "साल", "वर्ष",
)  # fmt: skip
"""Beginnings of what a length is given in. "Write 5 words that rhyme" is lost by it, and "in 5 words" is told by it."""


def plain(text: str) -> str:
    """A text without what holds digits and counts nothing."""
    return _LENGTH.sub(" ", _NO_COUNT.sub(" ", _MARK.sub("", text)))


def asks_for(text: str, n: int, words: Words) -> bool:
    """Whether a text may ask for n pieces: one of its numbers is n, and is no length and no "top 5"."""
    bare = plain(text)
    if n not in numbers_in(bare):
        return False
    return any(_counts(before, after, words) for before, after in _places(bare, n, words)) or not _spelt(bare, n)


def _spelt(text: str, n: int) -> bool:
    """Whether n stands in the text in digits, or as a plain number word: a compound of words cannot be pointed at."""
    return bool(re.search(rf"(?<!\d){n}(?!\d)", text))


def _places(text: str, n: int, words: Words) -> list[tuple[str, str]]:
    """What stands before and behind each n: a few letters each, folded."""
    named = "|".join(sorted((re.escape(word) for word, value in words.numbers.items() if value == n), key=len, reverse=True))
    folded = spoken(text)
    pattern = rf"(?<!\d){n}(?!\d)" + (rf"|(?<!\w)(?:{named})(?!\w)" if named and words.spaced else f"|{named}" if named else "")
    return [(folded[: match.start()][-30:], folded[match.end() :][:30]) for match in re.finditer(pattern, folded)]


def _counts(before: str, after: str, words: Words) -> bool:
    last, following = _BEFORE.search(f"{before}x"), after.split()
    limited = bool(last and words.said("no count", f" {last[1]} ") and not words.said("ask", f" {last[1]} "))
    return not limited and not (following and following[0].startswith(_MEASURES))
