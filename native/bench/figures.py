"""The figures of the table: what is measured, of whom, and what is aimed at. Values; nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ALL = ("bare", "aiohttp", "native")
PYTHON = ("aiohttp", "native")


@dataclass(frozen=True)
class Task:
    """Numbers that are taken together."""

    name: str
    measure: str
    streams: int = 64
    clients: tuple[str, ...] = ALL
    server: Literal["plain", "tls", "http2", ""] = "plain"
    hog: bool = False
    neighbour: bool = False
    """Another process is busy on the client's core."""
    free: bool = False
    """The client may run on any core."""


@dataclass(frozen=True)
class Aim:
    """A bound for native's figure, absolute or as a multiple of another client's."""

    bound: float
    of: str = ""
    """A client; empty: the bound is the number itself."""
    most: bool = True
    """False: at least so much."""

    def bounds(self, row: Mapping[str, float]) -> float | None:
        return self.bound * row[self.of] if self.of in row else None if self.of else self.bound

    def is_met(self, row: Mapping[str, float], ours: str) -> bool | None:
        bound = self.bounds(row)
        if bound is None or ours not in row:
            return None
        return row[ours] <= bound if self.most else row[ours] >= bound


@dataclass(frozen=True)
class Figure:
    name: str
    task: str
    number: str
    """By which the measure calls it."""
    unit: str
    aim: Aim | None = None
    says: str = ""
    """The aim in words."""
    ours: str = "native"


TASKS = (
    *(Task(f"streams-{n}", "streams", n) for n in (64, 256, 1024)),
    *(Task(f"tls-{n}", "streams", n, PYTHON, server="tls") for n in (64, 256, 1024)),
    Task("fan", "fan", 100),
    Task("plan", "plan", 101),
    Task("rate", "rate"),
    Task("hog", "streams", 64, PYTHON, hog=True, free=True),
    Task("calm", "streams", 64, PYTHON, free=True),
    Task("neighbour", "streams", 64, ALL, neighbour=True),
    *(Task(f"http2-{n}", "streams", n, ("native", "native:http=2"), server="http2") for n in (8, 64)),
    Task("waking", "waking", clients=("native",), server=""),
    Task("growth", "growth", clients=("native",), server=""),
)


MOST_10, MOST_15, MOST_300 = Aim(10), Aim(15), Aim(300)
TWICE_BARE, THRICE_BARE = Aim(2, "bare"), Aim(3, "bare")
FIFTH, HALF = Aim(1 / 5, "aiohttp"), Aim(1 / 2, "aiohttp")
FIGURES = (
    *(Figure(f"stamp error p99, kernel stamps, {n:,} streams", f"streams-{n}", "stamp_p99_us", "us", MOST_10, "10 us")
      for n in (64, 256, 1024)),
    Figure("stamp error max, kernel stamps, 256", "streams-256", "stamp_max_us", "us", Aim(250), "250 us"),
    *(Figure(f"stamp error p99, user-space stamps, {n}", f"streams-{n}", "user_p99_us", "us", TWICE_BARE, "2 x bare")
      for n in (64, 256)),
    Figure("stamp error p99, user-space stamps, 1,024", "streams-1024", "user_p99_us", "us", Aim(1 / 15, "aiohttp"),
           "aiohttp / 15"),
    *(Figure(f"stamp error p99, TLS, kernel stamps, {n:,}", f"tls-{n}", "stamp_p99_us", "us", MOST_15, "15 us")
      for n in (64, 256, 1024)),
    Figure("TTFT error p50, 64 at once", "streams-64", "ttft_p50_us", "us", TWICE_BARE, "2 x bare"),
    Figure("TTFT error p99, 64 at once", "streams-64", "ttft_p99_us", "us", THRICE_BARE, "3 x bare"),
    Figure("TTFT error p50, 256 at once", "streams-256", "ttft_p50_us", "us", TWICE_BARE, "2 x bare"),
    Figure("TTFT error p99, 256 at once", "streams-256", "ttft_p99_us", "us", THRICE_BARE, "3 x bare"),
    Figure("fan-out of 10, first to last arrival", "fan", "skew_10_us", "us", Aim(3.5, "bare"), "3.5 x bare"),
    Figure("fan-out of 100, first to last arrival", "fan", "skew_100_us", "us", Aim(2000), "2,000 us"),
    Figure("dependent call after the last of 1", "plan", "gap_1_us", "us", MOST_300, "300 us"),
    Figure("dependent call after the last of 10", "plan", "gap_10_us", "us", MOST_300, "300 us"),
    Figure("dependent call after the last of 100", "plan", "gap_100_us", "us", Aim(500), "500 us"),
    Figure("plan of 10 and a join: latency less the server's", "plan", "latency_10_us", "us", FIFTH, "aiohttp / 5"),
    Figure("plan of 100 and a join: latency less the server's", "plan", "latency_100_us", "us", FIFTH, "aiohttp / 5"),
    Figure("requests a second, raw replies, 64 connections", "rate", "raw", "", Aim(4, "aiohttp", most=False), "4 x aiohttp"),
    Figure("requests a second, whole executor, 64", "rate", "whole", "", Aim(2, "aiohttp", most=False), "2 x aiohttp"),
    Figure("chunk events a second, 64 streams", "rate", "events", "", Aim(8, "aiohttp", most=False), "8 x aiohttp"),
    Figure("CPU, 1,000 calls of 32 chunks, 256 at once", "streams-256", "cpu_s_per_1000", "s", HALF, "aiohttp / 2"),
    Figure("CPU, 1,000 calls of 32 chunks, 1,024 at once", "streams-1024", "cpu_s_per_1000", "s", HALF, "aiohttp / 2"),
    Figure("peak memory of the process, 1,024 streams", "streams-1024", "peak_mb", "MB", Aim(100), "100 MB"),
    Figure("a thread that holds the GIL: user-space p99, 64", "hog", "user_p99_us", "us", Aim(1 / 50, "aiohttp"),
           "aiohttp / 50"),
    Figure("the same without that thread", "calm", "user_p99_us", "us"),
    Figure("a busy neighbour on the core: stamp error p99, 64", "neighbour", "stamp_p99_us", "us", Aim(20), "20 us"),
)  # fmt: skip
