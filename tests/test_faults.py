"""Faults of an endpoint, one by one: each ends its own attempt with a kind, one line and a next step, and no other."""

from __future__ import annotations

import json
import socket
from email.utils import formatdate

import pytest
from asking import NATIVE, Make, everywhere, failed, flat, needs_engine, only, run
from faulty import FINE, WHOLE, Answer, Faulty, Peer, endless, head, raw, say, stream, words_for_ever

from ppbench import Call, Plan, Prompt
from ppbench.execute import Loop
from ppbench.jobs import Job

KEY = "sk-test-1234567890abcdef"
MS = 1_000_000


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAB_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)


def end(peer: Peer) -> bool:
    """End a stream as HTTP asks for, without a word that it is over."""
    peer.send(b"0\r\n\r\n")
    return True


def half_event(peer: Peer) -> bool:
    peer.chunk(peer.word("x")[:-12] + b"\n\n")
    return end(peer)


def error(status: int) -> Answer:
    return say(status, json.dumps({"error": {"message": f"not now, {KEY}"}}), content_type="application/json")


PAGE = "<!doctype html><html><title>Welcome to nginx</title></html>"
FAULTS: dict[str, tuple[Answer, str, str]] = {
    "reset-before": (Peer.reset, "dropped", "endpoint's log"),
    "closed-before": (lambda peer: None, "dropped", "endpoint's log"),
    "reset-within": (stream("Hel", "lo ", then=Peer.reset), "dropped", "endpoint's log"),
    "closed-within": (stream("Hel", "lo ", then=lambda peer: None), "dropped", "endpoint's log"),
    "ended-too-soon": (stream("Hel", "lo ", then=end), "dropped", "endpoint's log"),
    "429": (error(429), "rate_limit", "--max-in-flight"),
    "500": (error(500), "server", "try again later"),
    "502": (say(502, PAGE, content_type="text/html"), "server", "Welcome to nginx; the endpoint is in trouble"),
    "503": (error(503), "server", "try again later"),
    "529": (error(529), "server", "try again later"),
    "html": (say(200, PAGE, content_type="text/html"), "bad_reply", "an HTML page: Welcome to nginx; check --base-url"),
    "half-json": (raw(head(content_type="application/json", content_length="400") + b'{"choices": [{"mess'), "dropped",
                  "endpoint's log"),
    "short-json": (say(200, '{"choices": [{"mess', content_type="application/json"), "bad_reply", "--base-url"),
    "half-event": (stream("Hel", "lo ", then=half_event), "bad_reply", "--base-url"),
    "chunk-of-zz": (stream("Hel", "lo ", then=raw(b"zz\r\nmore\r\n")), "dropped", "endpoint's log"),
    "negative-chunk": (stream("Hel", "lo ", then=raw(b"-5\r\nmore\r\n")), "dropped", "endpoint's log"),
    "huge-chunk": (stream("Hel", "lo ", then=raw(b"fffffffffffffffff\r\nmore\r\n")), "dropped", "endpoint's log"),
}  # fmt: skip


