"""Validation of splits: each gap of the published rules that it mends, languages side by side; and categories by cues."""

from __future__ import annotations

from collections import defaultdict

import pytest

from ppbench import Item, Schema, installed_categories, load_items, wilson
from ppbench_plugins.curation.categories import category_of
from ppbench_plugins.curation.mending import mended
from ppbench_plugins.curation.rows import Row
from ppbench_plugins.curation.stages import as_given, validated
from ppbench_plugins.curation.validation import judge
from ppbench_plugins.decomposers.tiers import paper_tier


def counted(text: str, n: int, language: str = "en") -> bool:
    return judge(text, language, Schema("Write one of them.", n=n)).passed


def gold() -> list[Item]:
    """The packaged prompts that can be split."""
    items = [item for category in installed_categories() if category.prompts for item in load_items(category.prompts)[0]]
    return [item for item in items if item.schema and item.splittable is not False and item.dependency == "none"]


@pytest.mark.parametrize(
    ("text", "n", "language"),
    [
        ("Give me 5 healthy breakfast ideas.", 5, "en"),  # the published prompt's own first example, which its rules refuse
        ("Write 5 short stories about the sea.", 5, "en"),
        ("Generate five stories.", 5, "en"),
        ("Escribe siete poemas muy cortos sobre el mar.", 7, "es"),
        ("Schreibe drei kurze, lustige Gedichte.", 3, "de"),
        ("写五个关于猫的短故事。", 5, "zh"),
        ("给我写12条广告语。", 12, "zh"),
        ("海についての短い詩を３つ書いてください。", 3, "ja"),
        ("고양이에 대한 짧은 이야기 다섯 편을 써 줘.", 5, "ko"),
        ("Напиши пять коротких рассказов о море.", 5, "ru"),
        ("Придумай 10 смешных названий для кафе.", 10, "ru"),
        ("اكتب خمس قصص قصيرة عن البحر.", 5, "ar"),
        ("समुद्र पर पाँच छोटी कविताएँ लिखो।", 5, "hi"),
    ],
)
def test_a_count_is_read_in_words_and_scripts_with_words_between(text: str, n: int, language: str) -> None:
    """Whatever stands between number and noun."""
    assert counted(text, n, language)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("Write stories for my talks at 10:30 and 11:45.", 10),
        ("Write stories about the change from v3.5 to v4.2.", 3),
        ("Write a story about it in 5 words.", 5),
        ("Write a story of 300 words about 2 pm.", 2),
        ("Write stories about 20 % of us.", 20),
        ("Write stories.\n1. About the sea\n2. About the land\n3. About the air", 3),
        ("Name the top 10 books.", 10),
        ("Write 4 stories.", 5),
        ("用5个字写一个故事", 5),
    ],
)
def test_clock_times_decimals_lengths_and_list_marks_are_no_count(text: str, n: int) -> None:
    """Nor is a number that the prompt does not say."""
    assert not counted(text, n, "zh" if not text.isascii() else "en")


@pytest.mark.parametrize(
    ("text", "items", "cue"),
    [
        ("回答：天空为什么是蓝色的？草为什么是绿色的？", ["天空为什么是蓝色的？", "草为什么是绿色的？"], "questions"),
        ("ترجم: الكلب؛ القطة؛ الحصان", ["الكلب", "القطة", "الحصان"], "marks"),
        ("翻訳して：犬、猫、馬", ["犬", "猫", "馬"], "marks"),
        ("Translate into German: dog and cat", ["dog", "cat"], "joined"),
        ("Correct each line.\nHe go home\nShe have a dog", ["He go home", "She have a dog"], "lines"),
        ("Rate. Review 1: fine. Review 2: awful", ["fine", "awful"], "labels"),
    ],
)
def test_a_list_is_told_by_where_its_items_stand(text: str, items: list[str], cue: str) -> None:
    """In full-width marks as in ASCII, two items as well as ten."""
    judged = judge(text, "en", Schema("Do: {data}", data=tuple(items)))

    assert judged.passed
    assert cue in judged.cues


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        (["dog", "wolf"], "not in the prompt: 'wolf'"),
        (["dog", "Dog!"], "an item stands twice, but for case and marks"),
        (["dog", "house cat"], "not in the prompt: 'house cat'"),
        (["dogs", "cat"], "not in the prompt: 'dogs'"),
    ],
)
def test_items_that_stand_twice_or_not_in_the_prompt_are_refused(items: list[str], problem: str) -> None:
    """With the reason."""
    judged = judge("Translate: Dog!, dog, cat, the cat of the house", "en", Schema("Translate: {data}", data=tuple(items)))

    assert (judged.tier, judged.problem) == ("not_parallelizable", problem)


