"""Adversaries: they enter like all others, do their one trick, and are no default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ppbench import Decomposer, Plan, Prompt, UsageError
from ppbench.cli import main
from ppbench.commands.run import METHODS
from ppbench.plugins import load
from ppbench.specs import spec_of
from ppbench_plugins.decomposers.adversaries import PLEA, Constant, Flatterer, RandomSplit, Truncator
from ppbench_plugins.decomposers.serial import Serial

PROMPT = Prompt("p", "Translate into German:\n1. rain\n2. {snow} \\1 $2\n3. wind")
ALL = ("constant", "truncator", "flatterer", "randomsplit", "serial:copy=1")


def made(spec: str) -> Decomposer:
    method: Decomposer = load().make("decomposer", spec)
    return method


def answer(plan: Plan, *replies: str) -> str:
    return plan.merge(replies)


def test_they_enter_like_all_others_and_only_when_asked() -> None:
    """Each is made from its spec, which is its name on the board; none is in the default list."""
    assert [spec_of(made(spec)) for spec in ALL] == list(ALL)
    assert set(ALL).isdisjoint(METHODS)


def test_a_copy_of_serial_is_another_entrant() -> None:
    """It sends what serial sends, under a name that is not the baseline's."""
    assert made("serial:copy=1").decompose(PROMPT) == Serial().decompose(PROMPT) == Plan.serial(PROMPT)
    assert spec_of(made("serial:copy=0")) == "serial"
    assert spec_of(made("serial:copy=2")) == "serial:copy=2"


def test_constant_sends_one_token_and_throws_it_away() -> None:
    """A real call, as short as can be; its text is nowhere in the answer."""
    plan = Constant().decompose(PROMPT)
    [call] = plan.calls
    assert call.max_tokens == 1
    assert PROMPT.text not in str(call.text)
    assert answer(plan, "Sure") == "OK."
    assert answer(Constant(text="1. \\1").decompose(PROMPT), "Sure") == "1. \\1"


def test_truncator_keeps_a_share_of_a_real_answer() -> None:
    """The prompt is asked as it is; nothing, a part or all of the answer is left."""
    plan = Truncator(share=0.5).decompose(PROMPT)
    assert [call.text for call in plan.calls] == [PROMPT.text]
    assert answer(plan, "0123456789") == "01234"
    assert answer(Truncator(share=0).decompose(PROMPT), "0123") == ""
    assert answer(Truncator(share=1).decompose(PROMPT), "0123") == "0123"
    assert Truncator(max_tokens=8).decompose(PROMPT).calls[0].max_tokens == 8


def test_flatterer_answers_thinly_and_pleads() -> None:
    """A few tokens of a real answer stand before the order to the judge."""
    plan = Flatterer().decompose(PROMPT)
    assert plan.calls[0].max_tokens == 16
    assert answer(plan, "1. Regen") == f"1. Regen\n\n{PLEA}"


@pytest.mark.parametrize("seed", range(5))
def test_randomsplit_loses_no_character_and_is_the_same_each_time(seed: int) -> None:
    """The pieces put together are the prompt; another seed cuts elsewhere."""
    method = RandomSplit(seed=seed)
    texts = [str(call.text) for call in method.decompose(PROMPT).calls]
    assert "".join(texts) == PROMPT.text
    assert texts == [call.text for call in method.decompose(PROMPT).calls]
    assert texts != [call.text for call in RandomSplit(seed=seed + 1).decompose(PROMPT).calls]
    assert answer(method.decompose(PROMPT), "a", "b") == "a\n\nb"


@pytest.mark.parametrize("text", ["a", "ab", " \n \n a", "ü" * 4, "\ud800abcde"])
def test_randomsplit_cuts_or_declines_whatever_it_is_given(text: str) -> None:
    """Too short a prompt is declined; no piece is blank; half a surrogate pair is a character like others."""
    plan = RandomSplit().decompose(Prompt("p", text))
    assert (plan.status == "declined") == (len(text) < 4)
    assert all(str(call.text).strip() for call in plan.calls)


@pytest.mark.parametrize(
    "spec",
    ["constant:max_tokens=0", "truncator:share=1.5", "truncator:share=nan", "truncator:max_tokens=0", "flatterer:max_tokens=0",
     "randomsplit:parts=1", "serial:copy=-1"],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="spec"):
        made(spec)


def test_they_run_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its row, is answered, and is worse by the references than serial but for serial's own copy."""
    methods = [argument for spec in ALL for argument in ("-d", spec)]
    monkeypatch.setattr("sys.argv", ["ppbench", "run", "-e", "offline", "-q", "--json", "-o", str(tmp_path / "o"), *methods])
    main()
    rows = {row["decomposer"]: row for row in json.loads(capsys.readouterr().out)["rows"]}

    assert list(rows) == ["serial", *ALL]
    assert {row["failures"] for row in rows.values()} == {0}
    assert rows["constant"]["raw_speedup"] > 1.5
    assert rows["serial:copy=1"]["reference"] == rows["serial"]["reference"] == 1.0
    assert max(rows[spec]["reference"] for spec in ALL[:4]) < 0.7
