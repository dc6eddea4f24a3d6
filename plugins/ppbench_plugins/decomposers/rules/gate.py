"""Whether parts that were found may be answered apart, judged by the words around them. Fills no template."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ppbench_plugins.decomposers.rules.candidate import Candidate
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken

_NEAR = 500
_FAR = 200
_LONGEST_TAIL = 600
_SHORT_TAIL = 250
_SHORT_LEAD = 600
_SHORT = 200
_BRIEF = 60
_FRAGMENT = 6
_SENTENCE = re.compile(r"[.!?。！？\n]")
_NEXT = 250
_FEW_QUESTIONS = 4
_MOST_ITEMS = 200
_CUE = 80


@dataclass(frozen=True)
class Verdict:
    """Why a candidate is refused, or an empty reason. A final refusal ends the search."""

    reason: str = ""
    final: bool = False


_YES = Verdict()


def judge(found: Candidate, words: Words) -> Verdict:
    """Refuse what hangs together, what is one thing made of parts, and what nothing asks to treat one by one."""
    items = found.items
    if len(set(items)) < len(items) or len(items) > _MOST_ITEMS or any(not item.strip() for item in items):
        return Verdict("an item is empty or stands twice")
    if found.questions:
        return _questions(found, words)
    return _list(found, words)


def _list(found: Candidate, words: Words) -> Verdict:
    if found.near and (len(found.lead) > _NEAR + _FAR or len(found.tail) > _SHORT_TAIL):
        return Verdict("a list within a longer text")
    said, announced = _around(found), spoken(found.announced)
    each, nouns, apart = (words.said(kind, said) for kind in ("each", "nouns", "apart"))
    for kind, why in (("joint", "the parts depend on each other"), ("pick", "one is chosen among the parts")):
        word = words.said(kind, said)
        if word and not (kind == "pick" and each):
            return Verdict(f"{why}: {word!r}", final=not found.strict)
    whole, given = words.said("whole", said), words.said("given", said)
    if whole and not each:
        return Verdict(f"the parts make one thing: {whole!r}", final=not found.strict)
    if found.options and not each:
        return Verdict("marked as options of one question are")
    named = words.said("given", announced)
    if named and not any(words.said(kind, announced) for kind in ("each", "nouns", "apart")):
        return Verdict(f"the list is what one task starts from: {named!r}", final=True)
    if given and not each and not (nouns and apart):
        return Verdict(f"the list is what one task starts from: {given!r}")
    if found.marked and _duties(found, words) and not (announced.strip() and words.said("apart", announced)):
        return Verdict("the items are requirements of one task")
    if found.inside:
        marked = words.said("brackets", said) and (each or apart)
        return _YES if marked else Verdict("nothing asks about the pieces in brackets")
    if found.strict and (_runs_on(found, words) or not _asked(found, words)):
        return Verdict("lines without marks, and nothing says that each is a task")
    if _asked(found, words) or _all_questions(found):
        return _YES
    return Verdict("nothing says that the parts are to be treated one by one")


def _duties(found: Candidate, words: Words) -> bool:
    """Whether half of the items, or more, say what must be or must not be."""
    return 2 * sum(bool(words.said("duty", spoken(item[:200]))) for item in found.items) >= len(found.items)


def _all_questions(found: Candidate) -> bool:
    return all(item.rstrip(" \"'”」)）").endswith(("?", "？", "؟")) for item in found.items)


def _around(found: Candidate) -> str:
    """The words before and after a list; of a long text those that stand nearest, and its opening."""
    lead, tail = found.lead, found.tail
    if len(lead) > _NEAR + _FAR:
        lead = f"{lead[:_FAR]} \n {lead[-_NEXT:]}"
    return spoken(f"{lead} \n {tail[:_LONGEST_TAIL]}")


def _asked(found: Candidate, words: Words) -> str:
    """The words, all of one sentence, that ask to treat the items one by one, or an empty string."""
    announced = spoken(found.announced)
    if words.said("each", announced):
        return announced
    lead, tail = found.lead, found.tail
    if len(lead) + len(tail) <= _SHORT:
        return _says(spoken(f"{lead} \n {tail}"), found, words)
    lead = lead if len(lead) <= _SHORT_LEAD else lead[-_NEXT:]
    tail = tail if len(tail) <= _SHORT_LEAD else f"{tail[: _NEXT // 2]} \n {tail[-_NEXT:]}"
    for sentence in _SENTENCE.split(f"{lead}\n{tail}"):
        if sentence and (said := _says(spoken(f"{sentence} \n {found.announced}"), found, words)):
            return said
    return ""


def _says(said: str, found: Candidate, words: Words) -> str:
    each, these, nouns, apart = (words.said(kind, said) for kind in ("each", "these", "nouns", "apart"))
    if found.strict:
        return apart and (each or (these and nouns))
    if words.said("translate", said) and len(said) <= _BRIEF:
        return said
    pointed = said if words.named(said) and not words.said("material", said) else ""
    return (apart and (each or these or nouns)) or (each and nouns) or pointed


def _runs_on(found: Candidate, words: Words) -> bool:
    """Whether lines are those of one text, or the options of a question."""
    lead = spoken(found.lead)
    if words.said("each", spoken(found.announced)):
        return False
    return bool(words.said("about", lead) or (words.said("questions", lead) and not _all_questions(found)))


def _questions(found: Candidate, words: Words) -> Verdict:
    lead, tail = spoken(found.lead), spoken(found.tail)
    asked = spoken(" ".join(found.items))
    word = words.said("joint", asked) or words.said("joint", lead[:_NEAR])
    if word and len(found.items) <= _FEW_QUESTIONS:
        return Verdict(f"the questions depend on each other: {word!r}")
    near = lead[-_CUE:] + tail[:_CUE]
    told = words.said("questions", near) and words.said("apart", near)
    if any(len(item) < _FRAGMENT and item.isascii() for item in found.items):
        return Verdict("a question is a piece of the one before it")
    bare = len(found.lead.strip()) + len(found.tail.strip()) == 0
    if (bare and len(found.items) >= 3) or told:
        return _YES
    return Verdict("questions in a text that asks for something else")


_CODE = re.compile(
    r"^[ \t]*+(?:def |class |import |from \w+ import|#include|public |private |var |let |const |function |return\b|if ?\(|"
    r"for ?\(|while ?\(|SELECT |INSERT |CREATE |</?[a-z][^>\n]{0,80}>|[}\])];?[ \t]*+$|\w+\([^)\n]{0,80}\);?[ \t]*+$|@\w+|#!)",
    re.MULTILINE,
)
_MUCH_CODE = 4


def code(text: str) -> bool:
    """Whether a text holds a program."""
    return sum(1 for _ in zip(_CODE.finditer(text[:50_000]), range(_MUCH_CODE), strict=False)) >= _MUCH_CODE
