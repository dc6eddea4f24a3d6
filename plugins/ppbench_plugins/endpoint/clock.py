"""Measures clients' clocks on this machine: how far their stamps are from what the server wrote into the chunks.

Each client runs in a process of its own, on another core than the server where there are two. Run as a module this
file is that process: it prints a row of JSON for each number of streams.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

from ppbench import BrokenPlugin, Reply, Request
from ppbench_plugins.endpoint.clients import Client, client
from ppbench_plugins.endpoint.embedded import Child
from ppbench_plugins.endpoint.metronome import Beat, Told, told
from ppbench_plugins.executors.engine import allow_descriptors

LEAST = 64
"""Streams measured for a row, in several rounds where few run at once."""
MOST_ROUNDS = 8
SETTLE_US = 300_000
"""So long the first round keeps its connections open, that each stream finds one of its own."""
BUSY_S = 0.5


@dataclass(frozen=True)
class Row:
    """What one client made of one number of concurrent streams. Errors are stamps minus the server's instants."""

    client: str
    streams: int
    clock: str
    stamp_error_p50_us: float
    stamp_error_p99_us: float
    stamp_error_max_us: float
    stamp_error_min_us: float
    """Below 0: a stamp from before the chunk was sent."""
    first_error_p50_us: float
    first_error_p99_us: float
    first_error_max_us: float
    skew_us: float
    """From the first to the last arrival of requests that were sent together, median of the rounds."""
    requests_per_s: float
    """With replies of one chunk, so many in flight, counted over half a second; the server takes part of the time."""
    cpu_s_per_1000: float
    """Of the client's process, for a thousand of the streams."""
    chunks: int
    """Stamps behind the row."""


def rows(names: Sequence[str], widths: Sequence[int], beat: Beat) -> Iterator[Row]:
    """Measure, client by client. Raises BrokenPlugin when a client fails."""
    server, others = _cores()
    with Child("ppbench_plugins.endpoint.metronome", cores=server) as url:
        for name in names:
            asked = {"name": name, "url": url, "widths": list(widths), "beat": asdict(beat), "cores": others}
            yield from _measured_apart(name, asked)


def _measured_apart(name: str, asked: Mapping[str, object]) -> Iterator[Row]:
    command = [sys.executable, "-m", "ppbench_plugins.endpoint.clock", json.dumps(asked)]
    with (
        tempfile.TemporaryFile("w+") as said,  # a pipe that nobody reads would fill up
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            yield Row(**json.loads(line))
        if process.wait() != 0:
            said.seek(0)
            why = (said.read().strip().splitlines() or ["no word on why"])[-1]
            raise BrokenPlugin(f"client {name} could not be measured: {why}")


def measure(name: str, url: str, streams: int, beat: Beat) -> Row:
    """One row, in this process."""
    rounds = max(1, min(MOST_ROUNDS, LEAST // streams))
    dice = random.Random(streams)
    with client(name, url, streams) as one:
        one.exchange(_requests("warm", streams, Beat(1, 0, SETTLE_US)))
        before = _cpu_s()
        replies = [one.exchange(_phased(f"round-{k}", streams, beat, dice)) for k in range(rounds)]
        cpu_s = _cpu_s() - before
        return _row(name, streams, one, replies, cpu_s)


def _row(name: str, streams: int, one: Client, rounds: Sequence[Sequence[Reply]], cpu_s: float) -> Row:
    truths = [[told(reply.text) for reply in replies] for replies in rounds]
    streamed = [_errors(reply, truth) for pair in zip(rounds, truths, strict=True) for reply, truth in zip(*pair, strict=True)]
    errors, firsts = sorted(chain.from_iterable(streamed)), sorted(stream[0] for stream in streamed)
    skews = sorted(map(_skew, truths))
    begun = time.monotonic()
    served = one.keep_busy(Request("busy", Beat(1, 0, 0).text), streams, BUSY_S)
    return Row(
        name, streams, one.clock, _at(errors, 0.5), _at(errors, 0.99), errors[-1], errors[0], _at(firsts, 0.5),
        _at(firsts, 0.99), firsts[-1], _at(skews, 0.5), round(served / (time.monotonic() - begun), 1),
        round(1000 * cpu_s / len(streamed), 4), len(errors),
    )  # fmt: skip


def _errors(reply: Reply, truth: Told) -> list[float]:
    """Microseconds, one a chunk. Raises ValueError if a chunk has no stamp of its own."""
    return [(stamp - sent) / 1000 for stamp, sent in zip(reply.chunks_ns, truth.sent_ns, strict=True)]


def _skew(replies: Sequence[Told]) -> float:
    arrivals = [reply.arrived_ns for reply in replies]
    return (max(arrivals) - min(arrivals)) / 1000


def _at(ordered: Sequence[float], share: float) -> float:
    """The value below which that share lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _requests(name: str, count: int, beat: Beat) -> list[Request]:
    return [Request(f"{name}-{k}", beat.text) for k in range(count)]


def _phased(name: str, count: int, beat: Beat, dice: random.Random) -> list[Request]:
    """Streams that do not tick together: each begins at another point of the gap."""
    beats = (Beat(beat.chunks, beat.gap_us, beat.first_us + dice.randrange(beat.gap_us + 1)) for _ in range(count))
    return [Request(f"{name}-{k}", each.text) for k, each in enumerate(beats)]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cores() -> tuple[list[int], list[int]]:
    """A core for the server, and the others; the same one twice where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[:1], cores[1:] or cores


def main() -> None:
    asked = json.loads(sys.argv[1])
    os.sched_setaffinity(0, asked["cores"])
    allow_descriptors(2 * max(asked["widths"]))
    for streams in asked["widths"]:
        row = measure(asked["name"], asked["url"], streams, Beat(**asked["beat"]))
        print(json.dumps(asdict(row)), flush=True)


if __name__ == "__main__":
    main()
