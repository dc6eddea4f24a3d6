"""Preference at equal length and structure: known effects are found again, and what the data cannot say is not said."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench.controlled import Compared, Look, controlled, look


def drawn(
    families: int, *, better: float, longer: float, listed: float = 0.0, seed: int = 1, each: int = 1, shift: float = 0.4
) -> list[Compared]:
    """Comparisons by a judge whose log odds for the method are `better` + `longer` x log length ratio + `listed` x log
    ratio of list marks; the method's answers are longer by `shift` on average. Two draws a comparison, so ties occur."""
    chance = random.Random(seed)
    rows = []
    for number in range(families):
        for _ in range(each):
            serial, marks = chance.randint(100, 400), (chance.randint(0, 6), chance.randint(0, 6))
            method = int(serial * math.exp(chance.gauss(shift, 0.5)))
            odds = better + longer * math.log((1 + method) / (1 + serial)) + listed * math.log((1 + marks[0]) / (1 + marks[1]))
            share = 1 / (1 + math.exp(-odds))
            value = ((chance.random() < share) + (chance.random() < share)) / 2
            rows.append(Compared(str(number), value, Look(method, 0, 0, marks[0]), Look(serial, 0, 0, marks[1])))
    return rows


def test_a_preference_for_length_alone_is_taken_out() -> None:
    """Raw, the longer method wins; at equal length it is no better, and the slope says why."""
    found = controlled(drawn(400, better=0.0, longer=2.0))

    assert found.raw is not None
    assert found.value is not None
    assert found.raw.value > 0.6
    assert found.raw.low is not None
    assert found.raw.low > 0.5
    assert found.value.value == pytest.approx(0.5, abs=0.05)
    assert found.value.low is not None
    assert found.value.high is not None
    assert found.value.low < 0.5 < found.value.high
    assert found.slopes["length"] == pytest.approx(2.0 * math.log(2), abs=0.35)


def test_a_method_that_is_better_stays_better() -> None:
    """Where length earns nothing, controlled and raw say the same."""
    found = controlled(drawn(400, better=0.8, longer=0.0))

    assert found.raw is not None
    assert found.value is not None
    assert found.value.value == pytest.approx(1 / (1 + math.exp(-0.8)), abs=0.05)
    assert found.value.value == pytest.approx(found.raw.value, abs=0.04)


