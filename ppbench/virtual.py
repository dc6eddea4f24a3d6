"""An executor on a virtual clock that streams: no time passes, everything else happens.

Used by tests and by offline runs. It is given a function that scripts the reply to each request; it knows no
model and no file. Events of the same instant come in the order in which they were caused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from types import TracebackType
from typing import ClassVar, Literal, Self

from ppbench.trace import Failure, Progress, Reply, Request


@dataclass(frozen=True, slots=True)
class Script:
    """How one request will be answered. Offsets are nanoseconds from the instant it is sent, ascending."""

    chunks: tuple[tuple[int, str], ...] = ()
    done_ns: int = 0
    """Offset of the end; not before the last chunk."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    finish: str = "stop"
    error: Failure | None = None


@dataclass(slots=True)
class _Flight:
    request: Request
    queued_ns: int
    sent_ns: int
    script: Script


class VirtualExecutor:
    """Executor over `respond(request, now_ns) -> Script`, with a limit on requests in flight."""

    name: ClassVar[str] = "virtual"
    clock: ClassVar[Literal["virtual"]] = "virtual"
    honours: ClassVar[frozenset[str]] = frozenset({"system", "prefix", "json_schema", "stop", "max_tokens", "cache_until"})

    def __init__(self, respond: Callable[[Request, int], Script], max_in_flight: int = 64) -> None:
        self._respond = respond
        self._limit = max_in_flight
        self._now = 0
        self._count = 0
        self._events: list[tuple[int, int, str, int]] = []
        self._flights: dict[str, _Flight] = {}
        self._waiting: deque[tuple[Request, int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._flights.clear()

    def now(self) -> int:
        """Virtual nanoseconds since the executor was made."""
        return self._now

    def send(self, requests: Sequence[Request]) -> None:
        self._waiting.extend((request, self._now) for request in requests)
        self._start()

    def _start(self) -> None:
        while self._waiting and len(self._flights) < self._limit:
            request, queued_ns = self._waiting.popleft()
            flight = _Flight(request, queued_ns, self._now, self._respond(request, self._now))
            self._flights[request.id] = flight
            if request.watch:
                for place, (offset, _) in enumerate(flight.script.chunks, 1):
                    self._push(self._now + offset, request.id, place)
            self._push(self._now + flight.script.done_ns, request.id, 0)

    def _push(self, at_ns: int, name: str, place: int) -> None:
        self._count += 1
        heappush(self._events, (at_ns, self._count, name, place))

    def wait(self, until_ns: int | None = None) -> Reply | Progress | None:
        """The next event; jumps the clock to it, or to the deadline. RuntimeError if nothing can ever come."""
        while self._events:
            at_ns, _, name, place = self._events[0]
            if until_ns is not None and at_ns > until_ns:
                break
            heappop(self._events)
            flight = self._flights.get(name)
            if flight is None:
                continue
            self._now = max(self._now, at_ns)
            if place:
                return Progress(name, "".join(text for _, text in flight.script.chunks[:place]), self._now)
            return self._end(flight)
        if until_ns is None:
            raise RuntimeError("wait without a deadline, and nothing is in flight")
        self._now = max(self._now, until_ns)
        return None

    def cancel(self, request_id: str) -> None:
        flight = self._flights.get(request_id)
        if flight is None:
            for entry in [e for e in self._waiting if e[0].id == request_id]:
                self._waiting.remove(entry)
                self._flights[request_id] = _Flight(entry[0], entry[1], 0, Script())
                self._push(self._now, request_id, 0)
            flight = self._flights.get(request_id)
        if flight is not None:
            here = self._now - flight.sent_ns
            kept = tuple(chunk for chunk in flight.script.chunks if chunk[0] <= here)
            gone = Failure("cancelled", "cancelled by the scheduler")
            flight.script = Script(kept, here, finish="cancelled", error=gone)
            self._push(self._now, request_id, 0)

    def _end(self, flight: _Flight) -> Reply:
        script, request = flight.script, flight.request
        del self._flights[request.id]
        stamps = tuple(flight.sent_ns + offset for offset, _ in script.chunks)
        visible = next((stamp for stamp, (_, text) in zip(stamps, script.chunks, strict=True) if text), None)
        self._start()
        return Reply(
            request_id=request.id, text="".join(text for _, text in script.chunks), queued_ns=flight.queued_ns,
            sent_ns=flight.sent_ns, first_ns=visible, chunks_ns=stamps, done_ns=self._now, stamp="virtual",
            tokens_in=script.tokens_in, tokens_out=script.tokens_out, tokens_cached=script.tokens_cached,
            tokens_source=None if script.tokens_out is None else "usage", finish=script.finish, error=script.error,
        )  # fmt: skip
