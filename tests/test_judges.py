"""The aligner, and the judges of structure and reference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench import NUMBERED, Case, Category, Item, Schema, Trace
from ppbench_plugins.judges.align import entries, slots
from ppbench_plugins.judges.reference import Reference
from ppbench_plugins.judges.structure import Structure

THREE = ("Rain is due.", "The shop shuts at six.", "Nobody came.")
DATA = Schema("Translate: {data}", data=("Regen kommt.", "Der Laden schließt um sechs.", "Niemand kam."))
REVIEWS = Schema("Label: {data}", data=("I love it.", "Broke at once.", "It is a lamp."))


def case(answer: str, *, schema: Schema | None = DATA, metric: str = "exact", reference: object = None) -> Case:
    kind = "n" if schema and schema.n else "data"
    item = Item("x-1", "some prompt", schema=schema, reference=reference)  # type: ignore[arg-type]
    category = Category("some", "Some", kind=kind, metric=metric)  # type: ignore[arg-type]
    return Case(item, category, Trace((), answer, (answer,), 0, 1, 1), None)


def structure(answer: str, **about: object) -> dict[str, float]:
    return {v.criterion: v.value for v in Structure().verdicts(case(answer, **about), ())}  # type: ignore[arg-type]


def reference(answer: str, metric: str, accepted: object, schema: Schema = DATA) -> float:
    about = case(answer, schema=schema, metric=metric, reference=accepted)
    [verdict] = Reference().verdicts(about, ())
    return verdict.value


# The aligner


@pytest.mark.parametrize(
    "mark",
    ["{}. ", "{}) ", "({}) ", "{}.", "**{}.** ", "**{}**. ", "{}: ", "{}、", "{}．", "（{}）", "## {}. ", " {}. ", "__{}.__ "],
)  # fmt: skip
def test_numbers_in_any_common_style_cut_an_answer_alike(mark: str) -> None:
    """However the numbers are written, the same entries come out, intros and blank lines aside."""
    lines = [mark.format(k) + text for k, text in enumerate(THREE, 1)]

    assert slots("\n".join(lines), 3) == list(THREE)
    assert slots("Here you are:\n\n" + "\n\n".join(lines), 3) == list(THREE)


@pytest.mark.parametrize("digits", ["１２３", "①②③", "١٢٣"])
def test_digits_of_other_scripts_number_a_list(digits: str) -> None:
    """Full-width, circled and Arabic digits count as the numbers they are."""
    mark = "" if digits[0] == "①" else "."

    assert slots("\n".join(f"{d}{mark} {text}" for d, text in zip(digits, THREE, strict=True)), 3) == list(THREE)


@pytest.mark.parametrize("mark", ["- ", "* ", "• ", "– ", "  - "])
def test_bullets_count_by_place(mark: str) -> None:
    """A bulleted answer is numbered by the order of its bullets."""
    assert slots("Sure:\n" + "\n".join(mark + text for text in THREE), 3) == list(THREE)


@pytest.mark.parametrize("join", ["\n", "\n\n", "\n \n"])
@pytest.mark.parametrize("intro", ["", "Here are the three:\n", "答えは次のとおりです：\n"])
def test_lines_and_paragraphs_count_by_place(join: str, intro: str) -> None:
    """An answer without marks is cut at paragraphs or lines; a line that only introduces them is none."""
    assert slots(intro + join.join(THREE), 3) == list(THREE)


def test_paragraphs_of_several_lines_stay_whole() -> None:
    """Where the paragraphs are as many as expected, their lines are not entries."""
    haiku = ["one\ntwo\nthree", "four\nfive\nsix"]

    assert slots("\n\n".join(haiku), 2) == haiku


def test_a_list_inside_an_entry_belongs_to_the_entry() -> None:
    """Deeper marks, numbers among bullets and bullets among numbers open no entry."""
    inner = "1. Rain\n   1. now\n   2. later\n2. Shop\n   - six\n   - or so\n3. Nobody"
    mixed = "- Rain\n  1. now\n  2. later\n- Shop\n- Nobody"

    assert slots(inner, 3) == ["Rain\n   1. now\n   2. later", "Shop\n   - six\n   - or so", "Nobody"]
    assert slots(mixed, 3) == ["Rain\n  1. now\n  2. later", "Shop", "Nobody"]


def test_the_numbered_merge_is_cut_into_the_parts_it_was_made_of() -> None:
    """Parts that hold lists of their own survive the merge and the cut."""
    parts = ["Rain", "1. now\n2. later", "- a\n- b"]

    assert slots(NUMBERED(parts), 3) == ["Rain", "1. now\n   2. later", "- a\n   - b"]


def test_every_number_a_one_is_counted_by_place() -> None:
    """Markdown lets all numbers be 1 and counts for itself."""
    assert slots("\n".join(f"1. {text}" for text in THREE), 3) == list(THREE)


@pytest.mark.parametrize("line", ["1.260,50 EUR", "10:30 Uhr", "2024: a good year", "1937", "3.5 million"])
def test_a_number_that_opens_an_answer_is_no_mark(line: str) -> None:
    """Amounts, times and years at the start of a line number nothing."""
    assert slots(f"{line}\n{line}", 2) == [line, line]
    assert slots(line, 1) == [line]


@pytest.mark.parametrize(
    "echo",
    ["{item} -> {text}", "{item}: {text}", "{item}\n{text}", "**{item}** – {text}", "“{item}” = {text}", "{item} - {text}"],
)
def test_an_item_repeated_before_its_answer_is_left_out(echo: str) -> None:
    """Whether an answer repeats the question first makes no difference."""
    assert DATA.data is not None
    lines = [f"{k}. " + echo.format(item=i, text=t) for k, (i, t) in enumerate(zip(DATA.data, THREE, strict=True), 1)]

    assert slots("\n".join(lines), 3, DATA.data) == list(THREE)


def test_an_answer_that_only_begins_like_its_item_is_kept() -> None:
    """Words in common are no repetition, and an answer equal to its item is the answer."""
    assert slots("1. She go home now.\n2. city hall\n3. same", 3, ("She go home", "city", "same")) == [
        "She go home now.", "city hall", "same",
    ]  # fmt: skip


def test_a_bold_heading_leaves_no_mark_behind() -> None:
    """A pair of bold marks around number and heading is taken off as a pair."""
    assert slots("**1. Rain** is due\n**2. Six**\n3. **Nobody** came", 3) == ["Rain is due", "Six", "**Nobody** came"]


def test_missing_and_empty_entries_are_none() -> None:
    """A number without text, or without a line, is no answer."""
    assert slots("1. Rain\n2.\n", 3) == ["Rain", None, None]
    assert slots("", 2) == [None, None]
    assert slots(" \n ", 1) == [None]


# Structure


def test_a_complete_ordered_answer_has_full_structure() -> None:
    """Each item once, in order."""
    assert structure(NUMBERED(THREE)) == {
        "structure": 1.0, "returned": 1.0, "missing": 0.0, "duplicated": 0.0, "misplaced": 0.0,
        "wrong_language": 0.0, "wrong_format": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "value", "fault", "share"),
    [
        ("1. a\n3. c", 2 / 3, "missing", 1 / 3),
        ("1. a\n2. b\n2. b again\n3. c", 3 / 4, "duplicated", 1 / 3),
        ("2. b\n1. a\n3. c", 2 / 3, "misplaced", 1 / 3),
        ("1. a\n2. b\n3. c\n4. d\n5. e\n6. f", 1 / 2, "missing", 0.0),
        ("I would rather not say.", 1 / 3, "missing", 2 / 3),
        ("", 0.0, "missing", 1.0),
        ("\n \n", 0.0, "missing", 1.0),
    ],
)
def test_each_fault_of_structure_costs_its_share(answer: str, value: float, fault: str, share: float) -> None:
    """Missing, doubled, late and surplus entries, plain text and silence."""
    found = structure(answer)

    assert found["structure"] == pytest.approx(value)
    assert found[fault] == pytest.approx(share)


def test_answers_in_each_others_places_are_misplaced() -> None:
    """Two right answers under each other's numbers are no longer in order."""
    accepted = tuple((text,) for text in THREE)
    found = structure(NUMBERED((THREE[1], THREE[0], THREE[2])), reference=accepted)

    assert found["misplaced"] == pytest.approx(2 / 3)
    assert found["structure"] == pytest.approx(1 / 3)


