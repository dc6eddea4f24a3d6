"""Which comparisons people are shown, in which order, and which answer is A. Pure: trials in, comparisons out.

Each method against serial, and controls among them. All annotators of a run are shown the same comparisons, so that
they can agree; order and sides differ from one to the next and stay the same when one comes back. Knows no page.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from ppbench.controls import SIZE, controls_of, sample
from ppbench.model import Item
from ppbench.store import Cell
from ppbench.tally import SERIAL
from ppbench.trace import Trial

SHARE = 16
"""One control of each of the four kinds for every so many comparisons: a fifth of what is shown."""


@dataclass(frozen=True)
class Comparison:
    """Two answers to one prompt: serial's, and a method's or a control's."""

    trial: Trial
    """The cell that a verdict is about; without its trace."""
    control: str
    prompt: str
    language: str
    serial: str
    other: str

    @property
    def cell(self) -> Cell:
        return (*self.trial.key, self.control)

    @property
    def same(self) -> bool:
        """The same text twice is a tie that nobody is asked about."""
        return self.serial.strip() == self.other.strip()


@dataclass(frozen=True)
class Material:
    """What the annotators of a run judge."""

    shown: tuple[Comparison, ...]
    """Controls among them."""
    same: tuple[Comparison, ...]
    """Drawn too, and ties without being shown."""
    possible: int
    """Comparisons of methods that the run holds."""


def gather(items: Mapping[str, Item], trials: Iterable[Trial], seed: int, limit: int | None = None) -> Material:
    """Each method's answer beside serial's, of the try that counts; `limit` draws so many, the methods in turn."""
    kept = _last_tries(trials)
    pairs = [found for block in kept.values() for found in _pairs(items, block)]
    drawn = _draw(pairs, seed)[:limit]
    asked = [one for one in drawn if not one.same]
    serial = [block[SERIAL] for block in kept.values() if SERIAL in block]
    controls = _controls(items, serial, seed, len(asked)) if asked else []
    return Material((*asked, *controls), tuple(one for one in drawn if one.same), len(pairs))


def ordered(shown: Sequence[Comparison], seed: int, annotator: str) -> list[Comparison]:
    """The comparisons in the order of one annotator."""
    return sorted(shown, key=lambda one: lot("order", seed, annotator, one.cell))


def serial_is_a(one: Comparison, seed: int, annotator: str) -> bool:
    """Whether an annotator sees serial's answer as A."""
    return int(lot("side", seed, annotator, one.cell), 16) % 2 == 0


def lot(*what: object) -> str:
    """Digits that look drawn, and are the same for the same."""
    return hashlib.sha256(repr(what).encode("utf-8", "surrogatepass")).hexdigest()


Block = dict[str, Trial]


def _last_tries(trials: Iterable[Trial]) -> dict[tuple[str, int], Block]:
    """By item and repeat, the trials of the last try, which is the one that counts."""
    last: dict[tuple[str, int], int] = {}
    kept: dict[tuple[str, int], Block] = defaultdict(dict)
    for trial in trials:
        key = (trial.item, trial.repeat)
        if trial.try_ > last.setdefault(key, trial.try_):
            last[key], kept[key] = trial.try_, {}
        if trial.try_ == last[key] and trial.trace is not None:
            kept[key][trial.decomposer] = trial
    return kept


def _pairs(items: Mapping[str, Item], block: Block) -> list[Comparison]:
    serial = block.get(SERIAL)
    if serial is None or serial.failure or serial.item not in items:
        return []
    return [_comparison(items, trial, serial, _answer(trial)) for name, trial in block.items() if name != SERIAL]


def _comparison(items: Mapping[str, Item], trial: Trial, serial: Trial, other: str, control: str = "") -> Comparison:
    item = items[trial.item]
    about = Trial(trial.item, trial.repeat, trial.decomposer, trial.try_)
    return Comparison(about, control, item.text, item.language, _answer(serial), other)


def _answer(trial: Trial) -> str:
    return trial.trace.answer if trial.trace else ""


def _draw(pairs: Iterable[Comparison], seed: int) -> list[Comparison]:
    """In drawn order, the methods in turn: any beginning of it is spread over them."""
    by_method: dict[str, list[Comparison]] = defaultdict(list)
    for one in sorted(pairs, key=lambda one: lot("draw", seed, one.cell)):
        by_method[one.trial.decomposer].append(one)
    rows = zip_longest(*(pool for _, pool in sorted(by_method.items())))
    return [one for one in chain.from_iterable(rows) if one is not None]


def _controls(items: Mapping[str, Item], serial: Sequence[Trial], seed: int, asked: int) -> list[Comparison]:
    """As many of each kind, from different prompts where there are enough: who sees a prompt often would know."""
    trials = sample(serial, {item.id: item.category for item in items.values()}, seed)
    each = min(SIZE, -(-asked // SHARE), len(trials))
    found = []
    for place, name in enumerate(controls_of("")):
        for turn in range(each):
            trial = trials[(turn * len(controls_of("")) + place) % len(trials)]
            found.append(_comparison(items, trial, trial, controls_of(_answer(trial))[name], name))
    return list({one.cell: one for one in found}.values())
