"""Loads one plugin in a process of its own, and says how long that took, what reached out meanwhile, and what it plans.

`python -m ppbench.testing.probe ENTRY DISTRIBUTION KIND SPEC` prints one line of JSON; each has its own seed of hashes, so
that a plan which depends on the order of a set differs.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ppbench import plugins as loader
from ppbench.jobs import BUGS
from ppbench.plugins import Plugin
from ppbench.testing.guard import no_network
from ppbench.testing.report import Failed

RUNS = 3
SECONDS = 8.0


@dataclass(frozen=True)
class Probed:
    """What such processes said."""

    import_ms: float
    """Of the quickest."""
    reached: tuple[str, ...]
    plans: tuple[str, ...]
    """Digests; one if all planned alike."""


def probe(plugin: Plugin, kind: str, spec: str) -> Probed:
    """Ask a few fresh processes. Raises Failed if one does not answer."""
    said = [_ask(plugin, kind, spec, seed) for seed in range(RUNS)]
    reached = tuple(sorted({name for one in said for name in one["reached"]}))
    return Probed(min(one["import_ms"] for one in said), reached, tuple(sorted({one["plan"] for one in said})))


def _ask(plugin: Plugin, kind: str, spec: str, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "ppbench.testing.probe", plugin.name, plugin.distribution, kind, spec]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"not loaded within {SECONDS:g} s in a process of its own") from None
    try:
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise Failed(f"does not load in a process of its own: {done.stderr.strip().splitlines()[-1:]}") from None
    return said


def _main(entry: str, distribution: str, kind: str, spec: str) -> None:
    point = next(p for p in loader.points() if p.name == entry and (p.dist.name if p.dist else "?") == distribution)
    with no_network() as reached:
        started = time.perf_counter()
        point.load()
        seconds = time.perf_counter() - started
    print(json.dumps({"import_ms": round(seconds * 1000, 1), "reached": sorted(set(reached)), "plan": _plan(kind, spec)}))


def _plan(kind: str, spec: str) -> str:
    """A digest of the calls that a method plans for a few prompts, before anything is answered. What raises is told by
    the checks of those prompts."""
    if kind != "decomposer":
        return ""
    from ppbench.testing.prompts import hard_prompts, labelled

    method = loader.load().make(kind, spec)
    given = bool(getattr(method, "given", ()))
    found = []
    for prompt in hard_prompts().values():
        with suppress(*BUGS):
            plan = method.decompose(labelled(prompt) if given else prompt)
            found += [(c.id, c.text if isinstance(c.text, str) else "", c.needs, c.after, c.role, c.system) for c in plan.calls]
    return hashlib.sha256(repr(found).encode("utf-8", "surrogatepass")).hexdigest()[:16]


if __name__ == "__main__":
    _main(*sys.argv[1:])
