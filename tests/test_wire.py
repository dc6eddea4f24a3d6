"""What goes over the wire, and what is made of what comes back. No socket is opened here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ppbench import Failure, Request, UsageError
from ppbench_plugins import wire
from ppbench_plugins.wire.failures import SAID, mask, retry_after

KEY = "sk-test-1234567890abcdef"
VLLM = wire.resolve("vllm/meta/llama", "http://127.0.0.1:8000/v1")
OPENAI = wire.resolve("openai/gpt-x")
CLAUDE = wire.resolve("anthropic/claude-x")
RESPONSES = wire.resolve("vllm/meta/llama", "http://127.0.0.1:8000/v1", api="responses")
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def chunk(content: str | None = None, finish: str | None = None, **delta: Any) -> bytes:
    delta = delta if content is None else {**delta, "content": content}
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None}).encode()


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def delta(text: str, kind: str = "output_text") -> bytes:
    return event(f"response.{kind}.delta", item_id="msg_1", output_index=0, content_index=0, delta=text)


def ending(kind: str = "completed", **fields: Any) -> bytes:
    return event(f"response.{kind}", response={"object": "response", "status": kind, "error": None, **fields})


def piece(text: str, kind: str = "text_delta", name: str = "text") -> bytes:
    return event("content_block_delta", index=0, delta={"type": kind, name: text})


# Where


@pytest.mark.parametrize(
    ("model", "base_url", "expected"),
    [
        ("openai/gpt-x", "", ("chat", "gpt-x", "https://api.openai.com/v1/chat/completions", "OPENAI_API_KEY", True)),
        ("anthropic/c", "", ("messages", "c", "https://api.anthropic.com/v1/messages", "ANTHROPIC_API_KEY", True)),
        ("vllm/meta/llama", "http://h/v1/", ("chat", "meta/llama", "http://h/v1/chat/completions", "VLLM_API_KEY", False)),
        ("my-lab/m", "http://h/v1", ("chat", "m", "http://h/v1/chat/completions", "MY_LAB_API_KEY", False)),
        ("openai/m", "http://h/v1", ("chat", "m", "http://h/v1/chat/completions", "OPENAI_API_KEY", False)),
        ("anthropic/c", "http://h/v1", ("messages", "c", "http://h/v1/messages", "ANTHROPIC_API_KEY", False)),
        ("mock/quick", "http://h:1/v1", ("chat", "quick", "http://h:1/v1/chat/completions", "", False)),
        ("az/m", "https://h/d?version=1", ("chat", "m", "https://h/d/chat/completions?version=1", "AZ_API_KEY", False)),
    ],
)
def test_model_and_base_url_name_one_target(model: str, base_url: str, expected: tuple[Any, ...]) -> None:
    """The first slash ends the provider; its address and its key are known, or come from the base URL and its name."""
    target = wire.resolve(model, base_url)

    assert (target.dialect, target.model, target.url, target.key_env, target.key_required) == expected


@pytest.mark.parametrize(
    ("model", "base_url", "said"),
    [
        ("gpt-x", "", "provider/name"),
        ("vllm/", "http://h/v1", "provider/name"),
        ("vllm/m", "", "--base-url"),
        ("vllm/m", "127.0.0.1:8000", "http://HOST:PORT/v1"),
        ("vllm/m", "http://h:port/v1", "http://HOST:PORT/v1"),
        ("vllm/m", "http://h/v1\nx: y", "http://HOST:PORT/v1"),
        ("vllm/m", "ftp://user:secret@h/v1?key=secret", "http://HOST:PORT/v1"),
    ],
)
def test_a_target_that_cannot_be_is_a_usage_error_with_the_next_step(model: str, base_url: str, said: str) -> None:
    """It says what to write instead, and repeats no secret of the address."""
    with pytest.raises(UsageError, match=said) as caught:
        wire.resolve(model, base_url)

    assert "secret" not in str(caught.value)


def test_an_executor_of_one_dialect_takes_a_bare_name_and_refuses_the_other_provider() -> None:
    """`-e openai -m gpt-x` is enough; `-e openai -m anthropic/...` names the executors that can."""
    assert wire.resolve("gpt-x", sdk="openai") == OPENAI
    assert wire.resolve("vllm/m", "http://h", sdk="anthropic").url == "http://h/v1/messages"
    with pytest.raises(UsageError, match="-e anthropic"):
        wire.resolve("anthropic/c", sdk="openai")


def test_the_responses_dialect_is_chosen_where_it_is_spoken() -> None:
    """By OpenAI and by servers like it; `chat` by name is what an empty choice means."""
    assert RESPONSES.url == "http://127.0.0.1:8000/v1/responses"
    assert wire.resolve("openai/gpt-x", api="responses").url == "https://api.openai.com/v1/responses"
    assert (
        wire.resolve("gpt-x", "https://h/v1?version=1", sdk="openai", api="responses").url == "https://h/v1/responses?version=1"
    )
    assert wire.resolve("openai/gpt-x", api="chat") == OPENAI


@pytest.mark.parametrize(("model", "sdk"), [("anthropic/c", ""), ("anthropic/c", "anthropic"), ("lab/c", "anthropic")])
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_dialect_that_is_not_spoken_is_refused_with_what_is(model: str, sdk: str, api: Any) -> None:
    """It names the dialect that is, and what to leave out or take instead."""
    with pytest.raises(UsageError, match=rf"api={api} .*\(known: messages\); leave api out, or take .*-m openai/NAME"):
        wire.resolve(model, "http://h/v1", sdk=sdk, api=api)


@pytest.mark.parametrize(
    "url",
    ["https://me:pw-hidden@h/v1", "https://h/v1?api_key=pw-hidden", "https://h?sig=pw-hidden", "https://h?code=pw-hidden"],
)
def test_an_address_that_holds_a_secret_is_refused(url: str) -> None:
    """It would be stored with the run's options; the message does not repeat it."""
    with pytest.raises(UsageError, match="put the key into the environment") as caught:
        wire.resolve("lab/m", url)
    assert "pw-hidden" not in str(caught.value)


