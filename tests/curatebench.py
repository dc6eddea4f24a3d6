"""Rows a second and peak memory of `ppbench curate` on synthetic conversations: `make bench-curate`. A benchmark, not a test.

Reading and pre-filtering are measured alone; with --whole a curation by rules as well. The set is made first, where it is not
there. Peak memory is that of this process and, of a whole curation, of its largest worker too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import time
from collections import Counter
from io import StringIO
from pathlib import Path

from ppbench_plugins.curation.journal import Journal
from ppbench_plugins.curation.logs import Limits, count
from ppbench_plugins.curation.pipeline import Pipeline
from ppbench_plugins.curation.progress import Progress
from ppbench_plugins.curation.synthetic import LAYOUTS, write
from ppbench_plugins.curation.workers import workers


class Sink(StringIO):
    """Counts what the pre-filter refuses, and keeps none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0

    def write(self, text: str, /) -> int:
        self.lines += 1
        return len(text)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, default=Path("build/curate"))
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--layout", choices=LAYOUTS, action="append")
    options.add_argument("--whole", action="store_true", help="a curation by rules as well")
    options.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = options.parse_args()
    for layout in chosen.layout or LAYOUTS:
        source = chosen.folder / str(chosen.rows) / f"{layout}.parquet"
        if not source.exists():
            print(f"making {source}", file=sys.stderr)
            write(source.parent, layout, chosen.rows)
            os.execv(sys.executable, [sys.executable, *sys.argv])  # what made it is no part of the peak
        _measure(source, layout)
        if chosen.whole:
            _measure_whole(source, layout, chosen.workers)


def _measure(source: Path, layout: str) -> None:
    started, sink = time.monotonic(), Sink()
    progress = Progress(0, quiet=True)
    kept = sum(1 for _ in Pipeline(source, Limits(), Journal(source.parent), progress).survivors(sink))
    _say(f"{layout}: read and pre-filtered", kept + sink.lines, started, f"; {kept:,} rows pass")


def _measure_whole(source: Path, layout: str, processes: int) -> None:
    folder = source.parent / f"{layout}-curated"
    shutil.rmtree(folder, ignore_errors=True)
    journal, started, stages = Journal.create(folder, {}), time.monotonic(), Counter[str]()
    with journal.writing():
        total = count(source)
        with workers(processes) as there:
            Pipeline(source, Limits(), journal, Progress(total, quiet=False)).without_a_model(there, "rules")
        stages.update(record["stage"] for record in journal.finish())
    _say(f"{layout}: curated by rules, {processes} processes", total, started, f"; {stages['accepted']:,} rows accepted")


def _say(what: str, rows: int, started: float, more: str) -> None:
    spent = time.monotonic() - started
    own, theirs = _peak_mb(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    workers_ = f", largest worker {theirs:,.0f} MB" if theirs else ""
    print(f"{what}: {rows:,} rows in {spent:.1f} s, {rows / spent:,.0f} rows/s, peak {own:,.0f} MB{workers_}{more}; "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip


def _peak_mb() -> float:
    """Of this program alone: what getrusage says holds what ran in the process before it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
