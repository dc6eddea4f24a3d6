"""A number of pieces in a short request that is put in a way of its own: "8 short funny excuses for", "titles, six of them".

Looser than `counts`, and asked last. The number must stand beside a noun for pieces, or alone where the request named such
pieces before; what hangs together within its sentence is left alone. Fills no template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Count, Span
from ppbench_plugins.decomposers.rules.counts import DIGIT, DIGITS, HAN, JOINED, REACH, SENTENCE, TOKEN, until_stop
from ppbench_plugins.decomposers.rules.lexicon import Words, fold, spoken

_LONGEST_REQUEST = 600
_AHEAD = 6
_CODE = re.compile(r"python|javascript|c\+\+|\bcode\b|\bsql\b|html|program|script|代码|函数|код\b", re.IGNORECASE)
_MEASURE = re.compile(
    r"(?:sentence|paragraph|word|line|satz|sätze|satze|zeile|wort|worte|absatz|absatze|phrase|ligne|mot|paragraphe|frase"
    r"|linea|palabra|parrafo|oracion|linha|palavra|paragrafo|riga|righe|parol|paragraf|предложен|слов|строк|абзац|kalimat"
    r"|kata|baris|character|वाक्य|पंक्ति|كلم|جمل)"
)
_FACTS = re.compile(
    r"推荐| recomm| empf[ei]| raccomand| consigli|おすすめ|추천| e[xj]empl| esempi | examples | beispiel| пример| contoh "
    r"|例|名称|品牌|事例| مثال|أمثلة|उदाहरण|예시|예를"
)
_MOST_PIECES = 60
_UNFREE = ("not open", "joint", "pick", "joint set", "then")
_PARTITIVE = re.compile(
    r"\s*(?P<part>of (?:them|those|these)|in total|in all|overall|davon|stück|insgesamt|in tutto|en tout|en total|ao todo"
    r"|no total|штук\w?|шт|buah|ai|aí|pls|please|bitte|porfa)?\s*(?=[.,:;!?()\n–—。，、！？]|$)",
    re.IGNORECASE,
)
_BESIDE = 3
_EARLY = 12
_GLUED = ("de",)
"""Languages that write a noun and what describes it as one word, the noun last."""
_FEWEST_LETTERS = 5
_COUNTERS = ("zh", "ja", "ko")
"""Languages whose counted nouns carry counters."""
_ARTICLES = frozenset(("a", "une", "una", "um", "uma", "ein"))
_Token = tuple[str, Span]


def loosely_counted(text: str, words: Words) -> Iterator[Count]:
    """The first number of pieces in a short request, with words between number and noun: "8 short funny excuses for"."""
    if len(text) > _LONGEST_REQUEST:
        return
    said = spoken(text)
    spelt = words.numbers.keys() & set(said.split())
    if not (spelt or DIGIT.search(said) or HAN.search(text)) or not (words.code in _GLUED or words.said("works", said)):
        return
    for sentence in SENTENCE.finditer(text):
        if not spelt and not DIGIT.search(sentence[0]) and not HAN.search(sentence[0]):
            continue
        if found := _in(text, sentence, words):
            heard = spoken(sentence[0])
            unfree = any(words.said(kind, heard) for kind in _UNFREE) or _CODE.search(text) or _FACTS.search(heard)
            if found.n <= _MOST_PIECES and not unfree:
                yield found
            return


def _in(text: str, sentence: re.Match[str], words: Words) -> Count | None:
    asks = bool(words.said("ask", spoken(sentence[0])))
    if words.code in _COUNTERS and not sentence[0].isascii():
        return _joined(text, sentence, asks, words)
    return _spaced(text, sentence, asks, words)


def _joined(text: str, sentence: re.Match[str], asks: bool, words: Words) -> Count | None:
    for match in JOINED.finditer(text, *sentence.span()):
        n = int(match["n"]) if match["n"].isdecimal() else words.numbers.get(match["n"], 0)
        before = spoken(text[max(sentence.start(), match.start() - REACH) : match.start()])
        after = until_stop(spoken(text[match.end() : min(match.end() + REACH, sentence.end())]), words)
        noun = words.said("works", after) or words.said("works", before)
        if n >= 2:
            return Count(n, match.span("n"), noun) if noun and asks else None
    return None


def _spaced(text: str, sentence: re.Match[str], asks: bool, words: Words) -> Count | None:
    tokens = [(fold(match[0]), match.span()) for match in TOKEN.finditer(text, *sentence.span())]
    for place, (token, span) in enumerate(tokens):
        n = int(token) if DIGITS.fullmatch(token) else words.numbers.get(token, 0)
        if n < 2 or text[span[1] : span[1] + 1] == "-":  # "a 4-line poem"
            continue
        first = place - 1 if place and tokens[place - 1][0] in _ARTICLES else place  # "a dozen"
        before = tokens[first - 1][0] if first else ""
        if before and (_is("no count", before, words) or (_is("stop", before, words) and not _is("ask", before, words))):
            return None
        alone = _alone(text, sentence, tokens, place, words)
        noun = alone or _named(tokens[place + 1 :], words)
        return Count(n, span, noun) if noun and (asks or not first or alone) else None
    return None


def _named(behind: Sequence[_Token], words: Words) -> str:
    """The noun that a number counts, with a few words before it."""
    for word, _ in behind[:_AHEAD]:
        if _MEASURE.match(word):
            return ""
        if _is("works", word, words) or _glued(word, words):
            return word
        if _is("stop", word, words) and not _is("invented", word, words):
            return ""
    return ""


def _alone(text: str, sentence: re.Match[str], tokens: Sequence[_Token], place: int, words: Words) -> str:
    """What a number without a noun counts: pieces that were named before it, where it ends a clause that asks for them."""
    end = tokens[place][1][1]
    ends = _PARTITIVE.match(text, end, min(len(text), end + 40))
    if not ends or place >= _EARLY:
        return ""
    begin = tokens[max(0, place - _BESIDE)][1][0]
    asked = spoken(text[begin : tokens[place][1][0]])
    before = spoken(text[: tokens[place][1][0]])
    return words.said("works", before) if ends["part"] or words.said("ask", asked) else ""


def _glued(word: str, words: Words) -> bool:
    return words.code in _GLUED and any(
        word.endswith(noun.strip()) for noun in words.lists["works"] if len(noun) >= _FEWEST_LETTERS + 2
    )


def _is(kind: str, word: str, words: Words) -> bool:
    """Whether a word is of a kind. Where words are looked for within words, a little one must be the whole word here."""
    if words.spaced:
        return bool(words.said(kind, f" {word} "))
    if kind in ("stop", "no count"):
        return any(word == known.strip() for known in words.lists[kind])
    return word.startswith(tuple(known.strip() for known in words.lists[kind]))
