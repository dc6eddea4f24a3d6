"""The rule extractor: what it splits and what it leaves alone, and that no text can harm it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench import Plan, Prompt
from ppbench_plugins.decomposers.rules import Finding, find
from ppbench_plugins.decomposers.rules.lexicon import codes, words, words_of
from ppbench_plugins.decomposers.schema import SchemaExtraction

EXAMPLES = [json.loads(line) for line in Path(__file__).with_name("rule_examples.jsonl").read_text("utf-8").split("\n") if line]
ITEMS = [(row["lang"], row["prompt"], row["data"]) for row in EXAMPLES if row.get("data")]
COUNTS = [(row["lang"], row["prompt"], row["n"]) for row in EXAMPLES if row.get("n")]
TRAPS = [(row["lang"], row["prompt"]) for row in EXAMPLES if not row["parallelizable"]]
LONG = 200_000
LANGUAGES = ["ar", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "pt", "ru", "zh"]


def plan(text: str, language: str = "und") -> Plan:
    return SchemaExtraction(source="rules").decompose(Prompt("p", text, language))


# What is split, and what is not


@pytest.mark.parametrize(("language", "text", "items"), ITEMS, ids=[f"{row[0]}-{row[1][:24]!r}" for row in ITEMS])
def test_items_are_found_as_they_stand(language: str, text: str, items: list[str]) -> None:
    """Marked lines, marks within a line, commas, quotation marks, arrays, lines and questions, in every language."""
    found = find(text, language)

    assert found.schema is not None, found.reason
    assert list(found.schema.data or ()) == items
    assert all(item in rendered for item, rendered in zip(items, found.schema.render(), strict=True))


@pytest.mark.parametrize(("language", "text", "n"), COUNTS, ids=[f"{row[0]}-{row[1][:24]!r}" for row in COUNTS])
def test_a_number_of_creative_pieces_is_found(language: str, text: str, n: int) -> None:
    """Digits and number words, with adjectives between, noun first or last; one call asks for one piece."""
    found = find(text, language)

    assert found.schema is not None, found.reason
    assert found.schema.n == n
    assert "1" in found.schema.render()[0]


@pytest.mark.parametrize(
    ("text", "one"),
    [("Write 5 short stories about a cat.", "Write 1 short story about a cat."),
     ("Invent three quizzes for kids.", "Invent 1 quiz for kids."),
     ("Suggest 4 catchy titles for my blog on glass.", "Suggest 1 catchy title for my blog on glass.")],
)  # fmt: skip
def test_the_request_for_one_piece_reads_as_one(text: str, one: str) -> None:
    """The first noun for pieces behind the number stands in the singular."""
    found = find(text, "en")

    assert found.schema is not None
    assert found.schema.render()[0] == one


@pytest.mark.parametrize(("language", "text"), TRAPS, ids=[f"{row[0]}-{row[1][:24]!r}" for row in TRAPS])
def test_what_hangs_together_is_left_alone(language: str, text: str) -> None:
    """Comparing, ordering, merging, choosing, one thing made of parts, premises, steps, joint sets, nothing to split."""
    found = find(text, language)

    assert found.schema is None, found.rule
    assert found.reason


def test_every_language_has_examples_and_a_full_table() -> None:
    """A language is a file of words; each holds every kind, and each is tried with items, a count and a trap."""
    kinds = set(words("en").lists)

    assert sorted(codes()) == LANGUAGES
    assert all(set(words(code).lists) == kinds for code in codes())
    assert all(words(code).numbers and words(code).only for code in codes())
    for rows in (ITEMS, COUNTS, TRAPS):
        assert {row[0] for row in rows} >= set(LANGUAGES) - ({"ko"} if rows is COUNTS else set())


@pytest.mark.parametrize("said", [None, "und", "xx", "ja"])
@pytest.mark.parametrize(("language", "text"), [row[:2] for row in (*ITEMS[:4], *ITEMS[8:20])])
def test_the_language_is_found_whatever_it_is_said_to_be(language: str, text: str, said: str | None) -> None:
    """A prompt's language field may be missing or wrong; the text itself is asked first."""
    assert find(text, said) == find(text, language)


