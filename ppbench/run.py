"""Runs methods on prompts in blocks: one item, one repeat, all methods, in seeded order, back to back.

A block is stored whole or not at all, so no pair is ever split. A block in which anything was retried is run
again, once. Knows no provider and prints nothing.
"""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ppbench.attempts import expect
from ppbench.errors import EndpointUnusable, UsageError
from ppbench.execute import Loop
from ppbench.hookspecs import Decomposer, Executor
from ppbench.jobs import BUGS, Job, Outcome, Policy, is_untimed
from ppbench.limits import Limiter, Limits, Purse
from ppbench.model import Category, Item, Prompt
from ppbench.plan import Plan
from ppbench.specs import spec_of
from ppbench.store import RunDirectory
from ppbench.tally import SERIAL
from ppbench.trace import OPTIONAL, UNUSABLE, Trace, Trial


@dataclass(frozen=True)
class Conditions:
    """What all methods of a run share; part of a row's identity."""

    repeats: int = 1
    seed: int = 0
    concurrency: int = 1
    """Blocks at the same time: 1 measures isolated latency, more is a load level."""
    system: str = ""
    """Empty, or `category`: solve calls carry the system text of the item's category."""
    nonce: str = ""
    """Opens every system text, hashed with the trial, so that prefix caches help only inside a trial; empty: shared."""
    max_tries: int = 3
    trial_timeout_s: float = 600.0
    max_rpm: int | None = None
    """Requests a minute, of all methods together."""
    max_tpm: int | None = None
    """Tokens a minute, read and written."""


@dataclass(frozen=True, order=True)
class Block:
    item: str
    repeat: int
    try_: int = 0


@dataclass(frozen=True)
class Warmup:
    """A block whose trials are thrown away: it opens connections and finds out whether the endpoint answers."""

    item: str
    repeat: int = 0
    try_: int = 0


