"""Every gold answer set of the packaged prompts, written in every layout: the judges say the same of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from layouts import FURTHER, LAYOUTS, TURNED, Answers

from ppbench import Case, Category, Item, Trace, data_dir, load_items
from ppbench_plugins.categories import CATEGORIES
from ppbench_plugins.judges.align import slots
from ppbench_plugins.judges.reference import Reference
from ppbench_plugins.judges.structure import Structure

SOUGHT = {category.id: category for category in CATEGORIES} | {"general": Category("general", "General", "data", "exact")}
"""The categories; general prompts are scored here too, as what they are: short answers to questions."""

AMBIGUOUS: dict[str, set[str]] = {}
"""Layout -> sets whose answers it does not tell apart. None today, and no more by accident."""


@cache
def gold() -> list[Item]:
    """All packaged prompts that have references."""
    folders = [data_dir("tasks"), *sorted(path for path in data_dir("tasks").iterdir() if path.is_dir())]
    return [item for folder in folders for item in load_items(folder)[0] if item.reference and item.schema and item.schema.data]


def perfect(item: Item) -> list[str]:
    """The answers that are right, a set of names as a line of names."""
    assert item.reference is not None
    whole = SOUGHT[item.category].metric == "set_f1"
    return [", ".join(accepted) if whole else accepted[0] for accepted in item.reference]


def faulty(item: Item) -> list[str | None]:
    """The first answer wrong, one in the middle missing, and, where there are four or more, two under each other's items."""
    answers: list[str | None] = [*perfect(item)]
    answers[0], answers[len(answers) // 2] = "Zanzibar", None
    if len(answers) > 3:
        other = len(answers) // 2 + 1
        answers[1], answers[other] = answers[other], answers[1]
    return answers


def case(item: Item, answer: str) -> Case:
    return Case(item, SOUGHT[item.category], Trace((), answer, (answer,), 0, 1, 1), None)


def judged(item: Item, answer: str) -> dict[str, float]:
    about = case(item, answer)
    return {v.criterion: v.value for judge in (Reference(), Structure()) for v in judge.verdicts(about, ())}


@cache
def told(name: str, answers: str) -> dict[str, dict[str, float]]:
    """What the judges say of each set in a layout."""
    sets = {item.id: perfect(item) if answers == "perfect" else faulty(item) for item in gold()}
    return {item.id: judged(item, written(name, item, sets[item.id])) for item in gold()}


def written(name: str, item: Item, answers: Answers) -> str:
    assert item.schema is not None
    assert item.schema.data is not None
    return (LAYOUTS | FURTHER)[name](item.schema.data, answers)


def different(name: str, answers: str) -> Iterator[str]:
    """Sets of which the judges say something else than of the same answers in a numbered list. In another order more
    answers are out of order, and structure falls with them; nothing else may differ."""
    for item, found in told(name, answers).items():
        expected = dict(told("numbered", answers)[item])
        if name in TURNED:
            expected |= {key: found[key] for key in ("misplaced", "structure") if key in found}
            if found["misplaced"] < told("numbered", answers)[item]["misplaced"]:
                yield item
        if found != pytest.approx(expected):
            yield item


def test_every_gold_set_is_right_in_a_numbered_list() -> None:
    """The accepted answers score 1, and nothing is missing, doubled, misplaced, foreign or odd."""
    assert len(gold()) == 411
    for item, found in told("numbered", "perfect").items():
        assert found == pytest.approx({
            "reference": 1.0, "structure": 1.0, "returned": 1.0, "missing": 0.0, "duplicated": 0.0, "misplaced": 0.0,
            "wrong_language": 0.0, "wrong_format": 0.0,
        }), item  # fmt: skip


@pytest.mark.parametrize("name", [*LAYOUTS, *FURTHER])
def test_a_perfect_set_scores_the_same_in_every_layout(name: str) -> None:
    """Whatever an answer looks like, right answers are right, and each is where it belongs."""
    assert set(different(name, "perfect")) == AMBIGUOUS.get(name, set())


@pytest.mark.parametrize("name", [*LAYOUTS, *FURTHER])
def test_a_faulty_set_scores_the_same_in_every_layout(name: str) -> None:
    """One answer wrong, one missing, two exchanged: as wrong in every layout, and for the same reasons."""
    assert set(different(name, "faulty")) == AMBIGUOUS.get(name, set())


@pytest.mark.parametrize("name", sorted(TURNED))
def test_another_order_is_seen_and_costs_structure_alone(name: str) -> None:
    """Each answer is known by its item or its number, so the scores stay; that they stand out of order is said."""
    for found in told(name, "perfect").values():
        assert found["reference"] == pytest.approx(1.0)
        assert found["misplaced"] > 0.0
        assert found["structure"] < 1.0


def test_further_accepted_answers_score_the_same_too() -> None:
    """Not the first accepted answer alone: each variant is right, and never foreign or odd."""
    for item in gold():
        assert item.reference is not None
        if SOUGHT[item.category].metric == "set_f1":
            continue
        for variant in range(1, max(map(len, item.reference))):
            answers = [accepted[min(variant, len(accepted) - 1)] for accepted in item.reference]
            found = judged(item, written("numbered", item, answers))
            assert found["reference"] == pytest.approx(1.0), item.id
            assert (found["wrong_language"], found["wrong_format"]) == (0.0, 0.0), item.id


@pytest.mark.parametrize("name", ["table", "bare_table", "JSON", "JSON records", "headings", "bold"])
def test_answers_that_look_like_layouts_themselves_are_not_cut(name: str) -> None:
    """Lists, tables, JSON and lines within an answer stay in it."""
    items = ("Name three fish.", "Show a table.", "Give the object.", "Write a haiku.")
    answers = ["1. cod\n2. eel\n3. carp", "| a | b |\n|---|---|\n| 1 | 2 |", '{"a": [1, 2]}', "one\ntwo\nthree"]
    layout = (LAYOUTS | FURTHER)["table without edges" if name == "bare_table" else name]
    found = slots(layout(items, answers), 4, items)

    assert [" ".join((text or "").split()) for text in found] == [" ".join(text.split()) for text in answers]


def test_an_item_is_known_whatever_its_letters() -> None:
    """Letters composed or not, of any case, from right to left: a repeated item is the same item."""
    items = ("Où est l'élève ?", "¿Dónde está?", "متى يفتح المتجر؟", "दुकान कब खुलती है?")
    answers = ["ici", "allí", "في السادسة", "छह बजे"]
    for name in LAYOUTS:
        text = LAYOUTS[name]([item.upper().replace("É", "E\u0301") for item in items], answers)
        assert slots(text, 4, items) == answers, name


def test_what_only_looks_like_an_echo_is_an_answer() -> None:
    """An answer that is its item, or another one's, or begins like it, is kept whole."""
    items = ("Taxi", "Hotel", "Hotel bar")
    for name in LAYOUTS:
        answers = ["Taxi", "Hotel bar", "Hotel"]
        assert slots(LAYOUTS[name](items, answers), 3, items) == answers, name


def test_the_item_stands_where_the_prompt_has_it_not_where_another_one_is_quoted() -> None:
    """An item that is quoted within an answer opens no entry."""
    items = ("Who came?", "Who left?")
    answer = "1. Ann; as to “Who left?” – see below.\n2. Ben"

    assert slots(answer, 2, items) == ["Ann; as to “Who left?” – see below.", "Ben"]


def test_half_of_a_json_answer_counts_as_far_as_it_goes() -> None:
    """An answer that was cut off by a token limit loses what is not whole, and nothing else."""
    items = ("a?", "b?", "c?")

    assert slots('["one", "two", "thr', 3, items) == ["one", "two", None]
    assert slots('```json\n{"a?": "one", "b?": "two", "c', 3, items) == ["one", "two", None]
    assert slots('[{"id": 2, "out": "two"}, {"id": 1, "out": "one"}, {"id"', 3, items)[:2] == ["one", "two"]


def test_numbers_in_json_are_taken_as_they_are_written() -> None:
    """1.10 is not 1.1, and null is no answer."""
    assert slots("[1.10, null, true, 007]", 4) != slots("[1.1, null, true]", 4)
    assert slots("[1.10, null, true]", 3) == ["1.10", None, "true"]


def test_a_closing_paragraph_is_no_part_of_the_last_entry() -> None:
    """What a model says after its list is not said of the last item."""
    assert slots("1. Rain\n2. Shop\n3. Nobody\n\nLet me know if you need more!", 3) == ["Rain", "Shop", "Nobody"]
    assert slots("- Rain\n\n  and wind\n- Shop\n- Nobody\n\n  came", 3) == ["Rain\n\n  and wind", "Shop", "Nobody\n\n  came"]


HOSTILE = {
    "brackets": "[" * 100_000, "objects": '{"a":' * 40_000, "nested": '[{"a":' * 40_000, "half": '["' + 'a","' * 20_000,
    "pipes": "| " * 100_000, "rows": "|x|\n" * 20_000, "rules": "|-|-|\n" * 30_000, "cells": "| a " * 20_000 + "|\n|-|\n",
    "right to left": "متى يفتح المتجر؟: " * 10_000, "overrides": "\u202eمتى\u202c\n" * 20_000, "marks": "\u0902" * 100_000,
    "echo": "“She don't like coffee.” – " * 8_000, "begun": "She don't" + " " * 100_000, "fences": "```\n" * 20_000,
    "halves": "\ud800" * 100_000, "nul": "\0" * 100_000, "circled": "①" * 100_000, "breaks": "|<br>" * 40_000,
    "headings": "# a\n" * 20_000, "bold": "**" * 100_000, "letters": "e\u0301" * 100_000, "dashes": "-|" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("before", ["", "1. a\n"])
def test_hostile_answers_are_judged_like_any_other(name: str, before: str) -> None:
    """Endless marks, half JSON, tables in tables, half characters: no exception, no endless search, values in range."""
    item = next(item for item in gold() if item.id == "gc-001")
    found = judged(replace(item, reference=item.reference), before + HOSTILE[name])

    assert all(0.0 <= value <= 1.0 for value in found.values())
