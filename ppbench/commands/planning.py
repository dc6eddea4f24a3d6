"""Sends the planning calls of a method, and nothing that they would lead to. Prints nothing and scores nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ppbench.commands.common import plain
from ppbench.errors import BrokenPlugin, EndpointUnusable
from ppbench.execute import Loop
from ppbench.hookspecs import Executor
from ppbench.jobs import Job, Outcome
from ppbench.plan import Call, Plan
from ppbench.trace import UNUSABLE

_DEEPEST = 20
"""Planning calls one after another: what goes on for longer does not end."""


def asked_first(plan: Plan) -> Call | None:
    """The planning call that a plan waits for before it says what it splits into, if it is such a plan."""
    first, *others = plan.calls
    waits = plan.status == "split" and plan.schema is None and not others and isinstance(first.text, str)
    return first if waits and first.expand else None


def alone(key: str, call: Call) -> Job:
    """The job that sends one planning call, and does not expand it."""
    return Job(key, lambda: Plan((replace(call, expand=None, expand_stream=None, needs=(), after=()),)))


def planned(executor: Executor, plans: Sequence[Plan], what: Sequence[str], width: int = 1) -> list[Plan | str]:
    """What each plan becomes once its planning calls are answered, or why it becomes nothing; `what` names each one.

    Raises EndpointUnusable for an endpoint that refuses everything alike, and BrokenPlugin for a method's own fault.
    """
    ends: list[Plan | str] = list(plans)
    waiting: dict[str, tuple[int, Call]] = {}

    def lane(place: int) -> Iterator[Job]:
        for depth in range(_DEEPEST):
            plan = ends[place]
            call = asked_first(plan) if isinstance(plan, Plan) else None
            if call is None:
                return
            waiting[key := f"plan/{place}/{depth}"] = place, call
            yield alone(key, call)

    for outcome in Loop(executor).run(map(lane, range(len(plans))), width):
        place, call = waiting.pop(outcome.job.key)
        ends[place] = _answered(outcome, call, executor, what[place])
    return ends


def _answered(outcome: Outcome, call: Call, executor: Executor, what: str) -> Plan | str:
    if outcome.failure:
        failure, error = plain(outcome.failure), outcome.last_error
        if error is None:
            raise BrokenPlugin(f"{what}: {failure}")
        if error.kind in UNUSABLE:
            raise EndpointUnusable(f"{executor.endpoint}: {failure}")
        return failure
    assert call.expand is not None
    try:
        return call.expand(outcome.trace.answer)
    except Exception as error:
        raise BrokenPlugin(plain(f"{what}: expand raised {type(error).__name__}: {error}")) from error
