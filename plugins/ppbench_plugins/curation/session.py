"""One sitting of a curation: what was asked, made into a pipeline, run, and summed up. Prints nothing but progress."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ppbench import TooManyFailures, UsageError, installed
from ppbench_plugins.curation.journal import BATCHES, Journal
from ppbench_plugins.curation.logs import Limits, count
from ppbench_plugins.curation.models import Manner, Planner
from ppbench_plugins.curation.pipeline import Pipeline
from ppbench_plugins.curation.progress import Progress
from ppbench_plugins.curation.rows import Settled
from ppbench_plugins.curation.spending import Budget, Spending
from ppbench_plugins.curation.statistics import Statistics, text
from ppbench_plugins.curation.workers import workers


@dataclass(frozen=True)
class Asked:
    """What makes the sets what they are, and how a model is asked; kept, and the same in each sitting."""

    source: str
    files: list[list[Any]]
    planner: str
    model: str
    executor: str
    base_url: str
    language: str
    shortest: int
    longest: int
    limit: int
    concurrency: int
    max_rpm: int | None
    max_tpm: int | None
    max_tries: int
    max_tokens: int
    timeout_s: float


def _executor(asked: Asked, batches: Path) -> Any:
    """Who sends. One that answers within hours keeps a file of what lies where, unless the user names one: what an earlier
    sitting paid for and did not see the end of is then collected, and not sent again."""
    given = {"model": asked.model, "base_url": asked.base_url or None, "max_in_flight": asked.concurrency}
    made = installed("executor", asked.executor, **given)
    if getattr(made, "untimed", False) and getattr(made, "state", None) == "":
        made = installed("executor", asked.executor, **given, state=batches)
    return made


class Session:
    """Runs what is left of a curation."""

    def __init__(self, asked: Asked, journal: Journal, budget: Budget, *, quiet: bool) -> None:
        self._asked, self._journal, self._quiet = asked, journal, quiet
        self._executor = self._spending = None
        if asked.planner == "llm":
            self._executor = _executor(asked, journal.path / BATCHES)
            self._spending = Spending(budget, asked.model, getattr(self._executor, "price_factor", 1.0))
        self._failed: list[Settled] = []

    def run(self, processes: int, cluster: str) -> str:
        """Settle what is left, write the sets, and return the tables."""
        asked, source = self._asked, Path(self._asked.source)
        if cluster and asked.planner == "llm":
            raise UsageError("a model is asked from one place, which keeps its limits and its budget; leave --cluster out")
        with self._journal.writing():
            total = min(count(source), asked.limit or 1 << 62)
            progress = Progress(total, quiet=self._quiet)
            limits = Limits(asked.shortest, asked.longest)
            pipeline = Pipeline(source, limits, self._journal, progress, language=asked.language, limit=asked.limit)
            if asked.planner == "llm":
                self._ask(pipeline)
            else:
                with workers(processes, cluster) as there:
                    pipeline.without_a_model(there, asked.planner)
            progress.end()
            return self._conclude()

    def _ask(self, pipeline: Pipeline) -> None:
        asked = self._asked
        assert self._executor is not None
        assert self._spending is not None
        manner = Manner(asked.concurrency, asked.max_tries, asked.timeout_s, asked.max_rpm, asked.max_tpm, asked.max_tokens)
        with self._executor as executor:
            planner = Planner(executor, self._journal, self._spending, manner, self._failed)
            planner.settle(pipeline)

    def _conclude(self) -> str:
        """Write the sets and the statistics."""
        statistics = Statistics()
        for record in self._journal.finish(self._failed):
            statistics.add(record)
        found = {"asked": {"planner": self._asked.planner, "model": self._asked.model}, **statistics.to_json()}
        if self._spending is not None:
            spent = self._spending
            usd = round(spent.usd, 6) if spent.priced else None
            found["spent"] = {"replies": spent.replies, "tokens": spent.tokens, "usd": usd}
        self._journal.write("statistics.json", json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return f"{text(found)}\n\n{self._summary(found)}"

    def _summary(self, found: dict[str, Any]) -> str:
        accepted, total = found["stages"]["accepted"], found["rows"]
        lines = [f"{accepted:,} of {total:,} rows accepted, {total - accepted:,} refused: {self._journal.path}"]
        if self._spending is not None:
            usd = f", ${self._spending.usd:.4f}" if self._spending.priced else "; the model's price is not known"
            lines.append(f"{self._spending.replies:,} replies, {self._spending.tokens:,} tokens{usd}")
            if self._executor is not None and self._executor.timing == "modelled":
                lines.append("Note: mock figures show that the tool works, not what a model does.")
        return "\n".join(lines)

    def refuse_failures(self, most: float, resume: str) -> None:
        """Raise TooManyFailures if too many rows got no answer; say it, if some did."""
        if not self._failed:
            return
        asked = len(self._journal.settled) + len(self._failed)
        first = self._failed[0].fields["reason"]
        said = f"{len(self._failed)} of {asked} rows got no answer; the first: {first}\nAsk about them again with: {resume}"
        if len(self._failed) > most * asked:
            raise TooManyFailures(said)
        click.echo(f"warning: {said}", err=True)
