"""The executors on real sockets: a small server misbehaves on purpose, and the loop has to see it as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ppbench import BrokenPlugin, Call, Executor, Plan, Progress, Reply, Request, UsageError
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome, Policy
from ppbench.specs import build, spec_of, split_spec
from ppbench_plugins.executors import engine, ppbench_executors
from ppbench_plugins.executors.native import Native
from ppbench_plugins.executors.offline import Offline
from ppbench_plugins.executors.providers import Anthropic, OpenAI

needs_engine = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="PPBENCH_NO_NATIVE is set")
KEY = "sk-test-1234567890abcdef"
MS = 1_000_000
WORDS = ("Hel", "lo ", "you")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 10
    server: Endpoint

    def log_message(self, *args: Any) -> None:
        pass

    def do_OPTIONS(self) -> None:
        self.whole(204, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = self.server.take(body, {name.lower(): value for name, value in self.headers.items()})
        try:
            answer(self)
        except OSError:  # the client has left
            self.close_connection = True

    def whole(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def put(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    @property
    def claude(self) -> bool:
        return self.path.partition("?")[0].endswith("/messages")

    @property
    def newer(self) -> bool:
        return self.path.partition("?")[0].endswith("/responses")

    def event(self, payload: dict[str, Any]) -> bytes:
        name = f"event: {payload['type']}\n" if "type" in payload else ""
        return f"{name}data: {json.dumps(payload)}\n\n".encode()

    def head(self) -> list[bytes]:
        if self.claude:
            message = {"usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}}
            return [self.event({"type": "message_start", "message": message}), self.event({"type": "ping"})]
        if self.newer:
            item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
            return [self.event({"type": "response.created", "response": {"status": "in_progress", "output": []}}),
                    self.event({"type": "response.output_item.added", "output_index": 0, "item": item})]  # fmt: skip
        return [self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})]

    def word(self, text: str) -> bytes:
        if self.claude:
            return self.event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        if self.newer:
            return self.event({"type": "response.output_text.delta", "item_id": "msg_1", "content_index": 0, "delta": text})
        return self.event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})

    def tail(self) -> list[bytes]:
        if self.claude:
            delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
            return [self.event(delta), self.event({"type": "message_stop"})]
        if self.newer:
            return [self.last("completed")]
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}
        return [self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
                self.event({"choices": [], "usage": usage}), b"data: [DONE]\n\n"]  # fmt: skip

    def last(self, status: str, **fields: Any) -> bytes:
        """The end of a response."""
        usage = {"input_tokens": 7, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2},
                 "output_tokens_details": {"reasoning_tokens": 1}}  # fmt: skip
        response = {"object": "response", "status": status, "error": None, "usage": usage, "output": [], **fields}
        return self.event({"type": f"response.{status}", "response": response})


Answer = Callable[[Handler], None]


class Endpoint(ThreadingHTTPServer):
    """Gives each request the next of its answers, and the last one for ever."""

    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Answer] = [stream()]
        self.leave = threading.Event()
        self._lock = threading.Lock()

    def take(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        with self._lock:
            self.bodies.append(body)
            self.headers.append(headers)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def stream(*, gap_ms: float = 12, cut_after: int | None = None, error: dict[str, Any] | None = None) -> Answer:
    """Words at a pace; cut off, or broken by an error, after some of them."""

    def answer(handler: Handler) -> None:
        handler.begin()
        handler.put(b"".join(handler.head()))
        for word in WORDS[:cut_after]:
            handler.server.leave.wait(gap_ms / 1000)
            handler.put(handler.word(word))
        if error is not None:
            handler.put(handler.event(error))
        elif cut_after is None:
            handler.put(b"".join(handler.tail()))
        handler.close_connection = cut_after is not None
        if not handler.close_connection:
            handler.wfile.write(b"0\r\n\r\n")

    return answer


def say(status: int, body: str = "", **headers: str) -> Answer:
    return lambda handler: handler.whole(status, body.encode(), **headers)


def silence(handler: Handler) -> None:
    handler.server.leave.wait(8)
    handler.close_connection = True


def pings(handler: Handler) -> None:
    """A stream that lives and says nothing."""
    handler.begin()
    while not handler.server.leave.wait(0.05):
        handler.put(b'event: ping\ndata: {"type": "ping"}\n\n' if handler.claude else b": ping\n\n")


def one_word(handler: Handler) -> None:
    handler.begin()
    handler.put(b"".join(handler.head()) + handler.word("Hel"))
    silence(handler)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.leave.set()
        server.shutdown()
        thread.join()


Make = Callable[..., Any]


@pytest.fixture(params=[
    pytest.param((Native, "vllm/m", "/v1", {}), id="native-openai", marks=needs_engine),
    pytest.param((Native, "vllm/m", "/v1", {"api": "responses"}), id="native-responses", marks=needs_engine),
    pytest.param((Native, "anthropic/m", "", {}), id="native-anthropic", marks=needs_engine),
    pytest.param((OpenAI, "vllm/m", "/v1", {}), id="openai"),
    pytest.param((OpenAI, "vllm/m", "/v1", {"api": "responses"}), id="openai-responses"),
    pytest.param((Anthropic, "anthropic/m", "", {}), id="anthropic"),
])  # fmt: skip
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Each executor in each of its dialects, as `make(url, **options)`."""
    component, model, path, dialect = request.param
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "VLLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    options = {"max_in_flight": 4, **dialect}
    return lambda url, **more: component(model=model, base_url=url + path, **{**options, **more})


