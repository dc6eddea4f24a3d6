"""Scores of one answer against its references."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench_plugins.judges.metrics import METRICS, chrf, exact, label, plain, set_f1, token_f1
from ppbench_plugins.judges.scripts import words

LABELS = ("positive", "negative", "neutral")


@pytest.mark.parametrize(
    "text", ["Paris", " paris. ", "“Paris”", "**Paris**", "- Paris", "`Paris`", "_Paris_", "ＰＡＲＩＳ", "Paris。", "PARIS!"]
)
def test_plain_puts_markup_case_width_and_end_marks_aside(text: str) -> None:
    """Two spellings of the same answer are the same answer."""
    assert plain(text) == "paris"


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("1937", 1.0),
        ("in 1937", 0.0),
        ("Year: 1937", 1.0),
        ("年：\n1937", 1.0),
        ("1938", 0.0),
        ("", 0.0),
        ("the year 1937", 0.0),
    ],
)
def test_exact_takes_an_accepted_answer_alone_or_after_a_heading(answer: str, score: float) -> None:
    """`exact` accepts the answer itself, and the answer after a heading that ends in a colon."""
    assert exact(answer, ("1937", "nineteen thirty-seven")) == score


def test_token_f1_is_the_best_overlap_of_words() -> None:
    """Articles are put aside, and the best accepted answer counts."""
    assert token_f1("The old grain store", ("grain store", "a barn")) == pytest.approx(0.8)
    assert token_f1("a barn", ("grain store", "the barn")) == 1.0
    assert token_f1("no idea", ("grain store",)) == 0.0


def test_token_f1_counts_characters_where_words_are_not_spaced() -> None:
    """A Chinese answer overlaps by characters."""
    assert token_f1("星期二", ("星期三",)) == pytest.approx(2 / 3)


def test_token_f1_keeps_an_answer_that_is_only_an_article() -> None:
    """An answer that is nothing but an article is still compared."""
    assert token_f1("la", ("la",)) == 1.0


@pytest.mark.parametrize(
    "answer",
    ["Oslo, Bergen, Bodø", "Bodø; Oslo; Bergen", "Oslo、Bergen、Bodø", "- Oslo\n- Bergen\n- Bodø", "Oslo,Bergen,Bodø",
     "Oslo, Bergen, and Bodø", "oslo，bergen，bodø。", "Oslo / Bergen / Bodø", "Oslo, Oslo, Bergen, Bodø"],
)  # fmt: skip
def test_set_f1_reads_members_in_any_common_layout(answer: str) -> None:
    """Commas of any script, semicolons, lines and bullets separate members; order and repetition do not count."""
    assert set_f1(answer, ("Oslo", "Bergen", "Bodø")) == 1.0


def test_set_f1_counts_missing_and_invented_members() -> None:
    """One of two found, and one invented, is half."""
    assert set_f1("Oslo, Rome", ("Oslo", "Bergen")) == 0.5
    assert set_f1("nothing", ("Oslo", "Bergen")) == 0.0


@pytest.mark.parametrize("value", ["1,260.50 EUR", "1.260,50 EUR", "EUR 1,260,500", "3/4 cup", "12:30"])
def test_set_f1_keeps_a_number_whole(value: str) -> None:
    """A comma between thousands, or a stroke in a fraction, separates nothing that the reference does not."""
    assert set_f1(value, (value,)) == 1.0
    assert set_f1(f"{value}, cash", (value, "cash")) == 1.0
    assert set_f1("260", (value,)) == 0.0


def test_set_f1_separates_numbers_that_are_listed() -> None:
    """Numbers of three digits in a list, or on lines of their own, are members of their own."""
    assert set_f1("410, 500", ("500", "410")) == 1.0
    assert set_f1("410 EUR\n500 EUR", ("410 EUR", "500 EUR")) == 1.0
    assert set_f1("1、260", ("260", "1")) == 1.0


def test_chrf_is_one_for_an_accepted_text_and_falls_with_the_difference() -> None:
    """chrF against the best of the accepted texts."""
    accepted = ("Where is the nearest pharmacy?", "Where is the closest pharmacy?")
    assert chrf("Where is the closest pharmacy?", accepted) == pytest.approx(1.0)
    assert 0.3 < chrf("Where's the next pharmacy?", accepted) < 0.9
    assert chrf("xyz", accepted) < 0.1
    assert chrf("", accepted) == 0.0


@pytest.mark.parametrize(
    ("answer", "score"),
    [("positive", 1.0), ("It is **Positive**.", 1.0), ("Sentiment: positive", 1.0), ("positive or negative", 0.0), ("", 0.0),
     ("negative", 0.0), ("positively", 0.0), ("unknown", 0.0), ("positive, positive", 1.0)],
)  # fmt: skip
def test_label_wants_the_right_label_and_no_other(answer: str, score: float) -> None:
    """An answer that names two labels is wrong, and so is one that names none."""
    assert label(answer, ("positive",), LABELS) == score


def test_label_takes_any_accepted_spelling() -> None:
    """Each accepted variant of the label is right."""
    assert label("pos", ("positive", "pos"), ("positive", "pos", "negative", "neg")) == 1.0
    assert label("pos/neg", ("positive", "pos"), ("positive", "pos", "negative", "neg")) == 0.0


def test_label_tells_a_longer_label_from_the_one_inside_it() -> None:
    """`very positive` names one label, not two."""
    assert label("very positive", ("very positive",), ("positive", "very positive")) == 1.0
    assert label("very positive", ("positive",), ("positive", "very positive")) == 0.0


def test_label_finds_labels_in_scripts_without_spaces() -> None:
    """A Chinese label is found inside a sentence."""
    assert label("这是好评。", ("好评",), ("好评", "差评")) == 1.0
    assert label("好评还是差评", ("好评",), ("好评", "差评")) == 0.0


@pytest.mark.parametrize("name", sorted(METRICS))
def test_markup_and_patterns_in_an_answer_are_only_text(name: str) -> None:
    """Brackets, braces and backslashes in answers and references are never read as a pattern."""
    odd = r"(.*)[a-z]+\1 $1 {data} <b>x</b> *?"

    assert METRICS[name](odd, (odd,)) == pytest.approx(1.0)
    assert METRICS[name]("plain words", (odd,)) < 0.5
    assert label(odd, (odd,), (odd, "other")) == 1.0


@settings(max_examples=60, deadline=None)
@given(answer=st.text(max_size=60), accepted=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=3))
def test_no_score_leaves_its_range(answer: str, accepted: list[str]) -> None:
    """Whatever the texts hold, each score lies in [0, 1]."""
    scores = [metric(answer, accepted) for metric in METRICS.values()] + [label(answer, accepted, accepted)]

    assert all(0.0 <= score <= 1.0 + 1e-9 for score in scores)


@pytest.mark.parametrize("filler", [" ", "\n", ".", "*", ",", "/", "1"])
def test_endless_repetition_is_scored_at_once(filler: str) -> None:
    """A reply that got stuck on one character for a hundred thousand tokens costs no time."""
    answer = "a" + filler * 100_000 + "b"

    assert exact(answer, ("a",)) == 0.0
    assert token_f1(answer, ("x",)) == 0.0
    assert set_f1(answer, ("x",)) == 0.0
    assert label(answer, ("x",), ("x", "y")) == 0.0


# Scripts and languages


@pytest.mark.parametrize(
    ("answer", "accepted", "language"),
    [
        ("कि ताब", "किताब", "hi"),
        ("कल", "काल", "hi"),
        ("बीस", "बस", "hi"),
        ("ما", "مما", "ar"),
        ("ดิน", "ดัน", "th"),
    ],
)
def test_a_vowel_sign_is_a_part_of_its_word(answer: str, accepted: str, language: str) -> None:
    """Words that differ in a sign, or are cut at one, are other words."""
    assert token_f1(answer, (accepted,), language) < 1.0
    assert token_f1(accepted, (accepted,), language) == 1.0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("हिन्दी की किताब।", ["हिन्दी", "की", "किताब"]),
        ("วันจันทร์", ["วั", "น", "จั", "น", "ท", "ร์"]),
        ("星期二 3 pm", ["星", "期", "二", "3", "pm"]),
        ("L'horloge d'Edith", ["horloge", "d", "edith"]),
    ],
)
def test_words_are_cut_where_their_script_cuts_them(text: str, found: list[str]) -> None:
    """Signs stay with their letters; scripts that do not part words are cut into letters; French articles are left out."""
    assert words(text, "fr") == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("한국", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),
        ("كِتَابٌ", "كتاب"),
        ("كتـــاب", "كتاب"),
        ("٣٥ ريال", "35 ريال"),
        ("२५ अक्टूबर", "25 अक्टूबर"),
        ("é", "e\u0301"),
        ("क़लम", "क\u093cलम"),
        ("ﾃﾚﾋﾞ", "テレビ"),
        ("नमस्ते।", "नमस्ते"),
        ("\u200fمرحبا\u200f", "مرحبا"),
    ],
)
def test_spellings_that_mean_the_same_are_the_same(one: str, other: str) -> None:
    """Jamo and syllables, optional vowel signs, stretched words, digits of any script, joiners that nobody sees."""
    assert plain(one) == plain(other)
    assert token_f1(one, (other,)) == 1.0
    assert exact(one, (other,)) == 1.0


def test_articles_are_those_of_the_language() -> None:
    """A word that is an article elsewhere counts where it is none."""
    assert token_f1("die young", ("young",), "en") < 1.0
    assert token_f1("die Uhr", ("Uhr",), "de") == 1.0
    assert token_f1("المتحف", ("متحف",), "ar") == 1.0


@pytest.mark.parametrize(
    ("answer", "accepted", "labels", "score"),
    [
        ("긍정입니다", "긍정", ("긍정", "부정"), 1.0),
        ("부정적인 후기", "긍정", ("긍정", "부정"), 0.0),
        ("ความเห็นเป็นบวกครับ", "บวก", ("บวก", "ลบ"), 1.0),
        ("सकारात्मक है", "सकारात्मक", ("सकारात्मक", "नकारात्मक"), 1.0),
        ("नकारात्मक", "सकारात्मक", ("सकारात्मक", "नकारात्मक"), 0.0),
        ("不满意", "满意", ("满意", "不满意"), 0.0),
        ("不满意，不是满意", "不满意", ("满意", "不满意"), 0.0),
        ("إيجابي", "إيجابي", ("إيجابي", "سلبي"), 1.0),
        ("エラーなし", "なし", ("なし", "あり"), 1.0),
        ("बसें", "बस", ("बस", "रेल"), 0.0),
    ],
)
def test_labels_are_found_in_every_script(answer: str, accepted: str, labels: tuple[str, ...], score: float) -> None:
    """A label stands within other letters where words are not parted, carries an ending in Korean, and is never cut out of
    a longer label or before a vowel sign."""
    assert label(answer, (accepted,), labels) == score


def test_marks_of_emphasis_around_a_whole_text_cost_no_chrf() -> None:
    """What a layout wraps around an answer is no part of it; what stands within it is."""
    assert chrf("**Where is it?**", ("Where is it?",)) == pytest.approx(1.0)
    assert chrf("“Where is it?”", ("Where is it?",)) == pytest.approx(1.0)
    assert chrf("Where **is** it?", ("Where is it?",)) < 1.0
