"""What the loop is given, what it gives back, and what it keeps of a job while it runs. Values; nothing is done here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from ppbench.hookspecs import Executor
from ppbench.plan import Plan, Status
from ppbench.scope import Node, Scope
from ppbench.trace import Failure, Reply, Span, Trace

SECOND = 1_000_000_000
BUGS = (Exception, SystemExit)
"""What the code of a method may raise and only its own trial pays for; Ctrl-C still stops the run."""
GRACE_NS = 5 * SECOND
"""How long the end of a cancelled request is waited for."""
UNTIMED_LANES = 4096
"""Lanes at once, at least, over an executor that gathers requests: what is not open cannot go with the rest."""
UNTIMED_S = 7 * 86400.0
"""The time a trial has there. Providers end their batches within a day, and there may be several attempts."""


@dataclass(frozen=True)
class Policy:
    """How patient the loop is."""

    max_tries: int = 3
    """Attempts a call, the first included."""
    trial_timeout_s: float = 600.0
    seed: int = 0
    """Seeds the jitter of the back-off."""


def is_untimed(executor: Executor) -> bool:
    """It gathers requests and answers within hours: no deadline of a call that is made at once holds for it, and no clock."""
    return bool(getattr(executor, "untimed", False))


@dataclass(frozen=True)
class Job:
    """One plan to execute, and what surrounds it."""

    key: str
    """Unique within a run; opens the ids of its requests."""
    decompose: Callable[[], Plan]
    """Called when the clock of this trial has started."""
    fallback: Callable[[str], Plan] | None = None
    """Given a reason, the plan to take when a branch still fails; None: the trial fails."""
    system: str = ""
    """System text of solve calls that bring none of their own."""
    nonce: str = ""
    """Opens the system text of every call of this trial."""
    show: Callable[[str], None] | None = None
    """Given the answer as far as it has come, whenever it has grown. Watching costs time: never in a timed trial."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended. A failed one keeps its trace: what was paid for is recorded."""

    job: Job
    trace: Trace
    failure: str | None = None
    last_error: Failure | None = None


@dataclass(eq=False)
class Execution:
    """One job while it runs."""

    job: Job
    started_ns: int
    deadline_ns: int
    root: Scope | None = None
    decompose_ns: int = 0
    merge_ns: int = 0
    spans: list[Span] = field(default_factory=list)
    flying: set[str] = field(default_factory=set)
    """Ids of requests that are sent, or about to be."""
    resting: dict[str, Node] = field(default_factory=dict)
    """Calls between two attempts, by the id of the next one."""
    status: Status | Literal[""] = ""
    reason: str = ""
    outcome: Outcome | None = None
    plans: int = 0

    def record(self, node: Node, reply: Reply) -> None:
        """Keep how a call went, with the attempts that failed before."""
        assert node.request is not None
        named = reply if reply.request_id == node.path else replace(reply, request_id=node.path)
        self.spans.append(Span(node.request, named, tuple(node.failed)))

    def drop_resting(self) -> None:
        """Of a call that is given up between two attempts the last one stands."""
        for node in self.resting.values():
            self.record(node, node.failed.pop())
        self.resting.clear()

    def hold(self, node: Node, held_ns: int) -> None:
        """A limit held this call back: recorded with it, and not taken from the time that the trial has."""
        self.deadline_ns += held_ns
        if node.request is not None:
            node.request = replace(node.request, held_ns=node.request.held_ns + held_ns)

    def show(self) -> None:
        """Tell who watches how far the answer has come."""
        if self.job.show is not None and self.root is not None and (text := self.root.so_far()):
            self.job.show(text)

    def size(self) -> tuple[int, int]:
        """Requests and tokens of all its attempts."""
        replies = [reply for span in self.spans for reply in (span.reply, *span.failed)]
        return len(replies), sum((reply.tokens_in or 0) + (reply.tokens_out or 0) for reply in replies)

    def end(
        self,
        now_ns: int,
        *,
        answer: str = "",
        parts: tuple[str, ...] = (),
        visible_ns: int | None = None,
        failure: str | None = None,
        error: Failure | None = None,
    ) -> None:
        """Fix the outcome. Its spans follow when nothing flies any more; until then there is a grace to end."""
        trace = Trace(
            spans=(), answer=answer, parts=parts, started_ns=self.started_ns, ended_ns=now_ns, visible_ns=visible_ns,
            decompose_ns=self.decompose_ns, merge_ns=self.merge_ns, status=self.status or "split", reason=self.reason,
        )  # fmt: skip
        self.outcome = Outcome(self.job, trace, failure, error)
        self.deadline_ns = now_ns + GRACE_NS