def test_a_wrong_label_is_a_wrong_answer_and_not_a_misplaced_one() -> None:
    """Items share labels, so another item's label says nothing of order."""
    accepted = (("positive",), ("negative",), ("neutral",))
    found = structure("1. negative\n2. negative\n3. negative", schema=REVIEWS, metric="label", reference=accepted)

    assert found["structure"] == 1.0


def test_a_piece_written_twice_counts_once() -> None:
    """Of pieces that were asked for in number, a copy is a duplicate."""
    found = structure("1. Fix it up!\n2. **fix it up**\n3. Ride on", schema=Schema("Write a slogan.", n=3), metric="none")

    assert found["structure"] == pytest.approx(2 / 3)
    assert found["duplicated"] == pytest.approx(1 / 3)


def test_an_item_without_schema_has_no_structure_to_judge() -> None:
    """What it should hold is not known."""
    assert structure("1. a\n2. b", schema=None) == {}
    assert list(Reference().verdicts(case("1. a", schema=None), ())) == []


# Reference


def test_reference_is_the_mean_over_subtasks_and_a_missing_one_earns_nothing() -> None:
    """Two of three right is two thirds, whichever way the third is wrong."""
    accepted = (("positive",), ("negative",), ("neutral",))

    assert reference("1. positive\n2. negative\n3. neutral", "label", accepted, REVIEWS) == 1.0
    assert reference("1. positive\n2. negative", "label", accepted, REVIEWS) == pytest.approx(2 / 3)
    assert reference("1. positive\n2. negative\n3. positive or neutral", "label", accepted, REVIEWS) == pytest.approx(2 / 3)
    assert reference("", "label", accepted, REVIEWS) == 0.0


