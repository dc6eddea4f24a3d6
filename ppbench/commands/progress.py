"""Progress on stderr: plain lines; on a terminal they overwrite one another. Knows blocks, not what is in them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from ppbench.hookspecs import Executor
from ppbench.run import Block
from ppbench.trace import Trial


def warming_up(executor: Executor) -> None:
    """Said before the first request: an endpoint that never answers is silent until its time is up."""
    patience = getattr(executor, "timeout", None)
    limit = f"; it has {patience:g} s to answer" if patience else ""
    click.echo(f"warming up {executor.endpoint}{limit}", err=True)


class Progress:
    """One line a block."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._quiet, self._done, self._failed = total, quiet, 0, 0
        self._started = time.monotonic()

    def block(self, block: Block, trials: Sequence[Trial]) -> None:
        self._done += 1
        self._failed += sum(trial.failure is not None for trial in trials)
        self._total += block.try_  # a second try was not in the plan
        if self._quiet:
            return
        spent = time.monotonic() - self._started
        left = spent / self._done * max(0, self._total - self._done)
        line = f"[{self._done}/{self._total}] {block.item}  failed {self._failed}  {spent:.0f} s, about {left:.0f} s left"
        terminal = sys.stderr.isatty()
        click.echo(f"\r{line:<76}" if terminal else line, err=True, nl=not terminal or self._done >= self._total)