def run(executor: Executor, plan: Plan | None = None, **policy: Any) -> Outcome:
    job = Job("job", lambda: plan or Plan((Call("a", "hello"),)))
    [outcome] = Loop(executor, Policy(**policy)).run([[job]])
    return outcome


def only(outcome: Outcome) -> Reply:
    [span] = outcome.trace.spans
    return span.reply


def test_a_streamed_answer_has_a_stamp_for_each_word(make: Make, endpoint: Endpoint) -> None:
    """Text, counts and instants come as they went; on a warm connection the trial is clean."""
    with make(endpoint.url) as executor:
        run(executor)  # an SDK loads the half of itself at its first reply, as the warm-up of a run knows
        outcome = run(executor)
    reply = only(outcome)

    assert outcome.trace.answer == "Hello you"
    assert outcome.trace.clean
    assert (reply.tokens_in, reply.tokens_out, reply.tokens_cached, reply.tokens_source) == (7, 3, 2, "usage")
    assert (reply.finish, reply.error, len(reply.chunks_ns)) == ("stop", None, 3)
    instants = [outcome.trace.started_ns, reply.queued_ns, reply.sent_ns, *reply.chunks_ns, reply.done_ns]
    assert instants == sorted(instants)
    assert reply.first_ns == reply.chunks_ns[0]
    gaps = [b - a for a, b in zip(reply.chunks_ns, reply.chunks_ns[1:], strict=False)]
    assert all(6 * MS < gap < 200 * MS for gap in gaps)
    assert reply.stamp == ("kernel" if executor.clock == "native" else "python")


def test_options_reach_the_endpoint_and_nothing_else_does(make: Make, endpoint: Endpoint) -> None:
    """Temperature and limit are sent when asked for; without a key no key goes out."""
    with make(endpoint.url) as executor:
        run(executor)
    with make(endpoint.url, temperature=0.25, max_tokens=9) as executor:
        prefix = "So" if "prefix" in executor.honours else None
        run(executor, Plan((Call("a", "hello", prefix=prefix, max_tokens=50),)))
    plain, asked = endpoint.bodies

    assert "temperature" not in plain
    assert plain["stream"] is True
    assert asked["temperature"] == 0.25
    assert 9 in (asked.get("max_tokens"), asked.get("max_completion_tokens"), asked.get("max_output_tokens"))
    said = {"role": "assistant", "content": "So"} if prefix else {"role": "user", "content": "hello"}
    assert asked.get("messages", asked.get("input"))[-1] == said
    assert all(header.get("authorization", "Bearer none") == "Bearer none" for header in endpoint.headers)


