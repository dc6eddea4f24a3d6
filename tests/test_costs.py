"""Costs of a stored run: sums by method and role, judges apart, unknown where something is not known."""

from __future__ import annotations

from typing import Any

import pytest

from ppbench import Failure, Reply, Request, Span, Trace, Trial
from ppbench.costs import Costs, asked_model, costs, costs_line, model_of, render_costs, usd
from ppbench.prices import Price, Prices
from ppbench_plugins.executors.native import Native
from ppbench_plugins.executors.offline import Offline
from ppbench_plugins.executors.providers import OpenAI

PRICES = Prices({"a/m": Price(1.0, 10.0, "2026-01-31", "a contract", cached=0.5), "a/j": Price(2.0, 2.0, "2026-01-31", "x")})
RUN: dict[str, Any] = {"executor": "native:model=a/m", "endpoint": "https://api.example/v1",
                       "methods": [{"spec": "serial"}, {"spec": "sot"}]}  # fmt: skip
READ = 1_000_000


def trial(method: str, *roles: str, failed: tuple[Reply, ...] = (), used: bool = True) -> Trial:
    usage: dict[str, Any] = {"tokens_in": READ, "tokens_out": READ // 10, "tokens_cached": READ // 2} if used else {}
    spans = tuple(Span(Request("r", "x", role), Reply("r", "y", **usage), failed) for role in roles)  # type: ignore[arg-type]
    return Trial("i", 0, method, 0, Trace(spans, "", (), 0, 1, None))


def of(*trials: Trial, verdicts: tuple[dict[str, Any], ...] = (), run: dict[str, Any] = RUN) -> Costs:
    return costs(run, trials, verdicts, PRICES)


def test_calls_are_summed_by_method_and_role() -> None:
    """In the order of the run; half of a million input tokens cached, a tenth of a million written: $0.75 and $1."""
    found = of(trial("sot", "plan", "solve", "solve"), trial("serial", "solve"), trial("sot", "plan"))
    assert {key: (line.attempts, line.bill.total) for key, line in found.methods.items()} == {
        ("serial", "solve"): (1, 1.75), ("sot", "plan"): (2, 3.5), ("sot", "solve"): (2, 3.5),
    }  # fmt: skip
    assert found.of("sot").tokens_in == 4 * READ
    assert found.total.bill.total == 5 * 1.75
    assert found.to_json()["methods"][0] == {
        "decomposer": "serial", "role": "solve", "attempts": 1, "tokens_in": READ, "tokens_cached": READ // 2,
        "tokens_out": READ // 10, "usd": 1.75,
    }  # fmt: skip


def test_failed_attempts_stand_with_their_call() -> None:
    """What had usage was paid for; what was refused was not."""
    paid = Reply("r", tokens_in=READ, tokens_out=0, error=Failure("server", "late", 500))
    refused = Reply("r", sent_ns=1, error=Failure("rate_limit", "busy", 429))
    found = of(trial("serial", "solve", failed=(paid, refused)))
    assert found.methods[("serial", "solve")].attempts == 3
    assert found.total.bill.total == 2.75


def test_a_reply_without_usage_makes_its_row_and_the_sum_unknown() -> None:
    """The other rows keep theirs, and a note says what is known."""
    found = of(trial("serial", "solve"), trial("sot", "solve", "solve", used=False))
    assert found.of("serial").bill.total == 1.75
    assert found.of("sot").bill.total is found.total.bill.total is None
    assert any("of 2 attempts the cost is not known" in note and "cost $1.75" in note for note in found.notes)


def test_an_unknown_model_costs_a_dash_and_never_0() -> None:
    """Table, line and data say so, and how a price is added."""
    found = of(trial("serial", "solve"), run={**RUN, "executor": "native:model=vllm/mine"})
    assert found.to_json()["total"]["usd"] is None
    assert render_costs(found).splitlines()[-4].split()[-1] == "-"
    assert "price of vllm/mine is not known; add it" in render_costs(found)
    assert costs_line(found).startswith("Cost: -; 1,000,000 tokens in")


def test_judges_stand_apart_and_their_calls_count_once() -> None:
    """Two verdicts of one trial come from the same calls."""
    cell = {"judge": "pairwise", "item": "i", "repeat": 0, "decomposer": "sot", "try": 0}
    usage = {"model": "a/j", "calls": 2, "tokens_in": READ, "tokens_out": READ}
    verdicts = ({**cell, "judge": "structure"}, {**cell, "usage": usage}, {**cell, "usage": usage},
                {**cell, "item": "k", "usage": usage})  # fmt: skip
    found = of(trial("serial", "solve"), verdicts=verdicts)

    assert {key: (line.attempts, line.bill.total) for key, line in found.judges.items()} == {("pairwise", "a/j"): (4, 8.0)}
    assert (found.trials.bill.total, found.total.bill.total) == (1.75, 9.75)
    assert costs_line(found).startswith("Cost: $1.75, and judges $8.00; ")
    unnamed = of(trial("serial", "solve"), verdicts=({**cell, "usage": {"tokens_in": 1, "tokens_out": 1}},))
    assert (unnamed.trials.bill.total, unnamed.total.bill.total) == (1.75, None)


def test_the_price_is_said_with_its_day_and_source() -> None:
    assert "a/m: $1 in, $0.5 cached, $10 out per million tokens, as of 2026-01-31 (a contract)" in of().notes
    assert "prices of 2026-01-31" in costs_line(of())


def test_the_model_of_a_run_is_found() -> None:
    """In the executor's spec, with the provider that an SDK implies; a mock's in the endpoint."""
    assert model_of(RUN) == "a/m"
    assert model_of({"executor": "openai:model=gpt-5.5", "endpoint": "https://api.openai.com/v1"}) == "openai/gpt-5.5"
    assert model_of({"executor": "offline", "endpoint": "mock/quick (virtual clock)"}) == "mock/quick"
    assert model_of({"executor": "native", "endpoint": "mock/quick?tok=1 (embedded)"}) == "mock/quick?tok=1"
    assert [asked_model(e) for e in (Native(), Offline(model="mock/paper"), OpenAI(model="gpt-5.5"), OpenAI())] == [
        "mock/quick", "mock/paper", "openai/gpt-5.5", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0, "$0.00"), (12.345, "$12.35"), (0.5, "$0.5000"), (1e-5, "$0.000010")]
)
def test_money_is_said_with_as_many_places_as_it_needs(value: float | None, text: str) -> None:
    assert usd(value) == text
