"""Money on the command line: what a run may cost, what it is estimated to cost, and how both are said."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ppbench.commands.common import json_text
from ppbench.commands.plan import plan_of
from ppbench.costs import asked_model, model_of, usd
from ppbench.errors import UsageError
from ppbench.forecast import Forecast, Pace, Past, Setting, forecast
from ppbench.hookspecs import Decomposer, Executor
from ppbench.limits import Purse
from ppbench.model import Item
from ppbench.prices import Prices
from ppbench.run import Conditions, spent
from ppbench.specs import spec_of
from ppbench.store import RunDirectory


@dataclass(frozen=True)
class Budget:
    """Options that bound a run and are not part of it: a resumed run may have others."""

    max_total_tokens: int | None = None
    max_cost: float | None = None
    prices: str | None = None

    def load(self) -> Prices:
        return Prices.load(Path(self.prices) if self.prices else None)

    def options(self, *, more: bool = False) -> str:
        """As the command line has them; `more`: with a purse that would go on."""
        tokens = f" --max-total-tokens {self.max_total_tokens}" if self.max_total_tokens else ""
        money = f" --max-cost {self.max_cost * (2 if more else 1):g}" if self.max_cost else ""
        return tokens + money + (f" --prices {shlex.quote(self.prices)}" if self.prices else "")


@dataclass(frozen=True)
class Guess:
    """Options of an estimate."""

    like: str | None = None
    ttft: float | None = None
    tok: float | None = None


def purse_of(budget: Budget, executor: Executor, directory: RunDirectory | None) -> Purse | None:
    """The budget of money, less what the trials of a resumed run have cost. Raises UsageError where no price is known."""
    if budget.max_cost is None:
        return None
    prices, model = budget.load(), asked_model(executor)
    price = prices.price(model)
    if price is None:
        raise UsageError(f"--max-cost cannot be kept: {prices.missing(model)}")
    empty = Purse(budget.max_cost, price)
    trials = directory.trials() if directory else ()
    return Purse(budget.max_cost, price, sum(spent(empty, trial.trace) for trial in trials if trial.trace))


def say_estimate(
    methods: Sequence[Decomposer], items: Sequence[Item], setting: Setting, budget: Budget, *, as_json: bool
) -> None:  # fmt: skip
    """Print what a run would send, as far as plans and earlier runs show it; sends nothing."""
    plans = {spec_of(method): [(item, plan_of(method, item)) for item in items] for method in methods}
    found = forecast(plans, setting)
    notes = [*found.notes(), *_warnings(found, budget)]
    if as_json:
        click.echo(json_text(found.to_json(notes)))
    else:
        click.echo("\n".join([found.table(), "", *notes, "Nothing was sent."]))


def setting_of(
    executor: Executor, conditions: Conditions, systems: dict[str, str], budget: Budget, guess: Guess
) -> Setting:  # fmt: skip
    """What a run would run under. Raises UsageError for half a latency model."""
    if (guess.ttft is None) != (guess.tok is None):
        raise UsageError("give --ttft and --tok together, in seconds, as `ppbench endpoint check` prints them")
    prices, model = budget.load(), asked_model(executor)
    known = getattr(executor, "pace", None)
    pace = Pace(guess.ttft, guess.tok) if guess.ttft is not None and guess.tok is not None else Pace(**known) if known else None
    past = _past(RunDirectory(Path(guess.like)), model, prices) if guess.like else None
    return Setting(model, prices.price(model), conditions.repeats, conditions.concurrency, bool(conditions.nonce),
                   systems if conditions.system == "category" else {}, pace, past)  # fmt: skip


def _past(directory: RunDirectory, model: str, prices: Prices) -> Past:
    """Raises InvalidData for a folder without a run."""
    before = model_of(directory.run)
    if before != model:
        click.echo(f"{directory.path} was answered by {before or 'another model'}, this run asks {model}", err=True)
    return Past(directory.trials(), model, prices)


def _warnings(found: Forecast, budget: Budget) -> list[str]:
    total, lines = found.total.usd, []
    if found.setting.price is None:
        lines.append(f"No cost: {budget.load().missing(found.setting.model) or 'the model is not known'}")
    if budget.max_cost is not None and total is not None and total > budget.max_cost:
        lines.append(
            f"Warning: {usd(total)} are estimated; --max-cost {usd(budget.max_cost)} would end the run before it is done"
        )
    return lines