@needs_engine
@pytest.mark.parametrize(
    ("sdk", "model", "path", "api"),
    [(OpenAI, "vllm/m", "/v1", ""), (OpenAI, "vllm/m", "/v1", "responses"), (Anthropic, "anthropic/m", "", "")],
)
def test_an_sdk_sends_what_the_engine_sends(endpoint: Endpoint, sdk: Any, model: str, path: str, api: Any) -> None:
    """Field by field, so that executors differ in their clocks alone."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    call = Call("a", "shared text", system="s", prefix="So", json_schema=schema, stop=("x",), max_tokens=5)
    call = call if sdk is OpenAI else replace(call, cache_until=6)
    call = replace(call, prefix=None, stop=()) if api else call
    for component in (Native, sdk):
        with component(model=model, base_url=endpoint.url + path, temperature=0.5, max_in_flight=1, api=api) as executor:
            assert run(executor, Plan((call,))).failure is None
    native, other = endpoint.bodies

    assert native == other


def test_several_calls_share_warm_connections(make: Make, endpoint: Endpoint) -> None:
    """What follows one another, and what runs side by side, opens no connection inside the clock."""
    with make(endpoint.url) as executor:
        outcomes = [run(executor, Plan(tuple(Call(name, name) for name in "abcd"))) for _ in range(2)]

    assert [span.reply.connect_ns for outcome in outcomes for span in outcome.trace.spans] == [0] * 8


def test_a_connection_set_up_inside_the_clock_is_on_record(make: Make, endpoint: Endpoint) -> None:
    """When the endpoint closes a connection, the next call has to open one: its time is kept, its trial is not clean."""

    def last(handler: Handler) -> None:
        stream()(handler)
        handler.close_connection = True

    endpoint.answers = [last]
    with make(endpoint.url, max_in_flight=1) as executor:
        outcomes = [run(executor) for _ in range(3)]
        time.sleep(0.05)

    assert only(outcomes[-1]).connect_ns > 0
    assert not outcomes[-1].trace.clean
    assert outcomes[-1].trace.answer == "Hello you"


@pytest.mark.parametrize(("sdk", "model", "path"), [(OpenAI, "vllm/m", "/v1"), (Anthropic, "anthropic/m", "")])
def test_what_an_sdk_takes_from_the_environment_goes_to_its_provider_alone(
    endpoint: Endpoint, sdk: Any, model: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Organisation, project and custom headers often carry keys; another endpoint sees none of them."""
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "hidden-value")
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "X-Gateway-Key: hidden-value")
    with sdk(model=model, base_url=endpoint.url + path, max_in_flight=1) as executor:
        assert run(executor).failure is None
    assert "hidden-value" not in json.dumps(endpoint.headers)


@pytest.mark.parametrize("body", ['{"a":' * 100_000, '{"error": {"code": "' + "1" * 5000 + '"}}'], ids=["deep", "digits"])
def test_a_reply_that_cannot_be_read_is_a_failure(make: Make, endpoint: Endpoint, body: str) -> None:
    """Whatever comes back, a reply follows: no trial waits for ever."""
    endpoint.answers = [say(200, body, content_type="application/json")]
    with make(endpoint.url) as executor:
        outcome = run(executor, max_tries=1, trial_timeout_s=5)
    assert outcome.failure
    assert only(outcome).error


