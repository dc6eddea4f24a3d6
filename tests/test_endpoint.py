"""The mock endpoint over real sockets, driven by the official SDKs; and endpoints that cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from ppbench.cli import main
from ppbench.commands.run import METHODS
from ppbench_plugins.endpoint.embedded import Embedded

pytestmark = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="the mock endpoint needs the engine")

ASKED = "Traduis cette phrase en anglais :\nOù est la pharmacie la plus proche ?"
ANSWER = "Where is the nearest pharmacy?"


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with Embedded("quick") as url:
        yield url


@pytest.fixture
def chat(root: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="none", base_url=f"{root}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(root: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="none", base_url=root, max_retries=0) as client:
        yield client


def test_openai_gets_a_whole_reply_with_usage(chat: openai.OpenAI) -> None:
    """Content, finish reason and token counts."""
    reply = chat.chat.completions.create(model="quick", messages=[{"role": "user", "content": ASKED}])

    assert reply.choices[0].message.content == ANSWER
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert (reply.usage.completion_tokens, reply.usage.prompt_tokens) == (6, 15)


def test_openai_gets_a_stream_with_usage_at_the_end(chat: openai.OpenAI) -> None:
    """A role chunk, one chunk a token, a finish reason, usage without choices."""
    stream = chat.chat.completions.create(
        model="mock/quick", messages=[{"role": "user", "content": ASKED}], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]

    assert pieces[0] == ""
    assert "".join(piece or "" for piece in pieces) == ANSWER
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 6


def test_anthropic_gets_a_whole_reply_and_a_stream(claude: anthropic.Anthropic) -> None:
    """The same answer in the other dialect, with usage."""
    message = {"role": "user", "content": [{"type": "text", "text": ASKED}]}
    reply = claude.messages.create(model="quick", max_tokens=100, messages=[message])  # type: ignore[list-item]
    with claude.messages.stream(model="quick", max_tokens=100, messages=[message]) as stream:  # type: ignore[list-item]
        text = "".join(stream.text_stream)
        final = stream.get_final_message()

    assert reply.content[0].text == text == ANSWER  # type: ignore[union-attr]
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (15, 6)
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 6)


def test_responses_get_the_answer_and_the_counts_of_chat(chat: openai.OpenAI) -> None:
    """Whole and streamed; instructions are the system text, and input may be a text, messages or blocks."""
    system, user = {"role": "system", "content": "Be brief."}, {"role": "user", "content": ASKED}
    blocks: Any = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": ASKED}]}]
    usual = chat.chat.completions.create(model="quick", messages=[system, user])  # type: ignore[list-item]
    replies = [
        chat.responses.create(model="quick", input=ASKED, instructions="Be brief."),
        chat.responses.create(model="quick", input=[{"role": "developer", "content": "Be brief."}, *blocks]),
        chat.responses.create(model="quick", input=[system, user]),  # type: ignore[list-item]
    ]
    with chat.responses.stream(model="quick", input=ASKED, instructions="Be brief.") as stream:
        replies.append(stream.get_final_response())

    assert usual.usage is not None
    for reply in replies:
        assert reply.usage is not None
        assert (reply.output_text, reply.status, reply.usage.input_tokens_details.cached_tokens) == (ANSWER, "completed", 0)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (
            usual.usage.prompt_tokens,
            usual.usage.completion_tokens,
        )


@pytest.mark.parametrize(("limit", "last"), [(None, "completed"), (2, "incomplete")])
def test_events_of_a_response_are_those_of_the_real_api(chat: openai.OpenAI, limit: int | None, last: str) -> None:
    """Each is valid by the SDK's own types; they are numbered, name one item, and a token has one delta."""
    stream = chat.responses.create(model="quick", input=ASKED, stream=True, max_output_tokens=limit, store=False)
    events: list[Any] = [TypeAdapter(ResponseStreamEvent).validate_python(event.to_dict()) for event in stream]
    kinds = [event.type.removeprefix("response.") for event in events]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")

    assert kinds == [
        "created", "in_progress", "output_item.added", "content_part.added", *["output_text.delta"] * (limit or 6),
        "output_text.done", "content_part.done", "output_item.done", last,
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert len({event.item_id for event in events if hasattr(event, "item_id")}) == 1
    assert events[-4].text == events[-1].response.output_text == text == ("Where is" if limit else ANSWER)
    assert events[-1].response.usage.output_tokens == (limit or 6)
    assert (events[-1].response.incomplete_details and events[-1].response.incomplete_details.reason) == (
        "max_output_tokens" if limit else None
    )


def test_a_whole_response_is_one_of_the_real_api(chat: openai.OpenAI) -> None:
    """Valid by the SDK's own type, and it repeats what was asked."""
    reply = chat.responses.with_raw_response.create(model="quick", input=ASKED, max_output_tokens=2, temperature=0.5)
    response = Response.model_validate_json(reply.content)

    assert (response.status, response.output_text, response.max_output_tokens) == ("incomplete", "Where is", 2)
    assert (response.temperature, response.error) == (0.5, None)


def test_limits_and_stops_are_honoured(chat: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    """A token limit ends a reply with reason length; a stop sequence cuts it."""
    ask: Any = [{"role": "user", "content": ASKED}]
    short = chat.chat.completions.create(model="quick", messages=ask, max_completion_tokens=2)
    cut = claude.messages.create(model="quick", max_tokens=50, messages=ask, stop_sequences=["nearest"])

    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("Where is", "length")
    assert cut.content[0].text == "Where is the "  # type: ignore[union-attr]


def test_structured_output_is_told_by_its_schema(chat: openai.OpenAI) -> None:
    """A JSON schema with the keys of an extraction gets an extraction, whatever the words say."""
    keys: dict[str, Any] = {key: {"type": ["string", "null"]} for key in ("template", "context", "data", "n")}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": keys}}}
    text = "bla bla\n<request>\nBitte übersetzen:\n- eins\n- zwei\n</request>"
    reply = chat.chat.completions.create(
        model="quick", messages=[{"role": "user", "content": text}], response_format=form
    )  # fmt: skip
    told: Any = {"format": {"type": "json_schema", **form["json_schema"]}}
    response = chat.responses.create(model="quick", input=text, text=told)

    assert json.loads(reply.choices[0].message.content or "")["data"] == ["eins", "zwei"]
    assert response.output_text == reply.choices[0].message.content


def test_pieces_come_at_the_pace_of_the_profile(chat: openai.OpenAI) -> None:
    """The first token after about 40 ms, then about 2 ms each: never early."""
    started = time.monotonic_ns()
    stamps = []
    for chunk in chat.chat.completions.create(model="quick?sigma=0", messages=[{"role": "user", "content": "x"}], stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            stamps.append(time.monotonic_ns() - started)
    assert stamps[0] >= 40_000_000
    assert stamps[-1] >= 40_000_000 + 2_000_000 * (len(stamps) - 1)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v1/nope", b"{}", 404, "have: POST /v1/chat/completions"),
        ("/v1/chat/completions", b"{", 400, "not JSON"),
        ("/v1/chat/completions", b'{"messages": []}', 400, "messages"),
        ("/v1/chat/completions", b'{"messages": [7], "model": "quick"}', 400, "messages"),
        ("/v1/messages", b'{"messages": [{"role": "user", "content": "x"}], "model": "quick"}', 400, "max_tokens"),
        ("/v1/chat/completions", b'{"messages": [{}], "model": "nope"}', 404, "unknown mock model"),
        ("/v1/chat/completions", b"[]", 400, "object"),
        ("/v1/responses", b"{", 400, "not JSON"),
        ("/v1/responses", b'{"model": "quick"}', 400, "input"),
        ("/v1/responses", b'{"model": "quick", "input": [7]}', 400, "input"),
        ("/v1/responses", b'{"input": "x"}', 400, "model"),
        ("/v1/responses", b'{"model": "nope", "input": "x"}', 404, "unknown mock model"),
        ("/v1/responses", b'{"model": "quick", "input": "x", "stop": ["y"]}', 400, "Unknown parameter: 'stop'"),
        ("/v1/responses", b'{"model": "quick", "messages": [{}]}', 400, "moved to 'input'"),
        ("/v1/responses", b'{"model": "quick", "input": "x", "max_tokens": 9}', 400, "moved to 'max_output_tokens'"),
    ],
)
def test_a_request_that_makes_no_sense_gets_an_error(root: str, path: str, body: bytes, status: int, said: str) -> None:
    """As a model server would answer: a status and a message in JSON."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(root + path, body))
    with caught.value as error:
        assert error.code == status
        assert said in json.loads(error.read())["error"]["message"]


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    """`ppbench endpoint mock` prints its address and ends cleanly on SIGTERM."""
    program = "from ppbench.cli import main; main()"
    command = [sys.executable, "-c", program, "endpoint", "mock", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split("at ")[1].split(" ")[0]
        with urllib.request.urlopen(f"{url}/models") as reply:
            assert json.load(reply)["data"][0]["id"] == "quick"
        process.terminate()
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


def test_a_default_run_is_live_on_real_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The main job, cut to two prompts: native clock, kernel or user stamps, warm connections, no retry."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", "ppbench run -n 2 -q --json -o out".split())
    main()
    data = json.loads(capsys.readouterr().out)
    trials = [json.loads(line) for line in (tmp_path / "out/trials.jsonl").read_text().splitlines()]
    replies = [span["reply"] for trial in trials for span in trial["trace"]["spans"]]

    assert (data["clock"], data["timing"], data["endpoint"]) == ("native", "modelled", "mock/quick (embedded)")
    assert [row["failures"] for row in data["rows"]] == [0] * len(METHODS)
    assert {reply["stamp"] for reply in replies} <= {"kernel", "user"}
    for reply in replies:
        stamps = [reply["queued_ns"], reply["sent_ns"], reply["first_ns"], *reply["chunks_ns"], reply["done_ns"]]
        assert stamps == sorted(stamps)
        assert len(reply["chunks_ns"]) == reply["tokens_out"]
        assert (reply["first_ns"] - reply["sent_ns"]) > 30_000_000


@pytest.mark.parametrize("executor", ["native", "openai"])
def test_a_run_through_responses_is_on_record_as_one(
    executor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dialect is part of the executor's spec, a dialect that is not spoken ends the run before it, and so does a prefix."""
    monkeypatch.chdir(tmp_path)
    command = f"ppbench run -n 1 -q -d serial --json -e {executor}:api=responses"
    monkeypatch.setattr(sys, "argv", f"{command} -m mock/quick -o out".split())
    main()
    [row] = json.loads(capsys.readouterr().out)["rows"]

    assert "api=responses" in json.loads((tmp_path / "out/run.json").read_text())["executor"]
    assert row["failures"] == 0
    unspoken = "does not speak to anthropic" if executor == "openai" else "api=responses is not spoken there"
    for more, said in (
        ("-m anthropic/c --base-url http://127.0.0.1:9", unspoken),
        ("-m mock/quick -d sot:style=prefix", "uses prefix, which executor"),
    ):
        monkeypatch.setattr(sys, "argv", f"{command} {more} -o no".split())
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


class Useless(BaseHTTPRequestHandler):
    """An endpoint that is none; the first part of the path says in which way."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        kind = self.path.split("/")[1]
        if kind == "nothing":
            self.close_connection = True
            return
        status, body = {"401": (401, b'{"error": {"message": "bad key SECRET-KEY-12345"}}'), "404": (404, b"{}"),
                        "html": (200, b"<html>Welcome</html>")}[kind]  # fmt: skip
        self.send_response(status)
        self.send_header("content-type", "text/html" if kind == "html" else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self) -> None:
        self.send_response(204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # a smaller backlog answers warm-up connections a second late


@pytest.fixture(scope="module")
def useless() -> Iterator[str]:
    server = Server(("127.0.0.1", 0), Useless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("executor", ["native", "openai", "native:api=responses", "openai:api=responses"])
@pytest.mark.parametrize("kind", ["401", "404", "html", "nothing", "refused"])
def test_an_endpoint_that_cannot_be_used_is_exit_7(
    useless: str, kind: str, executor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One message that says what came and what to do; no key in it; nothing written; no traceback."""
    url = "http://127.0.0.1:9/v1" if kind == "refused" else f"{useless}/{kind}/v1"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAB_API_KEY", "SECRET-KEY-12345")
    command = f"ppbench run -q -n 1 -d serial -e {executor} -m lab/model --max-tries 2 --base-url {url}"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()

    assert ended.value.code == 7
    assert said.err.startswith(f"error: {url}: ")
    assert "SECRET" not in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []
