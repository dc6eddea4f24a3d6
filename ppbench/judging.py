"""Judging, apart from running: judges see stored traces and gold, and their verdicts are appended.

A judge's model calls go through the same loop as any plan, on the executor that the judge's options name;
their cost lies in no trial. A judge never changes a timing.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ppbench.attempts import expect
from ppbench.errors import BrokenPlugin, UsageError
from ppbench.execute import Loop
from ppbench.hookspecs import Case, Executor, Judge
from ppbench.jobs import UNTIMED_LANES, Job, Outcome, Policy, is_untimed
from ppbench.model import Category, Item, Verdict
from ppbench.plan import Plan
from ppbench.plugins import Plugins
from ppbench.specs import spec_of, split_spec
from ppbench.store import encode_verdict
from ppbench.tally import SERIAL
from ppbench.trace import Failure, Reply, Trial

BATCH = 64
"""Trials judged between two writes; whole blocks, so a few more."""


@dataclass(frozen=True)
class Bench:
    """What judging needs to know: the gold, the categories and the plugins."""

    items: Mapping[str, Item]
    categories: Mapping[str, Category]
    plugins: Plugins


def judge_trials(
    bench: Bench, judge: Judge, trials: Iterable[Trial], *, done: Container[tuple[str, int, str, int]] = ()
) -> Iterator[list[dict[str, Any]]]:
    """Verdict records of one judge on all trials whose key is not `done`, in batches; the trials of a block stand together.

    Failed trials are judged as well: what was not answered earns nothing. Each batch can be kept before the next is asked.
    """
    with ExitStack() as stack:
        asker = _Asker(bench, judge, stack)
        for blocks in _batches(trials, UNTIMED_LANES if _is_patient(bench, judge) else BATCH):
            cases = [(trial, case) for trial, case in _cases(bench, blocks) if trial.key not in done]
            replies = asker.ask([case for _, case in cases])
            yield [record for (trial, case), asked in zip(cases, replies, strict=True)
                   for record in _verdicts(judge, trial, case, asked)]  # fmt: skip


def _is_patient(bench: Bench, judge: Judge) -> bool:
    """Its executor takes hours, however little it is given: all that there is goes at once."""
    name = split_spec(getattr(judge, "executor", ""))[0]
    component = bench.plugins.of("executor").get(name)
    return component is not None and is_untimed(component.value)


def _batches(trials: Iterable[Trial], size: int) -> Iterator[list[Trial]]:
    """Whole blocks, as many as make a batch."""
    batch: list[Trial] = []
    for _, block in groupby(trials, key=lambda t: (t.item, t.repeat, t.try_)):
        batch += block
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _verdicts(judge: Judge, trial: Trial, case: Case, asked: Sequence[Reply]) -> Iterator[dict[str, Any]]:
    spec = spec_of(judge)
    try:
        verdicts = [expect(Verdict, verdict, "verdicts") for verdict in judge.verdicts(case, asked)]
    except Exception as error:
        raise BrokenPlugin(f"judge {spec} on {trial.item}, {trial.decomposer}: {type(error).__name__}: {error}") from error
    return (encode_verdict(trial, spec, verdict) for verdict in verdicts)


def _cases(bench: Bench, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Case]]:
    serial = {(t.item, t.repeat, t.try_): t.trace for t in trials if t.decomposer == SERIAL and not t.failure}
    for trial in trials:
        if trial.trace is not None:
            item = bench.items[trial.item]
            baseline = serial.get((trial.item, trial.repeat, trial.try_))
            yield trial, Case(item, bench.categories[item.category], trial.trace, baseline)


class _Asker:
    """Sends a judge's plans; its executor is entered when the first one comes up."""

    def __init__(self, bench: Bench, judge: Judge, stack: ExitStack) -> None:
        self._bench, self._judge, self._stack = bench, judge, stack
        self._executor: Executor | None = None
        self._batch = 0

    def ask(self, cases: Sequence[Case]) -> list[tuple[Reply, ...]]:
        """The replies to the judge's plan for each case; empty where it has none."""
        plans = [self._judge.plan(case) for case in cases]
        replies: list[tuple[Reply, ...]] = [() for _ in cases]
        self._batch += 1
        jobs = [Job(f"{self._batch}/{k}", lambda plan=plan: plan) for k, plan in enumerate(plans) if plan]  # type: ignore[misc]
        if jobs and self._executor is None:
            self._executor = self._stack.enter_context(_executor_of(self._bench, self._judge))
        if self._executor is not None:
            for outcome in Loop(self._executor, Policy()).run([[job] for job in jobs], width=8):
                place = int(outcome.job.key.partition("/")[2])
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
