"""The published validation rules, rule by rule with what follows from them, and our own: claims stand in the prompt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench_plugins.decomposers.tier_words import COUNTED, LISTED, LISTING, MANY, REQUESTS
from ppbench_plugins.decomposers.tiers import Ground, paper_tier
from ppbench_plugins.decomposers.told import numbers_in

RG, RC, NER, TR, KE, SA = (
    "Repeated Generation", "Reading Comprehension", "Named Entity Recognition", "Translation", "Keyword Extraction",
    "Sentiment Analysis",
)  # fmt: skip
PIECES = {"template": "Write one.", "n": 5}
PAIR = {"template": "Do {data}", "data": ["a", "b"]}
THREE = {"template": "Do {data}", "data": ["a", "b", "c"]}

BROKEN: list[tuple[str, dict[str, Any]]] = [
    (SA, PAIR | {"n": 2}), (RG, PIECES | {"data": []}), (SA, PAIR | {"data": "a, b"}), (SA, PAIR | {"data": {"a": 1, "b": 2}}),
    (SA, PAIR | {"data": ["a"]}), (SA, PAIR | {"data": []}), (SA, PAIR | {"data": ["a", 2]}),
    (SA, PAIR | {"data": ["a", None]}),
    (RG, PIECES | {"n": "5"}), (RG, PIECES | {"n": [5]}), (RG, PIECES | {"n": 1}), (RG, PIECES | {"n": 1.5}),
    (RG, PIECES | {"n": 0}), (RG, PIECES | {"n": True}), (RG, PIECES | {"template": "Write {n} slogans"}),
    (SA, PAIR | {"template": "Do it"}), (SA, PAIR | {"template": "Do {n}"}), ("Haiku Making", PIECES),
    (RC, PAIR | {"data": ["a"]}), (TR, PAIR | {"template": "x"}), (NER, PAIR | {"data": ["a", 1]}),
]  # fmt: skip


@pytest.mark.parametrize(("category", "annotation"), BROKEN, ids=str)
def test_a_schema_without_integrity_is_not_parallelizable(category: str, annotation: dict[str, Any]) -> None:
    """Each of the seven rules of step B throws the whole record away, with a reason, whatever the prompt says."""
    judged = paper_tier("Give me 5 ideas:\n1. a\n2. b", category, annotation)

    assert (judged.tier, judged.cues, judged.passed) == ("not_parallelizable", (), False)
    assert judged.problem


@pytest.mark.parametrize(
    ("category", "annotation"),
    [(SA, {"template": "Do {data}", "data": None, "n": None}), (SA, PAIR | {"template": None}), (RG, PIECES | {"n": 2.5}),
     (SA, PAIR | {"data": ["a", "a"]}), (SA, PAIR | {"template": "{context}", "context": "x"}),
     (SA, PAIR | {"template": "{context} {data}", "context": None}), (SA, PAIR | {"data": ["not", "there"]}),
     (SA, PAIR | {"template": "Ask NAME_7 {data}"}), (RG, PIECES | {"template": None}), (SA, {"template": None})],
)  # fmt: skip
def test_integrity_asks_no_more_than_published(category: str, annotation: dict[str, Any]) -> None:
    """Neither data nor n, no template, a broken count, an item twice, no {data} beside {context}, a context that is null,
    what is not in the prompt, a name left over: all pass."""
    assert paper_tier("Give me 5 ideas", category, annotation).tier == "high"


def test_what_the_extraction_denies_is_not_parallelizable() -> None:
    """Step A comes first."""
    assert paper_tier("5 ideas", RG, PIECES | {"parallelizable": False}).tier == "not_parallelizable"
    assert paper_tier("5 ideas", RG, PIECES | {"parallelizable": True}).tier == "high"


# Step C. (prompt, cues of the text)
CUES = [
    ("Give me 5 ideas", "c1"), ("5 Ideas", "c1"), ("generate 10 stories", "c1"), ("10stories", "c1"), ("write5 ideas", "c1"),
    ("list  3   keywords", "c1"), ("in 5 words", "c1"), ("1 idea", "c1"), ("2 translation", "c1"), ("3 summaries", "c1"),
    ("Give me 5 healthy breakfast ideas.", ""), ("Write 5 short stories", ""), ("Generate five stories", ""),
    ("写五个故事", ""), ("写5个故事", ""), ("Напиши 5 историй", ""), ("1 story", ""), ("1 summary", ""), ("x5 ideas", ""),
    ("fix the following sentences", "c2"), ("these   words", "c2"), ("todos textos", "c2"), ("las preguntas", "c2"),
    ("la frases", "c2"), ("Die Sätze", "c2"), ("der Texte", "c2"), ("les mots", "c2"), ("il textes", "c2"), ("и вопросы", "c2"),
    ("each of items", "c2 c6"), ("all of questions", "c2 c6"), ("the following thing", ""), ("thesewords", ""),
    ("a 1. b 2) c", "c3"), ("1: a 2: b", "c3"), ("10:30 and 11:45", "c3"), ("v3.5 is newer than 4.2", "c3"), ("3.14", ""),
    ("x\n- a\n- b", "c3 c5"), ("x\n- a", ""), ("x\n1. a\n- b", "c3 c5"), ("1 . 2 .", ""),
    ("Who? Where? When?", "c4"), ("Who? Where?", ""), ("Who?\nWhere?\n", "c4"), ("谁？ 哪里？ 何时？ ", ""), ("a?b?c?", ""),
    ("- a\n- b", "c5"), ("• a\n• b", "c5"), ("* a\n* b", "c5"), ("1. a\n2) b", "c3 c5"), ("- a", ""), (" - a\n - b", ""),
    ("several of them", "c6"), ("Multiple", "c6"), ("varios", "c6"), ("plusieurs", "c6"), ("mehrere", "c6"),
    ("несколько", "c6"), ("respectively", "c6"), ("reach", ""), ("overall", ""),
    ("red, green, blue", "c7"), ("red,green,blue", "c7"), ("red, green", ""), ("light red, dark green, blue", ""),
    ("for each", "c6 c8"), ("for every", "c6 c8"), ("for  each", "c6 c8"), ("for all", "c6"),
    ("colours: red", "c9"), ("words; red", "c9"), ("words:red", "c9"), ("word: red", ""), ("words:", ""), ("s: x", ""),
    ("", ""), ("Hello.", ""),
]  # fmt: skip
_SURE = {"c1", "c2", "c3", "c4", "c5"}


@pytest.mark.parametrize(("prompt", "cues"), CUES)
def test_a_prompt_gives_the_published_cues(prompt: str, cues: str) -> None:
    """Each cue by what gives it and what does not; what is wrong with the published ones is kept."""
    judged = paper_tier(prompt, SA, PAIR)
    expected = set(cues.split())

    assert set(judged.cues) - {"c10"} == expected
    sure = expected & (_SURE | {"c6"})  # two items make c6 one
    assert judged.tier == ("high" if sure else "medium" if expected & {"c7", "c8", "c9"} else "low")


@pytest.mark.parametrize(
    ("prompt", "category", "annotation", "tier"),
    [
        ("Give me 5 healthy breakfast ideas.", RG, PIECES, "low"),
        ("Write 5 short stories.", RG, PIECES, "low"),
        ("Generate five stories.", RG, PIECES, "low"),
        ("给我5个健康的早餐点子。", RG, PIECES, "low"),
        ("Дай мне 5 идей полезного завтрака.", RG, PIECES, "low"),
        ("Give me 5 ideas.", RG, PIECES, "high"),
        ("Say it in 5 words.", SA, PAIR, "high"),
        ("Meet at 10:30 and 11:45.", SA, PAIR, "high"),
        ("From v3.5 to 4.2.", SA, PAIR, "high"),
        ("谁？在哪里？什么时候？", SA, PAIR, "low"),
        ("Who? Where?", SA, PAIR, "low"),
        ("a and b", SA, PAIR, "low"),
        ("Several slogans.", RG, PIECES, "high"),
        ("Several slogans.", SA, {"template": "{data}", "data": None}, "low"),
        ("Slogans.", RG, PIECES, "low"),
        ("a and b and c", SA, THREE, "medium"),
        ("a and b and c", KE, THREE, "medium"),
        ("a and b", KE, PAIR, "low"),
        ("a and b", "Unit Conversion", PAIR, "low"),
        ("a and b", RC, PAIR, "medium"),
        ("a and b", NER, PAIR, "medium"),
        ("a and b", TR, PAIR, "medium"),
        ("a and b", "named_entity_recognition", PAIR, "medium"),
        ("", TR, {"template": None}, "medium"),
    ],
)
def test_the_published_tiers_follow(prompt: str, category: str, annotation: dict[str, Any], tier: str) -> None:
    """What is known to follow from the rules: counts with an adjective or in words fail, decimals and times pass, three
    categories pass by their name."""
    judged = paper_tier(prompt, category, annotation)

    assert judged.tier == tier
    assert judged.passed == (tier in ("high", "medium"))


@given(prompt=st.text(), category=st.sampled_from([RC, NER, TR]))
def test_three_categories_never_fail_for_want_of_a_cue(prompt: str, category: str) -> None:
    """Their name alone is medium."""
    assert paper_tier(prompt, category, PAIR).passed


@given(prompt=st.text(), count=st.integers(2, 6), category=st.sampled_from([RG, RC, SA, "x"]))
def test_a_longer_list_never_lowers_a_tier(prompt: str, count: int, category: str) -> None:
    """What passes with the first items of a list passes with all, so that a streaming list can be believed early."""
    items = [f"item {k}" for k in range(count)]
    before, after = (paper_tier(prompt, category, PAIR | {"data": part}) for part in (items[:-1], items))

    assert after.passed or not before.passed
    assert set(before.cues) <= set(after.cues)


@given(st.text(), st.text(), st.dictionaries(st.sampled_from(["data", "n", "template", "context"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner))))  # fmt: skip
def test_any_annotation_has_a_tier(prompt: str, category: str, annotation: dict[str, Any]) -> None:
    """Whatever types a model makes up, nothing is raised."""
    assert paper_tier(prompt, category, annotation).tier in ("high", "medium", "low", "not_parallelizable")


@pytest.mark.parametrize("piece", ["1", " ", "a", "give ", "1 ", "a,", "a, ", "\n", "s: ", "for ", "these ", "?", "s:", "\n1"])
def test_long_prompts_are_read_once(piece: str) -> None:
    """A megabyte of what a cue may begin with is judged; patterns that went back and forth in it would not end."""
    assert paper_tier(piece * (1_000_000 // len(piece)), SA, PAIR).tier in ("high", "medium", "low")


def test_word_lists_have_the_published_lengths() -> None:
    """31 verbs, 26 nouns that are counted; none stands twice in its list."""
    verbs, nouns = REQUESTS.split("|"), COUNTED.split("|")

    assert (len(set(verbs)), len(set(nouns))) == (31, 26)
    assert {"examples", "stories", "ideas", "sentences", "questions", "words", "keywords", "translations", "summaries"} <= set(
        nouns
    )
    assert all(len(set(words)) == len(words) for words in (LISTING.split("|"), LISTED.split("|"), MANY.split("|")))


# Ground


@pytest.mark.parametrize(
    ("template", "context", "items", "problem"),
    [
        ("Say {data}", None, ["Rain is due.", "nobody CAME"], ""),
        ("Say {data}", None, ["Rain is  due", "🙂"], ""),
        ("Say {data}", None, ["due is Rain"], "not in the prompt: 'due is Rain'"),
        ("Say {data}", None, ["It snows"], "not in the prompt: 'It snows'"),
        ("Say {data}", None, ["🙃"], "not in the prompt"),
        ("{context}", "Rain is due. Nobody came to NAME_1 on: rain is due.", [], ""),
        ("{context}", "Nobody came, it was dark.", [], "not in the prompt: 'Nobody came, it was dark.'"),
        ("{context}", "***", [], "not in the prompt"),
        ("Tell NAME_1 {data}", None, [], ""),
        ("Tell NAME_2 {data}", None, [], "a name that is not in the prompt: NAME_2"),
    ],
)
def test_what_is_claimed_stands_in_the_prompt(template: str, context: str | None, items: list[str], problem: str) -> None:
    """Items word for word, marks and case aside; a context with a tenth of slips at most; no placeholder of a name that the
    prompt has not."""
    found = Ground("Rain is due. Nobody came to NAME_1. 🙂").problem(template, context, items)

    assert found.startswith(problem)
    assert bool(found) == bool(problem)


@pytest.mark.parametrize(
    ("text", "item", "held"),
    [("is land available", "island", False), ("the island", "land", False), ("the island", "is land", False),
     ("Is  Land, available?", "is land", True), ("concatenate", "cat", False), ("In 15 days", "5", False),
     ("3 kg of it", "3kg", True), ("a train", "rain", False), ("Straße", "STRASSE", True), ("приход", "ход", False),
     ("мой приход.", "приход", True), ("我有苹果和香蕉。", "苹果", True), ("我有苹 果", "苹果", True),
     ("사과와 배", "사과", True), ("القطط والكلاب", "الكلاب", True), ("用Python写", "Python", True),
     ("用Python3写", "Pyth", False), ("हिन्दी भाषा", "हिन्दी", True), ("हिन्दी भाषा", "हिन्द", False),
     ("cafe\u0301s", "cafe", False),
     ("Say:\\nfoo\\nbar", "foo", True), ("a 🙂 b", "🙂", True), ("a+b", "+", True), ("ab", "-", False),
     ("ราคาเท่าไร", "เท่าไร", True)],
)  # fmt: skip
def test_words_of_an_item_are_whole_words(text: str, item: str, held: bool) -> None:
    """Where a script writes words apart; where it does not, or attaches to them, the letters stand in a row."""
    assert Ground(text).holds(item) == held


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("3 poems, 12 songs", {3, 12}), ("２ und ٣", {2, 3}), ("Twenty-five", {25}), ("cent", {100}),
     ("one hundred and fifty", {50, 100, 150}), ("two hundred", {2, 100, 200}), ("三十条", {30}), ("一百二十", {120}),
     ("다섯개, 세계", {5}), ("a dozen", {12}), ("dua belas", {12}), ("nothing", set()), ("seven. Two", {7, 2, 9})],
)  # fmt: skip
def test_numbers_are_read_in_digits_and_words(text: str, numbers: set[int]) -> None:
    assert numbers <= numbers_in(text) <= numbers | {9, 200}