def test_a_request_in_one_language_may_hold_items_of_another() -> None:
    """The script of the request decides, not that of most letters."""
    text = "请把下列句子翻译成中文：\n1. The harbour was empty that morning.\n2. Nobody had seen the ferry leave."

    assert words_of(text).code == "zh"
    assert find(text).schema is not None


@pytest.mark.parametrize("text", ["", " ", "\n\t\n", "\u3000"])
def test_an_empty_text_is_left_alone(text: str) -> None:
    """There is nothing to find."""
    assert find(text).schema is None


# What a plan says


def test_a_split_names_its_rule_and_a_decline_its_reason() -> None:
    """Both stand in the plan, for whoever wants to know why."""
    split = plan("Translate these words:\n- tree\n- stone")
    declined = plan("Compare these words:\n- tree\n- stone")

    assert (split.status, split.reason, len(split.calls)) == ("split", "rule: bulleted lines", 2)
    assert split.schema == find("Translate these words:\n- tree\n- stone").schema
    assert (declined.status, declined.schema) == ("declined", None)
    assert declined.reason == "rule: bulleted lines: the parts depend on each other: 'compar'"
    assert declined.calls[0].text == "Compare these words:\n- tree\n- stone"


def test_each_call_can_be_understood_alone() -> None:
    """The request stands in each call with one item in the place of the list; a passage goes with its questions."""
    listed = find("Translate into Dutch:\n1. tree\n2. stone\n\nOnly the translation of each word, please.").schema
    asked = find("Ben keeps two goats.\n\nAnswer these questions: Who keeps goats? How many are there? What are they?").schema

    assert listed is not None
    assert listed.render() == (
        "Translate into Dutch:\ntree\n\nOnly the translation of each word, please.",
        "Translate into Dutch:\nstone\n\nOnly the translation of each word, please.",
    )
    assert asked is not None
    assert all("Ben keeps two goats." in text for text in asked.render())
    assert [text.rpartition("\n\n")[2] for text in asked.render()] == [
        "Answer only this: Who keeps goats?",
        "Answer only this: How many are there?",
        "Answer only this: What are they?",
    ]


def test_marks_may_be_doubled_and_items_may_go_over_lines() -> None:
    """ "2. 2." is one mark; a line without a mark goes on with its item; what follows the list is no item."""
    doubled = find("Classify each sentence:\n1. 1. It rains.\n2. 2. It snows.").schema
    longer = find("Translate each note:\n1. The shop\nis closed.\n2. The bridge\nis open.\n\nThank you!").schema

    assert doubled is not None
    assert doubled.data == ("It rains.", "It snows.")
    assert longer is not None
    assert longer.data == ("The shop\nis closed.", "The bridge\nis open.")
    assert longer.render()[0].endswith("\n\nThank you!")


# Text is data

NASTY = [
    "{data}",
    "{context}",
    "{n}",
    "$1",
    "\\1",
    '"quoted"',
    "<b>",
    "{{}}",
    "\u202eabc",
    "שלום",
    "\x00",
    "%s",
    "\ud83d\ude00",
]


@pytest.mark.parametrize("nasty", [text for text in NASTY if "\ud83d" not in text], ids=ascii)
@pytest.mark.parametrize("place", ["item", "lead", "tail", "lead and tail", "everywhere"])
def test_braces_and_patterns_pass_through_or_the_prompt_is_not_split(nasty: str, place: str) -> None:
    """Whatever stands in the prompt reaches the model as it stands; a template that cannot be made safely is not made."""
    lead = f"Translate these words {nasty}:\n" if "lead" in place or place == "everywhere" else "Translate these words:\n"
    tail = f"\n\nThank you {nasty}" if "tail" in place or place == "everywhere" else "\n\nThank you"
    items = [f"tree {nasty}", f"stone {nasty}"] if place in ("item", "everywhere") else ["tree", "stone"]
    text = f"{lead}- {items[0]}\n- {items[1]}{tail}"
    made = plan(text)

    if made.status == "split":
        assert [call.text for call in made.calls] == [f"{lead}{item}{tail}" for item in items]
    else:
        assert (made.calls[0].text, "placeholder" in made.reason) == (text, True)
    if not ({nasty} & {"{data}", "{context}", "{n}"} and "lead and tail" in place):
        assert made.status == "split" or place == "everywhere"