def test_the_endpoint_shows_no_query() -> None:
    """A query that is no secret is sent and not shown."""
    target = wire.resolve("lab/m", "https://h:8443/v1?api-version=2")
    assert (target.base_url, target.url) == ("https://h:8443/v1", "https://h:8443/v1/chat/completions?api-version=2")


def test_only_a_key_that_fits_a_header_is_sent() -> None:
    """Both dialects take it as a bearer token; line breaks are refused and the key is not repeated."""
    assert wire.headers(OPENAI, KEY)["authorization"] == f"Bearer {KEY}"
    assert wire.headers(CLAUDE, KEY)["anthropic-version"] == "2026-10-21"
    assert "authorization" not in wire.headers(VLLM, "")
    with pytest.raises(UsageError, match="OPENAI_API_KEY") as caught:
        wire.headers(OPENAI, f"{KEY}\r\nx: y")

    assert KEY not in str(caught.value)


# What is asked


def test_a_bare_request_carries_nothing_that_was_not_asked_for() -> None:
    """No temperature, no limit, no system text unless somebody asks; usage comes with the stream."""
    expected = {"model": "meta/llama", "stream": True, "stream_options": {"include_usage": True},
                "messages": [{"role": "user", "content": "hi"}]}  # fmt: skip

    assert expected == wire.body(VLLM, Request("a", "hi"))
    assert {"model", "messages"} == set(wire.body(VLLM, Request("a", "hi"), stream=False))


def test_everything_that_openai_can_carry_arrives() -> None:
    """System, prefix, limit, stop and schema stand where the dialect wants them; the smaller limit counts."""
    request = Request("a", "hi", system="s", prefix="1.", stop=("\n",), max_tokens=9, json_schema=CLOSED)

    made = wire.body(VLLM, request, temperature=0.0, max_tokens=20)

    assert [m["role"] for m in made["messages"]] == ["system", "user", "assistant"]
    assert (made["temperature"], made["max_completion_tokens"], made["stop"]) == (0.0, 9, ["\n"])
    assert made["response_format"]["json_schema"] == {"name": "answer", "schema": CLOSED, "strict": True}
    assert made["continue_final_message"] is True


