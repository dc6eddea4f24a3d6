"""Texts as they are compared: what the scripts and languages of the world let a writer choose is put aside. Pure text.

Width, case, composed and decomposed letters, Jamo and syllables, digits of any script, vowel signs of Arabic and Hebrew
that may be left out, and joiners nobody sees. A vowel sign of an Indic script is a part of its word and stays.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

_OPENING = " -*_•\"'“”«»„「『`¡"
_CLOSING = " *_\"'“”«»」』`.。!！।॥۔"
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e"
                                 "\u2066\u2067\u2068\u2069\u0640"))  # fmt: skip
"""Joiners, marks of direction, soft hyphens, and the stroke that only lengthens an Arabic word."""
_OPTIONAL = dict.fromkeys([*range(0x064B, 0x0653), 0x0670, *range(0x0591, 0x05BE), 0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5])
_UNSPACED = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF), (0x0E00, 0x0EFF),
             (0x1000, 0x109F), (0x1780, 0x17FF))  # fmt: skip
"""Kana, Han, Thai, Lao, Burmese, Khmer: scripts that do not part words."""
_ARTICLES = {
    "en": "a an the", "fr": "le la les l un une", "de": "der die das den dem ein eine", "es": "el la los las un una",
    "it": "il lo la i gli le l un uno una", "pt": "o a os as um uma",
}  # fmt: skip
_ANY_ARTICLE = frozenset("a an the le la les der die das el los las il lo o os".split())


def folded(text: str) -> str:
    """A text in one spelling of the many that mean the same."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if text.isascii():
        return text
    text = text.translate(_UNSEEN).translate(_OPTIONAL)
    return "".join(str(unicodedata.decimal(c)) if c > "\x7f" and c.isdecimal() else c for c in text)


def plain(text: str) -> str:
    """Case, width, white space, quotes and end punctuation put aside."""
    return " ".join(folded(text).split()).lstrip(_OPENING).rstrip(_CLOSING)


def unspaced(letter: str) -> bool:
    """Whether a letter is of a script that does not part words."""
    return letter > "\u0dff" and any(low <= ord(letter) <= high for low, high in _UNSPACED)


def of_word(letter: str) -> bool:
    """Whether a character is a part of a word: a letter, a digit, or a mark on one."""
    return letter.isalnum() or letter == "_" or (letter > "\x7f" and unicodedata.category(letter)[0] == "M")


def words(text: str, language: str = "") -> list[str]:
    """The words of a text as it is compared, articles of the language aside unless there is nothing else; where words are
    not parted, the letters with their marks."""
    found = list(_tokens(plain(text)))
    articles = _ANY_ARTICLE if language in ("", "und") else frozenset(_ARTICLES.get(language, "").split())
    kept = [word for word in found if word not in articles]
    if language == "ar":
        kept = [word[2:] if word.startswith("ال") and len(word) > 4 else word for word in kept]
    return kept or found


def _tokens(text: Iterable[str]) -> Iterator[str]:
    word = ""
    for letter in text:
        if not of_word(letter):
            letter = " "
        alone = unspaced(letter) and letter.isalnum()
        if (letter == " " or alone or (word and unspaced(word[0]) and letter.isalnum())) and word:
            yield word
            word = ""
        word += letter if letter != " " else ""
    if word:
        yield word