class Runner:
    """Runs the blocks of one run over one entered executor."""

    def __init__(
        self, executor: Executor, methods: Sequence[Decomposer], items: Sequence[Item],
        categories: Mapping[str, Category], conditions: Conditions, max_total_tokens: int | None = None,
        purse: Purse | None = None,
    ) -> None:  # fmt: skip
        self._executor = executor
        self._methods = {spec_of(method): method for method in methods}
        self._items = {item.id: item for item in items}
        self._categories = categories
        self._conditions = conditions
        self._limiter = Limiter(Limits(conditions.max_rpm, conditions.max_tpm, max_total_tokens, purse))
        self._purse = purse
        self._dearest_usd = 0.0
        """Of a block so far."""
        self._jobs: dict[str, tuple[Block | Warmup, str]] = {}
        self._open: dict[Block, list[Outcome]] = {}
        self._begun = self._stored = 0

    @property
    def specs(self) -> list[str]:
        return list(self._methods)

    def blocks(self) -> list[Block]:
        """All first tries, repeat by repeat."""
        return [Block(item, repeat) for repeat in range(self._conditions.repeats) for item in self._items]

    def check(self) -> None:
        """Refuse, before anything is sent, a method whose plan for the first prompt the executor cannot honour.

        The first prompt alone: methods get no look at the others before their clock runs. An executor that is untimed is
        refused as well. Raises UsageError.
        """
        if is_untimed(self._executor):
            raise UsageError(f"executor {self._executor.name} gathers requests and answers within hours, so nothing can be "
                             "timed with it; take -e native, or another, to run, and this one for judges "
                             f"(--judge NAME:executor={self._executor.name},model=...)")  # fmt: skip
        item = next(iter(self._items.values()))
        for spec, method in self._methods.items():
            plan = self._dry(method, item)
            fields = {f for call in (plan.calls if plan else ()) for f in OPTIONAL if getattr(call, f)}
            unknown = sorted(fields - self._executor.honours)
            if unknown:
                raise UsageError(f"{spec} on {item.id} uses {', '.join(unknown)}, which executor "
                                     f"{self._executor.name} cannot honour; choose another -e, or other options")  # fmt: skip

    @staticmethod
    def _dry(method: Decomposer, item: Item) -> Plan | None:
        try:
            return expect(Plan, method.decompose(_prompt(method, item)), "decompose")
        except BUGS:  # it will fail in its trial, where it is recorded
            return None

    def warm_up(self) -> None:
        """Run the first block for nothing, serial first. Raises EndpointUnusable if serial gets no reply."""
        warm = Warmup(next(iter(self._items)))
        order = sorted(self._methods, key=lambda spec: spec != SERIAL)
        once = Policy(1, self._conditions.trial_timeout_s, self._conditions.seed)
        for outcome in Loop(self._executor, once, self._limiter).run([(self._job(warm, spec) for spec in order)]):
            error = outcome.last_error
            if self._jobs[outcome.job.key][1] == SERIAL and error and error.kind in UNUSABLE:
                raise EndpointUnusable(f"{self._executor.endpoint}: {error.message}")
            self._dearest_usd += self._usd([outcome])

    def run(self, blocks: Sequence[Block], store: RunDirectory, on_block: Callable[[Block, list[Trial]], None]) -> None:
        """Run blocks and append each as it ends. A KeyboardInterrupt leaves whole blocks alone on disk.

        Raises BudgetReached when no further block can be afforded: those that are open are finished before. A block that
        takes far more than the others did is broken off as soon as it goes beyond the budget.
        """
        todo = deque(blocks)
        while todo:
            if not self._affords_another():
                raise self._limiter.spent(self._block_cost, self._dearest_usd)
            for outcome in self._loop().run(self._lanes(todo), width=self._conditions.concurrency):
                block, outcomes = self._collect(outcome)
                if len(outcomes) < len(self._methods):
                    continue
                self._refuse_dead_endpoint(outcomes)
                self._dearest_usd = max(self._dearest_usd, self._usd(outcomes))
                trials = [_trial(block, self._jobs.pop(o.job.key)[1], o) for o in self._open.pop(block)]
                store.append_block(trials)
                self._stored += 1
                if block.try_ == 0 and not all(t.trace and t.trace.clean for t in trials):
                    todo.append(Block(block.item, block.repeat, 1))
                on_block(block, trials)

    def _lanes(self, todo: deque[Block]) -> Iterator[Iterator[Job]]:
        while todo and self._affords_another():
            self._begun += 1
            yield self._lane(todo.popleft())

    def _affords_another(self) -> bool:
        """Whether the budget holds one more block beside those that are open."""
        blocks = self._begun - self._stored + 1
        return self._limiter.affords(blocks * self._block_cost, blocks * self._dearest_usd)

    def _usd(self, outcomes: Sequence[Outcome]) -> float:
        return sum(spent(self._purse, outcome.trace) for outcome in outcomes) if self._purse else 0.0

    @property
    def _block_cost(self) -> int:
        """Tokens of a block, as far as those that were run tell; the one that was thrown away is one of them."""
        return self._limiter.used // (self._stored + 1)

    def _collect(self, outcome: Outcome) -> tuple[Block, list[Outcome]]:
        block, _ = self._jobs[outcome.job.key]
        assert isinstance(block, Block)
        outcomes = self._open.setdefault(block, [])
        outcomes.append(outcome)
        return block, outcomes

    def _refuse_dead_endpoint(self, outcomes: Sequence[Outcome]) -> None:
        """Raise EndpointUnusable, before the block is stored, if nothing in it was answered."""
        errors = [o.last_error for o in outcomes if o.failure is not None and o.last_error]
        if len(errors) == len(outcomes) and all(error.kind in UNUSABLE for error in errors):
            raise EndpointUnusable(f"{self._executor.endpoint}: {errors[0].message}")

    def _loop(self) -> Loop:
        conditions = self._conditions
        policy = Policy(conditions.max_tries, conditions.trial_timeout_s, conditions.seed)
        return Loop(self._executor, policy, self._limiter)

    def _lane(self, block: Block | Warmup) -> Iterator[Job]:
        order = list(self._methods)
        random.Random(f"{self._conditions.seed}/{block.item}/{block.repeat}/{block.try_}").shuffle(order)
        return (self._job(block, spec) for spec in order)

    def _job(self, block: Block | Warmup, spec: str) -> Job:
        item, method = self._items[block.item], self._methods[spec]
        prompt = _prompt(method, item)
        key = f"{type(block).__name__.lower()}/{item.id}/{block.repeat}/{block.try_}/{spec}"
        self._jobs[key] = (block, spec)
        system = self._categories[item.category].system if self._conditions.system == "category" else ""
        return Job(
            key, decompose=lambda: method.decompose(prompt), fallback=lambda reason: Plan.fallback(prompt, reason),
            system=system, nonce=self._nonce(key),
        )  # fmt: skip

    def _nonce(self, key: str) -> str:
        """Sixteen characters, alike in length for every arm."""
        secret = self._conditions.nonce
        return f"[trial {hashlib.sha256(f'{secret}/{key}'.encode()).hexdigest()[:8]}]" if secret else ""


def spent(purse: Purse, trace: Trace) -> float:
    """USD of all attempts of a trial, by the prices of a purse."""
    return sum(purse.of(reply, span.request) for span in trace.spans for reply in (span.reply, *span.failed))


def _prompt(method: Decomposer, item: Item) -> Prompt:
    return item.prompt(getattr(method, "given", ()))


def _trial(block: Block, spec: str, outcome: Outcome) -> Trial:
    return Trial(block.item, block.repeat, spec, block.try_, outcome.trace, outcome.failure)


def remaining(blocks: Sequence[Block], done: Iterable[Trial]) -> list[Block]:
    """What a resumed run still has to do: blocks without trials, and second tries that were due."""
    have: set[Block] = set()
    unclean: set[Block] = set()
    for trial in done:
        have.add(Block(trial.item, trial.repeat, trial.try_))
        if trial.try_ == 0 and not (trial.trace and trial.trace.clean):
            unclean.add(Block(trial.item, trial.repeat, 1))
    return [block for block in blocks if block not in have] + sorted(unclean - have)
