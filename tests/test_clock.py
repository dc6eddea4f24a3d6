"""The clock held against a server that writes its own; what `endpoint check` finds out. Stamps, never speed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from ppbench import Reply, Request
from ppbench.cli import main
from ppbench_plugins.endpoint.clients import client
from ppbench_plugins.endpoint.clock import Row, rows
from ppbench_plugins.endpoint.embedded import Child
from ppbench_plugins.endpoint.metronome import WIDTH, Beat, told
from ppbench_plugins.executors.native import Native

pytestmark = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="PPBENCH_NO_NATIVE is set")
MS = 1_000_000
BEAT = Beat(chunks=6, gap_us=10_000, first_us=20_000)


@pytest.fixture(scope="module")
def metronome() -> Iterator[str]:
    with Child("ppbench_plugins.endpoint.metronome") as url:
        yield url


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the program: exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["ppbench", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", ["native", "openai", "anthropic", "aiohttp"])
def test_each_chunk_tells_when_it_was_sent_and_no_stamp_is_earlier(metronome: str, name: str) -> None:
    """One stamp a chunk, in order, none before its chunk was sent; the pace is the one that was asked for."""
    if name == "aiohttp":
        pytest.importorskip("aiohttp")
    with client(name, metronome, 4) as one:
        replies = one.exchange([Request(f"r{k}", BEAT.text) for k in range(4)])
        for reply in replies:
            truth = told(reply.text)
            assert len(reply.chunks_ns) == len(truth.sent_ns) == BEAT.chunks
            assert truth.arrived_ns + 20 * MS <= truth.sent_ns[0]
            assert all(at >= truth.arrived_ns + (20 + 10 * k) * MS for k, at in enumerate(truth.sent_ns))
            assert list(reply.chunks_ns) == sorted(reply.chunks_ns)
            assert all(stamp >= sent for stamp, sent in zip(reply.chunks_ns, truth.sent_ns, strict=True))
        assert one.keep_busy(Request("busy", Beat(1, 0, 0).text), 4, 0.05) > 0


@pytest.mark.parametrize("api", ["", "responses"])
def test_kernel_stamps_lie_between_the_sending_and_the_reading(metronome: str, api: str) -> None:
    """The kernel's stamp is no earlier than the sending, and the engine's own, stamp plus lag, no earlier than the kernel's."""
    with Native(model="metronome/clock", base_url=f"{metronome}/v1", api=api) as native:  # type: ignore[arg-type]
        native.send([Request("one", BEAT.text)])
        reply = native.wait()
    assert isinstance(reply, Reply)
    truth, way = told(reply.text), reply.transport
    assert reply.stamp == "kernel"
    assert way is not None
    assert len(way.lags_ns) == BEAT.chunks
    assert all(lag > 0 for lag in way.lags_ns)
    ends = (*truth.sent_ns[1:], reply.done_ns)
    for sent, stamp, after in zip(truth.sent_ns, reply.chunks_ns, ends, strict=True):
        assert sent <= stamp <= after
    assert reply.sent_ns < way.headers_ns <= way.first_byte_ns <= reply.done_ns
    assert way.bytes > BEAT.chunks * WIDTH
    assert (way.http_version, way.clock_stepped) == ("1.1", False)


HELD_UP = """
import json, sys
from dataclasses import asdict
from ppbench import Request
from ppbench_plugins.endpoint.metronome import Beat, told
from ppbench_plugins.executors.native import Native

with Native(model="metronome/clock", base_url=sys.argv[1] + "/v1", max_in_flight=1) as native:
    native.send([Request("warm", Beat(2, 1000, 1000).text)])
    native.wait()
    native.send([Request("one", Beat(4, 60_000, 120_000).text)])
    print("sent", flush=True)
    reply = native.wait()
    print(json.dumps([told(reply.text).sent_ns, asdict(reply)]), flush=True)
"""