def test_everything_that_the_responses_dialect_can_carry_arrives() -> None:
    """The system text as instructions, the schema flat under text; nothing is kept by the endpoint; usage comes unasked."""
    request = Request("a", "hi", system="s", max_tokens=9, json_schema=CLOSED)
    form = {"type": "json_schema", "name": "answer", "schema": CLOSED, "strict": True}
    bare = {"model": "meta/llama", "input": [{"role": "user", "content": "hi"}], "store": False}

    assert wire.body(RESPONSES, Request("a", "hi"), stream=False) == bare
    assert wire.body(RESPONSES, request, temperature=0.0, max_tokens=20) == {
        **bare, "stream": True, "temperature": 0.0, "instructions": "s", "max_output_tokens": 9, "text": {"format": form},
    }  # fmt: skip


def test_a_schema_that_strict_mode_refuses_is_sent_as_a_wish() -> None:
    """An object that leaves other properties open is no strict schema."""
    request = Request("a", "hi", json_schema={"type": "object", "properties": {"a": CLOSED}})

    assert wire.body(OPENAI, request)["response_format"]["json_schema"]["strict"] is False
    assert wire.body(RESPONSES, request)["text"]["format"]["strict"] is False


def test_everything_that_anthropic_can_carry_arrives() -> None:
    """The limit is always there; the shared part of the text ends in a cache breakpoint."""
    request = Request("a", "shared|own", system="s", prefix="1. ", stop=("x",), json_schema=CLOSED, cache_until=7)

    made = wire.body(CLAUDE, request, temperature=0.5)

    assert made["messages"] == [
        {"role": "user", "content": [
            {"type": "text", "text": "shared|", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "own"}]},
        {"role": "assistant", "content": "1."},
    ]  # fmt: skip
    assert (made["max_tokens"], made["stop_sequences"], made["system"], made["temperature"]) == (4096, ["x"], "s", 0.5)
    assert made["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}


@pytest.mark.parametrize(("text", "until", "blocks"), [("abc", 0, 0), ("  abc", 2, 0), ("abc  ", 3, 1), ("abc", 99, 1)])
def test_no_block_of_blanks_is_made_for_the_cache(text: str, until: int, blocks: int) -> None:
    """The endpoint refuses such blocks, so the breakpoint moves or goes."""
    content = wire.body(CLAUDE, Request("a", text, cache_until=until))["messages"][0]["content"]

    assert blocks == (0 if isinstance(content, str) else len(content))


def test_a_target_says_what_it_honours() -> None:
    """OpenAI's own API goes on with no prefix, only Anthropic is told of a cache breakpoint, and Responses knows no stop."""
    assert {"prefix", "cache_until"} - OPENAI.honours == {"prefix", "cache_until"}
    assert "prefix" in VLLM.honours
    assert {"prefix", "cache_until"} <= CLAUDE.honours
    assert RESPONSES.honours == {"system", "json_schema", "max_tokens"}


# What is answered


def test_the_first_visible_token_of_openai_is_no_role_no_reasoning_and_nothing_empty() -> None:
    """Usage comes last, in a chunk without choices."""
    usage = {"prompt_tokens": 7, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4},
             "completion_tokens_details": {"reasoning_tokens": 3}}  # fmt: skip
    events = [
        chunk("", role="assistant"), chunk(reasoning_content="hm"), chunk("Hel"), chunk("lo"), chunk(finish="stop"),
        json.dumps({"choices": [], "usage": usage}).encode(), b"[DONE]",
    ]  # fmt: skip

    answer = wire.read_events(VLLM, events)

    assert answer == wire.Answer("Hello", (2, 3), 7, 5, 4, 3, "stop")


