"""What stands behind preferences: flips, agreement, and what is left at equal length."""

from __future__ import annotations

from typing import Any

import pytest

from ppbench import Trace, Trial
from ppbench.opinions import Opinions, opinions

RUN = {"items": [{"id": str(k), "family": str(k)} for k in range(60)], "seed": 0}


def _trials() -> list[Trial]:
    """The method's answers are twice as long as serial's on every other prompt, half as long on the rest."""
    made = []
    for k in range(60):
        for method, words in (("serial", 20), ("m", 40 if k % 2 else 10)):
            made.append(Trial(str(k), 0, method, 0, Trace((), "word " * words, (), 0, 1, None)))
    return made


def _verdict(k: int, judge: str, criterion: str, value: float) -> dict[str, Any]:
    return {"item": str(k), "repeat": 0, "decomposer": "m", "try": 0, "judge": judge, "criterion": criterion, "value": value}


def _found(*verdicts: dict[str, Any]) -> Opinions:
    found = opinions(RUN, _trials(), verdicts)
    assert found is not None
    return found


def test_nobody_compared_nothing_said() -> None:
    """Without a preference there is no opinion to doubt."""
    assert opinions(RUN, _trials(), [_verdict(0, "r", "reference", 1.0)]) is None


def test_flips_and_unusable_replies_are_shares_of_what_was_asked() -> None:
    """One of four criteria flipped in half the cases; one reply of three could not be read."""
    found = _found(_verdict(0, "j", "preference", 1.0), _verdict(1, "j", "preference", 0.5), _verdict(0, "j", "flip", 0.0),
                   _verdict(1, "j", "flip", 0.25), _verdict(0, "j", "unusable", 0.0), _verdict(1, "j", "unusable", 0.0),
                   _verdict(2, "j", "unusable", 1.0))  # fmt: skip
    habits = found.habits["j"]
    assert (habits.rulings, habits.flips, habits.unusable) == (2, pytest.approx(0.125), pytest.approx(1 / 3))


def test_a_judge_that_likes_length_is_seen_through() -> None:
    """It prefers the longer answer nine times in ten; raw and controlled both lie near parity only if both are looked at."""
    likes = [_verdict(k, "j", "preference", float((k % 2 == 1) != (k % 10 == 0))) for k in range(60)]
    found = _found(*likes).controlled["m"]
    assert found.slopes["length"] > 0
    longer = _found(*(record for record in likes if int(record["item"]) % 2)).controlled["m"]
    assert longer.raw is not None
    assert longer.raw.value == 1.0
    assert longer.value is None
    assert "length" in longer.reason


def test_judges_that_disagree_make_a_low_alpha() -> None:
    """Two judges who agree have alpha 1; opposed ones lie below 0."""

    def both(second: Any) -> Opinions:
        return _found(*(_verdict(k, judge, "preference", float(rule(k)))
                        for k in range(20) for judge, rule in (("a", lambda k: k % 2), ("b", second))))  # fmt: skip

    agreed, opposed = both(lambda k: k % 2).jury.alpha, both(lambda k: 1 - k % 2).jury.alpha
    assert agreed == pytest.approx(1.0)
    assert opposed is not None
    assert opposed < 0
