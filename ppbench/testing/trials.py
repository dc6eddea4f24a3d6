"""One trial of a method, as a run would make it, under guard, with all that was sent. Knows not whether it is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ppbench.execute import Loop
from ppbench.hookspecs import Decomposer, Executor
from ppbench.jobs import Job, Policy
from ppbench.model import Prompt
from ppbench.plan import Plan
from ppbench.testing.guard import no_network
from ppbench.testing.report import Failed
from ppbench.trace import Request, Trace
from ppbench.virtual import Script, VirtualExecutor

MOST = 2000
"""Calls of one trial; a plan that expands for ever ends here."""


@dataclass(frozen=True)
class Went:
    """How a trial went."""

    trace: Trace
    sent: tuple[Request, ...]

    @property
    def solving(self) -> list[str]:
        return [request.text for request in self.sent if request.role == "solve"]

    @property
    def shape(self) -> tuple[Any, ...]:
        """How the prompt was split, whatever its words: status, and the calls of each role."""
        roles = [request.role for request in self.sent]
        return (self.trace.status, *((role, roles.count(role)) for role in sorted(set(roles))))

    @property
    def asked(self) -> list[str]:
        """All that was asked, in order, as text that can be compared."""
        return [json.dumps([r.id, r.text, r.role, r.system, r.prefix, r.json_schema, r.stop, r.max_tokens], default=str)
                for r in self.sent]  # fmt: skip


class _Watched:
    """An executor, and a list of what it was given."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner
        self.sent: list[Request] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, requests: Sequence[Request]) -> None:
        self.sent.extend(requests)
        if len(self.sent) > MOST:
            raise Failed(f"more than {MOST} calls for one prompt")
        self._inner.send(requests)


def trial(method: Decomposer, prompt: Prompt, executor: Executor, *, guarded: bool = True) -> Went:
    """Run one prompt. Raises Failed if the trial fails, or anything but the plan's calls leaves the process."""
    watched = _Watched(executor)
    job = Job("trial", lambda: method.decompose(prompt), lambda reason: Plan.fallback(prompt, reason))
    run = Loop(cast(Executor, watched), Policy(max_tries=1)).run([[job]])
    if guarded:
        with no_network() as seen:
            [outcome] = run
        if seen:
            raise Failed(f"reached out by itself: {', '.join(sorted(set(seen)))}; every model call is a call of the plan")
    else:
        [outcome] = run
    if outcome.failure:
        raise Failed(outcome.failure)
    return Went(outcome.trace, tuple(watched.sent))


def echo(say: Callable[[Request], str] = lambda request: request.text) -> Executor:
    """An executor that replies what it is told, in two pieces."""

    def respond(request: Request, now_ns: int) -> Script:
        text = say(request)
        half = len(text) // 2
        return Script(((1000, text[:half]), (2000, text[half:])), 2000, tokens_in=1, tokens_out=1)

    return cast(Executor, VirtualExecutor(respond))
