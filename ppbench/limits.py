"""What may be sent when: limits of requests and tokens a minute, shared by all plans of a run, and a budget of tokens.

Every minute counts, not only whole ones: of any sixty seconds, none holds more than the limit. A request that has to
wait is held here, in order, and its waiting is recorded. Asks the executor for the time; knows no plan and no provider.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from dataclasses import dataclass

from ppbench.errors import BudgetReached
from ppbench.hookspecs import Executor
from ppbench.trace import Reply, Request

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
BYTES_A_TOKEN = 4
"""For the guess of a request's size, until its usage tells."""


@dataclass(frozen=True)
class Limits:
    """None: no limit. Tokens are those read and those written."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_total: int | None = None
    """Beyond it the run stops, resumable."""


@dataclass
class _Sent:
    at_ns: int
    tokens: int
    recent: bool = True
    """Within the last minute."""


class Limiter:
    """Counts what was sent in the last minute, and all tokens that were used."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._window: deque[_Sent] = deque()
        self._tokens = 0
        """Of the window."""
        self._open: dict[str, _Sent] = {}
        self._paused_ns = 0
        self._used = 0

    def admit(self, request: Request, now_ns: int) -> int:
        """Count the request as sent and return `now_ns`, or return when to ask again."""
        if self._limits.requests_per_minute is None and self._limits.tokens_per_minute is None:
            return max(now_ns, self._paused_ns)
        self._forget(now_ns - MINUTE)
        tokens = _guess(request)
        due = max(self._paused_ns, self._room_ns(tokens, now_ns))
        if due > now_ns:
            return due
        self._open[request.id] = sent = _Sent(now_ns, tokens)
        self._window.append(sent)
        self._tokens += tokens
        return now_ns

    def _forget(self, before_ns: int) -> None:
        while self._window and self._window[0].at_ns <= before_ns:
            sent = self._window.popleft()
            sent.recent = False
            self._tokens -= sent.tokens

    def _room_ns(self, tokens: int, now_ns: int) -> int:
        """When the window has room. A request larger than the limit goes when the window is empty."""
        requests, most = self._limits.requests_per_minute, self._limits.tokens_per_minute
        count, total, due = len(self._window), self._tokens, now_ns
        for sent in self._window:
            if (requests is None or count < requests) and (most is None or total + tokens <= most):
                break
            count, total, due = count - 1, total - sent.tokens, sent.at_ns + MINUTE
        return due

    def settle(self, reply: Reply, now_ns: int) -> None:
        """Correct the guess by what was used, and heed what the endpoint asks for. Raises BudgetReached."""
        used = (reply.tokens_in or 0) + (reply.tokens_out or 0)
        sent = self._open.pop(reply.request_id, None)
        if sent and used:
            self._tokens += used - sent.tokens if sent.recent else 0
            sent.tokens = used
        if reply.error and reply.error.kind == "rate_limit" and reply.error.retry_after_s:
            self._paused_ns = max(self._paused_ns, now_ns + int(reply.error.retry_after_s * SECOND))
        self._used += used
        most = self._limits.tokens_total
        if most is not None and self._used > most:
            raise BudgetReached(f"{self._used:,} tokens were used, and --max-total-tokens allows {most:,}")


def _guess(request: Request) -> int:
    said = (request.text, request.system, request.prefix)
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in said if text) // BYTES_A_TOKEN + (request.max_tokens or 0)


class Outbox:
    """Requests that are ready, in order, until the limiter lets them go; those that may go leave at once, together."""

    def __init__(self, executor: Executor, limiter: Limiter) -> None:
        self._executor, self._limiter = executor, limiter
        self._waiting: deque[tuple[Request, int | None]] = deque()
        """Each with the instant at which it was first refused."""
        self.alarm_ns: int | None = None
        """When the first of them may go; None: nothing is held."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, request: Request) -> None:
        self._waiting.append((request, None))

    def drop(self, names: Set[str]) -> set[str]:
        """Forget what was not sent; returns which that were."""
        unsent = {request.id for request, _ in self._waiting} & names
        self._waiting = deque(entry for entry in self._waiting if entry[0].id not in unsent)
        return unsent

    def flush(self) -> list[tuple[str, int]]:
        """Send what may go. Returns the ids of requests that had been held, and for how long."""
        self.alarm_ns = None
        batch: list[tuple[Request, int | None]] = []
        now = self._executor.now()
        while self._waiting:
            due = self._limiter.admit(self._waiting[0][0], now)
            if due > now:
                self._waiting = deque((request, now if since is None else since) for request, since in self._waiting)
                self.alarm_ns = due
                break
            batch.append(self._waiting.popleft())
        if batch:
            self._executor.send([request for request, _ in batch])
        return [(request.id, now - since) for request, since in batch if since is not None]
