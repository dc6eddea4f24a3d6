"""What happened: requests, replies and the trace of one execution. Raw facts, in nanoseconds of one clock.

Speedups, ranks and pages are opinions; they are derived from these records and can be thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ppbench.plan import Role, Status

FailureKind = Literal[
    "rate_limit", "server", "timeout", "dropped", "refused", "auth", "not_found", "bad_request", "bad_reply", "cancelled"
]
RETRYABLE: frozenset[FailureKind] = frozenset({"rate_limit", "server", "timeout", "dropped", "refused"})
UNUSABLE: frozenset[FailureKind] = frozenset({"refused", "dropped", "timeout", "auth", "not_found", "bad_reply"})
"""Failures that, when nothing else comes back, say that the endpoint cannot be used."""


OPTIONAL = ("system", "prefix", "json_schema", "stop", "max_tokens")
"""Fields of a request that an executor may be unable to honour, and without which it would be another request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call whose text is known."""

    id: str
    """Unique within a run; the path of the call in its plan, e.g. `tr-001#0/sot/outline/3`."""
    text: str
    role: Role = "solve"
    system: str | None = None
    prefix: str | None = None
    json_schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    cache_until: int | None = None
    watch: bool = False
    """Deliver `Progress` while the reply streams."""
    ready_ns: int = 0
    """When the last thing that it waited for was there."""
    held_ns: int = 0
    """How long a limit of requests or tokens a minute held it back."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A watched reply so far."""

    request_id: str
    text: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt gave no usable reply. Never holds a key or a header."""

    kind: FailureKind
    message: str
    status: int | None = None
    """HTTP status, where there was one."""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Transport:
    """How one attempt travelled. Stamps are absolute nanoseconds, 0 for a moment that never came."""

    headers_ns: int = 0
    """The headers of the reply were complete."""
    first_byte_ns: int = 0
    """The first byte of its body was read."""
    tls_ns: int = 0
    """Duration of the TLS handshake, inside `Reply.connect_ns`."""
    bytes: int = 0
    """Of the body."""
    reused: bool = False
    """It left on a connection that was open already."""
    http_version: str = ""
    remote_id: str = ""
    """What the endpoint calls this request; its operators can find it by that."""
    rate_limits: Mapping[str, str] = field(default_factory=dict)
    """Headers that tell what may still be asked, names in lower case."""
    lags_ns: tuple[int, ...] = ()
    """One a content chunk: from the kernel's receiving it to the executor's reading it, its own lag. 0 where the kernel
    gave no stamp; empty where it never does."""
    shared: int = 0
    """Content chunks that were read together with other segments of TCP: the kernel joins what waits and keeps the newest
    stamp alone, so theirs are upper bounds, and their lag is what is known of it."""
    clock_stepped: bool = False
    """The wall clock was set meanwhile, so the kernel's stamps, which go by it, were not taken."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request; what came before a failure is kept. Stamps are absolute nanoseconds."""

    request_id: str
    text: str = ""
    queued_ns: int = 0
    """Handed to the executor; until `sent_ns` it waits in our own queue."""
    sent_ns: int = 0
    first_ns: int | None = None
    """First visible token; None if there was none."""
    chunks_ns: tuple[int, ...] = ()
    """One stamp a content chunk, in order."""
    done_ns: int = 0
    connect_ns: int = 0
    """Duration of the connection set-up inside this request; 0 on a warm connection."""
    stamp: Literal["kernel", "user", "python", "virtual"] = "user"
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    tokens_source: Literal["usage", "estimate"] | None = None
    finish: str | None = None
    """`stop`, `length`, or what the endpoint said."""
    error: Failure | None = None
    transport: Transport | None = None
    """None where nothing travelled."""


@dataclass(frozen=True, slots=True)
class Span:
    """One call as it went: its request, the reply that counted, and the attempts that failed before it."""

    request: Request
    reply: Reply
    failed: tuple[Reply, ...] = ()

    @property
    def clean(self) -> bool:
        """No retry, no connection set up, no failure that another attempt might not have met."""
        error = self.reply.error
        return not self.failed and self.reply.connect_ns == 0 and (error is None or error.kind not in RETRYABLE)


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that happened in one execution of one plan."""

    spans: tuple[Span, ...]
    answer: str
    parts: tuple[str, ...]
    """The answers before the merge."""
    started_ns: int
    """Just before `decompose`."""
    ended_ns: int
    """The merged answer exists."""
    visible_ns: int | None
    """First visible token of the answer: of its first part if the merge is an ordered join, else `ended_ns`."""
    decompose_ns: int = 0
    merge_ns: int = 0
    status: Status = "split"
    reason: str = ""

    @property
    def latency_ns(self) -> int:
        return self.ended_ns - self.started_ns

    @property
    def ttft_ns(self) -> int | None:
        return None if self.visible_ns is None else self.visible_ns - self.started_ns

    @property
    def queue_ns(self) -> int:
        """Time that calls spent in our own queue, summed."""
        return sum(max(0, span.reply.sent_ns - span.reply.queued_ns) for span in self.spans if span.reply.sent_ns)

    @property
    def clean(self) -> bool:
        return all(span.clean for span in self.spans)

    def tokens_out(self, *roles: Role) -> int | None:
        """Output tokens of the calls of these roles (of all, if none is named); None if an answered call has no count.

        Of calls that failed or were cancelled, as before a fallback, what is known counts.
        """
        spans = [span for span in self.spans if not roles or span.request.role in roles]
        if any(span.reply.tokens_out is None and span.reply.error is None for span in spans):
            return None
        return sum(span.reply.tokens_out or 0 for span in spans)


@dataclass(frozen=True, slots=True)
class Trial:
    """One cell of a run: one item, one repeat, one method, one try; with its trace, its failure, or both."""

    item: str
    repeat: int
    decomposer: str
    try_: int
    trace: Trace | None = None
    failure: str | None = None

    @property
    def key(self) -> tuple[str, int, str, int]:
        return (self.item, self.repeat, self.decomposer, self.try_)