def test_visible_structure_is_taken_out_beside_length() -> None:
    """A judge that likes lists flatters whoever writes them."""
    rows = [row for row in drawn(900, better=0.0, longer=0.0, listed=1.5) if row.method.marks >= row.serial.marks - 1]
    found = controlled(rows)

    assert found.raw is not None
    assert found.value is not None
    assert found.raw.value > 0.6
    assert found.value.value == pytest.approx(0.5, abs=0.07)
    assert set(found.slopes) == {"length", "marks"}


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 200 draws of 50 families at 95 %: ten misses are to be expected, and 23 would be too many for chance."""
    truth = 1 / (1 + math.exp(-0.5))
    found = [controlled(drawn(50, better=0.5, longer=1.5, seed=seed)).value for seed in range(200)]
    held = sum(1 for one in found if one and one.low and one.high and one.low <= truth <= one.high)

    assert 177 <= held <= 200


def test_rows_of_a_family_count_as_one_chance() -> None:
    """The same rows eight times over make nothing surer, and a family with more rows weighs no more."""
    rows = drawn(80, better=0.3, longer=1.0)
    once, often = controlled(rows), controlled(rows * 8)
    lopsided = controlled(rows + [row for row in rows if row.family == "0"] * 50)

    assert once.value is not None
    assert often.value is not None
    assert lopsided.value is not None
    assert (often.value.low, often.value.high) == (pytest.approx(once.value.low), pytest.approx(once.value.high))
    assert lopsided.value.value == pytest.approx(once.value.value)


def test_the_other_side_sees_the_same() -> None:
    """Method and serial exchanged turn every figure round."""
    rows = drawn(120, better=0.7, longer=1.0)
    one, other = controlled(rows), controlled([Compared(r.family, 1 - r.value, r.serial, r.method) for r in rows])

    assert one.value is not None
    assert other.value is not None
    assert one.value.value == pytest.approx(1 - other.value.value)
    assert one.value.low == pytest.approx(1 - (other.value.high or 0))


def test_differences_that_tell_winners_from_losers_have_an_answer_still() -> None:
    """A judge that always takes the longer one: raw it wins nearly always, at equal length nobody does."""
    rows = [Compared(r.family, float(r.method.length > r.serial.length), r.method, r.serial)
            for r in drawn(200, better=0.0, longer=0.0)]  # fmt: skip
    found = controlled(rows)

    assert found.raw is not None
    assert found.value is not None
    assert found.raw.value > 0.7
    assert found.value.value == pytest.approx(0.5, abs=0.1)
    assert found.slopes["length"] > 2


A, B = Look(100, 0, 0, 0), Look(200, 0, 0, 0)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [([], "nothing was compared"),
     (drawn(29, better=0.0, longer=0.0), "29 families of prompts are too few, 30 are needed"),
     (drawn(29, better=0.0, longer=0.0, each=9), "29 families"),
     ([Compared(str(k), k % 2, B, A) for k in range(50)], "every answer has more length than serial's"),
     ([Compared(str(k), k % 2, A, B) for k in range(50)], "every answer has less length than serial's"),
     ([Compared(str(k), k % 2, Look(100 + k, 1, 0, 0), Look(120, 0, 0, 0)) for k in range(50)], "more headings than serial's")],
)  # fmt: skip
def test_what_cannot_be_known_is_none_with_its_reason(rows: list[Compared], reason: str) -> None:
    """Too few families, or nothing seen at no difference; the raw value stands."""
    found = controlled(rows)

    assert found.value is None
    assert reason in found.reason
    assert (found.raw is None) == (not rows)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_where_all_came_out_alike_the_value_has_no_bounds(value: float) -> None:
    """Length and structure cannot have mattered; how sure that is cannot be said."""
    found = controlled([Compared(r.family, value, r.method, r.serial) for r in drawn(60, better=0.0, longer=0.0)])

    assert found.value is not None
    assert (found.value.value, found.value.low, found.value.high) == (value, None, None)
    assert found.reason


def test_without_any_difference_the_controlled_value_is_the_raw_one() -> None:
    """Equal looks leave nothing to take out."""
    found = controlled([Compared(str(k), (k % 3) / 2, A, A) for k in range(60)])

    assert found.raw is not None
    assert found.value is not None
    assert found.value.value == pytest.approx(found.raw.value)
    assert found.slopes == {}


LOOKS = st.builds(Look, st.integers(0, 10**6), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
ROWS = st.builds(Compared, st.just(""), st.sampled_from([0.0, 0.5, 1.0]), LOOKS, LOOKS)


@given(st.lists(ROWS, min_size=60, max_size=60))
@settings(max_examples=40, deadline=None)
def test_whatever_the_answers_look_like_a_share_comes_out_or_a_reason(rows: list[Compared]) -> None:
    """Spread over sixty families: a value between its bounds, in [0, 1]."""
    found = controlled([Compared(str(k), r.value, r.method, r.serial) for k, r in enumerate(rows)])

    if found.value is None:
        assert found.reason
    else:
        low, high = found.value.low, found.value.high
        assert 0 <= found.value.value <= 1
        assert low is None or high is None or 0 <= low <= found.value.value <= high <= 1


# What is seen of an answer


@pytest.mark.parametrize(
    ("text", "seen"),
    [("", Look(0, 0, 0, 0)), ("  plain words \n", Look(11, 0, 0, 0)), ("# One\n## Two\n#three", Look(19, 2, 0, 0)),
     ("**bold** and __bold__, 2 ** 3 ** 4", Look(34, 0, 2, 0)), ("1. a\n2) b\n- c\n  * d\n• e", Look(23, 0, 0, 5)),
     ("3.5 million\n1. a", Look(16, 0, 0, 1)), ("**\n**", Look(5, 0, 0, 0))],
)  # fmt: skip
def test_a_look_counts_length_headings_bold_and_marks(text: str, seen: Look) -> None:
    """As Markdown writes them, in characters and occurrences."""
    assert look(text) == seen


@pytest.mark.parametrize("filler", ["#", "*", "**a", "__", " ", "\n", "1", "- ", "(1"])
def test_endless_repetition_is_counted_at_once(filler: str) -> None:
    """An answer that got stuck costs no time."""
    assert look(filler * (200_000 // len(filler))).length <= 200_000
