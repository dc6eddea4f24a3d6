"""Judging, apart from running: judges see stored traces and gold, and their verdicts are appended.

A judge's model calls go through the same loop as any plan, on the executor that the judge's options name;
their cost lies in no trial. A judge never changes a timing. One that fails on a case is recorded there, and goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from traceback import extract_tb
from typing import Any

from ppbench.attempts import expect
from ppbench.controls import controls_of, sample, shown_as
from ppbench.costs import usage_of
from ppbench.errors import BrokenPlugin, EndpointUnusable, InvalidData, PpbenchError, UsageError
from ppbench.execute import Loop
from ppbench.hookspecs import Case, Executor, Judge
from ppbench.jobs import BUGS, Job, Outcome, Policy, is_untimed
from ppbench.model import Category, Item, Verdict
from ppbench.plan import Plan
from ppbench.plugins import Plugins
from ppbench.specs import spec_of, split_spec
from ppbench.store import Cell, RunDirectory, cell, encode_no_verdict, encode_verdict
from ppbench.tally import SERIAL
from ppbench.trace import UNUSABLE, Failure, Reply, Trial

BATCH = 64
"""Trials judged between two writes; whole blocks, so a few more."""


@dataclass(frozen=True)
class Bench:
    """What judging needs to know: the gold, the categories and the plugins."""

    items: Mapping[str, Item]
    categories: Mapping[str, Category]
    plugins: Plugins

    def version_of(self, judge: Judge) -> str:
        """The distribution that a judge comes from, and its version; empty for one that no plugin offers."""
        component = self.plugins.of("judge").get(judge.name)
        return f"{component.plugin.distribution} {component.plugin.version}" if component else ""


@dataclass(frozen=True)
class Shown:
    """A case as a judge sees it, and what it is recorded as."""

    trial: Trial
    case: Case
    control: str = ""

    @property
    def cell(self) -> Cell:
        return (*self.trial.key, self.control)


@dataclass
class Hearing:
    """What came of one judge: what it was shown, where it said nothing after it had asked, where it failed."""

    judge: str
    shown: int = 0
    silent: int = 0
    failed: int = 0
    first: str = ""
    """The first failure, and where it was."""
    ended: PpbenchError | None = None
    """Why it could not go on at all: an endpoint, a library, an option."""

    def count(self, records: Sequence[Mapping[str, Any]]) -> None:
        self.shown += len({cell(record) for record in records})
        self.silent += sum("silent" in record for record in records)
        for record in records:
            if "failure" in record:
                self.failed += 1
                control = f", control {record['control']}" if "control" in record else ""
                self.first = self.first or f"{record['item']}, {record['decomposer']}{control}: {record['failure']}"


def judge_run(bench: Bench, judges: Sequence[Judge], directory: RunDirectory, *, again: bool = False) -> list[Hearing]:
    """Append the verdicts, controls first, that are not there yet; all of them anew if `again`.

    Batch by batch: what was paid for is kept, whatever happens. A case on which a judge failed counts as not there, and one
    that cannot go on ends alone: the hearing says why, `refuse_failures` raises it.
    """
    hearings = []
    with directory.lock():
        drawn = sample(directory.trials(), {item.id: item.category for item in bench.items.values()}, directory.run["seed"])
        for judge in judges:
            done, round_ = _done(directory.verdicts(), spec_of(judge), again=again)
            hearing = Hearing(spec_of(judge))
            hearings.append(hearing)
            batches = judge_trials(bench, judge, directory.trials(), done=done, controls=drawn, round_=round_)
            try:
                for batch in batches:
                    directory.append_verdicts(batch)
                    hearing.count(batch)
            except PpbenchError as error:
                hearing.ended = error
    return hearings


def refuse_failures(hearings: Sequence[Hearing], path: Path) -> None:
    """Raise BrokenPlugin if a judge failed on a case, or what ended a judge."""
    lines = [f"judge {hearing.judge} failed on {hearing.failed} of {hearing.shown} cases; the first: {hearing.first}"
             for hearing in hearings if hearing.failed]  # fmt: skip
    lines += [f"judge {hearing.judge} could not go on: {hearing.ended}" for hearing in hearings if hearing.ended]
    if lines:
        remedy = f"All other verdicts are kept; `ppbench judge {path} --judge SPEC` asks for what is missing, and for no more"
        kinds: list[type[PpbenchError]] = [BrokenPlugin for hearing in hearings if hearing.failed]
        kinds += [type(hearing.ended) for hearing in hearings if hearing.ended]
        raise kinds[0]("\n".join([*lines, remedy]))


def _done(records: Iterable[Mapping[str, Any]], spec: str, *, again: bool) -> tuple[set[Cell], int]:
    """The cells that a judge need not be asked for, and the number of the round that is asked now."""
    mine = [(cell(record), record.get("round", 0)) for record in records
            if record["judge"] == spec and "failure" not in record]  # fmt: skip
    last = max((number for _, number in mine), default=-1)
    return (set(), last + 1) if again else ({which for which, _ in mine}, max(last, 0))


def judge_trials(
    bench: Bench, judge: Judge, trials: Iterable[Trial], *, done: Container[Cell] = (), controls: Sequence[Trial] = (),
    round_: int = 0,
) -> Iterator[list[dict[str, Any]]]:  # fmt: skip
    """Records of one judge on all that is not `done`, in batches: the controls of these trials of serial, then all trials;
    the trials of a block stand together.

    Failed trials are judged as well: what was not answered earns nothing. Each batch can be kept before the next is asked.
    """
    about = {"version": bench.version_of(judge), "prompt": prompt_hash(judge), "round": round_}
    with ExitStack() as stack:
        asker = _Asker(bench, judge, stack)
        batches = chain(_shown_controls(bench, controls), (_cases(bench, blocks) for blocks in _batches(trials)))
        for batch in [list(chain.from_iterable(batches))] if _is_patient(bench, judge) else batches:
            todo = [shown for shown in batch if shown.cell not in done]
            if todo:
                yield [record for shown, asked in zip(todo, asker.ask(todo), strict=True)
                       for record in _records(judge, shown, asked, about, asker.price_factor)]  # fmt: skip


def _is_patient(bench: Bench, judge: Judge) -> bool:
    """Its executor takes hours, however little it is given: all that there is goes at once."""
    name = split_spec(getattr(judge, "executor", ""))[0]
    component = bench.plugins.of("executor").get(name)
    return component is not None and is_untimed(component.value)


def _batches(trials: Iterable[Trial]) -> Iterator[list[Trial]]:
    """Whole blocks, as many as make a batch."""
    batch: list[Trial] = []
    for _, block in groupby(trials, key=lambda t: (t.item, t.repeat, t.try_)):
        batch += block
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _shown_controls(bench: Bench, serial: Sequence[Trial]) -> Iterator[list[Shown]]:
    """Each control beside the real answer of serial, as if a method had given it."""
    batch = []
    for trial in serial:
        assert trial.trace is not None
        item, category = _gold(bench, trial)
        for name, answer in controls_of(trial.trace.answer).items():
            batch.append(Shown(trial, Case(item, category, shown_as(trial.trace, answer), trial.trace), name))
    if batch:
        yield batch


def _cases(bench: Bench, trials: Sequence[Trial]) -> list[Shown]:
    serial = {(t.item, t.repeat, t.try_): t.trace for t in trials if t.decomposer == SERIAL and not t.failure}
    return [Shown(trial, Case(*_gold(bench, trial), trial.trace, serial.get((trial.item, trial.repeat, trial.try_))))
            for trial in trials if trial.trace is not None]  # fmt: skip


def _gold(bench: Bench, trial: Trial) -> tuple[Item, Category]:
    if trial.item not in bench.items:
        raise InvalidData(f"a trial is about {trial.item}, which is none of the run's prompts")
    item = bench.items[trial.item]
    return item, bench.categories[item.category]


Asked = tuple[Reply, ...] | BaseException
"""The replies to a judge's plan, none where it has none; or what its `plan` raised."""


