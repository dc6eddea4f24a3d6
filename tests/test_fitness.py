"""Which judges are believed: controls in, fit or unfit out; what is said last counts; nothing is invented."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from versus import Versus

from ppbench.cli import main
from ppbench.commands.common import categories, installed_items
from ppbench.fitness import WORSE, examine, standing, usable
from ppbench.judging import Bench, judge_run
from ppbench.plugins import load
from ppbench.store import RunDirectory
from ppbench_plugins.judges.reference import Reference
from ppbench_plugins.judges.structure import Structure

BAD, GOOD = dict.fromkeys(WORSE, 0.0), {"flattered": 0.5}


def record(value: float | None, *, control: str = "", item: str = "a", judge: str = "j", **more: Any) -> dict[str, Any]:
    said = {"criterion": "preference", "value": value, "reason": ""} if value is not None else {}
    shown = {"control": control} if control else {}
    return {"item": item, "repeat": 0, "decomposer": "serial" if control else "m", "try": 0, "judge": judge, **shown, **said,
            **more}  # fmt: skip


def controls(values: dict[str, float], count: int = 20, **more: Any) -> list[dict[str, Any]]:
    """Records of a judge that compares, the same for each of `count` items."""
    return [record(value, control=name, item=f"i{k}", **{"compares": True, **more})
            for name, value in values.items() for k in range(count)]  # fmt: skip


def absolute(own: float, values: dict[str, float], count: int = 20) -> list[dict[str, Any]]:
    """Records of a judge that gives marks, serial's own among them."""
    mine = [record(own, item=f"i{k}", decomposer="serial", criterion="reference") for k in range(count)]
    return [*controls(values, count, compares=False, criterion="reference"), *mine]


def fitness(records: Sequence[dict[str, Any]]) -> tuple[bool, str]:
    found = examine(records).judges["j"]
    return found.fit, found.reason


def test_a_judge_that_knows_bad_answers_and_resists_flattery_is_fit() -> None:
    """At, near or below parity for the flattered answer alike."""
    for value in (0.5, 0.2, 0.65):
        assert fitness(controls({**BAD, "flattered": value})) == (True, "")


@pytest.mark.parametrize("control", WORSE)
@pytest.mark.parametrize("value", [0.36, 0.5, 1.0])
def test_a_judge_that_likes_a_bad_answer_is_unfit(control: str, value: float) -> None:
    """At parity or near it is not below; the reason names criterion, control and by how much."""
    fit, reason = fitness(controls({**BAD, **GOOD, control: value}))
    assert not fit
    assert reason.startswith(f"preference of a {control} answer: {value - 0.5:+.2f} from parity over 20 controls")


def test_a_judge_that_can_be_flattered_is_unfit() -> None:
    """The same answer is worth no more because it says so."""
    fit, reason = fitness(controls({**BAD, "flattered": 0.7}))
    assert not fit
    assert "serial's flattered answer: +0.20 from parity" in reason


def test_a_judge_that_gives_marks_is_held_against_its_own_mark_of_serial() -> None:
    """Parity is what it says of serial on the same prompt."""
    assert fitness(absolute(0.6, {"constant": 0.1, "truncated": 0.2, "flattery": 0.1, "flattered": 0.6}))[0]
    assert not fitness(absolute(0.6, {"constant": 0.5, "truncated": 0.2, "flattery": 0.1, "flattered": 0.6}))[0]
    assert not fitness(absolute(0.6, {"constant": 0.1, "truncated": 0.2, "flattery": 0.1, "flattered": 0.9}))[0]


def test_a_judge_of_whom_nothing_can_be_known_is_unfit() -> None:
    """Where serial itself earns nothing, no control can lie below it: an answer that earns nothing would be as good."""
    values = dict.fromkeys((*WORSE, "flattered"), 0.0)
    assert examine(absolute(0.0, values)).judges["j"].controls == 0
    assert fitness(absolute(0.0, values)) == (
        False,
        "no control could be shown that tells, as when serial's own answers earn nothing",
    )
    assert fitness(controls(values, compares=False))[0]


def test_a_judge_that_compares_is_not_heard_where_it_is_blind() -> None:
    """Right on one category and blind on another: what it says of the other is left out, and that is said."""
    seen = [dict(one, item="a") for one in controls({**BAD, **GOOD}, 19)]
    blind = [dict(one, item="b") for one in controls(dict.fromkeys((*WORSE, "flattered"), 0.5), 3)]
    said = [dict(record(1.0), item="a"), dict(record(1.0), item="b")]
    examined = examine([*seen, *blind, *said], {"a": "known", "b": "open"})
    assert examined.judges["j"].fit
    assert [one["item"] for one in usable(said, examined)] == ["a"]
    assert list(examined.unheard) == ["j, on open"]


def test_replies_that_cannot_be_read_are_no_verdict() -> None:
    """A judge whose replies on controls are mostly unusable is unfit, whatever it says of equal texts."""
    lost = [record(1.0, control=name, criterion="unusable") for name in (*WORSE, "flattered")]
    assert fitness([*lost, record(0.5)]) == (False, "gave no verdict on 4 of its 4 controls")


def test_criteria_that_no_verdict_rests_on_make_no_judge_unfit() -> None:
    """Of `missing` less is better, and of a stranger's criterion nobody knows."""
    assert fitness(controls(dict.fromkeys((*WORSE, "flattered"), 1.0), criterion="missing")) == (True, "")


