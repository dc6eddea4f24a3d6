"""Asks a server from a process of its own, and prints as JSON what came and what it cost this process.

`python measured.py WHAT COMPONENT OPTIONS`, the options as JSON; WHAT is one of the functions
below. Knows nothing of what the server does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from ppbench import Call, Plan, Progress, Request
from ppbench.execute import Loop
from ppbench.jobs import Job, Policy

BESIDE = ("beside 1", "beside 2", "beside 3")
SIDE_BY_SIDE = 8
ROUNDS = 15


def kilobytes(field: str) -> int:
    """A figure of this process: VmRSS now, VmHWM at its highest."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1])


def junk(executor: Any) -> dict[str, Any]:
    """One request that says `junk` and three beside it; how each ended, and by how much memory rose meanwhile."""
    plans = {text: Plan((Call(text, text),)) for text in ("junk", *BESIDE)}
    lanes = [[Job(text, lambda text=text: plans[text])] for text in plans]  # type: ignore[misc]
    list(Loop(executor).run([[Job("first", lambda: Plan((Call("first", "first"),)))]]))
    before = kilobytes("VmRSS")
    outcomes = {o.job.key: o for o in Loop(executor, Policy(max_tries=1)).run(lanes, width=4)}
    rose = kilobytes("VmHWM") - before
    [span] = outcomes["junk"].trace.spans
    error = span.reply.error
    return {
        "rose_mb": rose / 1024, "answers": [outcomes[text].trace.answer for text in BESIDE],
        "kind": error and error.kind, "message": error and error.message, "text": len(span.reply.text),
        "chunks": len(span.reply.chunks_ns),
    }  # fmt: skip


def _round(executor: Any, name: str, text: str, *, cancel: bool) -> list[str | None]:
    """Requests side by side; cancelled, if they are, once words of each have come. The kinds of their errors."""
    names = [f"{name}/{place}" for place in range(SIDE_BY_SIDE)]
    executor.send([Request(name, text, watch=cancel) for name in names])
    kinds: list[str | None] = []
    while len(kinds) < len(names):
        report = executor.wait(executor.now() + 20_000_000_000)
        assert report is not None, "no report came"
        if isinstance(report, Progress):
            executor.cancel(report.request_id)
        else:
            kinds.append(report.error and report.error.kind)
    return kinds


def _held() -> dict[str, int]:
    gc.collect()
    files, tasks = (len(os.listdir(f"/proc/self/{name}")) for name in ("fd", "task"))
    return {"files": files, "threads": tasks, "kb": kilobytes("VmRSS")}


def leaks(executor: Any) -> dict[str, Any]:
    """What this process holds before and after many transfers are cancelled under way."""
    first = [_round(executor, "first", "fine", cancel=False), _round(executor, "cut", "for ever", cancel=True)]
    kinds: list[str | None] = []
    held = []
    for number in range(ROUNDS):
        if number in (0, ROUNDS // 3):
            held.append(_held())
        kinds += _round(executor, str(number), "for ever", cancel=True)
    held.append(_held())
    last = _round(executor, "last", "fine", cancel=False)
    return {"first": first[0], "kinds": sorted(set(map(str, kinds))), "last": last, "held": [*held, _held()]}


if __name__ == "__main__":
    what, place, options = sys.argv[1:]
    module, _, name = place.rpartition(".")
    component = getattr(importlib.import_module(module), name)
    outside = _held()
    with component(max_in_flight=SIDE_BY_SIDE, **json.loads(options)) as made:
        found = {"junk": junk, "leaks": leaks}[what](made)
    print(json.dumps({**found, "outside": [outside, _held()]}))
