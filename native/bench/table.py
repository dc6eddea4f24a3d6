"""From numbers to the tables of README.md: medians, ratios, aims met or not. Pure, but for what it says of the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tabulate import tabulate

from bench.figures import FIGURES, Figure

Taken = Mapping[tuple[str, str], Sequence[Mapping[str, float]]]
"""By task and client what was measured, once a repetition."""
OPENING, CLOSING = "<!-- taken by `make bench` -->", "<!-- end -->"


def rows(taken: Taken) -> list[dict[str, Any]]:
    return [row for figure in FIGURES if (row := _row(figure, taken))]


def _row(figure: Figure, taken: Taken) -> dict[str, Any] | None:
    """Medians over the repetitions, and how often better native is than aiohttp. None if nothing was measured."""
    clients = {client for task, client in taken if task == figure.task}
    found = {client: median(numbers[figure.number] for numbers in taken[figure.task, client]) for client in clients}
    if figure.ours not in found:
        return None
    ratio = None
    if found.get("aiohttp") and found[figure.ours]:
        better = figure.aim is None or figure.aim.most
        ratio = found["aiohttp"] / found[figure.ours] if better else found[figure.ours] / found["aiohttp"]
    met = figure.aim.is_met(found, figure.ours) if figure.aim else None
    spread = [numbers[figure.number] for numbers in taken[figure.task, figure.ours]]
    return {"figure": figure.name, "unit": figure.unit, "aim": figure.says, "clients": found, "ratio": ratio, "met": met,
            "native_least": min(spread), "native_most": max(spread)}  # fmt: skip


def main_table(found: Sequence[Mapping[str, Any]]) -> str:
    head = ["figure", "aim", "bare epoll", "aiohttp + uvloop", "native", "aiohttp : native", "met"]
    body = [
        [row["figure"], row["aim"], *(_number(row["clients"].get(name), row["unit"]) for name in ("bare", "aiohttp", "native")),
         f"{row['ratio']:.3g}" if row["ratio"] else "", {True: "yes", False: "**no**", None: ""}[row["met"]]]
        for row in found
    ]  # fmt: skip
    return _table(body, head)


def http2_table(taken: Taken) -> str:
    """HTTP/2 beside HTTP/1.1: empty if neither was measured."""
    body: list[list[Any]] = []
    for task, name in taken:
        if task.startswith("http2-"):
            version = "2" if name.endswith("2") else "1.1"
            keys = "stamp_p50_us", "stamp_p99_us", "user_p99_us"
            numbers = [_number(median(one[key] for one in taken[task, name]), "us") for key in keys]
            body.append([int(task.partition("-")[2]), version, *numbers])
    return _table(sorted(body), ["streams", "HTTP", "reported p50", "reported p99", "user-space p99"])


def growth_table(taken: Taken) -> str:
    """Peak memory by the number of trials: empty if it was not measured."""
    runs = taken.get(("growth", "native"), ())
    peaks = {int(key.split("_")[1]): median(one[key] for one in runs) for key in (runs[0] if runs else ())}
    body = [[f"{trials:,}", _number(peak, "MB")] for trials, peak in peaks.items()]
    return _table(body, ["trials of one run", "peak memory"])


def waking_line(taken: Taken) -> str:
    """What waking up costs Python here: empty if it was not measured."""
    found = taken.get(("waking", "native"), ())
    if not found:
        return ""
    warm, idle = (_number(median(one[key] for one in found), "us") for key in ("warm_us", "idle_us"))
    return f"Reading a reply of 8 chunks in Python: {warm} again and again, {idle} when the core was idle for 30 ms before."


def _table(body: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    return tabulate(body, head, tablefmt="github", disable_numparse=True) if body else ""


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    shown = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{shown} {unit}".strip()


def machine() -> dict[str, Any]:
    """Where figures were taken. The load before tells whether others were at work."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cores": len(os.sched_getaffinity(0)), "cpu": cpu[0] if cpu else platform.machine(), "kernel": platform.release(),
            "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}  # fmt: skip


def put(readme: Path, text: str) -> None:
    """Write it between the markers."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(OPENING)
    after = rest.partition(CLOSING)[2]
    readme.write_text(f"{before}{OPENING}\n\n{text}\n\n{CLOSING}{after}", encoding="utf-8")