@pytest.mark.parametrize("kind", [pytest.param(Native, marks=needs_engine), OpenAI])
def test_idle_connections_are_mended_between_trials(kind: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that the endpoint closed while nothing was in flight is opened again outside the clock."""
    monkeypatch.setattr("ppbench_plugins.executors.online.IDLE_NS", 0)

    def last(handler: Handler) -> None:
        stream()(handler)
        handler.close_connection = True

    endpoint.answers = [last]
    with kind(model="vllm/m", base_url=f"{endpoint.url}/v1", max_in_flight=2) as executor:
        outcomes = []
        for _ in range(4):
            outcomes.append(run(executor))
            time.sleep(0.05)
    assert [only(outcome).connect_ns for outcome in outcomes] == [0] * 4


def test_a_key_that_the_endpoint_echoes_in_headers_is_not_kept(
    make: Make, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the endpoint calls the request, and its limits, are on record, without the key."""
    for name in ("VLLM_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)

    def echo(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("x-request-id", f"req of Bearer {KEY}")
        handler.send_header("x-ratelimit-remaining", KEY)
        handler.send_header("x-ratelimit-limit", "60")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for event in (*handler.head(), handler.word("Hi"), *handler.tail()):
            handler.put(event)
        handler.wfile.write(b"0\r\n\r\n")

    endpoint.answers = [echo]
    with make(endpoint.url) as executor:
        way = only(run(executor)).transport

    assert way is not None
    assert KEY not in str(way)
    assert way.remote_id.startswith("req of")
    assert way.rate_limits == {"x-ratelimit-remaining": "***", "x-ratelimit-limit": "60"}


@needs_engine
def test_words_that_come_in_one_packet_come_at_one_instant(endpoint: Endpoint) -> None:
    """The kernel's stamp of their packet is that of each; of what another packet brought at once it is an upper bound."""

    def burst(handler: Handler) -> None:
        handler.begin()
        handler.put(b"".join(handler.head()))
        time.sleep(0.02)
        handler.put(b"".join(handler.word(word) for word in WORDS))
        handler.put(b"".join(handler.tail()))
        handler.wfile.write(b"0\r\n\r\n")

    endpoint.answers = [burst]
    with Native(model="vllm/m", base_url=f"{endpoint.url}/v1", max_in_flight=1) as executor:
        reply = only(run(executor))

    assert (reply.text, len(reply.chunks_ns)) == ("Hello you", 3)
    assert reply.transport is not None
    first, *rest = reply.chunks_ns
    assert first <= rest[0] == rest[1] < reply.done_ns
    assert (reply.transport.shared, first == rest[0], reply.stamp) in [
        (0, True, "kernel"),
        (2, False, "kernel"),
        (3, True, "user"),
    ]


def test_beyond_the_limit_calls_wait_in_our_own_queue(make: Make, endpoint: Endpoint) -> None:
    """With two in flight the third leaves when one of them is done, and the wait is on record."""
    with make(endpoint.url, max_in_flight=2) as executor:
        outcome = run(executor, Plan(tuple(Call(name, name) for name in "abc")))
    waits = sorted(span.reply.sent_ns - span.reply.queued_ns for span in outcome.trace.spans)

    assert waits[1] < 25 * MS < waits[2]
    assert outcome.trace.queue_ns >= waits[2]


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (say(401, json.dumps({"error": {"message": f"wrong key {KEY}"}})), "auth", "_API_KEY"),
        (say(404, '{"detail": "Not Found"}'), "not_found", "/v1"),
        (say(400, '{"error": {"message": "no such field"}}'), "bad_request", "no such field"),
        (say(302, "", location="http://127.0.0.1:1/"), "not_found", "--base-url"),
        (stream(cut_after=2, error={"type": "error", "error": {"type": "rate_limit_error", "message": "busy"}}), "rate_limit",
         "busy"),
    ],
    ids=["401", "404", "400", "302", "error-event"],
)  # fmt: skip
def test_a_failure_has_its_kind_its_words_and_a_next_step(
    make: Make, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, answer: Answer, kind: str, said: str
) -> None:
    """Alike for every executor; the key that the endpoint echoes is not in it, and text before it is kept."""
    for name in ("VLLM_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)
    endpoint.answers = [answer]
    with make(endpoint.url) as executor:
        outcome = run(executor, max_tries=1)
    reply = only(outcome)

    assert outcome.last_error is not None
    assert (outcome.last_error.kind, outcome.last_error) == (kind, reply.error)
    assert said in outcome.last_error.message
    assert KEY not in outcome.last_error.message
    assert reply.text in ("", "Hello ")
    assert endpoint.headers[0].get("authorization") == f"Bearer {KEY}"


responses_by = pytest.mark.parametrize("by", [pytest.param(Native, marks=needs_engine), OpenAI])
"""Both ways to speak the Responses dialect."""


def ask_responses(by: Any, endpoint: Endpoint, answer: Answer) -> Reply:
    endpoint.answers = [answer]
    with by(model="vllm/m", base_url=f"{endpoint.url}/v1", max_in_flight=1, api="responses") as executor:
        return only(run(executor, max_tries=1))


def says(*events: Callable[[Handler], bytes]) -> Answer:
    """A stream of these events, with a pause after each."""

    def answer(handler: Handler) -> None:
        handler.begin()
        for event in events:
            handler.put(event(handler))
            handler.server.leave.wait(0.01)
        handler.wfile.write(b"0\r\n\r\n")

    return answer


@responses_by
def test_reasoning_of_a_response_is_counted_and_is_no_first_token(by: Any, endpoint: Endpoint) -> None:
    """The first token is the first that a reader sees; tokens of reasoning and of the cache are known."""
    kinds = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
    thoughts = [lambda h, kind=kind: h.event({"type": kind, "item_id": "rs_1", "delta": "hm"}) for kind in kinds]
    sent: list[int] = []

    def word(handler: Handler) -> bytes:
        sent.append(time.monotonic_ns())
        return handler.word("Hel")

    reply = ask_responses(by, endpoint, says(*thoughts, word, lambda h: h.word("lo"), lambda h: h.last("completed")))

    assert (reply.text, len(reply.chunks_ns), reply.error, reply.finish) == ("Hello", 2, None, "stop")
    assert (reply.tokens_in, reply.tokens_out, reply.tokens_cached, reply.tokens_reasoning) == (7, 3, 2, 1)
    assert reply.first_ns
    assert reply.first_ns > sent[0] - 5 * MS  # the last thought left 10 ms before


@responses_by
@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter"), (None, "incomplete")]
)
def test_a_response_that_ended_early_is_a_reply_with_a_reason(by: Any, endpoint: Endpoint, reason: Any, finish: str) -> None:
    """It is no failure, and its tokens are counted."""
    details = {"reason": reason} if reason else None
    end = lambda handler: handler.last("incomplete", incomplete_details=details)  # noqa: E731
    reply = ask_responses(by, endpoint, says(lambda h: h.word("Hel"), end))

    assert (reply.text, reply.finish, reply.error, reply.tokens_out) == ("Hel", finish, None, 3)


@responses_by
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (lambda h: h.last("failed", error={"code": "server_error", "message": "so it is"}), "server"),
        (lambda h: h.last("failed", error={"code": "rate_limit_exceeded", "message": "so it is"}), "rate_limit"),
        (lambda h: h.last("failed", error={"code": "invalid_prompt", "message": "so it is"}), "bad_request"),
        (
            lambda h: h.event({"type": "error", "code": "rate_limit_exceeded", "message": "so it is", "param": None}),
            "rate_limit",
        ),
        (lambda h: h.event({"type": "error", "error": {"type": "server_error", "message": "so it is"}}), "server"),
    ],
    ids=["failed", "failed-limit", "failed-prompt", "error", "error-nested"],
)
def test_a_response_that_failed_says_why(by: Any, endpoint: Endpoint, end: Any, kind: str) -> None:
    """By its last event or by one of its own; what came before is kept."""
    reply = ask_responses(by, endpoint, says(lambda h: h.word("Hel"), end))

    assert reply.error
    assert (reply.error.kind, reply.text) == (kind, "Hel")
    assert "so it is" in reply.error.message


