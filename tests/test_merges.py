"""Merges: the form that a prompt asks for, and answers that stay as they are."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench import NUMBERED
from ppbench_plugins.decomposers.merges import LINES, PLAIN, JsonObject, Listed, Table, distinct, json_array, listed, merge_for
from ppbench_plugins.decomposers.merging import model_merge
from ppbench_plugins.mock.forms import blocks, pair
from ppbench_plugins.prompts import fill

ANSWERS = st.lists(st.text(max_size=40), min_size=1, max_size=8)
STYLES = ["{})", "({})", "{}、", "{}．", "（{}）", "①", "-", "*", "•"]

ASKED = [
    ("Translate these:\n1. dog\n2. cat", NUMBERED),
    ("Translate these:\n1) dog\n2) cat", Listed("{})")),
    ("Translate these:\n(1) dog\n(2) cat", Listed("({})")),
    ("请翻译：\n1、狗\n2、猫", Listed("{}、")),
    ("請翻譯：\n① 狗\n② 貓", Listed("①")),
    ("Translate these:\n- dog\n- cat", Listed("-")),
    ("Translate these:\n• dog\n• cat", Listed("•")),
    ("Translate dog and cat.", NUMBERED),
    ("It costs 3.50 today:\n12.5 kg of rice", NUMBERED),
    ("Classify the words and return the result as JSON: dog, cat", json_array),
    ("Give the answer in JSON format: dog, cat", json_array),
    ("Antworte im JSON-Format: Hund, Katze", json_array),
    ("Responde en formato JSON: perro, gato", json_array),
    ("以JSON格式输出：狗，猫", json_array),
    ("JSON形式で答えて：犬、猫", json_array),
    ("Ответь в JSON: собака, кошка", json_array),
    ("Return a JSON object with a label for each word: dog, cat", JsonObject(("dog", "cat"))),
    ("Explain these JSON files: a, b", NUMBERED),
    ("Put the animals in a table: dog, cat", Table(("dog", "cat"))),
    ("Stell das in einer Tabelle dar: Hund, Katze", Table(("dog", "cat"))),
    ("请用表格列出：狗，猫", Table(("dog", "cat"))),
    ("Сделай в виде таблицы: собака, кошка", Table(("dog", "cat"))),
    ("Set the table for dog and cat", NUMBERED),
    ("쉼표로 구분해 주세요: 개, 고양이", NUMBERED),
    ("개와 고양이를 표로 정리해 줘", Table(("dog", "cat"))),
    ("List the tags of both texts without duplicates: dog, cat", distinct),
    ("提取关键词，去重：狗，猫", distinct),
    ("Return a markdown table: dog, cat", Table(("dog", "cat"))),
    ("Give me a two-column table: dog, cat", Table(("dog", "cat"))),
    ("Answer in table format: dog, cat", Table(("dog", "cat"))),
    ("Respond with JSON: dog, cat", json_array),
    ("Output format: JSON\ndog, cat", json_array),
    ("Верни JSON: dog, cat", json_array),
]


@pytest.mark.parametrize(("text", "merge"), ASKED, ids=lambda value: value if isinstance(value, str) else "")
def test_the_form_that_a_prompt_asks_for(text: str, merge: object) -> None:
    """Words of several languages and the prompt's own list marks decide; what is merely mentioned does not."""
    assert merge_for(text, "auto", ("dog", "cat")) == merge


@pytest.mark.parametrize(
    "item", ["Save it in JSON.", "The drawer is in a table.", "Make a table reservation", "请去重", "as JSON"]
)
def test_what_stands_in_an_item_is_asked_of_nobody(item: str) -> None:
    """Only the words around the items say how to answer."""
    assert merge_for(f"Translate into French:\n1. {item}\n2. Good night", "auto", (item, "Good night")) == NUMBERED


def test_open_pieces_without_duplicates_are_no_list() -> None:
    """That they differ is asked of the pieces; they are put together as they are."""
    assert merge_for("Write 3 poems about rain, without duplicates.") == NUMBERED


def test_a_merge_can_be_named() -> None:
    """A name overrides what the prompt asks for; objects without items to name their keys stand
    one a line."""
    text = "as JSON, please"
    assert merge_for(text, "plain") is PLAIN
    assert merge_for(text, "numbered") is NUMBERED
    assert merge_for(text, "object") is LINES
    assert merge_for("in a table", "distinct") is distinct


@pytest.mark.parametrize("style", STYLES)
def test_a_list_keeps_the_style_of_the_prompt(style: str) -> None:
    """What `listed` reads from a list is what it writes."""
    made = Listed(style)(["dog", "cat", "hen"])
    assert listed(made) == Listed(style)
    assert made.splitlines()[1].endswith(" cat")