def _records(
    judge: Judge, shown: Shown, asked: Asked, about: Mapping[str, Any], price_factor: float = 1.0
) -> list[dict[str, Any]]:
    """What a judge says of one case; where a value is missing, one record that says why, if there is a reason."""
    trial, spec = shown.trial, spec_of(judge)
    about = {**about, "control": shown.control, "compares": bool(shown.control and getattr(judge, "compares", False))}
    try:
        if isinstance(asked, BaseException):
            raise asked
        verdicts = [expect(Verdict, verdict, "verdicts") for verdict in judge.verdicts(shown.case, asked)]
    except PpbenchError:  # said on purpose, and true of every case
        raise
    except BUGS as error:
        usage = {} if isinstance(asked, BaseException) else usage_of(getattr(judge, "model", None) or "", asked, price_factor)
        return [encode_no_verdict(trial, spec, failure=_reason(error), **about, usage=usage)]
    usage = usage_of(getattr(judge, "model", None) or "", asked, price_factor)
    if verdicts or not asked:
        return [encode_verdict(trial, spec, verdict, **about, usage={} if k else usage) for k, verdict in enumerate(verdicts)]
    lost = next((reply.error for reply in asked if reply.error), None)
    return [encode_no_verdict(trial, spec, failure=f"{lost.kind}: {lost.message}" if lost else "", **about, usage=usage)]