@responses_by
def test_a_response_without_its_last_event_was_dropped(by: Any, endpoint: Endpoint) -> None:
    """A stream that ends well on the wire, and has said every text, has not said that it is whole."""
    done = lambda h: h.event({"type": "response.output_text.done", "item_id": "msg_1", "text": "Hel"})  # noqa: E731
    reply = ask_responses(by, endpoint, says(lambda h: h.word("Hel"), done))

    assert reply.error
    assert (reply.error.kind, reply.text) == ("dropped", "Hel")


@responses_by
def test_a_character_of_a_response_may_come_in_pieces(by: Any, endpoint: Endpoint) -> None:
    """Bytes of one character in two packets, and halves of one in two events."""
    plain = json.dumps({"type": "response.output_text.delta", "delta": "é😀"}, ensure_ascii=False).encode()
    cut = plain.index("😀".encode()) + 2
    halves = [lambda h, half=half: h.word(half) for half in ("\ud83d", "\ude00")]
    pieces = [lambda h: b"data: " + plain[:cut], lambda h: plain[cut:] + b"\n\n"]
    reply = ask_responses(by, endpoint, says(*pieces, *halves, lambda h: h.last("completed")))

    assert (reply.text, len(reply.chunks_ns), reply.error) == ("é😀😀", 3, None)


@responses_by
@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_page_instead_of_a_response_is_told_by_its_title(by: Any, endpoint: Endpoint, status: int) -> None:
    """HTML where JSON should be, with any status."""
    page = say(status, "<html><title>Gateway here</title></html>", content_type="text/html")
    reply = ask_responses(by, endpoint, page)

    assert reply.error
    assert (reply.error.kind, reply.error.status) == ({200: "bad_reply", 404: "not_found", 500: "server"}[status], status)
    assert "Gateway here" in reply.error.message


