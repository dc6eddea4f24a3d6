"""Judging, apart from running: judges see stored traces and gold, and their verdicts are appended.

A judge's model calls go through the same loop as any plan, on the executor that the judge's options name;
their cost lies in no trial. A judge never changes a timing.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ppbench.attempts import expect
from ppbench.errors import BrokenPlugin, UsageError
from ppbench.execute import Loop
from ppbench.hookspecs import Case, Executor, Judge
from ppbench.jobs import Job, Outcome, Policy
from ppbench.model import Category, Item, Verdict
from ppbench.plan import Plan
from ppbench.plugins import Plugins
from ppbench.score import SERIAL
from ppbench.specs import spec_of
from ppbench.store import encode_verdict
from ppbench.trace import Failure, Reply, Trial


@dataclass(frozen=True)
class Bench:
    """What judging needs to know: the gold, the categories and the plugins."""

    items: Mapping[str, Item]
    categories: Mapping[str, Category]
    plugins: Plugins


def judge_trials(
    bench: Bench, judge: Judge, trials: Sequence[Trial], *, done: Container[tuple[str, int, str, int]] = ()
) -> Iterator[dict[str, Any]]:
    """Verdict records of one judge on all trials whose key is not `done`.

    Failed trials are judged as well: what was not answered earns nothing.
    """
    spec = spec_of(judge)
    cases = [(trial, case) for trial, case in _cases(bench, trials) if trial.key not in done]
    replies = _ask(bench, judge, [case for _, case in cases])
    for (trial, case), asked in zip(cases, replies, strict=True):
        try:
            verdicts = [expect(Verdict, verdict, "verdicts") for verdict in judge.verdicts(case, asked)]
        except Exception as error:
            raise BrokenPlugin(f"judge {spec} on {trial.item}, {trial.decomposer}: {type(error).__name__}: {error}") from error
        yield from (encode_verdict(trial, spec, verdict) for verdict in verdicts)


def _cases(bench: Bench, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Case]]:
    serial = {(t.item, t.repeat, t.try_): t.trace for t in trials if t.decomposer == SERIAL and not t.failure}
    for trial in trials:
        if trial.trace is not None:
            item = bench.items[trial.item]
            baseline = serial.get((trial.item, trial.repeat, trial.try_))
            yield trial, Case(item, bench.categories[item.category], trial.trace, baseline)


def _ask(bench: Bench, judge: Judge, cases: Sequence[Case]) -> list[tuple[Reply, ...]]:
    """The replies to the judge's plan for each case; empty where it has none."""
    plans = [judge.plan(case) for case in cases]
    replies: list[tuple[Reply, ...]] = [() for _ in cases]
    if not any(plans):
        return replies
    jobs = [Job(str(k), lambda plan=plan: plan) for k, plan in enumerate(plans) if plan]  # type: ignore[misc]
    with ExitStack() as stack:
        executor: Executor = stack.enter_context(_executor_of(bench, judge))
        for outcome in Loop(executor, Policy()).run([[job] for job in jobs], width=8):
            place = int(outcome.job.key)
            replies[place] = _in_order(plans[place], outcome)
    return replies


def _in_order(plan: Plan | None, outcome: Outcome) -> tuple[Reply, ...]:
    """One reply a call of the plan, in the order of its calls; a call that was never answered has a failure."""
    assert plan is not None
    found = {span.request.id.rpartition("/")[2]: span.reply for span in outcome.trace.spans}
    lost = Failure("cancelled", outcome.failure or "never sent")
    return tuple(found.get(call.id, Reply(call.id, error=lost)) for call in plan.calls)


def _executor_of(bench: Bench, judge: Judge) -> Executor:
    spec, model = getattr(judge, "executor", ""), getattr(judge, "model", None)
    if not spec:
        raise UsageError(f"judge {judge.name} asks a model; give it an executor, e.g. {judge.name}:executor=openai,model=...")
    executor: Executor = bench.plugins.make("executor", spec, model=model)
    return executor
