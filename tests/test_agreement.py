"""Agreement of judges: the published examples come out as published, and a jury hides neither silence nor dissent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench.agreement import Level, alpha, jury, tau_b

N = None
FOUR = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3),
    (N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N),
)
"""Four observers, twelve units, values missing: K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), C."""
MEG_AND_OWEN = ((0, 1, 0, 0, 0, 0, 0, 0, 1, 0), (1, 1, 1, 0, 0, 1, 0, 0, 0, 0))
"""Two observers, two values: the same, A."""
BEN_AND_GERRY = tuple([ord(letter) for letter in letters] for letters in ("aabbdcccedda", "babbbccceddd"))
"""Two observers, names: the same, B."""


def units(observers: Sequence[Sequence[float | None]]) -> list[tuple[float | None, ...]]:
    return list(zip(*observers, strict=True))


@pytest.mark.parametrize(
    ("observers", "level", "published"),
    [(MEG_AND_OWEN, "nominal", 0.095), (BEN_AND_GERRY, "nominal", 0.692), (FOUR, "nominal", 0.743),
     (FOUR, "ordinal", 0.815), (FOUR, "interval", 0.849)],
)  # fmt: skip
def test_alpha_is_what_krippendorff_prints(observers: Sequence[Sequence[float | None]], level: Level, published: float) -> None:
    """The worked examples of the definition, to the three digits that it gives."""
    assert alpha(units(observers), level) == pytest.approx(published, abs=0.0005)


def test_alpha_is_one_for_agreement_and_below_zero_for_contradiction() -> None:
    """And near zero for judges that throw dice."""
    dice = random.Random(5)
    thrown = [(dice.choice((0.0, 0.5, 1.0)), dice.choice((0.0, 0.5, 1.0))) for _ in range(4000)]

    assert alpha([(0, 0), (1, 1), (0.5, 0.5)]) == 1.0
    assert alpha([(0, 1), (1, 0)], "nominal") == pytest.approx(-0.5)
    assert alpha(thrown) == pytest.approx(0.0, abs=0.05)


def test_order_counts_where_values_are_ordered() -> None:
    """A tie beside a win is a smaller disagreement than a loss beside a win; as names they weigh the same."""
    near, far = [(0, 0), (1, 1), (0.5, 1), (0.5, 0.5)], [(0, 0), (1, 1), (0, 1), (0.5, 0.5)]

    for level in ("ordinal", "interval"):
        assert (alpha(near, level) or 0) > (alpha(far, level) or 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("nothing", [[], [(1, None), (None, 0)], [(0.5, 0.5), (0.5, 0.5)], [(1,), (0,)]])
def test_alpha_is_none_where_it_is_not_defined(nothing: list[tuple[float | None, ...]]) -> None:
    """No two values on one unit, or no two values that differ."""
    assert [alpha(nothing, level) for level in ("nominal", "ordinal", "interval")] == [None] * 3


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, None]), min_size=2, max_size=4), max_size=12))
def test_alpha_never_exceeds_one_and_forgets_who_is_who(rows: list[list[float | None]]) -> None:
    """Whichever way the judges of a unit are ordered, and whatever is missing."""
    found = alpha(rows)

    assert found is None or found <= 1.0 + 1e-9
    assert alpha([row[::-1] for row in rows]) == (None if found is None else pytest.approx(found))


def test_tau_b_compares_rankings_with_ties() -> None:
    """As in the example of scipy's manual; the same order gives 1, the reverse -1."""
    assert tau_b(dict(enumerate([12, 2, 1, 12, 2])), dict(enumerate([1, 4, 7, 1, 0]))) == pytest.approx(-0.4714045)
    assert tau_b({"a": 1, "b": 2, "c": 3}, {"c": 0.9, "b": 0.5, "a": 0.1, "d": 7}) == 1.0
    assert tau_b({"a": 1, "b": 2}, {"a": 2, "b": 1}) == -1.0


@pytest.mark.parametrize("other", [{}, {"a": 1}, {"a": 1, "b": 1}, {"x": 1, "y": 2}])
def test_tau_b_is_none_where_nothing_can_be_ranked(other: dict[str, float]) -> None:
    """Fewer than two names in common, or all alike."""
    assert tau_b({"a": 1, "b": 2}, other) is None


# A jury


