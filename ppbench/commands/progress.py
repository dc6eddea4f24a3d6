"""Progress on stderr: a line a block where it is piped, a small table that stays in place on a terminal.

It is said when a block has been stored, never in between: with -j 1 no trial runs then, and the next begins only after. With
more lanes some trial always runs, so a thread writes, and a terminal or a pipe that stands still holds up no trial. Knows
what a block is and how its trials ended, nothing of how they are run.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

import click

from ppbench.commands.common import plain
from ppbench.costs import usd
from ppbench.hookspecs import Executor
from ppbench.prices import Bill, Prices
from ppbench.run import Block
from ppbench.trace import Trial

_SHOWN = {"declined": "declined", "fallback": "fell back"}
_PATIENCE_S = 2.0
"""How long the end of a run waits for what could not be written."""


def warming_up(executor: Executor) -> None:
    """Said before the first request: an endpoint that never answers is silent until its time is up."""
    patience = getattr(executor, "timeout", None)
    limit = f"; it has {patience:g} s to answer" if patience else ""
    click.echo(f"warming up {executor.endpoint}{limit}", err=True)


class Counts:
    """How the trials of a run ended so far, those of an earlier sitting among them, and what they cost."""

    def __init__(self, specs: Iterable[str], model: str, prices: Prices) -> None:
        self._model, self._prices = model, prices
        self._invented = getattr(prices.price(model), "source", "") == "invented"
        self.ended: dict[str, Counter[str]] = {spec: Counter() for spec in specs}
        self.blocks: set[Block] = set()
        self._bill = Bill()

    def add(self, trial: Trial) -> None:
        self.blocks.add(Block(trial.item, trial.repeat, trial.try_))
        counts = self.ended.setdefault(trial.decomposer, Counter())
        status = trial.trace.status if trial.trace else ""
        counts["failed" if trial.failure is not None else "done"] += 1
        if trial.failure is None and status in _SHOWN:
            counts[_SHOWN[status]] += 1
        for span in trial.trace.spans if trial.trace else ():
            self._bill += self._prices.bill(self._model, (span.reply, *span.failed))

    @property
    def cost(self) -> str:
        """What is known of it; `-` where the model has no price, `at least` where some replies told no usage."""
        if self._prices.price(self._model) is None:
            return "cost -"
        least = "at least " if self._bill.unknown else ""
        return f"cost {least}{usd(self._bill.usd)}" + (" (invented)" if self._invented else "")

    def line(self, word: str) -> str:
        """How many ended so, and of which methods."""
        found = {spec: counts[word] for spec, counts in self.ended.items() if counts[word]}
        whose = f" ({', '.join(f'{spec} {count}' for spec, count in found.items())})" if found and word != "done" else ""
        return f"{word} {sum(found.values())}{whose}"

    def table(self) -> list[str]:
        width = max(map(len, self.ended), default=0)
        return [f"  {spec:<{width}}  {'  '.join(_of(counts))}" for spec, counts in self.ended.items()]


def _of(counts: Counter[str]) -> list[str]:
    return [f"{counts[word]} {word}" for word in ("done", "failed", "declined", "fell back") if counts[word] or word == "done"]


class Progress:
    """Told of each block that was stored; `todo` of them are to come."""

    def __init__(self, counts: Counts, todo: int, *, quiet: bool, apart: bool = False) -> None:
        self._counts, self._quiet = counts, quiet
        self._total, self._here, self._trials = len(counts.blocks) + todo, 0, 0
        self._left, self._started = todo, time.monotonic()
        self._screen = None if quiet or not _is_terminal() else _Screen()
        self._say: Callable[[str], None] = _write
        self._writer = _Writer() if apart and not quiet else None
        if self._writer is not None:
            self._say = self._writer.put

    def block(self, block: Block, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self._counts.add(trial)
        self._here, self._trials = self._here + 1, self._trials + len(trials)
        self._total += block.try_  # a second try was not in the plan
        self._left += block.try_ - 1
        if self._quiet:
            return
        rate = self._pace()
        if self._screen is not None:
            self._say(self._screen.drawn([f"{self._head(block)}  {rate}", *self._counts.table()]))
        else:
            ended = "  ".join(self._counts.line(word) for word in ("done", "failed", "declined", "fell back"))
            self._say(f"{self._head(block)}  {ended}  {rate}\n")

    def close(self) -> None:
        """The last word, whatever ended the run: how each method fared. Waits for a writer, but not for ever."""
        if self._quiet:
            return
        if self._here and self._screen is None:
            self._say("".join(f"{line}\n" for line in self._counts.table()))
        if self._writer is not None:
            self._writer.close()

    def _head(self, block: Block) -> str:
        again = " again" if block.try_ else ""
        return f"[{len(self._counts.blocks)}/{self._total}] {plain(block.item, sys.stderr.encoding)}{again}"

    def _pace(self) -> str:
        spent = max(time.monotonic() - self._started, 1e-9)
        rate = self._trials / spent
        speed = f"{rate:.1f} trials/s" if rate >= 1 else f"{60 * rate:.1f} trials/min"
        left = spent / self._here * max(0, self._left)
        return f"{speed}  {duration(spent)}, about {duration(left)} left  {self._counts.cost}"


def duration(seconds: float) -> str:
    """Two figures that matter: `12 s`, `3 min 20 s`, `1 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02} min"


class _Screen:
    """Lines that take the place of those before, as many as a terminal has room for."""

    def __init__(self) -> None:
        self._above = 0

    def drawn(self, lines: Sequence[str]) -> str:
        columns, rows = shutil.get_terminal_size()
        lines = lines if len(lines) < rows else lines[:1]
        back = f"\x1b[{self._above}A\r\x1b[J" if self._above else ""
        self._above = len(lines)
        return back + "".join(f"{plain(line, sys.stderr.encoding)[: columns - 1]}\n" for line in lines)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _write(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody reads any more: the run goes on
        click.echo(text, err=True, nl=False)


class _Writer:
    """Writes in a thread of its own, in order."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def put(self, text: str) -> None:
        self._queue.put(text)

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            _write(text)
