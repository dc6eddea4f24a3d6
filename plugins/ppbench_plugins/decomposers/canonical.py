"""The canonical tasks of Tree of Problems (Zebaze et al., EMNLP 2024, section 4), recognised by their text and divided
by code, as published.

Here are the tasks over lists and sums, and the table of all. Sorting halves the list whatever the breadth is; set
intersection crosses the halves of both sets for a breadth of four and else halves the longer set, the second if they
are equally long; the others are cut into `breadth` nearly equal runs, the first ones one longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ppbench_plugins.decomposers import bigbench, stepwise
from ppbench_plugins.decomposers.cutting import STATED, chunks, halves, put, sentences, tail
from ppbench_plugins.decomposers.stepwise import Block

_NUMBERS = re.compile(r"\[\s*+-?\d++(?:\s*+,\s*+-?\d++)*+\s*+\]")
_ANY_LIST = re.compile(r"\[\s*+(?:-?\d++(?:\s*+,\s*+-?\d++)*+)?\s*+\]")
_SORT = re.compile(r"\bsort\b(?! (?:of|out|through)\b)")
_ASIDE = re.compile(
    r"\b(?:in |into )?(?:an? )?(?:ascending|descending|increasing|decreasing|numeric(?:al)?)(?: order)?\b|\bnumerically\b"
    r"|\bfrom (?:smallest|lowest|least|small|low) to (?:largest|highest|biggest|greatest|large|high)\b"
    r"|\bfrom (?:largest|highest|biggest|greatest|large|high) to (?:smallest|lowest|least|small|low)\b"
    r"|\b(?:and |then )?(?:output|return|give|print|write|show|reply with)(?: me)?(?: only| just)?"
    r"(?: the| a)?(?: sorted| resulting| final| common)? (?:list|set|result|answer|numbers|array|intersection)"
    r"(?: of (?:common )?numbers)?(?: only| alone)?\b|(?:with )?\bno (?:additional|other|extra|further) text\b"
    r"|\bnothing else\b|\bplease\b|\bthanks?(?: you)?\b|\b(?:output|answer|result)\s*+:"
)
"""What may be said beside a task over lists, and behind the last one: an order, and what the reply is to hold."""
_POLITE = set("can could would you kindly i want need to help me your task is now instruction question input".split())
_NAMING = set("the a an this these those following given of list lists number numbers integer integers digits array".split())
_NAMING |= set("sequence value values element elements item items set sets two below here input instruction".split())
_THING = re.compile(r"\b(?:the|these|those|this|my|our|following) (?!list\b|numbers\b|following\b)[^\W\d_]+\b")
"""What the numbers are, which may be anything: these prices, my scores."""
_CROSSING = _NAMING | set("what which is are in both that find compute determine calculate give output only present".split())
_CROSSING |= set("intersection and between with common appear as their first second b x y s t".split())
_TERMS = re.compile(r"^[^\d*/×÷^()]*?((?:[-+]\s*+)?\d++(?:\s*+[-+]\s*+\d++)++)[\s.=?]*+$")
_BARE = re.compile(r"\s*+(?:[-+]\s*+)?\d++(?:\s++[-+]\s++\d++)++[\s=?]*+")
_WORDS = re.compile(r"\s*+([^\W\d_][\w'’-]*+(?:, *+[^\W\d_][\w'’-]*+)++)\.?")
_TERM = re.compile(r"(?:[-+]\s*+)?\d++")


@dataclass(frozen=True)
class Task:
    """How a canonical task is recognised and divided."""

    stated: Callable[[str], bool]
    divide: Callable[[str, int], list[str]] | None = None
    """The subproblems, `breadth` of them where the published divider honours it; none of a problem with fewer parts."""
    steps: Callable[[str, int], list[Block]] | None = None
    """The sequential variant: so many blocks, each of which goes on where the one before ended."""
    honours: bool = True
    """The divider honours the breadth."""
    paired: bool = True
    """A merge is shown each subproblem with its answer, as published; of the tasks of Graph of Thoughts the answers alone."""
    extract: Callable[[str], str] = str
    """The answer in a reply that may hold more, as a merge is shown it."""


def recognise(text: str) -> str:
    """Name of the canonical task that a text states, or an empty string."""
    return next((name for name, task in TASKS.items() if task.stated(text)), "")


def _listed(text: str) -> list[tuple[tuple[int, int], list[str]]]:
    return [(match.span(), re.findall(r"-?\d+", match[0])) for match in _NUMBERS.finditer(text)]


def _framed(text: str, lists: int) -> tuple[str, str] | None:
    """What is said around the lists that a text is about, if that is so many of them and little else, and behind the last
    one; without what may be said beside a task. A list of a single number is one behind a colon alone: a source is cited
    in the same way."""
    found = _listed(text)
    if len(found) != lists or len(_NUMBERS.sub("", text)) > STATED:
        return None
    if any(len(numbers) < 2 and not text[:start].rstrip().endswith(":") for (start, _), numbers in found):
        return None
    lower, end = text[: found[-1][0][0]].casefold(), text[found[-1][0][1] :].casefold()
    return _ASIDE.sub(" ", _NUMBERS.sub(" ", lower)), _ASIDE.sub(" ", end)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


def _show(numbers: Sequence[str]) -> str:
    return "[" + ", ".join(numbers) + "]"


def _last_list(reply: str) -> str:
    """What a reply ends up with: its last list of numbers, or all of it if it holds none."""
    found = _ANY_LIST.findall(reply)
    return found[-1] if found else reply


def _is_sorting(text: str) -> bool:
    """A request to sort, in words that say nothing more: what sort of list it is asks for something else."""
    said, behind = _framed(text, 1) or ("", "")
    match = _SORT.search(said)
    if match is None or _words(behind):
        return False
    before, after = _words(said[: match.start()]), _words(_THING.sub(" ", said[match.end() :], count=1))
    return set(before) <= _POLITE and set(after) <= _NAMING


def _sorting(text: str, breadth: int) -> list[str]:
    [(span, numbers)] = _listed(text)
    return [put(text, [span], [_show(half)]) for half in halves(numbers)]


def _is_intersection(text: str) -> bool:
    if "intersection" not in text.casefold() or (framed := _framed(text, 2)) is None:
        return False
    said, behind = framed
    return set(_words(said)) <= _CROSSING and not _words(behind)


def _intersection(text: str, breadth: int) -> list[str]:
    (span1, one), (span2, two) = _listed(text)
    if breadth == 4:
        return [put(text, [span1, span2], [_show(a), _show(b)]) for a in halves(one) for b in halves(two)]
    span, longer = (span1, one) if len(one) > len(two) else (span2, two)
    return [put(text, [span], [_show(half)]) for half in halves(longer)]


def _names(text: str) -> re.Match[str] | None:
    """The words that are listed after the last line break or colon."""
    return _WORDS.fullmatch(text, tail(text), len(text.rstrip()))


def _is_concatenation(text: str) -> bool:
    return "last letter" in text.casefold() and _names(text) is not None


def _concatenation(text: str, breadth: int) -> list[str]:
    match = _names(text)
    if match is None:  # a single name
        return []
    return [put(text, [match.span(1)], [", ".join(run)]) for run in chunks(re.split(r",\s*", match[1]), breadth)]


def _is_algebraic(text: str) -> bool:
    asked = text.casefold().lstrip().startswith(("compute", "calculate"))
    return bool(_TERMS.search(text) if asked else _BARE.fullmatch(text))


def _algebraic(text: str, breadth: int) -> list[str]:
    match = _TERMS.search(text)
    if match is None:  # a single term
        return []
    runs = chunks(_TERM.findall(match[1]), breadth)
    return [put(text, [match.span(1)], [" ".join(run).removeprefix("+").strip()]) for run in runs]


def _passage(text: str) -> tuple[int, int]:
    """Where the passage stands that follows the first line."""
    head, line, passage = text.partition("\n")
    return len(head) + len(line) + len(passage) - len(passage.lstrip()), len(text.rstrip())


def _is_counting(text: str) -> bool:
    head = text.partition("\n")[0].casefold()
    start, end = _passage(text)
    asked = len(head) <= STATED and "count" in head and "how many times" in head
    return asked and len(sentences(text[start:end])) > 1


def _counting(text: str, breadth: int) -> list[str]:
    start, end = _passage(text)
    return [put(text, [(start, end)], [" ".join(run)]) for run in chunks(sentences(text[start:end]), breadth)]


TASKS: dict[str, Task] = {
    "sorting": Task(_is_sorting, _sorting, honours=False, paired=False, extract=_last_list),
    "set_intersection": Task(_is_intersection, _intersection, honours=False, paired=False, extract=_last_list),
    "concatenation": Task(_is_concatenation, _concatenation),
    "algebraic": Task(_is_algebraic, _algebraic),
    "keyword_counting": Task(_is_counting, _counting, paired=False),
    "boolean": Task(bigbench.is_boolean, bigbench.boolean, honours=False),
    "multistep_arithmetic": Task(bigbench.is_multistep, bigbench.multistep, honours=False),
    "object_counting": Task(bigbench.is_object_counting, bigbench.object_counting),
    "hyperbaton": Task(bigbench.is_hyperbaton, bigbench.hyperbaton),
    "word_sorting": Task(bigbench.is_word_sorting, bigbench.word_sorting),
    "coin": Task(stepwise.is_coin, stepwise.coin_tree, stepwise.coin),
    "navigate": Task(stepwise.is_navigate, steps=stepwise.navigate),
    "web_of_lies": Task(stepwise.is_lies, steps=stepwise.lies),
    "tracking": Task(stepwise.is_tracking, steps=stepwise.tracking),
}
"""In the order in which a text is held against them."""