def test_the_first_visible_token_of_anthropic_is_no_ping_and_no_thinking() -> None:
    """Input tokens are counted with the cached ones, as the other dialect does."""
    usage = {"input_tokens": 3, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 2, "output_tokens": 1}
    events = [
        event("message_start", message={"usage": usage}), event("ping"), event("content_block_start", content_block={}),
        piece("hm", "thinking_delta", "thinking"), piece("Hel"), piece("lo"), event("content_block_stop"),
        event("message_delta", delta={"stop_reason": "end_turn"},
              usage={"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}),
        event("message_stop"),
    ]  # fmt: skip

    answer = wire.read_events(CLAUDE, events)

    assert answer == wire.Answer("Hello", (4, 5), 15, 9, 10, 4, "stop")


def test_the_first_visible_token_of_responses_is_no_reasoning_and_no_opening() -> None:
    """Text that is said once more when it is done is not counted twice; a refusal is shown like an answer."""
    usage = {"input_tokens": 7, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4},
             "output_tokens_details": {"reasoning_tokens": 3}}  # fmt: skip
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    events = [
        event("response.created", response={"status": "in_progress", "output": [], "usage": None, "error": None}),
        event("response.in_progress", response={"status": "in_progress", "output": []}),
        event("response.output_item.added", item={"type": "reasoning", "summary": []}),
        delta("hm", "reasoning_summary_text"), delta("hm", "reasoning_text"),
        event("response.output_item.added", item={"type": "message", "status": "in_progress", "content": []}),
        event("response.content_part.added", part={"type": "output_text", "text": ""}),
        delta(""), delta("Hel"), delta("lo"),
        event("response.output_text.done", text="Hello"), event("response.content_part.done", part=message["content"][0]),
        event("response.output_item.done", item={**message, "status": "completed"}),
        ending(usage=usage, output=[message]),
    ]  # fmt: skip

    assert wire.read_events(RESPONSES, events) == wire.Answer("Hello", (8, 9), 7, 5, 4, 3, "stop")
    assert [wire.text_of(RESPONSES, each) for each in events] == [""] * 8 + ["Hel", "lo"] + [""] * 4
    assert wire.read_events(RESPONSES, [delta("No", "refusal"), ending()]) == wire.Answer("No", (0,), finish="stop")


@pytest.mark.parametrize(
    ("kind", "fields", "kept"),
    [
        ("completed", {}, "stop"), ("completed", {"status": None}, "stop"),
        ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ("incomplete", {"incomplete_details": None}, "incomplete"), ("incomplete", {"status": None}, "incomplete"),
        ("completed", {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ],
)  # fmt: skip
def test_how_a_response_finished_is_told_by_its_details(kind: str, fields: Mapping[str, Any], kept: str) -> None:
    """In a stream, also where its last event is called completed all the same, and in one piece."""
    whole = {"status": kind, "output": [], **fields}

    assert wire.read_events(RESPONSES, [delta("a"), ending(kind, **fields)]).finish == kept
    if whole["status"]:
        assert wire.read_body(RESPONSES, 200, {}, json.dumps(whole).encode()).finish == kept


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (
            event("response.failed", response={"status": "failed", "error": {"code": "server_error", "message": "busy"}}),
            "server",
        ),
        (event("response.failed", response={"error": {"code": "rate_limit_exceeded", "message": "busy"}}), "rate_limit"),
        (event("response.failed", response={"error": {"code": "invalid_prompt", "message": "busy"}}), "bad_request"),
        (event("response.completed", response={"status": "failed", "error": {"message": "busy"}}), "server"),
        (event("response.failed", response={"status": "failed", "error": None, "id": "busy"}), "server"),
        (event("response.failed", message="busy"), "server"),
        (event("error", code="rate_limit_exceeded", message="busy", param=None), "rate_limit"),
        (event("error", error={"type": "invalid_request_error", "code": None, "message": "busy"}), "bad_request"),
    ],
)
def test_a_response_that_failed_is_a_failure(error: bytes, kind: str) -> None:
    """In its last event or in one of its own; its words and the text before it are kept."""
    answer = wire.read_events(RESPONSES, [delta("Hel"), error, delta("lo"), ending()])

    assert answer.failure
    assert (answer.failure.kind, answer.text) == (kind, "Hel")
    assert "busy" in answer.failure.message


def test_tokens_of_a_response_that_failed_are_counted() -> None:
    """They are paid for, whether it streamed or not."""
    failed = {"status": "failed", "error": {"code": "server_error", "message": "busy"}, "output": [],
              "usage": {"input_tokens": 7, "output_tokens": 2}}  # fmt: skip
    for answer in (
        wire.read_events(RESPONSES, [event("response.failed", response=failed)]),
        wire.read_body(RESPONSES, 200, {}, json.dumps(failed).encode()),
    ):
        assert answer.failure
        assert (answer.failure.kind, answer.tokens_in, answer.tokens_out) == ("server", 7, 2)


def test_a_response_that_is_still_queued_is_no_reply() -> None:
    """Nobody asked for one in the background."""
    for status in ("queued", "in_progress"):
        answer = wire.read_body(RESPONSES, 200, {}, json.dumps({"status": status, "output": []}).encode())

        assert answer.failure
        assert answer.failure.kind == "bad_reply"


@pytest.mark.parametrize(
    ("said", "kept"), [("length", "length"), ("max_tokens", "length"), ("stop_sequence", "stop"), ("refusal", "refusal")]
)
def test_finish_reasons_are_two_words_or_what_was_said(said: str, kept: str) -> None:
    """Only the reasons that mean the same are made the same."""
    assert wire.read_events(VLLM, [chunk("a"), chunk(finish=said)]).finish == kept
    assert wire.read_events(CLAUDE, [event("message_delta", delta={"stop_reason": said})]).finish == kept


def test_a_stream_that_never_says_it_is_over_was_dropped_and_its_text_is_kept() -> None:
    """No [DONE], no message_stop and no finish reason: whoever cut it, it is no answer. A response ends by its own events."""
    done = event("response.output_item.done", item={"type": "message", "status": "completed"})
    streams = ((VLLM, [chunk("Hel")]), (CLAUDE, [piece("Hel")]), (VLLM, []), (RESPONSES, [delta("Hel"), done, b"[DONE]"]))
    for target, events in streams:
        answer = wire.read_events(target, events)

        assert answer.failure
        assert (answer.failure.kind, answer.text) == ("dropped", "Hel" if events else "")


def test_a_stream_that_was_over_before_it_was_cut_is_whole() -> None:
    """A connection that breaks after the finish reason costs no paid reply, unless the request was cancelled."""
    for kind, whole in (("timeout", True), ("dropped", True), ("cancelled", False)):
        cut = Failure(kind, "cut")  # type: ignore[arg-type]

        assert (wire.read_events(VLLM, [chunk("a"), chunk(finish="stop")], cut=cut).failure is None) is whole
        assert (wire.read_events(RESPONSES, [delta("a"), ending()], cut=cut).failure is None) is whole
        assert wire.read_events(VLLM, [chunk("a")], cut=cut).failure == cut


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, "server"),
        ({"type": "error", "error": {"type": "rate_limit_error", "message": "busy"}}, "rate_limit"),
        ({"error": {"message": "busy", "code": 429}}, "rate_limit"),
        ({"error": {"message": "busy", "code": "invalid_api_key"}}, "auth"),
        ({"object": "error", "message": "busy", "code": 400}, "bad_request"),
        ({"error": "busy"}, "server"),
    ],
)
def test_an_error_in_a_stream_fails_the_reply(error: Mapping[str, Any], kind: str) -> None:
    """Its own words are kept, and so is the text before it."""
    answer = wire.read_events(VLLM, [chunk("Hel"), json.dumps(error).encode(), chunk("lo", finish="stop")])

    assert answer.failure
    assert (answer.failure.kind, answer.text) == (kind, "Hel")
    assert "busy" in answer.failure.message


