"""Conditions on a whole set of open pieces, divided among the calls that write them.

"Six characters: three from Asia, two from Europe and one from Africa; two of them are children" says what the set must be,
and no piece alone can keep to it: left out of six calls, or sent to all of them alike, it is lost (ParallelPrompt's own
sample shows that). Here each call sees the whole request, the number of its piece, and the rule by which shares are dealt
out. Quotas that can be told for sure, by figures and number words of thirteen languages, are dealt out here. Pure text.

Measured on the 45 prompts of tasks/repeated_generation/constraints.jsonl by `make bench-sets`, on the mock model: of 366 pieces
none repeats another of its prompt, against all but the first with n equal calls (0 % and 100 %); 12 of 12 such quotas are
the own of exactly as many requests as asked, against 0; all 102 labelled conditions are told to every call, against 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from ppbench_plugins.decomposers.rules.lexicon import number_forms
from ppbench_plugins.prompts import fill

_HAN = {"一": 1, "二": 2, "两": 2, "兩": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
_COUNTER = "个|個|名|位|人|篇|首|条|條|则|種|种|つ|匹|本|句|只|隻|张|部|件|段|道|개|편|명|가지|마리|줄|곡"
_PARTICLE = re.compile(r"^(?:は|が|を|은|는|이|가|을|를)(?=[\s\w])")
_SENTENCE = re.compile(r"[^.!?;。！？；\n।؟]+")
_EDGE = " \t\r,，、:：;；()（）-–—•*"
_JOINING = re.compile(r"(?:\b(?:and|und|y|e|et|и|а|dan|with|mit)|和|与|以及|와|과|और|\sو)$", re.IGNORECASE)
_OPENED = re.compile(
    r"(?:[:：,，、;；(（–—-]|\b(?:davon|darunter|dont|including|namely|which|cui|cuales|quais|которых|них|antaranya)|其中|うち|中)\s*+"
    r"(?:(?:at (?:least|most)|exactly|no more than|mindestens|genau|al menos|au moins|almeno|не меньше)\s+)?$",
    re.IGNORECASE,
)
"""What stands before the first of some quotas: they are listed after the pieces. Numbers that belong to a piece are not:
"5 stories about three brothers and two sisters"."""
_ARTICLES = frozenset("ein eine einer eines un une uno una um uma один одна одно".split())
_MOST_SPELT = 10
"""Words for more than this are left alone: quotas are small, and "once" is eleven in one language and a habit in another."""
_READ, _MOST_NUMBERS = 4000, 60
"""Characters of a prompt, and numbers of a sentence, that are looked at: whoever asks for quotas writes them in a few."""
_OF_THE_SET = re.compile(
    r"\bof (?:them|these|those|which)\b|\bdavon\b|\bvon ihnen\b|\bde (?:ell[oa]s|est[oa]s|l[oa]s)\b|\bdel[ea]s\b"
    r"|\bd['’]entre\b|\bdi (?:essi|esse|loro|quest[ie])\b|из них|из которых|其中|当中|のうち|うち|그\s?중|منها|منهم"
    r"|उनमें|इनमें|di antaranya|darinya",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?:word|sentence|line|paragraph|character|letter|page|minute|hour|second|day|week|month|year|syllable|stanza|verse|wort|wörter"
    r"|sätze|satz|zeile|palabra|frase|línea|párrafo|mot|phrase|ligne|palavra|linha|parol|righe|слов|предложен|строк|абзац|kata"
    r"|kalimat|字|词|句|行|段|页|分钟|文字|文|행|줄|단어|문장|كلم|جمل|سطر|أسطر|سطور|शब्द|वाक्य|पंक्ति)",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"\b(?:each|every|apiece|jeweils|jede[rsnm]?|chacune?|chaque|cada|ogni|ciascun[oa]|кажд\w+|по|setiap|tiap|masing)\b"
    r"|每|各|それぞれ|ずつ|각각|마다|씩|كل|हर|प्रत्येक",
    re.IGNORECASE,
)
"""What is said of each piece is no quota."""


_VALUE = number_forms(_MOST_SPELT)
_SPELT = "|".join(sorted(map(re.escape, _VALUE), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?<![\w.,:/-])و?(?:(?P<digits>\d{{1,3}})(?![\w.:/%-]{{0,9}}\d)(?:{_COUNTER})?|(?P<word>{_SPELT})(?![\w\u064b-\u0652-]))"
    rf"|(?P<han>[一二两兩三四五六七八九十]|\d{{1,3}})(?:{_COUNTER})",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:each|every|the|this|that|no|any|which|another|jede[rs]?|cada|chaque|ogni|кажд\w+|كل|هذا|هذه)\s+$", re.IGNORECASE
)


SHARED = len("<request>\n")
"""Characters before the whole request in the request for a piece: up to its end all pieces of a prompt begin alike."""


@dataclass(frozen=True)
class Quota:
    """So many of the pieces are to be this."""

    count: int
    what: str


@dataclass(frozen=True)
class Shards:
    """What each of `count` pieces takes of the conditions on all of them."""

    count: int
    shares: tuple[tuple[str, ...], ...]
    """One entry a piece: the quotas that are its own."""
    quotas: tuple[Quota, ...]

    @classmethod
    def of(cls, text: str, count: int) -> Shards:
        """Divide the conditions that a prompt for `count` pieces names. Each quota goes to exactly as many pieces."""
        sets = _quota_sets(text, count)
        dealt = [_deal(quotas, count, backwards=bool(k % 2)) for k, quotas in enumerate(sets)]
        shares = tuple(tuple(filter(None, column)) for column in zip(*dealt, strict=True)) if dealt else ((),) * count
        return cls(count, shares, tuple(chain.from_iterable(sets)))

    def request(self, whole: str, piece: str, span: range) -> str:
        """The request for the pieces of a span (numbers from 1): `whole` asks for all of them, `piece` for one."""
        values = {"whole": whole, "piece": piece, "count": self.count, "own": self._own(span)}
        if len(span) == 1:
            return fill("shard", index=span[0], **values)
        return fill("shard_run", first=span[0], last=span[-1], size=len(span), **values)

    def _own(self, span: range) -> str:
        """Which quotas fall to these pieces, and which do not; empty where none was found."""
        if not self.quotas:
            return ""
        own = [(k, share) for k in span for share in self.shares[k - 1]]
        rest = list(dict.fromkeys(q.what for q in self.quotas if q.what not in {share for _, share in own}))
        said = [share if len(span) == 1 else f"number {k}: {share}" for k, share in own]
        return f"This falls here: {'; '.join(said) or 'none of it'}. " + (f"To others: {'; '.join(rest)}. " if rest else "")


def _quota_sets(text: str, count: int) -> list[list[Quota]]:
    """The quotas of each sentence, where they are sure: listed after the pieces that they divide, or said to be of the set."""
    found, head = [], True
    for match in _SENTENCE.finditer(text[:_READ]):
        sentence, start = match[0], 0
        numbers = [
            m for _, m in zip(range(_MOST_NUMBERS), _NUMBER.finditer(sentence), strict=False) if not _pronoun(sentence, m)
        ]
        if head and (main := next((m for m in numbers if _value(m) == count), None)) is not None:
            numbers, start, head = numbers[numbers.index(main) + 1 :], main.end(), False
        plain = [m for m in numbers if m[0].lower() not in _ARTICLES]
        quotas = _sure(sentence, numbers, start, count) or _sure(sentence, plain, start, count)
        if quotas:
            found.append(quotas)
    return found


def _sure(sentence: str, numbers: Sequence[re.Match[str]], start: int, count: int) -> list[Quota]:
    """The quotas that these numbers state, if they do."""
    quotas = [Quota(_value(m), what) for m, what in zip(numbers, _phrases(sentence, numbers), strict=True)]
    quotas = [q for q in quotas if q.count and q.what and not _UNIT.match(q.what) and not _EACH.search(q.what)]
    if not quotas:
        return []
    before = sentence[start : numbers[0].start()]
    listed = bool(_OPENED.search(before[-60:])) or (start == 0 and not before.strip(_EDGE))
    total = sum(q.count for q in quotas)
    whole = listed and total == count and len(quotas) > 1
    return quotas if whole or (total <= count and _OF_THE_SET.search(sentence, start)) else []


def _pronoun(sentence: str, number: re.Match[str]) -> bool:
    return bool(_PRONOUN.search(sentence, max(0, number.start() - 20), number.start()))


def _value(match: re.Match[str]) -> int:
    if match["word"]:
        return _VALUE[match["word"].lower()]
    han = match["han"]
    return _HAN[han] if han in _HAN else int(han or match["digits"])


def _phrases(sentence: str, numbers: Sequence[re.Match[str]]) -> list[str]:
    """What stands after each number, up to the next one."""
    ends = [*(m.start() for m in numbers[1:]), len(sentence)][: len(numbers)]
    return [_trimmed(sentence[m.end() : min(end, m.end() + 200)]) for m, end in zip(numbers, ends, strict=True)]


def _trimmed(phrase: str) -> str:
    """Without the words that lead to it and from it to the next one."""
    phrase = _PARTICLE.sub("", phrase.strip(_EDGE))
    of_the_set = _OF_THE_SET.match(phrase)
    phrase = phrase[of_the_set.end() :] if of_the_set else phrase
    return _JOINING.sub("", phrase.strip(_EDGE)).strip(_EDGE)[:120]


def _deal(quotas: Sequence[Quota], count: int, *, backwards: bool) -> list[str]:
    """One share a piece, empty where there is none; every second set from the end, so that sets do not run alike."""
    shares = list(chain.from_iterable(repeat(q.what, q.count) for q in quotas))
    shares += [""] * (count - len(shares))
    return shares[::-1] if backwards else shares
