"""Do the intervals cover, and are the verdicts right as often as they say? `make simulate` puts its tables into FIGURES.md.

Worlds are made in which the truth is known: speedups differ from prompt to prompt, repeats of a prompt share its effect, and
quality is lost in different ways. Nothing here is scored by other code than that of a real run.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from ppbench.stats import mean_ratio
from ppbench.tally import SERIAL, Tally
from ppbench.verdict import decide

Chance = np.random.Generator
SIZES = (14, 30, 60, 200)


@dataclass(frozen=True)
class World:
    """How a method differs from serial on a prompt: draws `n` family effects of each."""

    name: str
    log_speedup: Callable[[Chance, int], np.ndarray]
    difference: Callable[[Chance, int], np.ndarray]
    """Of the reference score; its mean is 0 or, where the method is worse, the margin."""


def _normal(mean: float, spread: float) -> Callable[[Chance, int], np.ndarray]:
    return lambda chance, n: chance.normal(mean, spread, n)


def _mostly_declined(chance: Chance, n: int) -> np.ndarray:
    """Seven prompts in ten are not split and gain nothing; the mean is log 1.5."""
    return np.where(chance.random(n) < 0.3, chance.normal(math.log(1.5) / 0.3, 0.3, n), chance.normal(0.0, 0.05, n))


def _disasters(chance: Chance, n: int) -> np.ndarray:
    """Three answers in a hundred are lost whole, the others are as good as serial's."""
    return -(chance.random(n) < 0.03).astype(float)


def _equal(chance: Chance, n: int) -> np.ndarray:
    return np.zeros(n)


COVERED = {
    "alike for all prompts": _normal(math.log(1.5), 0.1),
    "prompts differ": _normal(math.log(1.5), 0.5),
    "mostly declined": _mostly_declined,
    "skewed": lambda chance, n: math.log(1.5) - 0.5 + chance.exponential(0.5, n),
}
"""Log speedups with a mean of log 1.5."""
NULLS = [
    World("no faster, as good", _normal(0.0, 0.5), _equal),
    World("no faster, most declined", lambda chance, n: _mostly_declined(chance, n) - math.log(1.5), _equal),
    World("faster, worse by the margin everywhere", _normal(0.7, 0.3), lambda chance, n: chance.normal(-0.03, 0.1, n)),
    World("faster, 3 in 100 answers lost", _normal(0.7, 0.3), _disasters),
    World("faster, 12 in 100 answers lose a quarter", _normal(0.7, 0.3), lambda chance, n: -0.25 * (chance.random(n) < 0.12)),
]
"""Worlds in which nothing may be called faster and not worse."""
REAL = World("faster by 2, as good", _normal(0.7, 0.3), lambda chance, n: chance.normal(0.0, 0.05, n))


def coverage(effects: Callable[[Chance, int], np.ndarray], n: int, simulations: int, *, noise: float = 0.1) -> float:
    """Share of simulated tables whose interval holds the truth, 1.5; two noisy repeats of each prompt."""
    chance, hits = np.random.default_rng(n), 0
    for _ in range(simulations):
        means = effects(chance, n) + chance.normal(0.0, noise, (2, n)).mean(axis=0)
        found = mean_ratio(dict(_named(means)))
        hits += found is not None and (found.low or 0.0) <= 1.5 <= (found.high or 0.0)
    return hits / simulations


def _named(values: np.ndarray) -> list[tuple[str, float]]:
    return [(str(k), float(value)) for k, value in enumerate(values)]


def called_good(world: World, n: int, simulations: int) -> float:
    """Share of simulated tables in which the one method is called faster and not worse."""
    chance = np.random.default_rng(n)
    return sum(_verdict(world, n, chance) == "faster and not worse" for _ in range(simulations)) / simulations


def _verdict(world: World, n: int, chance: Chance) -> str:
    method, serial = Tally(n=n, tries=n, pairs=n), Tally(n=n, tries=n, pairs=n)
    for (name, speed), difference in zip(_named(world.log_speedup(chance, n)), world.difference(chance, n), strict=True):
        method.logs["speed"].add(name, speed)
        serial.logs["speed"].add(name, 0.0)
        method.judged(name, (name, 0), "reference", 1.0 + float(np.clip(difference, -1, 1)), 1.0)
    return decide({SERIAL: serial, "method": method}, baseline=SERIAL)["method"].word


def tables(simulations: int) -> str:
    """Coverage, false verdicts and power, each by the number of prompts."""
    covered = [
        [name, *(f"{100 * coverage(effects, n, simulations):.1f} %" for n in SIZES)] for name, effects in COVERED.items()
    ]
    sizes = (*SIZES, 400)
    called = [[world.name, *(f"{100 * called_good(world, n, simulations):.1f} %" for n in sizes)] for world in [*NULLS, REAL]]
    return "\n\n".join([
        tabulate(covered, headers=["95 % interval holds the truth", *(f"n = {n}" for n in SIZES)], tablefmt="github"),
        tabulate(called, headers=['called "faster and not worse"', *(f"n = {n}" for n in sizes)], tablefmt="github"),
    ])  # fmt: skip


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def put(text: str) -> None:
    """Into FIGURES.md, between its marks."""
    page = Path(__file__).parents[1] / "ppbench/FIGURES.md"
    head, mark, rest = page.read_text(encoding="utf-8").partition("<!-- taken by `make simulate` -->\n")
    page.write_text(f"{head}{mark}\n{text}\n\n<!-- end -->{rest.partition('<!-- end -->')[2]}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2000, help="tables for each figure")
    put(tables(parser.parse_args().simulations))
