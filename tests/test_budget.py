"""Money on the command line: a budget that ends a run, resumable; estimates held against what a run really takes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ppbench import BudgetReached, Call, Plan, Request, Script, VirtualExecutor
from ppbench.cli import cli as group
from ppbench.cli import main
from ppbench.commands.run import METHODS
from ppbench.execute import Loop
from ppbench.jobs import Job, Policy
from ppbench.limits import Limiter, Limits, Purse
from ppbench.prices import VARIABLE, Price

SECOND = 1_000_000_000
DOLLAR = Price(1e6, 1e6, "2026-01-31", "invented")
"""A dollar a token."""
Cli = Callable[..., tuple[str, str]]
GIVEN = "schema:source=given"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in an empty folder, with the packaged prices; returns what it said, and checks its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)

    def run(command: str, code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["ppbench", *command.split()])
        with contextlib.suppress(SystemExit) if code == 0 else pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert code == 0 or ended.value.code == code, err
        return out, err

    return run


def spend(purse: Purse, *plans: Plan, tokens_out: int | None = 10) -> tuple[list[str], str]:
    """What is sent until the purse ends it, and what is said then."""
    sent: list[str] = []

    def answer(request: Request, now_ns: int) -> Script:
        sent.append(request.text)
        usage = {} if tokens_out is None else {"tokens_in": 1, "tokens_out": tokens_out}
        return Script(((SECOND, "y" * 40),), SECOND, **usage)

    loop = Loop(VirtualExecutor(answer), Policy(), Limiter(Limits(purse=purse)))
    try:
        list(loop.run([[Job(f"job-{k}", lambda plan=plan: plan) for k, plan in enumerate(plans)]]))  # type: ignore[misc]
    except BudgetReached as error:
        return sent, str(error)
    return sent, ""


def ask(name: str, **more: Any) -> Plan:
    return Plan((Call(name, name, **more),))


def test_what_may_overdraw_the_purse_is_not_sent() -> None:
    """A call is guessed at its limit, else at the longest answer so far: 11 and 11 were spent, 11 more would not fit in 30."""
    sent, said = spend(Purse(30.0, DOLLAR), ask("a", max_tokens=12), ask("b", max_tokens=12), ask("c"))
    assert sent == ["a", "b"]
    assert said == "$22.0000 was spent, and about $11.0000 more may be needed; --max-cost allows $30.0000"


def test_calls_in_flight_count_before_they_are_answered() -> None:
    """Of three that leave together two fit."""
    plan = Plan(tuple(Call(name, name, max_tokens=9) for name in "abc"))
    assert spend(Purse(25.0, DOLLAR), plan)[1].startswith("$0.0000 was spent, and about $30.0000 more may be needed")
    assert spend(Purse(33.0, DOLLAR), plan) == (["a", "b", "c"], "")


def test_what_was_spent_before_counts() -> None:
    sent, said = spend(Purse(30.0, DOLLAR, spent_usd=15.0), ask("a", max_tokens=12), ask("b", max_tokens=12))
    assert sent == ["a"]
    assert said.startswith("$26.0000 was spent")


def test_a_reply_without_usage_is_charged_by_its_text() -> None:
    """A token for four bytes: one said, ten heard."""
    assert spend(Purse(20.0, DOLLAR), ask("a", max_tokens=12), ask("b", max_tokens=12), tokens_out=None)[1].startswith(
        "$11.0000"
    )


def paid(directory: str) -> float:
    """USD of the stored trials at the packaged price of mock models: $1 in, $0.1 cached, $4 out."""
    total = 0.0
    for line in Path(directory, "trials.jsonl").read_text(encoding="utf-8").splitlines():
        for span in json.loads(line)["trace"]["spans"]:
            reply = span["reply"]
            fresh = reply["tokens_in"] - (reply["tokens_cached"] or 0)
            total += (fresh + 0.1 * (reply["tokens_cached"] or 0) + 4 * reply["tokens_out"]) / 1e6
    return total


def test_a_purse_ends_a_run_that_can_be_resumed(cli: Cli) -> None:
    """Exit 4 before more is spent; the line that is printed goes on, and what was spent counts as spent."""
    err = cli("run -e offline -q -d sot -o out --max-cost 0.012", code=4)[1]
    first = paid("out")
    assert "--max-cost allows $0.0120" in err
    assert "Go on with: ppbench run --resume out --max-cost 0.024" in err
    assert 0 < first <= 0.012

    assert "--max-cost allows $0.0120" in cli("run -q --resume out --max-cost 0.012", code=4)[1]
    assert paid("out") == first
    cli("run -q --resume out --max-cost 0.024", code=4)
    assert first < paid("out") <= 0.024
    assert json.loads(cli("run -q --json --resume out")[0])["rows"][0]["n"] == 14


def test_a_budget_without_a_price_is_refused(cli: Cli, tmp_path: Path) -> None:
    """Before anything is sent or written, with the line that adds the price."""
    err = cli("run -m vllm/mine --base-url http://127.0.0.1:9/v1 --max-cost 1", code=2)[1]
    assert "--max-cost cannot be kept: the price of vllm/mine is not known; add it" in err
    (tmp_path / "bad.json").write_text('{"vllm/mine": {"input": -1}}')
    assert "bad.json: 'vllm/mine': output is missing" in cli("run -m vllm/mine --max-cost 1 --prices bad.json", code=5)[1]
    assert [path.name for path in tmp_path.iterdir()] == ["bad.json"]


def test_a_report_of_costs_agrees_with_the_records(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The table's sum is the data's sum; own prices, by option or variable, change it without a new run."""
    cli("run -e offline -q -n 3 -d sot -d top -o out")
    told = json.loads(cli("report out --costs --json")[0])
    assert told["total"]["usd"] == pytest.approx(paid("out"))
    assert sum(row["usd"] for row in told["methods"]) == pytest.approx(told["total"]["usd"])
    assert {(row["decomposer"], row["role"]) for row in told["methods"]} >= {
        ("serial", "solve"),
        ("sot", "plan"),
        ("top", "merge"),
    }
    assert "(invented)" in cli("report out --costs")[0]

    own = {"mock/quick": {"input": 0, "output": 1e6, "as_of": "2026-01-31", "source": "made up"}}
    (tmp_path / "own.json").write_text(json.dumps(own))
    by_option = json.loads(cli("report out --costs --json --prices own.json")[0])
    monkeypatch.setenv(VARIABLE, "own.json")
    assert json.loads(cli("report out --costs --json")[0]) == by_option
    assert by_option["total"]["usd"] == pytest.approx(by_option["total"]["tokens_out"])
    assert "leave --by" in cli("report out --costs --by category", code=2)[1]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The estimate and the actual figures of all default methods, and one that is shown labels, on the smoke suite."""
    out = tmp_path_factory.mktemp("told") / "out"

    def cli(command: str) -> Any:
        done = CliRunner(env={VARIABLE: None}).invoke(group, command.split(), catch_exceptions=False)
        return json.loads(done.stdout)

    run = f"run -e offline -q -d {' -d '.join([*METHODS, GIVEN])} --json"
    guess = cli(f"{run} --dry-run")
    cli(f"{run} -o {out}")
    cost = cli(f"report {out} --costs --json")
    real: dict[str, dict[str, float]] = {}
    for row in cost["methods"]:
        sums = real.setdefault(row["decomposer"], {"calls": 0, "tokens_in": 0, "tokens_out": 0, "usd": 0, "seconds": 0})
        sums["calls"] += row["attempts"]
        for name in ("tokens_in", "tokens_out", "usd"):
            sums[name] += row[name]
    for line in (out / "trials.jsonl").read_text(encoding="utf-8").splitlines():
        trial = json.loads(line)
        real[trial["decomposer"]]["seconds"] += (trial["trace"]["ended_ns"] - trial["trace"]["started_ns"]) / 1e9
    return {"guess": {row["decomposer"]: row for row in guess["rows"]}, "real": real, "total": guess["total"],
            "like": cli(f"{run} --dry-run --like {out}")}  # fmt: skip


def off(guess: float, real: float) -> float:
    """How many times too large or too small."""
    return max(guess / real, real / guess)


def test_an_estimate_is_near_what_a_run_takes(told: dict[str, Any]) -> None:
    """Calls are exact where nothing expands, else within 1.5 times; input within 1.2 and 1.7, output within 1.6 and 2,
    cost within 1.4, time within 1.5 and 2.2: the first where a plan shows every call, the second where it does not."""
    assert set(told["guess"]) == set(told["real"]) == {*METHODS, GIVEN}
    for spec, guess in told["guess"].items():
        real, flat = told["real"][spec], guess["assumed"] == 0
        assert flat is (spec in ("serial", "schema:source=rules", GIVEN))
        bounds = {"calls": 1 if flat else 1.5, "tokens_in": 1.2 if flat else 1.7, "tokens_out": 1.6 if flat else 2.0,
                  "usd": 1.4, "seconds": 1.5 if flat else 2.2}  # fmt: skip
        assert {name: off(guess[name], real[name]) <= most for name, most in bounds.items()} == dict.fromkeys(bounds, True), (
            spec
        )


def test_the_sum_of_an_estimate_holds_the_warm_up_too(told: dict[str, Any]) -> None:
    """A block more than there are rows for, all of it within 1.3 times what the stored trials cost."""
    rows = sum(row["usd"] for row in told["guess"].values())
    assert rows < told["total"]["usd"] < rows * 1.25
    assert off(rows, sum(real["usd"] for real in told["real"].values())) < 1.3


def test_an_estimate_from_an_earlier_run_is_that_run(told: dict[str, Any]) -> None:
    """On the same prompts: calls, tokens, cost and time are those that it took."""
    for row in told["like"]["rows"]:
        real = told["real"][row["decomposer"]]
        assert row["basis"] == "earlier run"
        assert {name: row[name] for name in real} == pytest.approx(real)


def test_an_estimate_says_what_it_assumes(cli: Cli) -> None:
    """Repeats and levels of load multiply; a method that the earlier run has not is guessed; the purse is held against it."""
    one, twice = (
        json.loads(cli(f"run -e offline -n 3 -d sot --dry-run --json {more}")[0]) for more in ("", "--repeats 2 -j 2")
    )
    assert twice["rows"][1]["calls"] == 2 * one["rows"][1]["calls"]
    assert twice["total"]["seconds"] < 1.1 * one["total"]["seconds"]
    cli("run -e offline -n 2 -q -d sot -o out")
    mixed = json.loads(cli("run -e offline -n 3 -d sot -d dag --dry-run --json --like out")[0])
    assert [row["basis"] for row in mixed["rows"]] == ["earlier run", "earlier run", "plans"]
    said = cli("run -e offline -n 3 --dry-run --max-cost 0.0001")[0]
    for part in ("(warm-up)", "(invented)", "Calls assumed", "--max-cost $0.000100 would end the run", "Nothing was sent."):
        assert part in said


def test_time_needs_a_pace_and_cost_a_price(cli: Cli) -> None:
    """Of a model that nobody knows neither is guessed; --ttft and --tok go together."""
    run = "run -m vllm/mine --base-url http://127.0.0.1:9/v1 -n 2 -d serial --dry-run"
    row = json.loads(cli(f"{run} --json")[0])["rows"][0]
    assert (row["calls"], row["usd"], row["seconds"]) == (2, None, None)
    out = cli(run)[0]
    assert "No cost: the price of vllm/mine is not known; add it" in out
    assert "give --ttft and --tok" in out
    assert json.loads(cli(f"{run} --json --ttft 1 --tok 0")[0])["rows"][0]["seconds"] == pytest.approx(2.0)
    assert (
        json.loads(cli("run -n 2 -d serial --dry-run --json")[0])["rows"][0]["seconds"] > 0.08
    )  # the embedded mock's own pace
    assert "give --ttft and --tok together" in cli(f"{run} --ttft 1", code=2)[1]
    assert "is not a run directory" in cli(f"{run} --like none", code=5)[1]