def _reason(error: BaseException) -> str:
    """One line: what was raised, and the last frame that raised it, without the folders of this machine."""
    text = (str(error).strip() or "no message").splitlines()[0][:300]
    frames = extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return f"{type(error).__name__}: {text}{where}"


def prompt_hash(judge: Judge) -> str:
    """Twelve digits that tell the fixed text of what a judge asks; empty where it has none."""
    text = expect(str, getattr(judge, "instructions", ""), f"judge {judge.name}: instructions")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12] if text else ""


class _Asker:
    """Sends a judge's plans; its executor is entered when the first one comes up."""

    def __init__(self, bench: Bench, judge: Judge, stack: ExitStack) -> None:
        self._bench, self._judge, self._stack = bench, judge, stack
        self._executor: Executor | None = None
        self._batch = 0

    def ask(self, batch: Sequence[Shown]) -> list[Asked]:
        """The replies to the judge's plan for each case. Raises EndpointUnusable if nothing at all was answered."""
        plans = [self._plan(shown.case) for shown in batch]
        found: list[Asked] = [plan if isinstance(plan, BaseException) else () for plan in plans]
        self._batch += 1
        jobs = [Job(f"{self._batch}/{k}", lambda plan=plan: plan)  # type: ignore[misc]
                for k, plan in enumerate(plans) if isinstance(plan, Plan)]  # fmt: skip
        if jobs and self._executor is None:
            self._executor = self._stack.enter_context(_executor_of(self._bench, self._judge))
        if jobs and self._executor is not None:
            outcomes = list(Loop(self._executor, Policy()).run([[job] for job in jobs], width=8))
            self._refuse_dead_endpoint(outcomes)
            for outcome in outcomes:
                place = int(outcome.job.key.partition("/")[2])
                found[place] = _in_order(plans[place], outcome)
        return found

    @property
    def price_factor(self) -> float:
        """What its executor takes of the listed price."""
        return float(getattr(self._executor, "price_factor", 1.0))

    def _plan(self, case: Case) -> Plan | BaseException | None:
        try:
            plan = self._judge.plan(case)
            return plan if plan is None else expect(Plan, plan, "plan")
        except PpbenchError:
            raise
        except BUGS as error:  # recorded with its case
            return error

    def _refuse_dead_endpoint(self, outcomes: Sequence[Outcome]) -> None:
        assert self._executor is not None
        errors = [outcome.last_error for outcome in outcomes]
        if errors[0] and all(error and error.kind in UNUSABLE for error in errors):
            raise EndpointUnusable(f"{self._executor.endpoint}: {errors[0].message}")


def _in_order(plan: Plan | BaseException | None, outcome: Outcome) -> tuple[Reply, ...]:
    """One reply a call of the plan, in the order of its calls; a call that was never answered has a failure."""
    assert isinstance(plan, Plan)
    found = {span.request.id.rpartition("/")[2]: span.reply for span in outcome.trace.spans}
    lost = Failure("cancelled", outcome.failure or "never sent")
    return tuple(found.get(call.id, Reply(call.id, error=lost)) for call in plan.calls)


def _executor_of(bench: Bench, judge: Judge) -> Executor:
    spec, model = getattr(judge, "executor", ""), getattr(judge, "model", None)
    if not spec:
        raise UsageError(f"judge {judge.name} asks a model; give it an executor, e.g. {judge.name}:executor=openai,model=...")
    executor: Executor = bench.plugins.make("executor", spec, model=model)
    return executor
