"""The bundled prompts: many, balanced over languages and sizes, no mail-merge, and each one as its schema says."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from itertools import combinations, pairwise
from typing import Any

import pytest

from ppbench import Schema, data_dir, installed_categories, load_items
from ppbench.tasks import select, suite_digest, suites

SEVEN = (
    "repeated_generation/open", "reading_comprehension", "named_entity_recognition", "keyword_extraction", "translation",
    "grammatical_correction", "sentiment_analysis",
)  # fmt: skip
OTHERS = ("repeated_generation/constraints", "general/dependencies", "general/traps", "general/single")
SIZES = {(2, 3): 6, (4, 6): 12, (7, 10): 8, (11, 20): 6, (21, 50): 3}
"""Least number of prompts with so many subtasks, in each category."""


@cache
def rows(category: str) -> tuple[dict[str, Any], ...]:
    lines = (data_dir("tasks") / f"{category}.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def masked(row: dict[str, Any]) -> str:
    """The prompt without its items, its context and list marks."""
    text, schema = row["text"], row["schema"]
    for part in sorted([*(schema.get("data") or ()), schema["context"] or ""], key=len, reverse=True):
        text = text.replace(part, " ") if part else text
    return " ".join(re.findall(r"[^\W\d_]+", text.casefold()))


def grams(row: dict[str, Any]) -> frozenset[Any]:
    """5-grams of words; of Chinese and Japanese, 8-grams of characters."""
    words = masked(row).replace(" ", "") if row["language"] in ("zh", "ja") else masked(row).split()
    size = 8 if row["language"] in ("zh", "ja") else 5
    return frozenset(tuple(words[k : k + size]) for k in range(len(words) - size + 1))


@pytest.mark.parametrize("category", SEVEN)
def test_a_category_is_large_and_balanced(category: str) -> None:
    """60 prompts or more in at least 12 languages, not more than half of them English, sizes from 2 to 50."""
    found = rows(category)
    languages = Counter(row["language"] for row in found)
    sizes = [row["schema"].get("n") or len(row["schema"]["data"]) for row in found]
    assert len(found) >= 60
    assert len(languages) >= 12
    assert languages["en"] <= len(found) / 2
    for (low, high), least in SIZES.items():
        assert sum(low <= size <= high for size in sizes) >= least, (low, high)
    assert min(sizes) == 2
    assert max(sizes) >= 21


def test_sizes_reach_from_2_to_50() -> None:
    """So that the n-curve can be drawn."""
    sizes = {row["schema"].get("n") or len(row["schema"]["data"]) for name in SEVEN for row in rows(name)}
    assert (min(sizes), max(sizes)) == (2, 50)
    assert len(sizes) >= 25


@pytest.mark.parametrize("category", SEVEN)
def test_prompts_are_no_mail_merge(category: str) -> None:
    """Without their items no two prompts share half their grams, translations of one another aside; 30 instructions or more."""
    found = rows(category)
    for one, other in combinations(found, 2):
        a, b = grams(one), grams(other)
        if one["family"] != other["family"] and a and b:
            assert len(a & b) < min(len(a), len(b)) / 2, (one["id"], other["id"])
    assert len({masked(row) for row in found}) >= min(30, len(found))


@pytest.mark.parametrize("category", SEVEN)
def test_every_item_stands_in_its_prompt_once(category: str) -> None:
    """Word for word, no item a part of another one or of the context; the schema splits, and the reference fits it."""
    for row in rows(category):
        schema = Schema.from_json(row["schema"])
        parts = [part for part in (*(schema.data or ()), schema.context) if part]
        for part in parts:
            assert row["text"].count(part) == 1, (row["id"], part)
        for part, other in combinations(parts, 2):
            assert part not in other, (row["id"], part)
            assert other not in part, (row["id"], other)
        assert re.findall(r"\{\w*\}", row["schema"]["template"]) == ["{context}"] * bool(schema.context) + ["{data}"] * bool(
            schema.data
        ), row["id"]
        assert row["reference"] is None or all(entry and all(map(str.strip, entry)) for entry in row["reference"]), row["id"]
        assert not re.search(r"NAME_\d", row["text"]), row["id"]


def everything() -> list[dict[str, Any]]:
    return [row for name in (*SEVEN, *OTHERS) for row in rows(name)]


def test_ids_and_texts_are_unique() -> None:
    """No prompt stands twice."""
    found = everything()
    assert len({row["id"] for row in found}) == len(found)
    assert len({" ".join(row["text"].split()) for row in found}) == len(found)


def test_dependent_subtasks_stand_in_their_prompts_and_form_graphs() -> None:
    """60 prompts or more; partial ones are graphs without cycles and with something to do at the same time, sequential
    ones are chains; none is to be split flatly."""
    found = rows("general/dependencies")
    assert len(found) >= 60
    assert {row["dependency"] for row in found} == {"partial", "sequential"}
    for row in found:
        edges = {tuple(edge) for edge in row["edges"]}
        items = row["schema"]["data"] if row["schema"] else []
        assert not row["splittable"]
        assert all(row["text"].count(item) == 1 for item in items), row["id"]
        needs = {to: {one for one, other in edges if other == to} for to in range(len(items))}
        assert list(TopologicalSorter(needs).static_order()) or not items, row["id"]
        if row["dependency"] == "partial":
            assert 0 < len(edges) < len(items) * (len(items) - 1) / 2, row["id"]
        elif items:
            assert edges == set(pairwise(range(len(items)))), row["id"]


def test_traps_and_single_tasks_have_nothing_to_split() -> None:
    """60 traps or more, and 200 plain single tasks."""
    for name, least in (("general/traps", 60), ("general/single", 200)):
        found = rows(name)
        assert len(found) >= least
        assert not any(row["splittable"] or row["schema"] or row["reference"] for row in found)


def test_constraints_name_what_the_set_must_be() -> None:
    """40 prompts or more, each with its conditions: quotas, differences, order."""
    found = rows("repeated_generation/constraints")
    assert len(found) >= 40
    assert all(row["constraints"] and row["schema"]["n"] > 1 for row in found)


def test_suites_are_what_they_say() -> None:
    """Each names prompts that are there, and its digest is theirs: a changed prompt wants a new version, see `make suites`."""
    items = [item for category in installed_categories() if category.prompts for item in load_items(category.prompts)[0]]
    for name, suite in suites().items():
        assert suite["digest"] == suite_digest(select(items, name)), f"{name} has changed; run `make suites`"
    assert {"smoke", "core-v1", "dependencies", "traps", "constraints", "mixed-traffic", "multilingual"} == set(suites())
    traffic = select(items, "mixed-traffic")
    assert len(traffic) == 300
    assert sum(item.splittable is True for item in traffic) == 30
    assert len(select(items, "core-v1")) >= 420