def test_what_is_not_json_in_a_stream_is_a_bad_reply() -> None:
    """It names the event, and a list is no event either."""
    for junk in (b"{", b"[1]", b"\xff", b""):
        answer = wire.read_events(VLLM, [chunk("a"), junk])

        assert answer.failure
        assert (answer.failure.kind, "event 2" in answer.failure.message) == ("bad_reply", True)


def test_strange_events_are_passed_over() -> None:
    """Events of kinds that nobody knows yet, and fields of other shapes, bring no text and break nothing."""
    strange = [{}, {"choices": None}, {"choices": [None]}, {"choices": [{"delta": None}]}, {"choices": {"a": 1}}, {"usage": []},
               {"choices": [{"delta": {"content": [{"type": "thinking"}, {"type": "text", "text": "a"}]}}]},
               {"type": "content_block_delta", "delta": None}, {"usage": {"completion_tokens": "many"}}]  # fmt: skip

    assert wire.read_events(VLLM, [*strange, chunk(finish="stop")]) == wire.Answer("a", (6,), finish="stop")
    strange = [{}, {"type": []}, {"type": {}, "delta": "x"}, {"type": "response.output_text.delta", "delta": ["x"]},
               {"type": "response.created", "response": None}, {"type": "response.in_progress", "response": "x"},
               {"type": "response.output_audio.delta", "delta": "x"}, {"type": "response.queued", "response": {"usage": []}},
               {"output": [None, {"type": "message", "content": 7}, {"type": "message", "content": [None, {"text": "x"}]}]},
               {"status": ["failed"]}]  # fmt: skip
    assert wire.read_events(RESPONSES, [*strange, delta("a"), ending()]) == wire.Answer("a", (10,), finish="stop")


