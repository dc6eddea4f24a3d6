"""From a source to settled rows: reads, drops copies, and hands what is left to the stages, here or elsewhere.

What is settled is in the journal as soon as it is known, and is not looked at again. Sends nothing and prints nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from ppbench_plugins.curation.journal import Journal
from ppbench_plugins.curation.logs import Limits, Read, read
from ppbench_plugins.curation.progress import Progress
from ppbench_plugins.curation.rows import Settled
from ppbench_plugins.curation.stages import filtered, settle
from ppbench_plugins.curation.workers import Workers, in_order

BATCH = 500
"""Rows that a worker is given at a time."""


class Pipeline:
    """One invocation over one source."""

    def __init__(
        self, source: Path, limits: Limits, journal: Journal, progress: Progress, *, language: str = "", limit: int = 0
    ) -> None:
        self._source, self._limits, self._journal, self._progress = source, limits, journal, progress
        self._language, self._limit = language, limit
        self._seen: dict[bytes, int] = {}

    @property
    def language(self) -> str:
        return self._language

    def survivors(self, out: IO[str]) -> Iterator[Read]:
        """Rows that pass the pre-filter and are not settled yet, in order. The others are written to `out`."""
        for batch in read(self._source, self._limits):
            refused = known = 0
            for row in batch:
                if self._limit and row.number > self._limit:
                    break
                row = row if row.reason else self._unique(row)
                if row.reason:
                    out.write(filtered(row).line + "\n")
                    refused += 1
                elif row.number in self._journal.settled:
                    known += 1
                else:
                    yield row
            self._progress.add(refused)
            self._progress.known(known)
            if self._limit and batch[-1].number >= self._limit:
                return

    def _unique(self, row: Read) -> Read:
        """The row; or, if an earlier one says the same, case and white space aside, that row's number as its reason."""
        said = hashlib.blake2b(" ".join(row.text.casefold().split()).encode("utf-8", "replace"), digest_size=8).digest()
        first = self._seen.setdefault(said, row.number)
        return row if first == row.number else row._replace(text="", reason=f"a copy of row {first}")

    def without_a_model(self, workers: Workers, planner: str) -> None:
        """Settle all rows by rules, or by the annotations that they bring."""
        with self._journal.filtered() as out:
            batches = _batches(self.survivors(out))
            for found in in_order(workers, partial(settle, language=self._language, planner=planner), batches):
                self.keep(found)

    def keep(self, found: Sequence[Settled]) -> None:
        """Put settled rows into the journal."""
        fresh = self._journal.settle(found)
        self._progress.add(len(fresh), sum(one.stage == "accepted" for one in fresh))


def _batches(rows: Iterator[Read]) -> Iterator[list[Read]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