@responses_by
def test_a_plan_that_responses_cannot_carry_is_refused_before_it_is_sent(by: Any, endpoint: Endpoint) -> None:
    """Stop sequences and a prefix have no field there; nothing of it reaches the endpoint."""
    with by(model="vllm/m", base_url=f"{endpoint.url}/v1", max_in_flight=1, api="responses") as executor:
        for call in (Call("a", "a", stop=("x",)), Call("a", "a", prefix="So")):
            assert "cannot honour" in str(run(executor, Plan((call,))).failure)
    assert endpoint.bodies == []


@pytest.mark.parametrize("answer", [pings, one_word])
def test_a_reply_that_takes_too_long_is_a_timeout(make: Make, endpoint: Endpoint, answer: Answer) -> None:
    """The limit holds for the whole attempt, pings or not, and the next call goes through."""
    endpoint.answers = [answer, stream()]
    with make(endpoint.url, timeout=0.1) as executor:
        outcome = run(executor, max_tries=1)
        after = run(executor)

    assert outcome.last_error
    assert outcome.last_error.kind == "timeout"
    assert 100 * MS <= outcome.trace.latency_ns < 1000 * MS
    assert only(outcome).text == ("Hel" if answer is one_word else "")
    assert after.trace.answer == "Hello you"


@pytest.mark.parametrize("answer", [silence, one_word])
def test_a_trial_deadline_cancels_what_is_under_way(make: Make, endpoint: Endpoint, answer: Answer) -> None:
    """A request in flight and one that waits behind it end at once, and the executor goes on."""
    endpoint.answers = [lambda handler: (stream() if "hello" in str(endpoint.bodies[-1]) else answer)(handler)]
    with make(endpoint.url, max_in_flight=1) as executor:
        outcome = run(executor, Plan((Call("a", "a"), Call("b", "b"))), trial_timeout_s=0.1)
        after = run(executor)

    assert outcome.failure
    assert "not answered within 0.1 s" in outcome.failure
    assert [span.reply.error.kind for span in outcome.trace.spans if span.reply.error] == ["cancelled", "cancelled"]
    assert max(span.reply.done_ns for span in outcome.trace.spans) - outcome.trace.started_ns < 1000 * MS
    assert after.trace.answer == "Hello you"


def test_a_watched_reply_tells_its_text_as_it_comes(make: Make, endpoint: Endpoint) -> None:
    """Progress holds the text so far with its stamp, and only for requests that ask for it."""
    seen: list[Progress] = []
    with make(endpoint.url) as executor:
        executor.send([Request("a", "hello", watch=True), Request("b", "hello")])
        replies = {}
        while len(replies) < 2:
            report = executor.wait(executor.now() + 5_000 * MS)
            assert report is not None
            if isinstance(report, Progress):
                seen.append(report)
            else:
                replies[report.request_id] = report

    assert {p.request_id for p in seen} == {"a"}
    assert [p.text for p in seen] == ["Hel", "Hello ", "Hello you"]
    assert tuple(p.at_ns for p in seen) == replies["a"].chunks_ns


def test_calls_released_early_run_while_the_plan_still_streams(make: Make, endpoint: Endpoint) -> None:
    """A branch leaves before the planning call has ended."""

    def early(text: str) -> Sequence[Call]:
        return [Call("x", "x")] if "lo" in text else []

    endpoint.answers = [stream(gap_ms=40), stream()]
    with make(endpoint.url) as executor:
        outcome = run(executor, Plan((Call("a", "a", expand=lambda text: Plan(tuple(early(text))), expand_stream=early),)))
    planned, branch = outcome.trace.spans if outcome.trace.spans[0].request.text == "a" else outcome.trace.spans[::-1]

    assert branch.reply.sent_ns < planned.reply.done_ns
    assert outcome.trace.answer == "Hello you"


def test_waiting_ends_at_its_deadline_and_never_waits_for_nothing(make: Make, endpoint: Endpoint) -> None:
    """None at the deadline; without one, and with nothing in flight, an error instead of a hang."""
    with make(endpoint.url) as executor:
        started = executor.now()

        assert executor.wait(started + 20 * MS) is None
        assert executor.now() - started >= 20 * MS
        with pytest.raises(RuntimeError, match=r"nothing is|never return"):
            executor.wait()
        executor.cancel("unknown")


