"""Settles rows by a model: questions through the core's loop and any executor, each reply kept as soon as it is there.

A row is a lane of the loop: its second question, if there is one, follows its first. What an earlier sitting paid for is read
again and not asked again. Knows no provider and no file but the journal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from ppbench import EndpointUnusable, Executor, Job, Limiter, Limits, Loop, Outcome, Plan, Policy
from ppbench_plugins.curation.asking import Asking
from ppbench_plugins.curation.journal import Journal
from ppbench_plugins.curation.logs import Read
from ppbench_plugins.curation.pipeline import Pipeline
from ppbench_plugins.curation.rows import Row, Settled, refused
from ppbench_plugins.curation.spending import Spending, used
from ppbench_plugins.curation.stages import named, validated

_HOPELESS = ("refused", "auth", "not_found")
_PATIENCE = 3
"""Rows one after another without any answer, of those kinds, after which the endpoint is given up."""


@dataclass(frozen=True)
class Manner:
    """How a model is asked."""

    width: int = 16
    """Rows under way."""
    max_tries: int = 3
    timeout_s: float = 600.0
    max_rpm: int | None = None
    max_tpm: int | None = None
    max_tokens: int | None = 4096
    seed: int = 0


@dataclass
class Planner:
    """One sitting with one entered executor."""

    executor: Executor
    journal: Journal
    spending: Spending
    manner: Manner = Manner()
    failed: list[Settled] = field(default_factory=list)
    """Rows that got no answer this time; they are asked about again on resume."""
    _open: dict[str, Asking] = field(default_factory=dict)
    _hopeless: int = 0
    _stopped: bool = False

    def settle(self, pipeline: Pipeline) -> None:
        """Settle all rows. Raises BudgetReached and EndpointUnusable, after which the journal can be gone on with."""
        manner = self.manner
        self.spending.remember(self.journal.paid)
        policy = Policy(manner.max_tries, manner.timeout_s, manner.seed)
        loop = Loop(self.executor, policy, Limiter(Limits(manner.max_rpm, manner.max_tpm)))
        with self.journal.filtered() as out:
            for outcome in loop.run(self._lanes(pipeline, pipeline.survivors(out)), width=manner.width):
                self._take(outcome, pipeline)
        if self._stopped:
            raise self.spending.spent()

    def _lanes(self, pipeline: Pipeline, rows: Iterator[Read]) -> Iterator[Iterator[Job]]:
        """A lane for each row that has a question left, as long as the budget holds."""
        structured = "json_schema" in self.executor.honours
        limited = "max_tokens" in self.executor.honours
        for row in rows:
            asking = Asking(named(row, pipeline.language), structured, self.manner.max_tokens if limited else None)
            self._recall(asking)
            if asking.planned:
                pipeline.keep([validated(asking.row, asking.planned)])
                continue
            if not self.spending.affords(len(self._open)):
                self._stopped = True
                return
            yield self._lane(asking)

    def _lane(self, asking: Asking) -> Iterator[Job]:
        before = ""
        while asking.planned is None and asking.key != before:
            before = asking.key
            self._open[before] = asking
            yield Job(before, lambda: Plan((asking.call,)))

    def _recall(self, asking: Asking) -> None:
        """Read what an earlier sitting was told, if it was told of the same question."""
        while asking.planned is None:
            record = self.journal.replies.pop(asking.key, None)
            if record is None or record["digest"] != _digest(asking):
                return
            asking.take(record["text"])

    def _take(self, outcome: Outcome, pipeline: Pipeline) -> None:
        asking = self._open.pop(outcome.job.key)
        self._pay(outcome, asking)
        if outcome.failure is not None:
            self._give_up(outcome, asking.row)
            return
        self._hopeless = 0
        asking.take(outcome.trace.answer)
        if asking.planned:
            pipeline.keep([validated(asking.row, asking.planned)])

    def _pay(self, outcome: Outcome, asking: Asking) -> None:
        """Write down what came, before anything is made of it: the answer last, after the attempts that failed."""
        text, digest = str(asking.call.text), _digest(asking)
        for span in outcome.trace.spans:
            for reply in (*span.failed, span.reply):
                counts = used(reply, text)
                answer = None if outcome.failure is not None or reply.error is not None else reply.text
                self.journal.pay(outcome.job.key, digest, answer, **counts)
                self.spending.add(**counts)

    def _give_up(self, outcome: Outcome, row: Row) -> None:
        """A row that got no answer. It stays open for the next sitting; an endpoint that refuses all of them ends this one."""
        self.failed.append(refused(row, "planning", f"no answer: {outcome.failure}", text=row.text))
        error = outcome.last_error
        self._hopeless = self._hopeless + 1 if error and error.kind in _HOPELESS else 0
        if error and self._hopeless >= _PATIENCE:
            raise EndpointUnusable(f"{self.executor.endpoint}: {error.message}; {self._hopeless} rows in a row got no answer")


def _digest(asking: Asking) -> str:
    """Fingerprint of a question."""
    return hashlib.blake2b(str(asking.call.text).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