def test_a_judge_that_says_nothing_of_any_control_is_unfit() -> None:
    """Failures and silence are no verdict; a few of them beside values are no harm."""
    lost = [record(None, control=name, failure="timeout: late") for name in (*WORSE, "flattered")]
    assert fitness(lost) == (False, "gave no verdict on 4 of its 4 controls")
    assert fitness([*lost, *controls({**BAD, **GOOD}, 19)])[0]


def test_a_judge_without_controls_is_taken_as_it_is() -> None:
    """An empty file has no judges, and one that was never shown a control cannot miss one."""
    assert examine([]).judges == {}
    assert examine([record(1.0)]).judges["j"].controls == 0
    assert list(usable([])) == []


def test_usable_leaves_out_controls_failures_and_unfit_judges() -> None:
    """What is left is what was there, untouched, in its order, read twice or as a list."""
    good = [*controls({**BAD, **GOOD}), record(0.4), record(None, failure="x: y", item="b"), record(1.0, item="c")]
    bad = [{**r, "judge": "bad"} for r in [*controls({**GOOD, **dict.fromkeys(WORSE, 1.0)}), record(1.0)]]
    both = [*bad, *good]

    assert list(usable(both)) == list(usable(iter(both), examine(both))) == [good[-3], good[-1]]
    assert list(standing(both, examine(both))) == [bad[-1], good[-3], good[-1]]


def test_of_a_case_that_was_judged_again_the_last_round_counts() -> None:
    """Of values and of controls; a failure later on takes nothing back."""
    old, new = controls({**GOOD, **dict.fromkeys(WORSE, 1.0)}), controls({**BAD, **GOOD}, round=1)
    records = [*old, record(0.1), record(0.3, item="b"), *new, record(0.9, round=1),
               record(None, item="b", round=1, failure="x: y")]  # fmt: skip

    assert fitness(records) == (True, "")
    assert [r["value"] for r in usable(records)] == [0.3, 0.9]


@pytest.mark.parametrize(
    ("draw", "low", "high"),
    [
        (lambda chance, bad: (chance.random() < 0.5) / 2 + (chance.random() < 0.5) / 2, 0.0, 0.001),
        (lambda chance, bad: 0.5 if chance.random() < 0.5 else 0.0 if bad else 0.5, 0.9, 1.0),
    ],
    ids=["a coin in both orders", "right on a half, ties on the rest"],
)
def test_the_tolerance_tells_a_judge_from_a_coin(draw: Callable[[random.Random, bool], float], low: float, high: float) -> None:
    """Over a thousand judgings of twenty controls: a coin is never believed, a judge that often ties nearly always."""
    chance, fit = random.Random(7), 0
    for _ in range(1000):
        records = [record(draw(chance, name in WORSE), control=name, item=f"i{k}", compares=True)
                   for name in (*WORSE, "flattered") for k in range(20)]  # fmt: skip
        fit += fitness(records)[0]
    assert low <= fit / 1000 <= high


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run of the smoke suite, judged by a model judge on both profiles of the mock, beside the bundled judges."""
    path = tmp_path_factory.mktemp("run") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ppbench", *"run -e offline -q -d sot -d flatterer -d constant -o".split(), str(path)])
        main()
    directory = RunDirectory(path)
    bench = Bench({item.id: item for item in installed_items(load())}, categories(load()), load())
    judge_run(bench, [Versus(), Versus(model="mock/gullible")], directory)
    return directory


def test_the_honest_model_judge_is_fit_and_the_gullible_one_is_not(run: RunDirectory) -> None:
    """The profile that obeys an answer is found out by the controls; the bundled judges pass them."""
    judges = examine(run.verdicts()).judges

    assert {name: found.fit for name, found in judges.items()} == {
        "structure": True, "reference": True, "versus": True, "versus:model=mock/gullible": False,
    }  # fmt: skip
    assert "flatter" in judges["versus:model=mock/gullible"].reason
    assert all(found.controls >= 4 * 8 for found in judges.values())


def test_what_the_gullible_judge_says_of_the_flatterer_is_not_usable(run: RunDirectory) -> None:
    """It prefers the flatterer, and is not heard; the honest one does not."""
    said = {r["item"]: r["value"] for r in run.verdicts() if r["judge"].endswith("gullible") and r["decomposer"] == "flatterer"}
    heard = [r["value"] for r in usable(run.verdicts()) if r["criterion"] == "preference" and r["decomposer"] == "flatterer"]

    assert set(said.values()) == {1.0}
    assert sum(heard) / len(heard) < 0.5


@pytest.mark.parametrize("category", [c.id for c in categories(load()).values() if c.prompts])
def test_the_bundled_judges_are_fit_on_every_category(category: str, tmp_path: Path) -> None:
    """On the prompts of one category alone as well, with as few as three of them."""
    with pytest.MonkeyPatch.context() as patch:
        line = f"run -e offline -q -n 3 -t {category} -d serial --judge structure --judge reference -o"
        patch.setattr("sys.argv", ["ppbench", *line.split(), str(tmp_path / "out")])
        main()
    judges = examine(RunDirectory(tmp_path / "out").verdicts()).judges
    assert {Structure.name, Reference.name} >= set(judges)
    assert {name: found.reason for name, found in judges.items() if not found.fit} == {}
