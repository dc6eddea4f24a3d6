"""Whether parts that were found may be answered apart, judged by the words around them. Fills no template."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ppbench_plugins.decomposers.rules.candidate import Candidate
from ppbench_plugins.decomposers.rules.lexicon import Words, fold, spoken

_NEAR = 500
_FAR = 200
_LINE = 120
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
_FEW_STEPS = 12
_OPENING = 25
_CUE = 80
_GREETING = 12


@dataclass(frozen=True)
class Verdict:
    """Why a candidate is refused, or an empty reason. A final refusal ends the search."""

    reason: str = ""
    final: bool = False


_YES = Verdict()


def judge(found: Candidate, words: Words) -> Verdict:
    """Refuse what hangs together, what is one thing made of parts, and what nothing asks to treat one by one."""
    items = found.items
    if refused := _unfit(found):
        return refused
    if found.grouped:
        return _YES
    if not found.marked and all(words.numbers.get(fold(item.split()[0]).lstrip("و")) for item in items):
        return Verdict("the items are shares of a number of pieces")
    if found.questions:
        return _questions(found, words)
    return _list(found, words)


def judge_asked(found: Candidate, words: Words) -> Verdict:
    """Refuse lines that ask where one needs what another was answered."""
    refused = _unfit(found)
    if refused:
        return refused
    word = words.said("then", spoken(" \n ".join(found.items)))
    return Verdict(f"a later question needs an earlier one: {word!r}") if word else _YES


def _unfit(found: Candidate) -> Verdict | None:
    """Whether the items are none, alike or too many."""
    items = found.items
    if any(not item.strip() for item in items):
        return Verdict("an item is empty")
    if len(set(items)) < len(items):
        return Verdict("an item stands twice")
    return Verdict(f"more than {_MOST_ITEMS} items") if len(items) > _MOST_ITEMS else None


def _list(found: Candidate, words: Words) -> Verdict:
    if found.near and (len(found.lead) > _NEAR + _FAR or len(found.tail) > _SHORT_TAIL):
        return Verdict("a list within a longer text")
    if word := needs_another(found, words):
        return Verdict(f"a later item needs an earlier one: {word!r}", final=True)
    said = _around(found)
    each = words.said("each", said)
    refused = _hangs_together(found, said, each, words) or _is_input(found, said, each, words)
    if refused:
        return refused
    if found.inside:
        marked = words.said("brackets", said) and (each or words.said("apart", said))
        return _YES if marked else Verdict("nothing asks about the pieces in brackets")
    if found.strict and (_runs_on(found, words) or not _asked(found, words)):
        return Verdict("lines without marks, and nothing says that each is a task")
    if _asked(found, words) or _all_questions(found):
        return _YES
    return Verdict("nothing says that the parts are to be treated one by one")


def needs_another(found: Candidate, words: Words) -> str:
    """The word by which an item that asks points back at what an earlier one was answered, or an empty string."""
    if len(found.items) > _FEW_STEPS:
        return ""
    word = words.said("then", spoken(" \n ".join(item[:200] for item in found.items[1:])))
    if not word or _all_questions(found) or all(item.endswith(_ASKED) for item in found.items):
        return word
    told = sum(any(words.said(kind, spoken(item[:_OPENING])) for kind in ("ask", "apart", "translate")) for item in found.items)
    return word if _numbered(found) and 2 * told >= len(found.items) else ""


_ASKED = ("か。", "か")


def _numbered(found: Candidate) -> bool:
    return found.marked or found.rule == "marked lines of a block"


def _hangs_together(found: Candidate, said: str, each: str, words: Words) -> Verdict | None:
    """The parts are compared, ordered or merged, one of them is chosen, or they make one thing."""
    final = not found.strict
    if word := words.said("joint", said):
        return Verdict(f"the parts depend on each other: {word!r}", final)
    if each:
        return None
    if word := words.said("pick", said):
        return Verdict(f"one is chosen among the parts: {word!r}", final)
    if word := words.said("whole", said) or words.said("single", said):
        return Verdict(f"the parts make one thing: {word!r}", final)
    return Verdict("marked as options of one question are") if found.options else None


def _is_input(found: Candidate, said: str, each: str, words: Words) -> Verdict | None:
    """The list is what one task starts from: facts, rules, material, the fields of a record."""
    announced = spoken(found.announced)
    why = "the list is what one task starts from: "
    named = words.said("given", announced)
    if named and not words.said("each", announced) and not words.said("nouns", announced):
        return Verdict(f"{why}{named!r}", final=True)
    apart = words.said("apart", announced)
    if found.marked and duties(found, words) and not (announced.strip() and apart):
        return Verdict("the items are requirements of one task")
    if each:
        return None
    if words.materials(spoken(found.lead)) and not _all_questions(found):
        return Verdict("the list is material for one thing")
    if found.marked and _fields(found):
        return Verdict("the items are the fields of one record")
    given = words.said("given", said)
    return Verdict(f"{why}{given!r}") if given and not apart and not _told(said, words) else None


def duties(found: Candidate, words: Words) -> bool:
    """Whether half of the items, or more, say what must be or must not be."""
    return 2 * sum(bool(words.said("duty", spoken(item[:200]))) for item in found.items) >= len(found.items)


def _told(said: str, words: Words) -> bool:
    """Whether things are named, and something is to be done with each, or they are pointed at."""
    return bool(words.said("nouns", said)) and bool(words.said("apart", said) or words.named(said))


_FIELD = re.compile(r"[^\W\d_][\w ]{0,20}+[:：]\s?[^\n]{1,40}")


def _fields(found: Candidate) -> bool:
    """Whether all items are short names with short values."""
    return all(_FIELD.fullmatch(item) for item in found.items)


def _all_questions(found: Candidate) -> bool:
    return all(item.rstrip(" \"'”」)）").endswith(("?", "？", "؟")) for item in found.items)


def _around(found: Candidate) -> str:
    """The words before and after a list; of a long text those that stand nearest, and its opening."""
    lead, tail = found.lead, found.tail
    if _all_questions(found):  # what stands before them is what they are about
        lead = found.announced if len(found.announced) <= _LINE else ""
    elif len(lead) > _NEAR + _FAR:
        lead = f"{lead[:_FAR]} \n {lead[-_NEXT:]}"
    return spoken(f"{lead} \n {tail[:_LONGEST_TAIL]}")


def _asked(found: Candidate, words: Words) -> str:
    """The words, all of one sentence, that ask to treat the items one by one, or an empty string."""
    announced = spoken(found.announced)
    if words.said("each", announced):
        return announced
    lead, tail = found.lead, found.tail
    if len(lead) + len(tail) <= _SHORT:
        said = spoken(f"{lead} \n {tail}")
        return _says(said, found, words) or _points(said, found, words)
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
    if words.said("translate", said) and len(said) <= _BRIEF and not words.said("about", said):
        return said
    if these and not nouns and words.said("about", said):  # "the following text"
        these = ""
    return (apart and (each or nouns or these)) or (each and nouns)


def _points(said: str, found: Candidate, words: Words) -> str:
    """A short request that points at its items, whatever it asks for, and does not use them as material."""
    return said if not found.strict and words.named(said) and not words.said("material", said) else ""


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
    bare = len(found.lead.strip()) + len(found.tail.strip()) <= _GREETING
    if not told and words.spaced and not found.tail.strip():  # the request, a passage, and then the questions
        first = _SENTENCE.split(found.lead.lstrip(), maxsplit=1)[0]
        told = words.said("questions", spoken(first)) and words.said("apart", spoken(first))
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
