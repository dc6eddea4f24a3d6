"""Cancelling: whatever calls a transfer off, its connection is closed at once, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from asking import Make, everywhere, failed, flat, measured, run
from faulty import FINE, WHOLE, Faulty, Peer, say, words_for_ever

from ppbench import Request

AT_ONCE_S = 10.0
"""The longest that the close of a connection is waited for. It is not timed."""


def reached(counter: threading.Semaphore, count: int) -> bool:
    """So many have been counted, soon."""
    return all(counter.acquire(timeout=AT_ONCE_S) for _ in range(count))


@everywhere
def test_a_plan_that_failed_stops_its_other_calls(make: Make) -> None:
    """One branch is refused: the others' connections are closed, what came of them is on record, the next plan runs."""

    def refused(peer: Peer) -> object:
        assert reached(server.begun, 2)
        return say(400, '{"error": {"message": "no"}}')(peer)

    with Faulty() as server, make(server.url) as executor:
        server.by_text = {"bad": refused, "long": words_for_ever}
        outcome = run(executor, flat("long 1", "bad", "long 2"))
        assert reached(server.gone, 2)
        after = run(executor)

    kinds = sorted(span.reply.error.kind for span in outcome.trace.spans if span.reply.error)
    assert failed(outcome).kind == "bad_request"
    assert kinds == ["bad_request", "cancelled", "cancelled"]
    assert after.trace.answer == WHOLE


@everywhere
def test_a_trial_whose_time_is_up_stops_its_calls(make: Make) -> None:
    """Streams that never end are cut at the deadline, with the text that came and its stamps."""
    with Faulty(FINE, words_for_ever) as server, make(server.url) as executor:
        run(executor)  # an SDK loads the half of itself at its first reply
        outcome = run(executor, flat("a", "b", "c"), trial_timeout_s=0.4)
        assert reached(server.gone, 3)
        server.answers = [FINE]
        after = run(executor)

    assert failed(outcome).kind == "timeout"
    for span in outcome.trace.spans:
        assert span.reply.error
        assert span.reply.error.kind == "cancelled"
        assert span.reply.text.startswith("on ")
        assert len(span.reply.chunks_ns) == span.reply.text.count("on ")
    assert after.trace.answer == WHOLE


@everywhere
def test_leaving_the_executor_closes_what_it_had_open(make: Make) -> None:
    """Whatever ends a run ends its transfers."""
    with Faulty(words_for_ever) as server:
        with make(server.url) as executor:
            executor.send([Request(name, "hello", watch=True) for name in "abc"])
            begun = set()
            while len(begun) < 3:
                begun.add(executor.wait(executor.now() + 10_000_000_000).request_id)
        assert reached(server.gone, 3)


@everywhere
def test_ctrl_c_ends_a_run_at_once(make: Make, tmp_path: Path) -> None:
    """The connections are closed, the exit code is 130, and the line that goes on with the run is printed."""
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ppbench.cli import main; main()"
    with Faulty(FINE, words_for_ever) as server:
        given = ["-e", make.component.name, "-m", make.model, "--base-url", server.url + make.path, "-d", "serial", "-n", "2"]
        command = [sys.executable, "-c", program, "run", *given, "-o", "out"]
        with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
            try:
                assert server.begun.acquire(timeout=30)
                process.send_signal(signal.SIGINT)
                assert reached(server.gone, 1)
                _, said = process.communicate(timeout=30)
            finally:
                process.kill()
    assert process.returncode == 130, said
    assert "ppbench run --resume out" in said
    assert "Traceback" not in said


@everywhere
def test_many_cancelled_transfers_leave_nothing(make: Make) -> None:
    """120 of them: no descriptor and no thread is left, and memory does not grow."""
    with Faulty() as server:
        server.by_text = {"for ever": words_for_ever}
        found = measured("leaks", make, server.url)
    start, early, late, end = found["held"]
    before, after = found["outside"]

    assert (found["first"], found["last"], found["kinds"]) == ([None] * 8, [None] * 8, ["cancelled"])
    assert (late["files"], late["threads"]) <= (start["files"], start["threads"])
    assert end["files"] <= late["files"] + 8, "a connection for each request that ran side by side"
    assert late["kb"] - early["kb"] < 8192
    assert (after["files"], after["threads"]) == (before["files"], before["threads"])
