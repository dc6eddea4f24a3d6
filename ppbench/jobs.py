"""What the loop is given, what it gives back, and what it keeps of a job while it runs. Values; nothing is done here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ppbench.plan import Plan
from ppbench.scope import Node, Scope
from ppbench.trace import Failure, Span, Trace


@dataclass(frozen=True)
class Policy:
    """How patient the loop is."""

    max_tries: int = 3
    """Attempts a call, the first included."""
    trial_timeout_s: float = 600.0
    seed: int = 0
    """Seeds the jitter of the back-off."""


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
    status: str = ""
    reason: str = ""
    outcome: Outcome | None = None
    plans: int = 0
