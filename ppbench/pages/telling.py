"""Which trials a page shows, and what it spreads: pairs of a method's latency and serial's. Pure; two passes over trials.

A block in which something was retried was run again; here, as in the table, the later try counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ppbench.tally import SERIAL
from ppbench.trace import Trace, Trial

Cell = tuple[str, int]
Trials = Callable[[], Iterable[Trial]]
"""Reads all trials anew."""


@dataclass(frozen=True)
class Shown:
    """One trial for a figure, and the serial one beside it."""

    why: str
    item: str
    repeat: int
    decomposer: str
    trace: Trace
    serial: Trace | None

    @property
    def speedup(self) -> float | None:
        return self.serial.latency_ns / self.trace.latency_ns if self.serial and self.trace.latency_ns else None


@dataclass(frozen=True)
class Latencies:
    """Nanoseconds of what was answered, by cell and method; and what was not."""

    by_cell: Mapping[Cell, Mapping[str, int]]
    failures: tuple[tuple[str, str, int, str], ...]
    """Method, item, repeat and reason of trials that count and gave no answer."""

    def of(self, method: str) -> list[float]:
        return [float(found[method]) for found in self.by_cell.values() if found.get(method)]

    def speedups(self, method: str) -> list[float]:
        pairs = ((found.get(SERIAL), found.get(method)) for found in self.by_cell.values())
        return [serial / mine for serial, mine in pairs if serial and mine]


def latencies(trials: Iterable[Trial]) -> Latencies:
    found: dict[Cell, dict[str, int]] = {}
    failed: dict[tuple[Cell, str], str] = {}
    for trial in trials:  # as stored: a second try always stands behind the first
        cell = (trial.item, trial.repeat)
        block = found.setdefault(cell, {})
        block.pop(trial.decomposer, None)
        failed.pop((cell, trial.decomposer), None)
        if trial.failure is not None:
            failed[cell, trial.decomposer] = trial.failure
        elif trial.trace is not None:
            block[trial.decomposer] = trial.trace.latency_ns
    return Latencies(found, tuple((method, *cell, why) for (cell, method), why in failed.items()))


def choose(known: Latencies) -> dict[str, tuple[Cell, str]]:
    """The trials that tell most, by why: the slowest, the one that lost most against serial, the one that gained most."""
    mine = {(cell, method): ns for cell, block in known.by_cell.items() for method, ns in block.items()
            if not method.startswith(SERIAL) and ns}  # fmt: skip
    ratios = {key: known.by_cell[key[0]][SERIAL] / ns for key, ns in mine.items() if known.by_cell[key[0]].get(SERIAL)}
    chosen = {}
    if mine:
        chosen["The slowest"] = max(mine, key=lambda key: mine[key])
    if ratios:
        chosen["The worst beside serial"] = min(ratios, key=lambda key: ratios[key])
        chosen["The best beside serial"] = max(ratios, key=lambda key: ratios[key])
    return chosen


def shown(trials: Trials, known: Latencies) -> list[Shown]:
    """The chosen trials with their traces; one that was chosen twice stands once."""
    chosen: dict[tuple[Cell, str], list[str]] = {}
    for why, key in choose(known).items():
        chosen.setdefault(key, []).append(why)
    wanted = {(cell, method) for cell, name in chosen for method in (name, SERIAL)}
    traces: dict[tuple[Cell, str], Trace] = {}
    for trial in trials():
        key = ((trial.item, trial.repeat), trial.decomposer)
        if key in wanted and trial.trace is not None and trial.failure is None:
            traces[key] = trial.trace
    return [Shown(", and ".join([whys[0], *(why.lower() for why in whys[1:])]), *cell, method, traces[cell, method],
                  traces.get((cell, SERIAL))) for (cell, method), whys in chosen.items()]  # fmt: skip
