"""Finds out what a benchmark can know of an endpoint: streaming, usage, caches, times to first token, the clock.

Asks a real endpoint a few short questions, one after another, through the native executor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

from ppbench import EndpointUnusable, Reply, Request
from ppbench_plugins.executors.native import Native

_MS = 1_000_000
ASKED = "Count from 1 to 20 in English words, separated by commas, and write nothing else."
MAX_TOKENS = 120
_BOUND: dict[str, Any] = {
    "type": "object", "properties": {"counted": {"type": "string"}}, "required": ["counted"], "additionalProperties": False,
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What was found. None stands for what this endpoint does not tell."""

    endpoint: str
    model: str
    requests: int
    streams: bool
    stamp: str
    """Who stamped the chunks: `kernel`, `user`, or both."""
    http_version: str
    usage: bool
    cached_tokens: bool
    """Usage tells how many input tokens came from a cache."""
    reasoning_tokens: bool
    chunks: int
    """Median of a reply."""
    tokens_per_chunk: float | None
    ttft_ms: float | None
    """Median, over warm connections; None where nothing streams."""
    ttft_spread_ms: float | None
    """From the first to the third quartile."""
    gap_ms: float | None
    """Between two chunks, median."""
    gap_jitter_ms: float | None
    """From the first to the third quartile."""
    lag_p50_us: float | None
    """The engine's own: from the kernel's stamp to its reading. How far this machine's clock can be trusted."""
    lag_p99_us: float | None
    handshakes: int
    """Requests that had to open a connection, although connections had been opened before."""
    structured: bool
    """A reply can be bound to a JSON schema."""
    remote_ids: bool
    rate_limits: dict[str, str]
    """As the last reply told them."""

    @property
    def latency_model(self) -> str:
        """Options for methods that choose a group size or decline by a predicted gain; empty where it cannot be known."""
        if not self.ttft_ms or not self.gap_ms or not self.tokens_per_chunk:
            return ""
        return f"ttft={self.ttft_ms / 1000:.3g},tok={self.gap_ms / 1000 / self.tokens_per_chunk:.3g}"

    @property
    def doubts(self) -> list[str]:
        """What stands in the way of measuring here; empty: nothing that shows."""
        found = []
        if not self.streams:
            found.append("replies do not stream, so the time to first token cannot be known")
        if not self.usage:
            found.append("no usage, so tokens, cost and normalized speedup cannot be known")
        if self.handshakes:
            found.append(f"{self.handshakes} of {self.requests} requests had to open a connection; a proxy may close idle ones")
        if self.gap_ms and self.lag_p99_us and self.lag_p99_us > self.gap_ms * 100:
            found.append("this machine reads chunks later than a tenth of the gap between them; it has too little to spare")
        if self.ttft_ms and self.ttft_spread_ms and self.ttft_spread_ms > self.ttft_ms / 2:
            found.append("the time to first token varies by more than half; many repeats are needed")
        return found


def check(executor: Native, requests: int) -> Finding:
    """Ask so many questions, one at a time. Raises EndpointUnusable with what the endpoint said if one fails."""
    with executor:
        _ask(executor, -1)  # warms what is behind the endpoint; not counted
        replies = [_ask(executor, number) for number in range(requests)]
        bound = _send(executor, Request("check-bound", ASKED, json_schema=_BOUND, max_tokens=MAX_TOKENS))
        return _finding(executor, replies, structured=bound.error is None and _holds_json(bound.text))


def _ask(executor: Native, number: int) -> Reply:
    reply = _send(executor, Request(f"check-{number}", ASKED, system=f"[check {number}]", max_tokens=MAX_TOKENS))
    if reply.error is not None:
        raise EndpointUnusable(f"{executor.endpoint}: {reply.error.message}")
    return reply


def _send(executor: Native, request: Request) -> Reply:
    executor.send([request])
    reply = executor.wait()
    assert isinstance(reply, Reply)
    return reply


def _holds_json(text: str) -> bool:
    try:
        return bool(set(_BOUND["required"]) <= set(json.loads(text)))
    except (ValueError, TypeError):
        return False


def _finding(executor: Native, replies: Sequence[Reply], *, structured: bool) -> Finding:
    ways = [reply.transport for reply in replies if reply.transport]
    firsts = [(reply.first_ns - reply.sent_ns) / _MS for reply in replies if reply.first_ns and len(reply.chunks_ns) > 1]
    gaps = [(b - a) / _MS for reply in replies for a, b in pairwise(reply.chunks_ns)]
    lags = sorted(lag / 1000 for way in ways for lag in way.lags_ns if lag)
    counted = [(reply.tokens_out, len(reply.chunks_ns)) for reply in replies if reply.tokens_out and reply.chunks_ns]
    return Finding(
        endpoint=executor.endpoint, model=executor.model, requests=len(replies),
        streams=any(len(reply.chunks_ns) > 1 for reply in replies), stamp=" and ".join(sorted({r.stamp for r in replies})),
        http_version=" and ".join(sorted({way.http_version for way in ways})),
        usage=all(reply.tokens_out is not None for reply in replies),
        cached_tokens=any(reply.tokens_cached is not None for reply in replies),
        reasoning_tokens=any(reply.tokens_reasoning is not None for reply in replies),
        chunks=int(median(len(reply.chunks_ns) for reply in replies)),
        tokens_per_chunk=median(tokens / chunks for tokens, chunks in counted) if counted else None,
        ttft_ms=median(firsts) if firsts else None, ttft_spread_ms=_spread(firsts),
        gap_ms=median(gaps) if gaps else None, gap_jitter_ms=_spread(gaps),
        lag_p50_us=median(lags) if lags else None, lag_p99_us=lags[int(0.99 * len(lags))] if lags else None,
        handshakes=sum(reply.connect_ns > 0 for reply in replies), structured=structured,
        remote_ids=any(way.remote_id for way in ways),
        rate_limits=dict(ways[-1].rate_limits) if ways else {},
    )  # fmt: skip


def _spread(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    low, _, high = quantiles(values, n=4)
    return high - low
