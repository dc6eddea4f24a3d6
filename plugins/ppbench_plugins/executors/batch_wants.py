"""Requests that somebody waits for, the batches that they lie in, and a reply made of what came. Values; does nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from ppbench import Failure, Reply, Request
from ppbench_plugins import wire
from ppbench_plugins.executors.batch_state import Place
from ppbench_plugins.wire.batches import Row


@dataclass(eq=False)
class Want:
    """A request that somebody waits for."""

    request: Request
    row: Row
    queued_ns: int
    sent_ns: int = 0
    place: Place | None = None
    known: bool = False
    """It lies in a batch that was made for somebody else, or in an earlier session."""
    over: bool = False


@dataclass(eq=False)
class Running:
    """A batch that is looked at."""

    id: str
    pause_s: float
    due_ns: int
    wants: dict[str, Want] = field(default_factory=dict)
    failures: int = 0


def is_open(running: Running) -> bool:
    """Somebody waits for it."""
    return any(not want.over for want in running.wants.values())


def reply_of(want: Want, answer: wire.Answer, error: Failure | None, now_ns: int) -> Reply:
    """Its instants are those of the batch: when it left, and when it was collected."""
    return Reply(
        request_id=want.request.id, text=answer.text, queued_ns=want.queued_ns, sent_ns=want.sent_ns,
        first_ns=now_ns if answer.text else None, chunks_ns=(now_ns,) if answer.text else (), done_ns=now_ns, stamp="python",
        tokens_in=answer.tokens_in, tokens_out=answer.tokens_out, tokens_cached=answer.tokens_cached,
        tokens_reasoning=answer.tokens_reasoning, tokens_source=None if answer.tokens_out is None else "usage",
        finish=answer.finish, error=error,
    )  # fmt: skip