def test_halves_of_a_character_in_two_events_become_one() -> None:
    """A surrogate pair that is split over two events can be stored."""
    for target, events in (
        (VLLM, [chunk("\ud83d"), chunk("\ude00", finish="stop")]), (RESPONSES, [delta("\ud83d"), delta("\ude00"), ending()]),
    ):  # fmt: skip
        answer = wire.read_events(target, events)

        assert (answer.text, answer.pieces, answer.failure) == ("😀", (0, 1), None)


def test_a_whole_reply_is_read_like_a_stream() -> None:
    """Text, counts and finish reason of each dialect; a response's messages are joined, its reasoning is left out."""
    openai = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "length"}], "usage": {"completion_tokens": 1}}
    claude = {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}], "stop_reason": "max_tokens",
              "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip

    assert wire.read_body(VLLM, 200, {}, json.dumps(openai).encode()) == wire.Answer("Hi", (0,), None, 1, finish="length")
    assert wire.read_body(CLAUDE, 200, {}, json.dumps(claude).encode()) == wire.Answer("Hi", (0,), 1, 1, finish="length")
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "content": [{"text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "H"}, {"type": "refusal", "refusal": "i"}]},
        {"type": "function_call", "arguments": "{}"}, {"type": "message", "content": [{"type": "output_text", "text": "!"}]},
    ]  # fmt: skip
    responses = {"object": "response", "status": "completed", "error": None, "output": output, "incomplete_details": None,
                 "usage": {"input_tokens": 7, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 4},
                           "output_tokens_details": {"reasoning_tokens": 3}}}  # fmt: skip
    whole = wire.read_body(RESPONSES, 200, {}, json.dumps(responses).encode())
    assert whole == wire.Answer("Hi!", (0,), 7, 5, 4, 3, "stop")


# What went wrong


@pytest.mark.parametrize(
    ("status", "kind", "step"),
    [
        (429, "rate_limit", "--max-in-flight"), (408, "timeout", "timeout"), (500, "server", "later"),
        (529, "server", "later"), (401, "auth", "set VLLM_API_KEY"), (403, "auth", "set VLLM_API_KEY"),
        (404, "not_found", "/v1"), (400, "bad_request", "option"), (422, "bad_request", "option"),
        (307, "not_found", "--base-url"),
    ],
)  # fmt: skip
def test_each_status_has_a_kind_and_a_next_step(status: int, kind: str, step: str) -> None:
    """The endpoint's own words stand in the message."""
    failure = wire.failure_of(status, {}, b'{"error": {"message": "so it is"}}', target=VLLM)

    assert (failure.kind, failure.status) == (kind, status)
    assert step in failure.message
    assert "so it is" in failure.message or status < 400


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>Welcome</title>", b"hello", b"", b'{"object": "list"}', b"[]"])
def test_a_good_status_without_a_models_reply_is_a_bad_reply(body: bytes) -> None:
    """A login page, a greeting or another service: look at the address."""
    for target in (VLLM, RESPONSES, CLAUDE):
        answer = wire.read_body(target, 200, {"content-type": "text/html"}, body)

        assert answer.failure
        assert answer.failure.kind == "bad_reply"
        assert "--base-url" in answer.failure.message


