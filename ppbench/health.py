"""What a run says of its own client: lag, reached concurrency, handshakes. Derived from trials, in one pass.

A client that reads late makes any endpoint look slow. The kernel's stamps show by how much: the lag of a chunk runs from
the kernel's receiving it to the executor's reading it. Knows no executor and no file.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from heapq import merge
from itertools import pairwise
from typing import Any

from ppbench.trace import Reply, Trial

LIMIT = 0.1
"""A run is client-limited when the lag of one chunk in a hundred exceeds this share of the median gap between chunks."""
_FINE = 200
"""Steps of a histogram for each factor of e: half a per cent."""


@dataclass(frozen=True)
class Health:
    """Microseconds; None where the kernel gave no stamps, or nothing streamed."""

    lag_p50_us: float | None
    lag_p99_us: float | None
    lag_max_us: float | None
    gap_p50_us: float | None
    """Between two chunks of a reply that did not come at the same instant."""
    kernel_share: float | None
    """Of all chunks, those that the kernel stamped."""
    concurrency_peak: int
    """Requests in flight at the same time, at most: reached, not asked for."""
    concurrency_mean: float
    """While any was in flight."""
    handshakes: int
    """Attempts that had to open a connection."""
    clock_steps: int
    """Attempts during which the wall clock was set."""
    http_versions: tuple[str, ...]
    """Those that were spoken."""
    held: int
    """Calls that a limit of requests or tokens a minute held back, inside their trial's latency."""

    @property
    def limited(self) -> bool:
        """The client was too late for its figures to be the endpoint's."""
        return bool(self.lag_p99_us and self.gap_p50_us and self.lag_p99_us > LIMIT * self.gap_p50_us)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "client_limited": self.limited}


def health(trials: Iterable[Trial]) -> Health:
    """Of all attempts of all trials, first tries included. Memory does not grow with their text."""
    pulse = _Pulse()
    for trial in trials:
        for span in trial.trace.spans if trial.trace else ():
            for reply in (span.reply, *span.failed):
                pulse.take(reply)
            pulse.held += span.request.held_ns > 0
    return pulse.read()


@dataclass
class _Pulse:
    """What is kept while trials go by."""

    lags: _Histogram = field(default_factory=lambda: _Histogram())
    gaps: _Histogram = field(default_factory=lambda: _Histogram())
    chunks: int = 0
    handshakes: int = 0
    steps: int = 0
    held: int = 0
    versions: set[str] = field(default_factory=set)
    begun: _Sorted = field(default_factory=lambda: _Sorted())
    ended: _Sorted = field(default_factory=lambda: _Sorted())

    def take(self, reply: Reply) -> None:
        if reply.sent_ns:
            self.begun.take(reply.sent_ns)
            self.ended.take(reply.done_ns)
        self.handshakes += reply.connect_ns > 0
        self.steps += reply.transport is not None and reply.transport.clock_stepped
        lags = reply.transport.lags_ns if reply.transport else ()
        self.versions |= {reply.transport.http_version} - {""} if reply.transport else set()
        for lag in lags:
            self.lags.take(lag)
        self.chunks += len(reply.chunks_ns)
        for before, after in pairwise(reply.chunks_ns):
            self.gaps.take(after - before)

    def read(self) -> Health:
        peak, mean = _concurrency(self.begun, self.ended)
        share = self.lags.count / self.chunks if self.chunks and self.lags.count else None
        return Health(
            lag_p50_us=self.lags.at(0.5), lag_p99_us=self.lags.at(0.99), lag_max_us=self.lags.at(1.0),
            gap_p50_us=self.gaps.at(0.5), kernel_share=share, concurrency_peak=peak, concurrency_mean=mean,
            handshakes=self.handshakes, clock_steps=self.steps, held=self.held,
            http_versions=tuple(sorted(self.versions)),
        )  # fmt: skip


def _concurrency(begun: _Sorted, ended: _Sorted) -> tuple[int, float]:
    """The peak, and the mean over the time in which anything was in flight."""
    flying = peak = busy = area = last = 0
    changes = merge(((at, -1) for at in ended), ((at, 1) for at in begun))  # of one instant, ends come first
    for at, change in changes:
        if flying:
            busy, area = busy + at - last, area + flying * (at - last)
        flying, last = flying + change, at
        peak = max(peak, flying)
    return peak, area / busy if busy else 0.0


class _Sorted:
    """Integers in ascending order, eight bytes each: a long run has millions."""

    def __init__(self) -> None:
        self._runs: list[array[int]] = []
        self._newest: list[int] = []

    def take(self, value: int) -> None:
        self._newest.append(value)
        if len(self._newest) >= 65_536:
            self._runs.append(array("q", sorted(self._newest)))
            self._newest = []

    def __iter__(self) -> Iterator[int]:
        return merge(*self._runs, sorted(self._newest))


class _Histogram:
    """Counts of positive nanoseconds in steps of half a per cent: of any number of values the same small size."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._largest = 0
        self.count = 0

    def take(self, value: int) -> None:
        if value > 0:
            self._counts[round(_FINE * math.log(value))] += 1
            self._largest = max(self._largest, value)
            self.count += 1

    def at(self, share: float) -> float | None:
        """Microseconds below which that share lies; None of nothing."""
        if not self.count:
            return None
        left = share * self.count
        for step in sorted(self._counts):
            left -= self._counts[step]
            if left <= 0:
                return round(min(math.exp(step / _FINE), self._largest) / 1000, 3)
        return self._largest / 1000