def test_leaving_cuts_what_is_under_way(make: Make, endpoint: Endpoint) -> None:
    """An interrupted run does not wait for a silent endpoint."""
    endpoint.answers = [silence]
    with make(endpoint.url) as executor:
        executor.send([Request("a", "hello"), Request("b", "hello")])
        executor.wait(executor.now() + 100 * MS)

    with pytest.raises(RuntimeError, match="not entered"):
        executor.now()


@needs_engine
def test_a_reply_in_one_piece_is_seen_when_it_is_there(endpoint: Endpoint) -> None:
    """Without streaming the first token is the last one: when the last bytes of the body came.

    No stamp is known of a body that comes between the look at its head and the read, nor of a reply that libcurl finds
    right after sending: so they come in one segment, to a request too long to be sent in one go.
    """
    body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"completion_tokens": 1}}
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    endpoint.answers = [lambda handler: handler.wfile.write(head.encode() + text)]
    with Native(model="vllm/m", base_url=f"{endpoint.url}/v1", stream=False) as executor:
        reply = only(run(executor, Plan((Call("a", "a" * 300_000),))))

    assert (reply.text, reply.chunks_ns, reply.tokens_out, reply.stamp) == ("Hi", (reply.first_ns,), 1, "kernel")
    assert reply.first_ns is not None
    assert reply.sent_ns < reply.first_ns < reply.done_ns
    assert "stream" not in endpoint.bodies[0]


# Entering


