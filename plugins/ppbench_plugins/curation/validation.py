"""Whether a split may be believed, and how far: `high`, `medium`, or `low`, which is refused. Pure; any planner's split.

It mends what ParallelPrompt's rules (its section 1.6; ours word by word in `decomposers.tiers`) leave open: a count may have
words before its noun, be a word, and stand in any script; marks are those of any script; clock times, decimals and lengths
are no counts; a split with both or neither of items and count, with items that stand twice or not in the prompt, or with a
name nobody gave, is refused; and no category passes by its name. What decides is where the items stand in the prompt, which
is the same in every language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ppbench import Schema
from ppbench_plugins.curation.counts import asks_for
from ppbench_plugins.decomposers.names import placeholders
from ppbench_plugins.decomposers.rules.lexicon import Words, spoken, words_of
from ppbench_plugins.decomposers.tiers import Ground, Judged, Tier

_QUESTION = ("?", "？", "؟", "՞", "⸮")
_CLOSING = " \t\"'”’»」』*)）"
_SEPARATED = re.compile(r"[\W\d_]*+")
_JOINED = re.compile(r"[\W\d_]*+[^\W\d_]{1,4}[\W\d_]*+")
"""Between two items: marks and one short word, as "and", "oder", "및"."""
_LABEL = re.compile(r"[^\w\s]\s*+$")
_NEAR = 40
"""Letters between two items that a label such as "Review 2:" may take, which ends in a mark."""
_MANY = 3
_LOOK = 4000
_LEFT = re.compile(r"\{\{\s*\w+\s*\}\}|\{(?:data|context|n)\}")
_UNKNOWN = re.compile(r"\{(?!(?:data|context|n)\})\w+\}")


def judge(text: str, language: str, schema: Schema) -> Judged:
    """The tier of a split, the cues that speak for it, and what is wrong with it if something is."""
    problem = _broken(text, schema)
    if problem:
        return Judged("not_parallelizable", problem=problem)
    words = words_of(text, language)
    heard = spoken(text[:_LOOK])
    cues = _count_cues(text, schema.n, words) if schema.n is not None else _list_cues(text, schema.data or (), words, heard)
    if words.said("each", heard):
        cues.add("each")
    if schema.context:
        cues.add("context")
    together = _together(schema, words)
    if together:
        cues.add("together")
    tier = _tier(schema, cues)
    return Judged(tier, tuple(sorted(cues)), "" if tier != "low" else _why(schema, together=together))


def _broken(text: str, schema: Schema) -> str:
    """What no cue can make up for."""
    if _LEFT.search(text):
        return "the prompt holds a template variable"
    if _UNKNOWN.search(schema.template):
        return "the template holds a variable that nothing fills"
    items = schema.data or ()
    if len({_bare(item) for item in items}) < len(items):
        return "an item stands twice, but for case and marks"
    if any(item.strip() == text.strip() for item in items):
        return "an item is the whole prompt"
    problem = Ground(text).problem(schema.template, schema.context, items)
    if problem:
        return problem
    inexact = next((part for part in (*items, schema.context or "") if part not in text), "")
    if inexact:
        return f"not word for word in the prompt: {inexact[:60]!r}"
    return "a name was left anonymous" if placeholders(text) else ""


def _bare(item: str) -> str:
    return "".join(letter for letter in item.casefold() if letter.isalnum()) or item


def _count_cues(text: str, n: int, words: Words) -> set[str]:
    return {"count"} if asks_for(text, n, words) else set()


def _list_cues(text: str, items: Sequence[str], words: Words, heard: str) -> set[str]:
    """How the items stand in the text."""
    cues = set[str]()
    if sum(item.rstrip(_CLOSING).endswith(_QUESTION) for item in items) >= 2:
        cues.add("questions")
    gaps = _gaps(text, items)
    if gaps is None:
        return cues
    kinds = {_kind(gap) for gap in gaps}
    if "" not in kinds:
        cues |= kinds
    if words.named(heard):
        cues.add("named")
    return cues


def _gaps(text: str, items: Sequence[str]) -> list[str] | None:
    """What stands between the items, if they stand in the text in their order."""
    gaps, end = list[str](), -1
    for item in items:
        start = text.find(item, max(0, end))
        if start < 0:
            return None
        if end >= 0:
            gaps.append(text[end:start])
        end = start + len(item)
    return gaps


def _kind(gap: str) -> str:
    if "\n" in gap:
        return "lines"
    if _SEPARATED.fullmatch(gap):
        return "marks"
    if len(gap) > _NEAR:
        return ""
    return "joined" if _JOINED.fullmatch(gap) else "labels" if _LABEL.search(gap) else ""


def _together(schema: Schema, words: Words) -> str:
    """A word of the instruction that asks for the parts to be compared, ordered or combined."""
    if schema.n is not None:
        return ""
    return words.said("joint", spoken(schema.template.replace("{data}", " ").replace("{context}", " ")))


_SURE = {"lines", "marks", "questions", "joined"}
_PROSE = {"marks", "joined"}
"""A list that also stands in prose: "compare tea and coffee"."""


def _tier(schema: Schema, cues: set[str]) -> Tier:
    if schema.n is not None:
        return "high" if "count" in cues else "low"
    listed = bool(_SURE & cues)
    if "together" in cues:  # "keep the order" asks for no more than a list does, "tea or coffee" for one answer
        return "medium" if schema.size >= _MANY or (listed and not _PROSE & cues) else "low"
    if listed:
        return "high"
    return "medium" if schema.size >= _MANY or {"each", "named", "labels", "context"} & cues else "low"


def _why(schema: Schema, *, together: str) -> str:
    if schema.n is not None:
        return f"the prompt does not ask for {schema.n} pieces"
    return f"two parts that are taken together: {together!r}" if together else "no cue that the parts are a list"
