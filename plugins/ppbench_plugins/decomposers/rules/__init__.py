"""Finds the subtasks of a prompt by rules alone: no model is asked, nothing is read but the words of the languages.

`find` looks for lists, questions and counts in that order; the gate refuses what hangs together. Each rule speaks for a
way of writing, never for a topic. Precision goes before recall: whoever is in doubt declines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ppbench_plugins.decomposers.rules import build, gate
from ppbench_plugins.decomposers.rules.candidate import Candidate, Finding, Span, lines
from ppbench_plugins.decomposers.rules.counts import counted
from ppbench_plugins.decomposers.rules.frame import second_look
from ppbench_plugins.decomposers.rules.lexicon import Words, number_words, spoken, words_of
from ppbench_plugins.decomposers.rules.loose_counts import loosely_counted
from ppbench_plugins.decomposers.rules.marks import inline_marks, marked_lines
from ppbench_plugins.decomposers.rules.passages import asked_lines
from ppbench_plugins.decomposers.rules.questions import question_runs
from ppbench_plugins.decomposers.rules.records import record_groups
from ppbench_plugins.decomposers.rules.sentences import and_lists
from ppbench_plugins.decomposers.rules.series import bracketed, comma_lists, json_arrays, own_lines, quoted, table_rows

__all__ = ["Finding", "find"]

_Finder = Callable[[str, Sequence[Span], Words], Iterator[Candidate]]
_FINDERS: tuple[_Finder, ...] = (
    json_arrays, record_groups, marked_lines, inline_marks, question_runs, bracketed, quoted, comma_lists, and_lists,
    table_rows, own_lines,
)  # fmt: skip
_MOST_TRIES = 6
_NOTHING = Finding(None, "nothing found", "no list, no questions and no count of creative pieces")
_SIGN = re.compile(
    r"[\d:：、;；\"“「«\[‘一二两三四五六七八九十두세네열]|(?<!\w)'|[,，،][^,，،]*+[,，،]|[?？؟][^?？؟]*+[?？؟]|\\n|"
    r"[,،]\s*+[^\s,،]++(?:\s[^\s,،]++){0,3}?\s(?:and|und|et|y|e|ed|dan|и)\s"
)
"""What a text in one line must hold, or a number word, to be looked at closely."""


def find(text: str, language: str | None = None) -> Finding:
    """The schema of a prompt, or why it is not split. Pure, and linear in the length of the text."""
    rows = lines(text)
    if len(rows) < 2 and not _SIGN.search(text) and number_words().isdisjoint(spoken(text).split()):
        return _NOTHING
    words = words_of(text, language)
    if gate.code(text):
        return Finding(None, "code", "the text holds a program")
    refusal, seen = _NOTHING, list[Candidate]()
    for finder in _FINDERS:
        for _, candidate in zip(range(_MOST_TRIES), finder(text, rows, words), strict=False):
            seen.append(candidate)
            verdict = gate.judge(candidate, words)
            if not verdict.reason:
                return _split(candidate, words)
            refusal = Finding(None, candidate.rule, verdict.reason)
            if verdict.final:
                return _again(text, rows, words, seen) or _on_passage(text, rows, words) or refusal
    counted_ = _counted(text, words)
    if counted_ and counted_.schema:
        return counted_
    return _again(text, rows, words, seen) or _on_passage(text, rows, words) or _loosely(text, words) or counted_ or refusal


def _loosely(text: str, words: Words) -> Finding | None:
    for one in loosely_counted(text, words):
        return Finding(build.of_count(text, one, words), "count", "") if not build.SLOT.search(text) else None
    return None


def _again(text: str, rows: Sequence[Span], words: Words, seen: Sequence[Candidate]) -> Finding | None:
    found = second_look(text, rows, words, seen)
    return _split(found, words) if found else None


def _on_passage(text: str, rows: Sequence[Span], words: Words) -> Finding | None:
    for found in asked_lines(text, rows, words):
        if not gate.judge_asked(found, words).reason:
            return _split(found, words)
    return None


def _split(found: Candidate, words: Words) -> Finding:
    try:
        schema = build.of_questions(found, words) if found.questions or found.inside else build.of_list(found)
    except ValueError as error:
        return Finding(None, found.rule, str(error))
    return Finding(schema, found.rule, "")


def _counted(text: str, words: Words) -> Finding | None:
    found = list(counted(text, words))
    if not found:
        return None
    said = spoken(text[:4000])
    if len({one.n for one in found}) > 1:
        return Finding(None, "count", "more than one number of pieces")
    word = words.said("not open", said)
    if word:
        return Finding(None, "count", f"the pieces are not free of each other: {word!r}")
    try:
        return Finding(build.of_count(text, found[0], words), "count", "")
    except ValueError as error:
        return Finding(None, "count", str(error))
