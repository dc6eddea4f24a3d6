"""A number of creative pieces that is asked for: "five short stories", "3 catchy titles", "五个笑话", "アイデアを5つ"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ppbench_plugins.decomposers.rules.candidate import Count
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_SENTENCE = re.compile(r"[^.!?。！？\n।]++(?:\.(?=\d)[^.!?。！？\n।]*+)*+")
_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|(?<![\w-])\d+(?:[.,:/%-]\d+)*%?")
_DIGITS = re.compile(r"\d{1,5}")
_JOINED = re.compile(
    r"(?P<n>\d{1,5}|[一二两三四五六七八九十百]{1,4})\s?(?:个|個|条|條|首|篇|则|則|种|種|句|段|份|部|组|組|道|件|つの|つ|本の|本|点の|点|編の|編|案|개의|개|가지|편의|편|줄|마리)"
)
_REACH = 14
_BETWEEN = 4


def counts(text: str, words: Words) -> Iterator[Count]:
    """Each number that stands with a noun for pieces of open creative space."""
    for sentence in _SENTENCE.finditer(text[:20_000]):
        if words.spaced or sentence[0].isascii():
            yield from _spaced(text, sentence, words)
        else:
            yield from _joined(text, sentence, words)
            yield from _spaced(text, sentence, words)


def _spaced(text: str, sentence: re.Match[str], words: Words) -> Iterator[Count]:
    tokens = [(match[0].casefold(), match.span()) for match in _TOKEN.finditer(text, *sentence.span())]
    for place, (token, span) in enumerate(tokens):
        n = int(token) if _DIGITS.fullmatch(token) else words.numbers.get(token, 0)
        if n < 2:
            continue
        for reach in range(1, _BETWEEN + 2):
            if place + reach >= len(tokens) or _closed(tokens[place + reach - 1 : place + reach], reach, words):
                break
            tail = f" {' '.join(word.replace('-', ' ') for word, _ in tokens[place + reach : place + reach + 3])} "
            noun = next((needle for needle in words.lists["open"] if tail.startswith(needle if needle[0] == " " else f" {needle}")), "")
            if noun and (place == 0 or words.said("ask", spoken(text[sentence.start() : span[0]]))):
                yield Count(n, span, noun.strip())
                return


def _closed(between: list[tuple[str, tuple[int, int]]], reach: int, words: Words) -> bool:
    """Whether a word between number and noun ends the reach of the number."""
    return reach > 1 and bool(words.said("stop", f" {between[0][0]} "))


def _joined(text: str, sentence: re.Match[str], words: Words) -> Iterator[Count]:
    for match in _JOINED.finditer(text, *sentence.span()):
        digits = match["n"]
        n = int(digits) if digits.isdigit() else words.numbers.get(digits, 0)
        if n < 2:
            continue
        after = spoken(text[match.end() : min(match.end() + _REACH, sentence.end())])
        before = spoken(text[max(sentence.start(), match.start() - 8) : match.start()])
        noun = words.said("open", after) or words.said("open", before)
        if noun and words.said("ask", spoken(sentence[0])):
            yield Count(n, match.span("n"), noun)
            return
