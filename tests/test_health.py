"""What a run says of its own client, from stamps given as integers; and a real client that is really held up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ppbench import Reply, Request, Span, Trace, Transport, Trial
from ppbench.health import Health, health

US, MS = 1_000, 1_000_000
PROGRAM = [sys.executable, "-c", "from ppbench.cli import main; main()"]


def trial(*replies: Reply, failed: tuple[Reply, ...] = ()) -> Trial:
    spans = tuple(Span(Request(reply.request_id, "x"), reply, failed) for reply in replies)
    return Trial("i", 0, "serial", 0, Trace(spans, "", (), 0, 1, None))


def reply(sent_ms: float, done_ms: float, chunks: tuple[int, ...] = (), lags: tuple[int, ...] = (), **more: int) -> Reply:
    way = Transport(lags_ns=lags, clock_stepped=bool(more.pop("stepped", 0)))
    return Reply("r", sent_ns=round(sent_ms * MS), done_ns=round(done_ms * MS), chunks_ns=chunks, transport=way, **more)  # type: ignore[arg-type]


def near(value: float) -> object:
    return pytest.approx(value, rel=0.005)


def test_lags_and_gaps_are_percentiles_over_all_chunks() -> None:
    """Half a per cent exact, whatever their number."""
    dice = random.Random(1)
    lags = [dice.randrange(10 * US, 100 * US) for _ in range(5000)]
    stamps = tuple(20 * MS * k for k in range(1, 5001))
    found = health([trial(reply(1, 200_000, stamps, tuple(lags)))])
    lags.sort()

    assert found.lag_p50_us == near(lags[2500] / US)
    assert found.lag_p99_us == near(lags[4950] / US)
    assert found.lag_max_us == near(lags[-1] / US)
    assert found.gap_p50_us == near(20_000)
    assert found.kernel_share == 1.0
    assert not found.limited


def test_a_run_is_limited_when_a_hundredth_lags_more_than_a_tenth_of_the_gap() -> None:
    """A tenth of 20 ms is 2 ms: on either side of it."""
    stamps = tuple(20 * MS * k for k in range(1, 101))
    for late, limited in ((1_900 * US, False), (2_100 * US, True)):
        assert health([trial(reply(1, 3000, stamps, (20 * US,) * 97 + (late,) * 3))]).limited is limited
    assert not health([trial(reply(1, 3000, stamps, (20 * US,) * 99 + (50 * MS,)))]).limited  # one in a hundred is the edge


def test_chunks_of_one_instant_make_no_gap() -> None:
    """Those of one packet have one stamp."""
    stamps = tuple(20 * MS * k for k in range(1, 21) for _ in range(3))
    assert health([trial(reply(1, 500, stamps, (30 * US,) * 60))]).gap_p50_us == near(20_000)


def test_without_kernel_stamps_nothing_is_claimed() -> None:
    """Neither a lag nor a mark; gaps are known all the same."""
    found = health([trial(reply(1, 100, (10 * MS, 30 * MS, 50 * MS)))])
    assert (found.lag_p50_us, found.lag_p99_us, found.lag_max_us, found.kernel_share) == (None, None, None, None)
    assert found.gap_p50_us == near(20_000)
    assert not found.limited


def test_concurrency_is_what_was_reached() -> None:
    """The peak, and the mean over the time in which anything was in flight; failed attempts were in flight too."""
    one, two, three = reply(0.001, 100), reply(50, 150), reply(200, 250)
    retried = reply(60, 90)
    found = health([trial(one), trial(two, three, failed=(retried,))])
    assert found.concurrency_peak == 4  # the failed attempt stands with both spans of its trial
    busy = 150 - 0.001 + 50
    assert found.concurrency_mean == near((100 + 100 + 50 + 2 * 30) / busy)


def test_requests_back_to_back_are_not_concurrent() -> None:
    """One ends at the instant at which the next begins."""
    assert health([trial(reply(10, 20), reply(20, 30), reply(30, 40))]).concurrency_peak == 1


def test_handshakes_and_clock_steps_are_counted_over_all_attempts() -> None:
    """Retried ones included."""
    found = health([trial(reply(1, 2, connect_ns=5), failed=(reply(1, 2, connect_ns=7, stepped=1),)), trial(reply(3, 4))])
    assert (found.handshakes, found.clock_steps) == (2, 1)


def test_of_nothing_nothing_is_known() -> None:
    assert health([]) == Health(None, None, None, None, None, 0, 0.0, 0, 0, (), 0)
    assert health([Trial("i", 0, "serial", 0, None, "decompose raised")]).concurrency_peak == 0


@pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="PPBENCH_NO_NATIVE is set")
def test_a_client_that_is_held_up_is_marked_in_the_record_and_in_the_table(tmp_path: Path) -> None:
    """The process is stopped for 5 ms, again and again, while the endpoint streams a token every 2 ms."""
    command = [*PROGRAM, "run", "-q", "-n", "3", "-d", "serial", "--repeats", "2", "-o", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            if not (tmp_path / "run/run.json").exists():
                time.sleep(0.01)
                continue
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.005)
            process.send_signal(signal.SIGCONT)
            time.sleep(0.015)
        assert process.stdout is not None
        table = process.stdout.read()
    record = json.loads((tmp_path / "run/run.json").read_text(encoding="utf-8"))["client"]

    assert process.returncode == 0
    assert record["client_limited"]
    assert record["lag_p99_us"] > 1_000
    assert record["gap_p50_us"] < 10_000
    assert (record["concurrency_peak"], record["handshakes"]) == (1, 0)
    assert "serial (client-limited)" in table
    assert "Warning: client-limited: one chunk in a hundred was read" in table