@pytest.mark.parametrize("slot", ["{data}", "{context}", "{n}"])
def test_a_count_beside_a_placeholder_is_not_split(slot: str) -> None:
    """The template of a count has no place to keep such words."""
    found = find(f"Write 5 short stories about {slot}.")

    assert found.schema is None
    assert "placeholder" in found.reason


def check(text: str, found: Finding) -> None:
    """What holds of any text: items stand in it, in order and once, and each call holds its item."""
    if found.schema is None:
        assert found.reason
        return
    texts = found.schema.render()
    if found.schema.data is None:
        assert len(texts) == found.schema.n
        return
    place = -1
    for item, rendered in zip(found.schema.data, texts, strict=True):
        place = text.find(item, place + 1)
        assert place >= 0
        assert item in rendered


LINE = st.text(st.sampled_from("ab 1.,:;?{}$\"'[]()-•、。，：？和第一aéжظह한あ\\"), max_size=14)


@settings(max_examples=300, deadline=None)
@given(lead=st.sampled_from(["", "Translate these words:\n", "翻译下列词语：\n", "Answer the questions: ", "Write 5 jokes. "]),
       rows=st.lists(LINE, max_size=8), mark=st.sampled_from(["", "- ", "1. ", "{}) ", "a) ", "（{}）", "• "]))  # fmt: skip
def test_no_item_is_invented(lead: str, rows: list[str], mark: str) -> None:
    """Each item is a piece of the text, in the text's order, and its call holds it."""
    text = lead + "\n".join(mark.replace("{}", str(k)) + row for k, row in enumerate(rows, 1))

    check(text, find(text))


PRINTED = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])


@settings(max_examples=150, deadline=None)
@given(items=st.lists(st.text(PRINTED, min_size=1, max_size=40), min_size=2, max_size=6, unique=True))
def test_no_item_of_a_marked_list_is_lost(items: list[str]) -> None:
    """If a numbered list is split, then into its items, whatever they hold."""
    cleaned = [" ".join(item.split()) for item in items]
    text = "Translate each of these texts:\n" + "\n".join(f"{k}. {item}" for k, item in enumerate(cleaned, 1))
    found = find(text, "en")

    if found.schema is not None and found.rule == "numbered lines" and all(re.match(r"[^\W\d_]{2}", item) for item in cleaned):
        assert list(found.schema.data or ()) == cleaned


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=300), language=st.sampled_from([None, "en", "und", ""]))
def test_any_text_is_read(text: str, language: str | None) -> None:
    """Surrogates, control characters and all: a finding comes back, and the same one again."""
    found = find(text, language)

    check(text, found)
    assert find(text, language) == found


HUGE = ['"', "[", '["a",', ".", "? ", "a, b and ", "1. ", "- a\n", "5 ideas ", "{data}", "二、", "Text 1: ", "a | b\n", "\\n",
        " ", "\t\n", "“", "a; ", "(a) ", "؟ ا ", "x"]  # fmt: skip


@pytest.mark.parametrize("piece", HUGE, ids=ascii)
@pytest.mark.parametrize("lead", ["", "Translate each of these words:\n"])
def test_a_huge_text_is_read(lead: str, piece: str) -> None:
    """200,000 characters of what the rules look for: the work is bounded, and nothing is invented."""
    text = lead + piece * (LONG // len(piece))

    check(text, find(text))


def test_a_huge_item_is_kept_whole() -> None:
    """Its length is no reason to cut it."""
    long = "word " * (LONG // 5) + "end"
    found = find(f"Summarize each of these texts:\n1. {long}\n2. short")

    assert found.schema is not None
    assert found.schema.data == (long, "short")