@pytest.mark.parametrize("metric", ["exact", "token_f1", "set_f1", "chrf", "label"])
@pytest.mark.parametrize("layout", ["{}. {}", "{}) {}", "**{}.** {}", "- {1}", "{1}\n"])
def test_the_layout_of_an_answer_changes_no_reference_score(metric: str, layout: str) -> None:
    """The right answers score 1 by every metric in every layout."""
    answer = "\n".join(layout.format(k, text) for k, text in enumerate(THREE, 1))

    assert reference(answer, metric, tuple((text,) for text in THREE)) == pytest.approx(1.0)


def test_no_reference_and_no_metric_give_no_verdict() -> None:
    """Where no answer is the right one, nothing is said."""
    assert list(Reference().verdicts(case("1. a"), ())) == []
    assert list(Reference().verdicts(case("1. a", metric="none", reference=(("a",), ("b",), ("c",))), ())) == []


def test_judges_ask_no_model() -> None:
    """Both judge from text alone."""
    assert Structure().plan(case("a")) is None
    assert Reference().plan(case("a")) is None


@settings(max_examples=80, deadline=None)
@given(
    answer=st.text(st.sampled_from("abc 12.)-*\n\t①１:#_{}[]\\$<>，"), max_size=80),
    metric=st.sampled_from(["exact", "token_f1", "set_f1", "chrf", "label"]),
)
def test_whatever_an_answer_holds_every_verdict_lies_in_range(answer: str, metric: str) -> None:
    """A verdict outside [0, 1] cannot be made, so this also says that none is tried."""
    about = case(answer, metric=metric, reference=(("a",), ("b 1",), ("[c]*",)))
    verdicts = [*Structure().verdicts(about, ()), *Reference().verdicts(about, ())]

    assert len(verdicts) == 8
    assert len(entries(answer, 3)) <= len(answer)


@pytest.mark.parametrize("filler", [" ", "\n", "1", "*", "#", "- ", "1. ", "(", "\n1."])
def test_endless_repetition_is_cut_at_once(filler: str) -> None:
    """A reply that got stuck costs no time, and is judged like any other."""
    answer = "1. a\n" + filler * (100_000 // len(filler)) + "x"

    assert 0.0 <= structure(answer)["structure"] <= 1.0
    assert slots(answer, 3, DATA.data or ())[0] is not None
