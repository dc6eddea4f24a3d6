"""A number of creative pieces that is asked for: "five short stories", "3 catchy titles", "五个笑话", "アイデアを5つ"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ppbench_plugins.decomposers.rules.candidate import Count, Span
from ppbench_plugins.decomposers.rules.lexicon import Words, fold, spoken

SENTENCE = re.compile(r"[^.!?。！？\n।]++(?:\.(?=\d)[^.!?。！？\n।]*+)*+")
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0963])"
TOKEN = re.compile(rf"{_LETTER}+(?:['’-]{_LETTER}+)*|(?<![\w-])\d+(?:[.,:/%-]\d+)*%?")
DIGIT = re.compile(r"\d")
HAN = re.compile(r"[一二两三四五六七八九十두세네열]")
_MOST = 8_000
DIGITS = re.compile(r"\d{1,5}")
JOINED = re.compile(
    r"(?P<n>\d{1,5}|[一二两三四五六七八九十百]{1,4}|[두세네열]|다섯|여섯|일곱|여덟|아홉|스무)\s?"
    r"(?:个|個|条|條|首|篇|则|則|种|種|句(?!话)|份|组|組|道|件|つの|つ|本の|本|点の|点|編の|編|案|개의|개|가지|편의|편|줄|마리)"
)
REACH = 14
_Token = tuple[str, Span]
_LOOK = 4000
_NEAR = 300
_BETWEEN = 4
_SHORT = 12


def counted(text: str, words: Words) -> Iterator[Count]:
    """Each number that stands with a noun for pieces of open creative space, or for variants of such a piece."""
    text = text[:_MOST]
    said = spoken(text)
    if not HAN.search(text) and words.numbers.keys().isdisjoint(said.split()) and not DIGIT.search(said):
        return
    pieces = bool(words.said("piece", said) or words.said("open", said))
    if not pieces:
        return
    spelt = words.numbers.keys() & set(said.split())
    for sentence in SENTENCE.finditer(text):
        if not words.spaced and not sentence[0].isascii():
            yield from _joined(text, sentence, words, pieces)
        if DIGIT.search(sentence[0]) or (spelt and not spelt.isdisjoint(spoken(sentence[0]).split())):
            yield from _spaced(text, sentence, words, pieces)


def _spaced(text: str, sentence: re.Match[str], words: Words, pieces: bool) -> Iterator[Count]:
    plain = str.lower if sentence[0].isascii() else fold
    tokens = [(plain(match[0]), match.span()) for match in TOKEN.finditer(text, *sentence.span())]
    for place, (token, span) in enumerate(tokens):
        n = int(token) if DIGITS.fullmatch(token) else words.numbers.get(token, 0)
        if n < 2:
            continue
        if pieces and place and _again(text, sentence, tokens, place, words):
            yield Count(n, span, tokens[-1][0])
            return
        for reach in range(1, _BETWEEN + 2):
            if place + reach >= len(tokens) or _closed(tokens[place + reach - 1 : place + reach], reach, words):
                break
            tail = f" {' '.join(word.replace('-', ' ') for word, _ in tokens[place + reach : place + reach + 3])} "
            named = words.begins("open", tail) or (pieces and words.begins("variants", tail))
            if named and (place == 0 or words.said("ask", _asking(text, sentence, span, words))):
                yield Count(n, span, tail.strip())
                return


def _again(text: str, sentence: re.Match[str], tokens: Sequence[_Token], place: int, words: Words) -> bool:
    """A short sentence that asks for a number of what an earlier one named: "... need slogans. Can you give me 5?"."""
    if len(tokens) > _SHORT:
        return False
    before = spoken(text[: sentence.start()][-_LOOK:])
    if not (words.said("piece", before) or words.said("open", before)) or not words.said(
        "ask", spoken(text[sentence.start() : tokens[place][1][0]])
    ):
        return False
    own = bool(words.said("open", spoken(sentence[0])))
    return (own and place <= 2) or (place == len(tokens) - 1 and bool(words.said("open", before)))


def _asking(text: str, sentence: re.Match[str], number: Span, words: Words) -> str:
    """Where the verb that asks may stand: before the number, or anywhere in languages whose verbs come last."""
    begin = max(sentence.start(), number[0] - _NEAR)
    return spoken(text[begin : number[0]] if words.spaced else text[begin : number[1] + _NEAR])


def until_stop(after: str, words: Words) -> str:
    """What may name the counted pieces: nothing, if a thing inside them is what is counted."""
    stop = words.said("stop", after)
    place = after.find(stop) if stop else -1
    return after if place < 0 else after[:place]


def _closed(between: Sequence[_Token], reach: int, words: Words) -> bool:
    """Whether a word between number and noun ends the reach of the number."""
    return reach > 1 and bool(words.said("stop", f" {between[0][0]} "))


def _joined(text: str, sentence: re.Match[str], words: Words, pieces: bool) -> Iterator[Count]:
    for match in JOINED.finditer(text, *sentence.span()):
        digits = match["n"]
        n = int(digits) if digits.isdigit() else words.numbers.get(digits, 0)
        if n < 2:
            continue
        after = spoken(text[match.end() : min(match.end() + REACH, sentence.end())])
        after = until_stop(after, words)
        before = spoken(text[max(sentence.start(), match.start() - 8) : match.start()])
        noun = words.said("open", after) or words.said("open", before) or (words.said("variants", after) if pieces else "")
        if noun and words.said("ask", spoken(sentence[0])):
            yield Count(n, match.span("n"), noun)
            return