def test_a_certificate_that_is_not_trusted_is_no_matter_of_ports() -> None:
    """The next step is the file of trusted certificates."""
    assert "SSL_CERT_FILE" in wire.failure("refused", "tls: self-signed certificate", target=VLLM).message
    assert "--base-url" in wire.failure("refused", "connection refused", target=VLLM).message


def test_an_error_with_status_200_is_that_error() -> None:
    """Some gateways answer so."""
    answer = wire.read_body(VLLM, 200, {}, b'{"error": {"message": "slow down", "code": 429}}')

    assert answer.failure
    assert answer.failure.kind == "rate_limit"


def test_words_are_one_line_of_at_most_200_characters() -> None:
    """Whatever the endpoint says, a message stays readable."""
    failure = wire.failure_of(500, {}, b"word\r\n\x00word " * 1000, target=VLLM)

    assert "\n" not in failure.message
    assert len(failure.message.rpartition(";")[0].rpartition(";")[0]) <= SAID


@pytest.mark.parametrize(
    "echo",
    [
        f"wrong key {KEY}", f"x{KEY}x", "a" * 190 + KEY, f"Authorization: Bearer {KEY}", "Authorization: Bearer other-secret",
        '{"x-api-key": "other-secret"}', "Cookie=other-secret", "key sk-proj-abc***xyz-other-secret", f"{KEY[:9]}\n{KEY}",
    ],
)  # fmt: skip
def test_no_key_and_no_header_is_ever_repeated(echo: str) -> None:
    """However the endpoint echoes it, in JSON, in text or at the cut, and wherever a failure is made of it."""
    target = wire.resolve("lab/m", "http://h/v1")
    bodies = (echo.encode(), json.dumps({"error": {"message": echo}}).encode(), json.dumps({"detail": [echo]}).encode())
    failures = [wire.failure_of(401, {}, body, target=target, key=KEY) for body in bodies]
    failures += [wire.read_events(target, [json.dumps({"error": echo}).encode()], key=KEY).failure or failures[0]]

    for failure in failures:
        assert KEY[3:] not in failure.message
        assert "other-secret" not in failure.message
        assert KEY[:12] not in failure.message


def test_secrets_of_the_address_are_masked_too() -> None:
    """The query of a base URL is nobody's business."""
    target = wire.resolve("lab/m", "http://h/v1?region=abcdefghij")

    assert mask("at abcdefghij", target) == "at ***"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None), ({"retry-after": "2"}, 2.0), ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:07 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 7.0),
        ({"retry-after": "Fri, 20 Nov 1998 10:00:07 GMT"}, 0.0), ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, 0.0), ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_milliseconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """A date counts from the endpoint's own clock; what cannot be read is no advice."""
    assert retry_after(headers) == seconds
    assert wire.failure_of(429, headers, b"", target=VLLM).retry_after_s == seconds


def test_a_key_that_is_refused_is_not_asked_for() -> None:
    """Who has set a key is told that it was refused; who has not, to set one; nobody sees it."""
    body = json.dumps({"error": {"message": "no"}}).encode()
    refused = wire.failure_of(401, {}, body, target=VLLM, key=KEY).message
    assert "the key in VLLM_API_KEY was refused" in refused
    assert "set VLLM_API_KEY" not in refused
    assert KEY not in refused
    assert "set VLLM_API_KEY" in wire.failure_of(401, {}, body, target=VLLM).message