def test_a_client_that_was_held_up_claims_no_stamp_that_is_too_early_and_tells_its_lag(metronome: str) -> None:
    """Stopped while head, role and chunks arrive: what it then reads at once has upper bounds, and a lag as long as the halt.

    The role event comes after 60 ms, chunks after 120, 180, 240 and 300.
    """
    with subprocess.Popen([sys.executable, "-c", HELD_UP, metronome], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sent\n"
        time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        process.send_signal(signal.SIGCONT)
        sent, reply = json.loads(process.stdout.read())

    way = reply["transport"]
    assert len(reply["chunks_ns"]) == len(sent) == 4
    assert all(stamp >= at for stamp, at in zip(reply["chunks_ns"], sent, strict=True))
    assert way["shared"] >= 1
    assert max(way["lags_ns"]) > 30 * MS
    if way["shared"] > 1:  # the first token is among them
        assert reply["stamp"] == "user"


def test_what_a_metronome_did_not_send_is_refused() -> None:
    """A reply that is cut, or comes from elsewhere, is never taken for a truth."""
    with pytest.raises(ValueError, match="a chunk of 40 digits"):
        told("12345")
    with pytest.raises(ValueError, match="invalid literal"):
        told("x" * WIDTH)


def test_rows_hold_what_was_measured() -> None:
    """Each client in its own process: its stamps, skew, throughput and processor time."""
    found = list(rows(["native", "openai"], [1, 3], BEAT))

    assert [(row.client, row.streams) for row in found] == [("native", 1), ("native", 3), ("openai", 1), ("openai", 3)]
    for row in found:
        assert row.chunks >= 8 * BEAT.chunks
        assert 0 <= row.stamp_error_min_us <= row.stamp_error_p50_us <= row.stamp_error_p99_us <= row.stamp_error_max_us
        assert row.first_error_p50_us <= row.first_error_p99_us <= row.first_error_max_us
        assert row.requests_per_s > 0
        assert row.cpu_s_per_1000 > 0
    assert found[0].skew_us == 0
    assert {row.clock for row in found[2:]} == {"python"}


def test_the_command_prints_a_table_and_json(call: Callable[..., tuple[int, str, str]]) -> None:
    """An object with `rows`; a table that says what an error is; a client that is not known is told."""
    asked = ["endpoint", "clock", "--client", "native", "--streams", "2", "--chunks", "3", "--gap-ms", "5"]
    code, out, _ = call(*asked, "--json")
    row = Row(**json.loads(out)["rows"][0])
    assert (code, row.client, row.streams) == (0, "native", 2)
    assert "Error: a client's stamp minus the server's." in call(*asked)[1]
    code, _, said = call("endpoint", "clock", "--client", "curl")
    assert code == 2
    assert "have: native, openai, anthropic, aiohttp" in said


def test_check_tells_what_an_endpoint_gives(call: Callable[..., tuple[int, str, str]]) -> None:
    """Streams, usage, cached tokens, times, the clock, HTTP; as a table and as JSON."""
    code, out, _ = call("endpoint", "check", "mock/quick", "-n", "3", "--json")
    found = json.loads(out)
    assert (code, found["streams"], found["usage"], found["cached_tokens"], found["handshakes"]) == (0, True, True, True, 0)
    assert (found["requests"], found["http_version"], found["rate_limits"]) == (3, "1.1", {})
    assert found["ttft_ms"] > 20
    assert found["structured"]
    assert re.fullmatch(r"ttft=0\.0[\d.]+,tok=0\.00[\d.]+", found["latency_model"])
    assert 0 < found["lag_p50_us"] <= found["lag_p99_us"]
    assert "cached tokens told     yes" in call("endpoint", "check", "mock/quick", "-n", "2")[1]


def test_check_says_why_an_endpoint_cannot_be_used(call: Callable[..., tuple[int, str, str]]) -> None:
    """Nobody listens: exit 7, one line."""
    code, _, said = call("endpoint", "check", "vllm/llama", "--base-url", "http://127.0.0.1:9/v1", "-n", "2")
    assert code == 7
    assert "127.0.0.1:9" in said
