"""Prices: each has a day and a source, the user's own stand over them, and what is not known never becomes 0."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ppbench import Failure, InvalidData, Reply
from ppbench.prices import PACKAGED, VARIABLE, Bill, Price, Prices

ROW = {"input": 10.0, "cached": 1.0, "output": 20.0, "as_of": "2026-01-31", "source": "a contract"}


def used(tokens_in: int | None = 1000, tokens_out: int | None = 100, cached: int | None = None, **more: Any) -> Reply:
    return Reply("r", tokens_in=tokens_in, tokens_out=tokens_out, tokens_cached=cached, tokens_source="usage", **more)


def file_of(path: Path, rows: Any) -> Path:
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return path


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prices:
    monkeypatch.delenv(VARIABLE, raising=False)
    return Prices.load(file_of(tmp_path / "p.json", {"a/m": ROW, "a/short": {**ROW, "up_to": 500}}))


def test_every_packaged_price_has_a_day_and_a_page() -> None:
    """All but the invented one of mock models, which says that it is invented."""
    rows = json.loads(PACKAGED.read_text(encoding="utf-8"))
    assert {model.split("/")[0] for model in rows} == {"mock", "openai", "anthropic"}
    for model, row in rows.items():
        assert date.fromisoformat(row["as_of"])
        assert row["source"].startswith("https://") or (model, row["source"]) == ("mock/*", "invented")


def test_cached_tokens_cost_what_cached_tokens_cost(prices: Prices) -> None:
    """Input tokens hold the cached ones; without a price of their own they cost as any other."""
    assert prices.cost("a/m", [used()]) == pytest.approx((1000 * 10 + 100 * 20) / 1e6)
    assert prices.cost("a/m", [used(cached=600)]) == pytest.approx((400 * 10 + 600 * 1 + 100 * 20) / 1e6)
    plain = Prices({"a/m": Price(10.0, 20.0, "2026-01-31", "a contract")})
    assert plain.cost("a/m", [used(cached=600)]) == prices.cost("a/m", [used()])
    assert plain.cost("a/m", []) == 0.0


def test_attempts_that_failed_are_paid_for_if_they_had_usage(prices: Prices) -> None:
    """A refusal without usage is free; a stream that broke off may not be, and nobody says how much."""
    cut = used(error=Failure("dropped", "gone"))
    busy = Reply("r", sent_ns=1, error=Failure("rate_limit", "later", 429))
    broken = Reply("r", "some", sent_ns=1, error=Failure("dropped", "gone"))
    unsent = Reply("r", error=Failure("cancelled", "not needed"))

    assert prices.cost("a/m", [used(), cut, busy, unsent]) == pytest.approx(2 * 0.012)
    assert prices.cost("a/m", [used(), broken]) is None
    assert prices.bill("a/m", [used(), broken]) == Bill(pytest.approx(0.012), unknown=1)


def test_a_reply_without_usage_makes_the_cost_unknown(prices: Prices) -> None:
    """Unless its tokens are an estimate, which is counted and said."""
    guessed = Reply("r", tokens_in=1000, tokens_out=100, tokens_source="estimate")
    assert prices.cost("a/m", [used(tokens_out=None)]) is None
    assert prices.bill("a/m", [used(), guessed]) == Bill(pytest.approx(0.024), estimated=1)


def test_the_price_of_an_unknown_model_is_none_and_never_0(prices: Prices) -> None:
    """One line says how to add it."""
    assert prices.cost("vllm/mine", [used()]) is None
    assert prices.cost("vllm/mine", []) is None
    assert '--prices or PPBENCH_PRICES: {"vllm/mine": {"input": USD' in prices.missing("vllm/mine")
    assert prices.missing("a/m") == ""


def test_a_request_longer_than_the_price_holds_has_no_known_cost(prices: Prices) -> None:
    assert prices.cost("a/short", [used(500)]) is not None
    assert prices.cost("a/short", [used(501)]) is None


def test_the_users_own_prices_stand_over_the_packaged_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option over the variable over the package; a name over a pattern, a longer pattern over a shorter one."""
    first = {"x/*": {**ROW, "input": 1}, "x/y*": {**ROW, "input": 2}, "mock/*": {**ROW, "input": 3}}
    monkeypatch.setenv(VARIABLE, str(file_of(tmp_path / "first.json", first)))
    made = Prices.load(file_of(tmp_path / "second.json", {"x/yz": {**ROW, "input": 4}, "x/*": {**ROW, "input": 5}}))
    found = {model: made.price(model) for model in ("x/a", "x/ya", "x/yz", "mock/quick?item_error=0.1", "openai/gpt-5.5")}

    assert [price and price.input for price in found.values()] == [5, 2, 4, 3, 5.0]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("{", "is not JSON: .*line 1"),
        ([], "holds no object"),
        ({"a/m": 3}, "'a/m': is no object"),
        ({"a/m": {**ROW, "inptu": 1}}, "'a/m': unknown field 'inptu'; have: input, output"),
        ({"a/m": {k: v for k, v in ROW.items() if k != "source"}}, "'a/m': source is missing"),
        ({"a/m": {**ROW, "output": "2"}}, "'a/m': output is '2'; give USD per million tokens"),
        ({"a/m": {**ROW, "cached": -1}}, "'a/m': cached is -1"),
        ('{"a/m": {"input": NaN, "output": 1, "as_of": "2026-01-01", "source": "x"}}', "'a/m': input is nan"),
        ({"a/m": {**ROW, "as_of": "yesterday"}}, "'a/m': as_of is 'yesterday'; give the day"),
        ({"a/m": {**ROW, "as_of": None}}, "'a/m': as_of is None; give a text"),
        ({"a/m": {**ROW, "up_to": 0}}, "'a/m': up_to is 0"),
    ],
)
def test_a_bad_row_is_named_with_its_place(tmp_path: Path, rows: Any, complaint: str) -> None:
    with pytest.raises(InvalidData, match=f"p.json: {complaint}"):
        Prices.load(file_of(tmp_path / "p.json", rows))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"cannot read prices from .*none.json"):
        Prices.load(tmp_path / "none.json")
