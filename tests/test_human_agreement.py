"""How far annotators agree with one another and with model judges: pure, from records alone."""

from __future__ import annotations

from typing import Any

import pytest

from ppbench.agreement import jury
from ppbench.human.desk import SAME
from ppbench.human.summary import summarize


def record(judge: str, item: str, value: float, criterion: str = "preference", **more: Any) -> dict[str, Any]:
    return {"item": item, "repeat": 0, "decomposer": "m", "try": 0, "judge": judge, "criterion": criterion, "value": value,
            "reason": "", **more}  # fmt: skip


def test_agreement_has_its_denominators() -> None:
    """Two annotators on three of four, one of whom said otherwise once; a model asked on two; an unfit one left out."""
    ada, ben, cal, model = "human:annotator=ada", "human:annotator=ben", "human:annotator=cal", "pairwise:model=mock/quick"
    said = [record(ada, item, value) for item, value in zip("abcd", (1, 0, 0.5, 1), strict=True)]
    said += [record(ben, item, value) for item, value in zip("abc", (1, 0, 1), strict=True)]
    said += [record(model, item, value) for item, value in zip("abc", (1, 1, 0.5), strict=True)]
    said += [record(model, item, 0.0, "flip") for item in "ab"]  # of c it knew without asking
    said += [record(cal, "a", 1), record(cal, "a", 1, control="constant", compares=True)]
    passed = {"constant": 0, "truncated": 0, "flattery": 0, "flattered": 0.5}
    said += [record(judge, "d", value, control=name, compares=True) for judge in (ada, ben, model)
             for name, value in passed.items()]  # fmt: skip
    found = summarize(said, {ada: "ada", ben: "ben", cal: "cal"}, ["preference"])
    assert [row[:2] for row in found.agreement] == [["annotators (2)", "one another"], ["ada", model], ["ben", model]]
    assert [row[2].partition(" ")[2] for row in found.agreement] == ["(2 of 3)", "(1 of 2)", "(1 of 2)"]
    assert [row[:4] for row in found.annotators] == [["ada", 4, 4, 4], ["ben", 3, 3, 4], ["cal", 1, 1, 1]]
    assert "constant" in str(found.annotators[2][4])
    assert any("cal" in note for note in found.notes)
    changed = [*said, record(ben, "c", 0.5, round=1)]
    assert summarize(changed, {ada: "ada", ben: "ben"}, ["preference"]).agreement[0][2] == "1.00 (3 of 3)"


def test_ties_that_nobody_was_asked_about_are_no_agreement() -> None:
    """They count for a method's mean, and leave alpha as it is; said again after being asked, they count."""
    said = [record(judge, item, value) for judge, values in (("ada", (1, 0)), ("ben", (1, 1)))
            for item, value in zip("ab", values, strict=True)]  # fmt: skip
    ties = [record(judge, item, 0.5, reason=SAME) for judge in ("ada", "ben") for item in "cdef"]
    assert jury([*said, *ties]).alpha == jury(said).alpha
    assert jury([*said, *ties]).rankings["ben"] == {"m": pytest.approx(4 / 6)}
    asked = [{**tie, "reason": ""} for tie in ties]
    assert jury([*said, *ties, *asked]).alpha == jury([*said, *asked]).alpha
