"""What may be sent when: limits of requests and tokens a minute, shared by all plans of a run, and budgets of tokens and
money.

Every minute counts, not only whole ones: of any sixty seconds, none holds more requests than the limit, and none more
tokens as far as they can be guessed before an answer is there. A request that has to wait is held here, in order, and its
waiting is recorded. Asks the executor for the time; knows no plan and no provider.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Set
from dataclasses import dataclass

from ppbench.errors import BudgetReached
from ppbench.hookspecs import Executor
from ppbench.prices import Price
from ppbench.trace import Reply, Request

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
LONGEST_PAUSE_S = 600.0
"""An endpoint may ask for any pause; after this one it is asked again."""
BYTES_A_TOKEN = 4
"""For the guess of a request's size, until its usage tells."""
FIRST_ANSWER = 500
"""Tokens of an answer, as long as none was seen."""


@dataclass(frozen=True)
class Purse:
    """A budget of money. What nobody told the tokens of is guessed, so that it counts for something."""

    usd: float
    price: Price
    spent_usd: float = 0.0
    """Before: on what is stored."""

    def of(self, reply: Reply, request: Request | None) -> float:
        """USD of one attempt, of any length."""
        read, written = _used(reply, request)
        return self.price.at_least(read, written, min(read, reply.tokens_cached or 0))


@dataclass(frozen=True)
class Limits:
    """None: no limit. Tokens are those read and those written."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_total: int | None = None
    """Beyond it the run stops, resumable."""
    purse: Purse | None = None
    """Before it is overdrawn the run stops, resumable."""


@dataclass
class _Sent:
    at_ns: int
    tokens: int
    usd: float = 0.0
    """Put aside until the reply tells what it cost."""
    recent: bool = True
    """Within the last minute."""


class Limiter:
    """Counts what was sent in the last minute, and all tokens that were used."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._limited = any((limits.requests_per_minute, limits.tokens_per_minute, limits.purse))
        self._window: deque[_Sent] = deque()
        self._tokens = 0
        """Of the window."""
        self._open: dict[str, _Sent] = {}
        self._answer = FIRST_ANSWER
        """Tokens of the longest answer so far, for the guess of the next one's."""
        self._trial = (0, 0)
        """Requests and tokens of the largest trial so far."""
        self._paused_ns = 0
        self.used = 0
        """Tokens, of all attempts."""
        self.spent_usd = limits.purse.spent_usd if limits.purse else 0.0
        self._aside_usd = 0.0
        """For requests that are open."""

    def admit(self, request: Request, now_ns: int) -> int:
        """Count the request as sent and return `now_ns`, or return when to ask again.

        Raises BudgetReached, before it is sent, for one that the purse may not hold.
        """
        if not self._limited:
            return max(now_ns, self._paused_ns)
        tokens = self._guess(request)
        due = self._due_ns(1, tokens, now_ns)
        if due > now_ns:
            return due
        usd = self._guess_usd(request)
        if not self._affords_usd(self._aside_usd + usd):
            raise self.spent(0, self._aside_usd + usd)
        self._aside_usd += usd
        self._open[request.id] = sent = _Sent(now_ns, tokens, usd)
        self._window.append(sent)
        self._tokens += tokens
        return now_ns

    def trial_due_ns(self, now_ns: int) -> int:
        """When a trial as large as the largest so far can be sent without waiting for what others have sent."""
        return self._due_ns(*self._trial, now_ns)

    def remember_trial(self, requests: int, tokens: int) -> None:
        self._trial = (max(self._trial[0], requests), max(self._trial[1], tokens))

    def _due_ns(self, requests: int, tokens: int, now_ns: int) -> int:
        """When the window has room for so much. What is larger than the limit goes when the window is empty."""
        while self._window and self._window[0].at_ns <= now_ns - MINUTE:
            sent = self._window.popleft()
            sent.recent = False
            self._tokens -= sent.tokens
        most_requests, most_tokens = self._limits.requests_per_minute, self._limits.tokens_per_minute
        count, total, due = len(self._window) + requests, self._tokens + tokens, now_ns
        for sent in self._window:
            if (most_requests is None or count <= most_requests) and (most_tokens is None or total <= most_tokens):
                break
            count, total, due = count - 1, total - sent.tokens, sent.at_ns + MINUTE
        return max(due, self._paused_ns)

    def _guess(self, request: Request) -> int:
        return _read_by(request) + (request.max_tokens or self._answer)

    def _guess_usd(self, request: Request) -> float:
        purse = self._limits.purse
        return purse.price.at_least(_read_by(request), request.max_tokens or self._answer) if purse else 0.0

    def settle(self, reply: Reply, request: Request | None, now_ns: int) -> None:
        """Correct the guess by what was used, and heed what the endpoint asks for."""
        used = sum(_used(reply, request))
        if reply.tokens_in is not None or reply.tokens_out is not None:
            self._answer = max(self._answer if self.used else 0, reply.tokens_out or 0)
        sent = self._open.pop(reply.request_id, None)
        if sent:
            self._tokens += used - sent.tokens if sent.recent else 0
            sent.tokens = used
            self._aside_usd -= sent.usd
        if reply.error and reply.error.kind == "rate_limit" and reply.error.retry_after_s:
            pause_s = min(reply.error.retry_after_s, LONGEST_PAUSE_S)
            self._paused_ns = max(self._paused_ns, now_ns + int(pause_s * SECOND))
        self.used += used
        self.spent_usd += self._limits.purse.of(reply, request) if self._limits.purse else 0.0

    def affords(self, tokens: int, usd: float = 0.0) -> bool:
        """Whether the budgets hold so much more."""
        total = self._limits.tokens_total
        return (total is None or self.used + tokens <= total) and self._affords_usd(usd)

    def _affords_usd(self, usd: float) -> bool:
        return self._limits.purse is None or self.spent_usd + usd <= self._limits.purse.usd

    def check(self) -> None:
        """Raise BudgetReached when more was used than a budget holds."""
        if not self.affords(0):
            raise self.spent()

    def spent(self, needed: int = 0, needed_usd: float = 0.0) -> BudgetReached:
        """The error that names the budget which is reached, and what more would be needed."""
        if self._limits.purse and not self._affords_usd(needed_usd):
            more = f", and about ${needed_usd:.4f} more may be needed" if needed_usd else ""
            return BudgetReached(f"${self.spent_usd:.4f} was spent{more}; --max-cost allows ${self._limits.purse.usd:.4f}")
        more = f", and about {needed:,} more are needed" if needed else ""
        return BudgetReached(f"{self.used:,} tokens were used{more}; --max-total-tokens allows {self._limits.tokens_total:,}")