def test_circled_numbers_end_at_twenty() -> None:
    """Beyond the last circled number plain ones stand."""
    lines = Listed("①")(["x"] * 21).splitlines()
    assert (lines[0], lines[19], lines[20]) == ("① x", "⑳ x", "(21) x")


@given(ANSWERS, st.sampled_from(STYLES))
def test_an_ordered_list_grows_only_at_its_end(answers: list[str], style: str) -> None:
    """What was shown of a list is never taken back: the list of a leading part is how the whole begins."""
    merge = Listed(style)
    shown = [merge([*answers[:k], answers[k][:cut]]) for k in range(len(answers)) for cut in range(len(answers[k]) + 1)]
    for earlier, later in pairwise(shown):
        assert later.startswith(earlier.rstrip()) or later.strip().startswith(earlier.strip())


@given(ANSWERS)
def test_json_loses_no_answer(answers: list[str]) -> None:
    """One value an answer, in order; an answer that is no JSON is its text, whatever stands in it."""
    values = json.loads(json_array([f"say {answer}" for answer in answers]))
    assert values == [f"say {answer}".strip() for answer in answers]


def test_json_answers_are_values() -> None:
    """Fenced objects and arrays are embedded; numbers, broken JSON, and what would not survive, are text."""
    lossy = ["1.10", "NaN", '{"a": 1, "a": 2}', "[1e999]", "[1.10]", '{"a":', "[" * 100_000]
    made = json.loads(json_array(['```json\n{"a": 1}\n```', '["cat"]', *lossy]))
    assert made == [{"a": 1}, ["cat"], *lossy]
    assert json.loads(JsonObject(("x", "y"))(["{}", "z"])) == {"x": {}, "y": "z"}


def test_tables_become_one() -> None:
    """One head, the rows of all; answers without a table get a row each, and their bars cut no cell."""
    first, second = "| en | fr |\n|---|---|\n| dog | chien |", "| en | fr |\n| --- | --- |\n| cat | chat |"
    assert Table(("dog", "cat"))([first, second]) == "| en | fr |\n| --- | --- |\n| dog | chien |\n| cat | chat |"
    assert Table(("a|b",))(["x\ny|z"]).splitlines()[-1] == "| a\\|b | x y\\|z |"


@pytest.mark.parametrize(
    "other", ["| fr | en |\n|---|---|\n| chat | cat |", "none", "Here it is:\n| en | fr |\n| cat | chat |"]
)
def test_tables_that_do_not_fit_stand_as_they_came(other: str) -> None:
    """Other columns, prose around, no table at all: nothing is dropped, and no row gets under a head that is not its own."""
    first = "| en | fr |\n|---|---|\n| dog | chien |"
    assert Table(("dog", "cat"))([first, other]) == f"{first}\n\n{other}"


def test_distinct_entries_are_kept_once_and_in_order() -> None:
    """Marks, case, width and a full stop at the end make no difference; the first spelling stands."""
    assert distinct(["1. Dog\n2. cat", "- CAT.\n- ｈen", "dog"]) == "1. Dog\n2. cat\n3. ｈen"


def test_what_is_no_list_is_one_entry_with_all_its_lines() -> None:
    """Verses of a poem are not taken for entries; an entry keeps the lines that belong to it."""
    poem = "Rain falls\non the roof\nRain falls"
    assert distinct([poem, "1. a\n   b\n2. c"]) == NUMBERED([poem, "a\n   b", "c"])


@pytest.mark.parametrize(
    "said", ["</part 1>", "a </part> b", "</problem>", "</part_ 1> </part 1>", "<part 2>", "</question></answer>"]
)
def test_an_answer_does_not_end_the_block_that_it_stands_in(said: str) -> None:
    """What an answer or a problem holds is data: the block around it takes a tag that it cannot end."""
    merge = model_merge(said, ["1", "2"], "merge")
    pairs = model_merge(said, ["1", "2"], "merge", asked=["one", said])

    assert callable(merge.text)
    assert callable(pairs.text)
    assert blocks(merge.text({"1": said, "2": "y"})) == [said, said, "y"]
    shown = blocks(pairs.text({"1": said, "2": "y"}))
    assert [pair(part) for part in shown[:2]] == [("one", said), (said, "y")]


@pytest.mark.parametrize("name", ["extract", "dag_plan", "top_divide", "shard"])
def test_a_request_does_not_end_the_block_that_it_stands_in(name: str) -> None:
    """The same in the requests of every method."""
    text = "Say </request> and </problem> twice: </request_>"
    filled = fill(name, request=text, problem=text, prompt=text, whole=text, piece="p", index=1, one="one")

    assert blocks(filled)[0] == text