@pytest.mark.parametrize(
    ("executor", "said"),
    [
        pytest.param(Native(model="openai/gpt-x"), "OPENAI_API_KEY is not set", marks=needs_engine),
        pytest.param(Native(model="anthropic/c"), "ANTHROPIC_API_KEY is not set", marks=needs_engine),
        pytest.param(Native(base_url="http://127.0.0.1:1/v1"), "give -m", marks=needs_engine),
        pytest.param(Native(model="gpt-x"), "provider/name", marks=needs_engine),
        (OpenAI(), "give -m"),
        (OpenAI(model="gpt-x"), "OPENAI_API_KEY is not set"),
        (OpenAI(model="anthropic/c"), "-e anthropic"),
        (Anthropic(), "give -m"),
        (Anthropic(model="lab/c"), "give --base-url"),
        (Anthropic(model="anthropic/c", api="responses"), r"api=responses is not spoken there \(known: messages\)"),
        pytest.param(Native(model="anthropic/c", api="responses"), "api=responses is not spoken there", marks=needs_engine),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, executor: Any, said: str
) -> None:
    """The message names the option or the variable that is missing."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=said), executor:
        pass


@needs_engine
@pytest.mark.parametrize("executor", [Native(max_in_flight=2), OpenAI("mock/quick"), Anthropic("mock/quick")])
def test_a_mock_model_is_served_beside_the_run(executor: Any) -> None:
    """It needs no endpoint and no key, says that its times are modelled, and is what native runs by itself."""
    with executor:
        outcome = run(executor)
        expected = ("mock/quick (embedded)", "modelled")

        assert (executor.endpoint, executor.timing) == expected
    assert outcome.failure is None
    assert outcome.trace.answer


@needs_engine
def test_a_mock_model_says_the_same_in_every_dialect() -> None:
    """Text, counts and reason to end, streamed or not, by the engine and by the SDK; a schema is kept and a limit is too."""
    schema = {"type": "object", "properties": {k: {"type": "string"} for k in ("template", "context", "data", "n")}}
    text = "Bitte übersetzen:\n- eins\n- zwei\n" + "and so on " * 100
    asked = f"<request>{text}</request>"
    calls = (Call("a", text), Call("b", text, system="s", needs=("a",)), Call("c", asked, json_schema=schema),
             Call("d", text, max_tokens=2))  # fmt: skip
    told = {}
    executors = [component(model="mock/quick", max_in_flight=1, api=api) for component in (Native, OpenAI)
                 for api in ("chat", "responses")]  # fmt: skip
    executors += [replace(executor, stream=False) for executor in executors if isinstance(executor, Native)]
    for executor in executors:
        with executor:
            replies = [span.reply for span in run(executor, Plan(calls)).trace.spans]
        told[spec_of(executor)] = sorted(
            (r.request_id, r.text, r.finish, r.tokens_in, r.tokens_out, r.tokens_cached, r.error) for r in replies
        )
    first, *others = told.values()

    assert len(told) == 6
    assert all(other == first for other in others)
    assert [row[2] for row in first][-1] == "length"
    assert any(row[5] for row in first)


def test_a_live_endpoint_is_named_without_its_secrets(endpoint: Endpoint) -> None:
    """The query of the address is not printed; a mock elsewhere is modelled all the same."""
    with OpenAI(model="vllm/m", base_url=f"{endpoint.url}/v1?api-version=2", max_in_flight=1) as executor:
        assert (executor.endpoint, executor.timing) == (f"{endpoint.url}/v1", "live")
    assert Native(model="mock/quick", base_url=endpoint.url).timing == "modelled"


def test_executors_are_what_the_contract_asks_for(endpoint: Endpoint) -> None:
    """Their options are their spec, entered or not, and wrong ones are refused."""
    made = {component.name: component for component in ppbench_executors()}

    assert list(made) == ["native", "offline", "openai", "anthropic", "openai-batch", "anthropic-batch"]
    assert all(isinstance(component(), Executor) for component in made.values())
    executor = OpenAI(model="vllm/m", base_url=endpoint.url, max_in_flight=1)
    before = spec_of(executor)
    with executor:
        assert spec_of(executor) == before
        assert executor == build(OpenAI, split_spec(before)[1], spec=before)
    with pytest.raises(UsageError, match="'old' is not one of chat, responses"):
        build(Native, {"api": "old"}, spec="native:api=old")
    for options in ({"max_in_flight": "0"}, {"timeout": "0"}, {"max_tokens": "-1"}):
        with pytest.raises(UsageError, match="more than 0"):
            build(Native, options, spec="native:...")


def test_fields_that_do_not_reach_the_model_are_known_before_the_run() -> None:
    """OpenAI's own API goes on with no prefix; a cache breakpoint is for Anthropic alone; Responses has no stop sequences."""
    assert "prefix" not in Native(model="openai/gpt-x").honours
    assert "prefix" in Native(model="vllm/m").honours
    assert "cache_until" not in Native().honours
    assert "cache_until" in Native(model="anthropic/c").honours
    assert "cache_until" in Anthropic(model="c").honours
    assert {"stop", "prefix"} <= Native(model="vllm/m").honours
    assert not {"stop", "prefix"} & Native(model="vllm/m", api="responses").honours
    assert not {"stop", "prefix"} & OpenAI(model="m", api="responses").honours
    assert "system" in Offline().honours


def test_finding_the_executors_loads_no_sdk_and_no_engine() -> None:
    """`ppbench --help` pays for none of them."""
    code = ("import sys; from ppbench_plugins.executors import ppbench_executors as found; found(); "
            "print([m for m in ('openai', 'anthropic', 'httpx2', 'ppbench_plugins._engine') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


# The engine's needs


def test_a_missing_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiler, no headers: both are named, with the way around."""
    monkeypatch.setitem(sys.modules, "ppbench_plugins._engine", None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/nowhere")
    with pytest.raises(BrokenPlugin) as caught, Native(model="mock/quick"):
        pass

    for said in ("no C++ compiler", "no Python.h in /nowhere", "apt install g++ python3-dev", "reinstall", "-e offline"):
        assert said in str(caught.value)


def test_a_missing_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The executor is broken, not the program."""
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(BrokenPlugin, match="pip install -U openai"), OpenAI(model="mock/quick"):
        pass


@needs_engine
def test_a_libcurl_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's choice stands first in the list; when nothing loads, every candidate is in the message."""
    monkeypatch.setenv("PPBENCH_LIBCURL", "/nowhere/libcurl.so.4")

    assert engine.libcurls()[0] == "/nowhere/libcurl.so.4"
    assert len(engine.libcurls()) > 2
    monkeypatch.setattr(engine, "libcurls", lambda: ["/nowhere/libcurl.so.4"])
    with (
        pytest.raises(BrokenPlugin, match=r"/nowhere/libcurl\.so\.4.*PPBENCH_LIBCURL"),
        Native(model="v/m", base_url="http://h"),
    ):
        pass


def test_https_needs_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's file comes first; http needs none."""
    monkeypatch.setenv("SSL_CERT_FILE", __file__)

    assert engine.ca_file("https://h") == __file__
    assert engine.ca_file("http://h") == ""