def _used(reply: Reply, request: Request | None) -> tuple[int, int]:
    """Tokens read and written; without usage, what was said and heard, as well as it is known."""
    if reply.tokens_in is not None or reply.tokens_out is not None:
        return reply.tokens_in or 0, reply.tokens_out or 0
    unsent = reply.error is not None and not reply.sent_ns
    said = (request.text, request.system) if request and not unsent else ()
    return sum(tokens_of(text) for text in said if text), tokens_of(reply.text) if said else 0


def _read_by(request: Request) -> int:
    return sum(tokens_of(text) for text in (request.text, request.system, request.prefix) if text)


def tokens_of(text: str) -> int:
    """A guess, for what no usage tells yet."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_A_TOKEN)


class Outbox:
    """Requests that are ready, in order, until the limiter lets them go; those that may go leave at once, together."""

    def __init__(self, executor: Executor, limiter: Limiter) -> None:
        self._executor, self._limiter = executor, limiter
        self._waiting: deque[tuple[Request, int | None]] = deque()
        """Each with the instant at which it was first refused."""
        self.alarms: list[int] = []
        """When the first of them may go; empty: nothing is held."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, request: Request) -> None:
        self._waiting.append((request, None))

    def drop(self, names: Set[str]) -> set[str]:
        """Forget what was not sent; returns which that were."""
        unsent = {request.id for request, _ in self._waiting} & names
        self._waiting = deque(entry for entry in self._waiting if entry[0].id not in unsent)
        if not self._waiting:
            self.alarms = []
        return unsent

    def holds(self, names: Set[str]) -> bool:
        """Whether any of these is held back."""
        return bool(self.alarms) and any(request.id in names for request, _ in self._waiting)

    def rest(self) -> None:
        """Between trials, outside every clock, with nothing in flight: let the executor rest, and wait until the next trial
        has room, that it may not wait for what others have sent."""
        getattr(self._executor, "rest", lambda: None)()
        while (due := self._limiter.trial_due_ns(now := self._executor.now())) > now:
            self._executor.wait(due)

    def flush(self) -> list[tuple[str, int]]:
        """Send what may go. Returns the ids of requests that had been held, and for how long."""
        self.alarms = []
        batch: list[tuple[Request, int | None]] = []
        now = self._executor.now()
        while self._waiting:
            due = self._limiter.admit(self._waiting[0][0], now)
            if due > now:
                self.alarms = [due]
                if self._waiting[-1][1] is None:  # some were not refused before
                    self._waiting = deque((request, now if since is None else since) for request, since in self._waiting)
                break
            batch.append(self._waiting.popleft())
        if batch:
            self._executor.send([request for request, _ in batch])
        return [(request.id, now - since) for request, since in batch if since is not None]