def test_two_things_that_are_compared_are_no_list() -> None:
    """A word that takes them together outweighs that they stand side by side."""
    judged = judge("Compare tea and coffee.", "en", Schema("Compare: {data}", data=("tea", "coffee")))
    assert judged.tier == "low"


@pytest.mark.parametrize("category", ["reading comprehension", "named entity recognition", "translation"])
def test_no_category_passes_by_its_name(category: str) -> None:
    """The published rules pass all of them; here two words of a sentence are none."""
    text, items = "A dog that was old slept beside a cat whose life had been long.", ("dog", "cat")
    schema = Schema("About: {data}", data=items)

    assert paper_tier(text, category, schema.to_json()).passed
    assert not judge(text, "en", schema).passed


@pytest.mark.parametrize(
    "given", ['{"template": "Do", "data": null, "n": null}', '{"template": "{data}", "data": ["a"], "n": 3}']
)
def test_neither_and_both_of_items_and_count_are_refused(given: str) -> None:
    """Where the published rules let the first pass."""
    row = Row(1, "r", "Do three things, a and b and c.", "en", given)
    assert validated(row, as_given(row)).stage == "validation"


def test_slips_of_copying_are_mended_from_the_prompt_and_nothing_else_is() -> None:
    """Case, white space and kinds of quotation marks; another word stays wrong."""
    text = "Translate: “The  cat\nsat.” and “It’s late.”"
    schema = Schema("Translate: {data}", data=("the cat sat.", "It's late.", "It is late."))

    assert mended(text, schema).data == ("The  cat\nsat.", "It’s late.", "It is late.")


def test_no_language_lies_far_under_english() -> None:
    """Of the packaged prompts that can be split, with 20 or more of a language, at most ten points."""
    passed = defaultdict[str, list[bool]](list)
    for item in gold():
        assert item.schema is not None
        passed[item.language].append(judge(item.text, item.language, item.schema).passed)
    shares = {code: wilson(sum(found), len(found)) for code, found in passed.items() if len(found) >= 20}

    assert len(shares) == 13
    assert shares["en"] is not None
    assert min(share.value for share in shares.values() if share) >= shares["en"].value - 0.10
    assert min(share.low for share in shares.values() if share and share.low is not None) > 0.8


def test_categories_are_right_by_far_more_often_than_wrong() -> None:
    """On the packaged labels: three in four are right, and of those that are named five in six."""
    pairs = [(item.category, category_of(item.schema, item.text, item.language)) for item in gold() if item.schema]
    right = sum(label == found for label, found in pairs)
    named = sum(found != "general" for _, found in pairs)

    assert right / len(pairs) > 0.75
    assert right / named > 5 / 6


@pytest.mark.parametrize(
    ("template", "language", "category"),
    [
        ("Übersetze ins Englische: {data}", "de", "translation"), ("Исправь ошибки: {data}", "ru", "grammatical_correction"),
        ("这句话的情感是正面还是负面？{data}", "zh", "sentiment_analysis"), ("Do something with {data}", "en", "general"),
        ("次の文から人名を抜き出して：{data}", "ja", "named_entity_recognition"),
        ("Extrae las palabras clave: {data}", "es", "keyword_extraction"),
    ],
)  # fmt: skip
def test_a_category_is_named_by_cues_of_its_language(template: str, language: str, category: str) -> None:
    """And left open without one."""
    schema = Schema(template, data=("Anna kam.", "Bert ging."))
    assert category_of(schema, template, language) == category