@everywhere
@pytest.mark.parametrize(("answer", "kind", "step"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_line_with_a_next_step(make: Make, answer: Answer, kind: str, step: str) -> None:
    """The kind, the next step and no key; text and stamps that came are kept; the next request is answered."""
    with Faulty(answer) as server, make(server.url) as executor:
        outcome = run(executor, max_tries=1)
        attempts = len(server.attempts_ns)
        server.answers = [FINE]
        after = run(executor)
    reply, said = only(outcome), failed(outcome)

    assert (said.kind, said) == (kind, reply.error)
    assert step in said.message
    assert "\n" not in said.message
    assert KEY not in said.message
    assert KEY in server.headers[0]["authorization"]
    assert len(reply.chunks_ns) == (2 if reply.text else 0)
    assert reply.text == ("Hello " if answer.__qualname__.startswith("stream") else "")
    assert attempts == 1
    assert after.trace.answer == WHOLE


@everywhere
def test_nobody_there_is_refused(make: Make) -> None:
    """Entering does not fail, the first call says it, and what to look at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with make(f"http://127.0.0.1:{free.getsockname()[1]}") as executor:
            outcome = run(executor, max_tries=1)

    assert failed(outcome).kind == "refused"
    assert "check that the endpoint runs and that --base-url names" in failed(outcome).message


# Time


def stall(peer: Peer) -> None:
    peer.until_gone()


def slow_headers(peer: Peer) -> None:
    """A header now and then, and never the last one."""
    endless(lambda _: b"x-more: 1\r\n", b"HTTP/1.1 200 OK\r\n", pause_s=0.02)(peer)


SLOW: dict[str, tuple[Answer, str]] = {
    "slow-headers": (slow_headers, ""),
    "stall": (stream("Hel", "lo ", then=stall), "Hello "),
    "endless": (words_for_ever, "on "),
}


@everywhere
@pytest.mark.parametrize(("answer", "text"), SLOW.values(), ids=SLOW)
def test_what_takes_too_long_is_a_timeout(make: Make, answer: Answer, text: str) -> None:
    """The timeout holds for an attempt as a whole; what came is kept, the connection is closed, the next call goes through."""
    with Faulty(FINE, answer) as server, make(server.url, timeout=0.4) as executor:
        run(executor)  # an SDK loads the half of itself at its first reply
        outcome = run(executor, max_tries=1)
        assert server.gone.acquire(timeout=10)
        server.answers = [FINE]
        after = run(executor)
    reply = only(outcome)

    assert failed(outcome).kind == "timeout"
    assert "raise the executor's timeout" in failed(outcome).message
    assert reply.done_ns - reply.sent_ns >= 400 * MS
    assert reply.text.startswith(text)
    assert len(reply.chunks_ns) >= len(text.split())
    assert after.trace.answer == WHOLE


@needs_engine
@pytest.mark.parametrize("begun", [b"", b"40\r\ndata: {"], ids=["between-chunks", "within-a-chunk"])
def test_silence_within_a_reply_has_a_limit_of_its_own(begun: bytes) -> None:
    """A stream that falls silent is given up long before the timeout, with what came; one that has not begun is not."""
    stalls = stream("Hel", "lo ", then=lambda peer: (peer.send(begun), stall(peer)))
    with Faulty(stalls) as server, NATIVE(server.url, idle_timeout=0.2, timeout=600.0) as executor:
        outcome = run(executor, max_tries=1)
        server.answers = [lambda peer: (peer.server.over.wait(0.4), FINE(peer))[1]]
        after = run(executor)
    reply = only(outcome)

    assert (failed(outcome).kind, reply.text, len(reply.chunks_ns)) == ("timeout", "Hello ", 2)
    assert "raise idle_timeout, e.g. -e native:idle_timeout=300" in failed(outcome).message
    assert reply.done_ns - reply.chunks_ns[-1] >= 200 * MS
    assert after.trace.answer == WHOLE


# Trying again


@everywhere
def test_retry_after_is_honoured(make: Make) -> None:
    """The next attempt leaves when the endpoint said, by the endpoint's own stamps; the first one is on record."""
    with Faulty(say(429, "later", retry_after="0.6"), FINE) as server, make(server.url) as executor:
        outcome = run(executor)
    [span] = outcome.trace.spans
    [first] = span.failed

    assert (span.reply.text, span.clean) == (WHOLE, False)
    assert first.error
    assert (first.error.status, first.error.retry_after_s) == (429, 0.6)
    assert server.attempts_ns[1] - server.attempts_ns[0] >= 600 * MS
    assert span.reply.sent_ns - first.done_ns >= 600 * MS


@needs_engine
def test_retry_after_may_be_a_date() -> None:
    """Other failures than a 429 may have one. It counts from the reply's own date, so that clocks need not agree."""
    dates = {"date": formatdate(1_000_000_000, usegmt=True), "retry_after": formatdate(1_000_000_001, usegmt=True)}
    with Faulty(say(503, "later", **dates), FINE) as server, NATIVE(server.url) as executor:
        outcome = run(executor)
    [span] = outcome.trace.spans

    assert span.failed[0].error
    assert span.failed[0].error.retry_after_s == 1.0
    assert server.attempts_ns[1] - server.attempts_ns[0] >= 1000 * MS
    assert span.reply.text == WHOLE


@needs_engine
@pytest.mark.parametrize("pause", ["1e308", "nan"])
def test_a_pause_that_is_none_does_no_harm(pause: str) -> None:
    """Whatever stands in the header, the run goes on: the call is tried again, or its trial's time runs out."""
    with Faulty(say(429, "later", retry_after=pause), FINE) as server, NATIVE(server.url) as executor:
        outcome = run(executor, trial_timeout_s=0.3 if pause == "1e308" else 60.0)
        after = run(executor)

    assert outcome.trace.answer == ("" if pause == "1e308" else WHOLE)
    assert after.trace.answer == WHOLE


@needs_engine
def test_every_attempt_is_on_record_with_what_came_of_it() -> None:
    """Three tries, three requests at the endpoint, three replies: none is repeated or left out in silence."""
    with Faulty(stream("Hel", then=Peer.reset), error(500), Peer.reset, FINE) as server, NATIVE(server.url) as executor:
        outcome = run(executor)
        attempts = len(server.attempts_ns)
    [span] = outcome.trace.spans

    assert attempts == 3
    assert [(reply.text, reply.error and reply.error.kind) for reply in (*span.failed, span.reply)] == [
        ("Hel", "dropped"),
        ("", "server"),
        ("", "dropped"),
    ]
    stamps = [stamp for reply in (*span.failed, span.reply) for stamp in (reply.queued_ns, reply.sent_ns, reply.done_ns)]
    assert stamps == sorted(stamps)


@everywhere
def test_a_paid_reply_is_kept_when_a_call_beside_it_fails(make: Make) -> None:
    """The plan falls back to serial: what was answered, what failed and what answers now are all in the trace."""

    def refuse(peer: Peer) -> object:
        assert peer.server.told.wait(10)
        return say(400, '{"error": {"message": "no"}}')(peer)

    def paid(text: str) -> Plan:
        server.told.set()
        return flat("inner")

    with Faulty() as server, make(server.url) as executor:
        server.by_text = {"refused": refuse}
        plan = Plan((Call("good", "good", expand=paid), Call("bad", "refused")))
        job = Job("job", lambda: plan, fallback=lambda reason: Plan.fallback(Prompt("p", "all of it"), reason))
        [outcome] = Loop(executor).run([[job]])
    replies = {span.request.text: span.reply for span in outcome.trace.spans}

    assert (outcome.failure, outcome.trace.status, outcome.trace.answer) == (None, "fallback", WHOLE)
    assert replies["good"].text == replies["all of it"].text == WHOLE
    assert replies["refused"].error
    assert "call bad failed: bad_request" in outcome.trace.reason
