"""What tokens cost: dated prices by model, from the packaged file and the user's own, and the cost of replies.

A price that nobody knows stays unknown: None, never 0. Knows no provider and no plan; a model is a name, a reply a count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import Path
from typing import Any

from ppbench.errors import InvalidData
from ppbench.trace import FailureKind, Reply

MILLION = 1_000_000
VARIABLE = "PPBENCH_PRICES"
"""Environment variable that names a file of the user's own prices."""
PACKAGED = Path(__file__).with_name("prices.json")
_FREE: frozenset[FailureKind] = frozenset({"rate_limit", "server", "refused", "auth", "not_found", "bad_request"})
"""Failures before an answer was begun; nobody bills them. Others may have been paid for."""


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens of one model."""

    input: float
    output: float
    as_of: str
    """The day on which it was so, YYYY-MM-DD."""
    source: str
    """The address of a page, or what else it is known from."""
    cached: float | None = None
    """Of input tokens that a prompt cache answered; None: as any other."""
    up_to: int | None = None
    """Input tokens of a request up to which it holds; what a longer one costs is not known."""
    note: str = ""

    def of(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float | None:
        """USD of one request; its input tokens hold the cached ones. None for one that is longer than the price holds."""
        return (
            None if self.up_to is not None and tokens_in > self.up_to else self.at_least(tokens_in, tokens_out, tokens_cached)
        )

    def at_least(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
        """USD of one request of any length: a longer one costs no less."""
        cached = self.input if self.cached is None else self.cached
        fresh = max(0, tokens_in - tokens_cached)
        return (fresh * self.input + tokens_cached * cached + tokens_out * self.output) / MILLION


@dataclass(frozen=True, slots=True)
class Bill:
    """What some replies cost."""

    usd: float = 0.0
    """Of those whose cost is known."""
    unknown: int = 0
    """Replies that may have been paid for, and nobody said how much was used, or what that costs."""
    estimated: int = 0
    """Replies whose tokens are an estimate."""

    @property
    def total(self) -> float | None:
        """USD of all of them; None if something is not known."""
        return None if self.unknown else self.usd

    def __add__(self, other: Bill) -> Bill:
        return Bill(self.usd + other.usd, self.unknown + other.unknown, self.estimated + other.estimated)


class Prices:
    """Prices by model name; `provider/*` stands for all models of a provider that are not named."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        self._prices = dict(prices)

    @classmethod
    def load(cls, path: Path | None = None) -> Prices:
        """The packaged prices, over them those of the file that PPBENCH_PRICES names, over them those of `path`.

        Raises InvalidData, with file and place, for a file that cannot be read and for a row that is no price.
        """
        own = os.environ.get(VARIABLE)
        files = [PACKAGED, *([Path(own)] if own else []), *([path] if path else [])]
        return cls({model: price for file in files for model, price in _read(file).items()})

    def price(self, model: str) -> Price | None:
        """The price of a model by its name, else by the longest pattern that fits; None if it is not known."""
        if model in self._prices:
            return self._prices[model]
        fitting = [pattern for pattern in self._prices if pattern.endswith("*") and fnmatchcase(model, pattern)]
        return self._prices[max(fitting, key=len)] if fitting else None

    def bill(self, model: str, replies: Iterable[Reply]) -> Bill:
        """The cost of replies, attempts that failed among them: what had usage was paid for."""
        price = self.price(model)
        bill = Bill()
        for reply in replies:
            bill += _bill(price, reply)
        return bill

    def cost(self, model: str, replies: Iterable[Reply]) -> float | None:
        """USD of replies; None if the model's price, or what one of them used, is not known."""
        return self.bill(model, replies).total if self.price(model) else None

    def missing(self, model: str) -> str:
        """One line for a model without a price: what to do about it. Empty if it has one."""
        if self.price(model):
            return ""
        row = f'{{"{model}": {{"input": USD, "cached": USD, "output": USD, "as_of": "YYYY-MM-DD", "source": "..."}}}}'
        return f"the price of {model} is not known; add it, per million tokens, to a file for --prices or {VARIABLE}: {row}"


def _bill(price: Price | None, reply: Reply) -> Bill:
    if reply.tokens_in is None or reply.tokens_out is None:
        unpaid = reply.error is not None and (reply.error.kind in _FREE or not reply.sent_ns) and not reply.text
        return Bill(unknown=0 if unpaid else 1)
    usd = price.of(reply.tokens_in, reply.tokens_out, reply.tokens_cached or 0) if price else None
    estimated = int(reply.tokens_source == "estimate")
    return Bill(unknown=1, estimated=estimated) if usd is None else Bill(usd, estimated=estimated)


def _read(file: Path) -> dict[str, Price]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidData(f"cannot read prices from {file}: {error.strerror or error}") from None
    except ValueError as error:
        raise InvalidData(f"{file}: is not JSON: {error}") from None
    if not isinstance(rows, dict):
        raise InvalidData(f'{file}: holds no object; give {{"provider/name": {{"input": USD, ...}}}}')
    return {model: _price(row, f"{file}: {model!r}") for model, row in rows.items()}


def _price(row: Any, where: str) -> Price:
    """Raises InvalidData that names the field."""
    known = [f.name for f in fields(Price)]
    if not isinstance(row, dict):
        raise InvalidData(f"{where}: is no object; give input, output, as_of and source")
    if unknown := sorted(set(row) - set(known)):
        raise InvalidData(f"{where}: unknown field {unknown[0]!r}; have: {', '.join(known)}")
    for name in ("input", "output", "as_of", "source"):
        if name not in row:
            raise InvalidData(f"{where}: {name} is missing; give input, output (USD per million tokens), as_of and source")
    for name in ("input", "output", "cached"):
        if row.get(name) is not None:
            _check_usd(row[name], f"{where}: {name}")
    if row.get("up_to") is not None and (type(row["up_to"]) is not int or row["up_to"] < 1):
        raise InvalidData(f"{where}: up_to is {row['up_to']!r}; give a number of input tokens")
    for name in ("as_of", "source", "note"):
        if not isinstance(row.get(name, ""), str) or not row.get(name, "-").strip():
            raise InvalidData(f"{where}: {name} is {row[name]!r}; give a text")
    try:
        date.fromisoformat(row["as_of"])
    except ValueError:
        raise InvalidData(f"{where}: as_of is {row['as_of']!r}; give the day of the price as YYYY-MM-DD") from None
    return Price(**row)


def _check_usd(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value < 0:
        raise InvalidData(f"{where} is {value!r}; give USD per million tokens, 0 or more")