def record(judge: str, item: str, method: str, value: float, criterion: str = "preference") -> dict[str, Any]:
    return {"judge": judge, "item": item, "repeat": 0, "decomposer": method, "try": 0, "criterion": criterion, "value": value}


def test_a_jury_gives_mean_and_majority_of_each_cell() -> None:
    """Where no value has more than half of the judges the majority is a tie; other criteria are left aside."""
    found = jury([
        *(record(judge, "i", "m", value) for judge, value in (("x", 1.0), ("y", 1.0), ("z", 0.0))),
        *(record(judge, "i", "k", value) for judge, value in (("x", 1.0), ("y", 0.5), ("z", 0.0))),
        record("x", "i", "m", 0.0, "grammar"), record("structure", "i", "m", 0.3, "structure"),
    ])  # fmt: skip

    assert found.judges == ("x", "y", "z")
    ruling = found.cells["i", 0, "m", 0]
    assert (ruling.mean, ruling.majority) == (pytest.approx(2 / 3), 1.0)
    assert ruling.by_judge == {"x": 1.0, "y": 1.0, "z": 0.0}
    assert found.cells["i", 0, "k", 0].majority == 0.5
    assert found.ranking == {"m": pytest.approx(2 / 3), "k": 0.5}


def test_a_judge_that_could_not_be_read_is_silent_and_counted() -> None:
    """The others rule without it, and a cell on which nobody could be read is no ruling but stays in the count."""
    found = jury([
        record("x", "i", "m", 1.0), record("x", "i", "m", 0.0, "unusable"), record("y", "i", "m", 1.0, "unusable"),
        record("x", "j", "m", 1.0, "unusable"), record("y", "j", "m", 1.0, "unusable"),
        record("x", "k", "m", 0.0), record("y", "k", "m", 0.0),
    ])  # fmt: skip

    assert found.silent == {"x": 1, "y": 2}
    assert found.cells.keys() == {("i", 0, "m", 0), ("k", 0, "m", 0)}
    assert found.cells["i", 0, "m", 0].by_judge == {"x": 1.0}


def test_rankings_of_judges_are_compared_in_pairs() -> None:
    """Judges that differ on every prompt may still rank the methods alike, and the other way round."""
    values = {"x": {"a": 1.0, "b": 0.5, "c": 0.0}, "y": {"a": 0.5, "b": 0.5, "c": 0.0}, "z": {"a": 0.0, "b": 0.5, "c": 1.0}}
    found = jury([record(judge, item, method, value) for judge, row in values.items()
                  for method, value in row.items() for item in "ij"])  # fmt: skip

    assert found.rankings == values
    assert found.taus["x", "z"] == pytest.approx(-1.0)
    assert found.taus["x", "y"] == pytest.approx(0.8164966)
    assert found.alpha is not None
    assert found.alpha < 0.5


def test_one_judge_is_a_jury_that_cannot_disagree() -> None:
    """No alpha, no tau; its own values stand. Nobody at all is a jury too."""
    alone = jury([record("x", "i", "m", 0.5), record("x", "j", "m", 1.0)])

    assert (alone.alpha, alone.taus, alone.ranking) == (None, {}, {"m": 0.75})
    assert jury([]).cells == {}


def test_a_later_record_of_the_same_judge_replaces_an_earlier_one() -> None:
    """Judging again is no second vote, and a reply that can be read now is no longer silence."""
    found = jury([record("x", "i", "m", 1.0, "unusable"), record("x", "i", "m", 0.0), record("x", "i", "m", 1.0)])

    assert found.cells["i", 0, "m", 0].mean == 1.0
    assert found.silent == {"x": 0}


def test_what_was_known_without_asking_is_no_agreement() -> None:
    """Of judges that report flips, cells without one count for the means alone; a judge that never does is always asked."""
    known = [record(judge, f"same{k}", "m", 0.5) for judge in "xy" for k in range(50)]
    asked = [*(record("x", item, "m", value) for item, value in zip("ijk", (1.0, 0.0, 0.5), strict=True)),
             *(record("y", item, "m", value) for item, value in zip("ijk", (0.0, 1.0, 0.5), strict=True))]  # fmt: skip
    flips = [record(judge, item, "m", 0.0, "flip") for judge in "xy" for item in "ijk"]

    assert jury([*known, *asked, *flips]).alpha == jury(asked).alpha
    assert jury([*known, *asked]).alpha != jury(asked).alpha
    assert len(jury([*known, *asked, *flips]).cells) == 53
