"""What a curation may spend, and what it has spent: tokens and money of every attempt, those of earlier sittings among them.

A price that is not known is refused before anything is sent. Knows prices and counts, no provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppbench import BudgetReached, Prices, Reply, UsageError

_BYTES_A_TOKEN = 4
_FIRST = (2000, 300)
"""Tokens read and written by a reply, as long as there was none: the request alone has about so many."""


@dataclass(frozen=True)
class Budget:
    """None: no limit."""

    usd: float | None = None
    tokens: int | None = None
    prices: str = ""
    """A file of the user's own prices."""


class Spending:
    """Counts as replies come."""

    def __init__(self, budget: Budget, model: str, factor: float = 1.0) -> None:
        """`factor`: what the executor's tokens cost in terms of the usual price."""
        self._budget, self._model, self._factor = budget, model, factor
        self._prices = Prices.load(Path(budget.prices) if budget.prices else None)
        if budget.usd is not None and self._prices.price(model) is None:
            raise UsageError(f"--max-cost cannot be kept: {self._prices.missing(model)}")
        self.usd, self.tokens, self.replies = 0.0, 0, 0

    @property
    def priced(self) -> bool:
        """Whether the model's price is known."""
        return self._prices.price(self._model) is not None

    def remember(self, records: Iterable[Mapping[str, Any]]) -> None:
        """What was paid in earlier sittings."""
        for record in records:
            self.add(record["tokens_in"], record["tokens_out"], record["tokens_cached"])

    def add(self, tokens_in: int, tokens_out: int, tokens_cached: int) -> None:
        self.usd += self._cost(tokens_in, tokens_out, tokens_cached)
        self.tokens += tokens_in + tokens_out
        self.replies += 1

    def affords(self, under_way: int) -> bool:
        """Whether one more reply is within the budget beside those under way, each as dear as they were on average."""
        usd, tokens = self.usd / max(1, self.replies), self.tokens / max(1, self.replies)
        if not self.replies:
            usd, tokens = self._cost(*_FIRST), sum(_FIRST)
        most_usd, most_tokens, more = self._budget.usd, self._budget.tokens, under_way + 1
        return (most_usd is None or self.usd + more * usd <= most_usd) and (
            most_tokens is None or self.tokens + more * tokens <= most_tokens
        )

    def _cost(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
        price = self._prices.price(self._model)
        return self._factor * price.at_least(tokens_in, tokens_out, tokens_cached) if price else 0.0

    def spent(self) -> BudgetReached:
        """What to raise when no further reply is within the budget."""
        if self._budget.usd is not None:
            return BudgetReached(f"${self.usd:.4f} was spent, and one more reply may exceed --max-cost {self._budget.usd:g}")
        return BudgetReached(f"{self.tokens:,} tokens were used; one more reply may exceed --max-total-tokens "
                             f"{self._budget.tokens:,}")  # fmt: skip


def used(reply: Reply, asked: str) -> dict[str, int]:
    """Tokens of an attempt: as the endpoint says, else guessed from what was said and heard; none if it was refused."""
    if reply.tokens_in is not None or reply.tokens_out is not None:
        counts = (reply.tokens_in or 0, reply.tokens_out or 0, reply.tokens_cached or 0)
    elif reply.error is not None and not reply.text:
        counts = (0, 0, 0)
    else:
        counts = (_guess(asked), _guess(reply.text), 0)
    return dict(zip(("tokens_in", "tokens_out", "tokens_cached"), counts, strict=True))


def _guess(text: str) -> int:
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_A_TOKEN)
