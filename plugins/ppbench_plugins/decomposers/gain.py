"""A small latency model: how long a plan will take, in seconds, before anything is sent.

    a call that writes w tokens takes ttft + tok * w; calls beyond `width` wait for a free place

Its constants are options, since a method may not look at a clock; `ppbench endpoint check` prints those of an endpoint.
It knows nothing of models, caches or queues: good enough to choose a group size, no forecast to publish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ppbench import Schema

_BYTES_PER_TOKEN = 4
_PIECE = 60
"""Output tokens of an open piece (a title, a short story), where nothing tells."""
_LEAST, _MOST = 8, 200
"""Output tokens that an answer to one item is taken for: as long as the item, within these."""
SLACK = 1.25
"""`auto` may take so many times the latency of the fastest grouping, if that saves calls: each call sends the shared
context again."""


@dataclass(frozen=True)
class LatencyModel:
    ttft: float = 0.5
    """Seconds to the first token."""
    tok: float = 0.02
    """Seconds a token."""
    width: int = 64
    """Calls that run at the same time."""

    def call(self, tokens: float) -> float:
        return self.ttft + self.tok * tokens

    def fan_out(self, sizes: Sequence[int], tokens: float) -> float:
        """Seconds until the last of these groups is answered; `tokens` an item. Waves of `width` at a time."""
        waves = range(0, len(sizes), self.width)
        return sum(self.call(max(sizes[start : start + self.width]) * tokens) for start in waves)

    def gain(self, schema: Schema, sizes: Sequence[int]) -> float:
        """Predicted speedup of these groups over one call for all items."""
        tokens = answer_tokens(schema)
        return self.call(schema.size * tokens) / self.fan_out(sizes, tokens)

    def best_group(self, schema: Schema) -> int:
        """The largest group whose predicted latency stays within SLACK of the fastest one's."""
        tokens = answer_tokens(schema)
        latency = {k: self.fan_out(groups(schema.size, k), tokens) for k in range(1, schema.size + 1)}
        fastest = min(latency.values())
        return max(k for k, seconds in latency.items() if seconds <= SLACK * fastest)


def answer_tokens(schema: Schema) -> float:
    """Output tokens that one item is taken to need: its own length for items, a fixed guess for open pieces."""
    if schema.data is None:
        return _PIECE
    return min(_MOST, max(_LEAST, fmean(len(item.encode("utf-8", "replace")) / _BYTES_PER_TOKEN for item in schema.data)))


def groups(count: int, size: int) -> list[int]:
    """Sizes of groups of nearly equal length, none above `size`, that hold `count` items together."""
    number = -(-count // size)
    small, longer = divmod(count, number)
    return [small + (k < longer) for k in range(number)]
