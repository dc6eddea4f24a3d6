"""What is measured of a client: each function drives one and gives numbers by name. Knows no aim and no table."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.clients import MODEL, Client, Planned, Seen, client
from ppbench_plugins import wire
from ppbench_plugins.endpoint.clock import LEAST, SETTLE_US
from ppbench_plugins.endpoint.metronome import Beat, Told

Numbers = dict[str, float]
ONE = Beat(1, 0, 0)
DENSE = Beat(256, 0, 0)
PROGRAM = "from ppbench.cli import main; main()"
HANDSHAKE_US = 4_000
"""What one takes at most, both ends together."""
PARENT = Beat(8, 2_000, 20_000)


@dataclass(frozen=True)
class Asked:
    """One measurement of one client."""

    measure: str
    client: str
    url: str = ""
    streams: int = 64
    hog: bool = False
    """Beside a thread of the same process that holds the GIL whenever it can."""
    quick: bool = False
    trials: tuple[int, ...] = ()


def take(asked: Asked) -> Numbers:
    with hog() if asked.hog else hog(0):
        return MEASURES[asked.measure](asked)


def streams(asked: Asked) -> Numbers:
    """Stamps of paced streams that do not tick together, what they cost, and the memory that they took."""
    beat = Beat(8, 5_000, 20_000) if asked.quick else Beat()
    rounds = 1 if asked.quick else max(1, 4 * LEAST // asked.streams)
    dice = random.Random(asked.streams)
    with _warm(asked) as one:
        found = [one.exchange(_phased(beat, asked.streams, dice)) for _ in range(rounds)]
        peak_mb = _peak_mb(one.pid)
    seen = [reply for replies, _ in found for reply in replies]
    stamps = [error for reply in seen for error in _late(reply.stamps_ns, reply.truth)]
    user = [error for reply in seen for error in _late(reply.user_ns, reply.truth)]
    ttft = [_ttft_error(reply) for reply in seen]
    return {
        "stamp_p50_us": at(stamps, 0.5), "stamp_p99_us": at(stamps, 0.99), "stamp_max_us": max(stamps),
        "stamp_min_us": min(stamps), "user_p50_us": at(user, 0.5), "user_p99_us": at(user, 0.99),
        "ttft_p50_us": at(ttft, 0.5), "ttft_p99_us": at(ttft, 0.99), "peak_mb": peak_mb,
        "cpu_s_per_1000": 1000 * sum(cpu_s for _, cpu_s in found) / len(seen),
    }  # fmt: skip


def fan(asked: Asked) -> Numbers:
    """From the first to the last arrival of requests that were released together."""
    with _warm(asked) as one:
        return {f"skew_{n}_us": median(_skew(one, n) for _ in range(2 if asked.quick else 15)) for n in (10, 100)}


def plan(asked: Asked) -> Numbers:
    """How long a call waits after the last reply that frees it, and how far a plan's latency is from the server's."""
    with _warm(asked) as one:
        found = {n: [one.plan(PARENT, n) for _ in range(2 if asked.quick else 15)] for n in (1, 10, 100)}
    gaps = {f"gap_{n}_us": median(map(_gap, plans)) for n, plans in found.items()}
    return gaps | {f"latency_{n}_us": median(map(_latency_error, plans)) for n, plans in found.items()}


def rate(asked: Asked) -> Numbers:
    """Requests a second with one chunk each, replies left raw or read; and chunk events a second."""
    seconds = 0.2 if asked.quick else 2.0
    with _warm(asked) as one:
        raw = one.busy_raw(ONE, asked.streams, seconds) / seconds
        whole = one.busy(ONE, asked.streams, seconds) / seconds
        return {"raw": raw, "whole": whole, "events": DENSE.chunks * one.busy_raw(DENSE, asked.streams, seconds) / seconds}


def growth(asked: Asked) -> Numbers:
    """Peak memory of runs of so many trials, offline so that nothing else takes time."""
    return {f"peak_{trials}_mb": _run_mb(trials) for trials in asked.trials}


def waking(asked: Asked) -> Numbers:
    """Reading one and the same reply in Python: again and again, and after the core was idle, as it is while one waits."""
    target = wire.resolve(MODEL, "http://127.0.0.1/v1")
    event = json.dumps({"id": "beat", "choices": [{"index": 0, "delta": {"content": "0" * 40}, "finish_reason": None}]})
    events = [event.encode()] * PARENT.chunks + [b"[DONE]"]

    def once(pause_s: float) -> float:
        time.sleep(pause_s)
        begun = time.perf_counter_ns()
        wire.read_events(target, events)
        return (time.perf_counter_ns() - begun) / 1000

    count = 5 if asked.quick else 40
    return {"warm_us": median(once(0) for _ in range(count)), "idle_us": median(once(0.03) for _ in range(count))}


MEASURES: Mapping[str, Callable[[Asked], Numbers]] = {
    "streams": streams, "fan": fan, "plan": plan, "rate": rate, "growth": growth, "waking": waking,
}  # fmt: skip


@contextmanager
def hog(threads: int = 1) -> Iterator[None]:
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            sum(range(20_000))

    made = [threading.Thread(target=work) for _ in range(threads)]
    for thread in made:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in made:
            thread.join()


@contextmanager
def _warm(asked: Asked) -> Iterator[Client]:
    """The client, with as many open connections as it needs."""
    width = max(asked.streams, 101)
    settle_us = SETTLE_US + (HANDSHAKE_US * width if asked.url.startswith("https:") else 0)
    with client(asked.client, asked.url, width) as one:
        one.exchange([Beat(2, 1_000, settle_us)] * width)  # replies that ended early would lend their connections
        yield one


def _phased(beat: Beat, count: int, dice: random.Random) -> list[Beat]:
    """Each begins at another point of the gap."""
    return [Beat(beat.chunks, beat.gap_us, beat.first_us + dice.randrange(beat.gap_us + 1)) for _ in range(count)]


def _late(stamps_ns: Sequence[int], truth: Told) -> list[float]:
    return [(stamp - sent) / 1000 for stamp, sent in zip(stamps_ns, truth.sent_ns, strict=True)]


def _ttft_error(reply: Seen) -> float:
    """The client's time to the first chunk, less the server's."""
    return (reply.stamps_ns[0] - reply.sent_ns - (reply.truth.sent_ns[0] - reply.truth.arrived_ns)) / 1000


def _skew(one: Client, count: int) -> float:
    arrivals = [reply.truth.arrived_ns for reply in one.exchange([Beat(2, 1_000, 20_000)] * count)[0]]
    return (max(arrivals) - min(arrivals)) / 1000


def _gap(plan: Planned) -> float:
    return (plan.child.arrived_ns - max(parent.sent_ns[-1] for parent in plan.parents)) / 1000


def _latency_error(plan: Planned) -> float:
    truth = plan.child.sent_ns[-1] - min(parent.arrived_ns for parent in plan.parents)
    return (plan.took_ns - truth) / 1000


def at(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _peak_mb(pid: int | str) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _run_mb(trials: int) -> float:
    repeats = max(1, round(trials / 84))  # six methods on the 14 items of the smoke suite
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROGRAM, *"run -e offline -q --repeats".split(), str(repeats), "-o", f"{folder}/run"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_maxrss / 1024
