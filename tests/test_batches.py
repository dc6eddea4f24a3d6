"""Batch executors and the mock's batch APIs over real sockets and with the real SDKs: gathered, collected, paid for once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from asking import failed, flat, only, run
from faulty import Faulty, say

from ppbench import Call, InvalidData, Plan, Reply, Request, Trace, Trial, UsageError
from ppbench.cli import main
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome, Policy
from ppbench.judging import Bench, judge_trials
from ppbench.plugins import load
from ppbench_plugins import wire
from ppbench_plugins.categories import CATEGORIES
from ppbench_plugins.curation.spending import Budget, Spending
from ppbench_plugins.endpoint.embedded import Embedded
from ppbench_plugins.executors.batch import AnthropicBatch, OpenAIBatch
from ppbench_plugins.mock.items import known_items

needs_engine = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="the mock endpoint needs the engine")
KEY = "sk-test-1234567890abcdef"
ASKED = "Traduis cette phrase en anglais :\nOù est la pharmacie la plus proche ?"
ANSWER = "Where is the nearest pharmacy?"
QUICK: dict[str, Any] = {"poll_s": 0.01, "gather_s": 0.0}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)


@dataclass(frozen=True)
class Speaker:
    """Makes an executor of one kind, and looks at its endpoint behind its back, by the SDK."""

    component: Any
    model: str
    path: str = ""

    def __call__(self, url: str, **options: Any) -> Any:
        return self.component(model=self.model, base_url=url + self.path, **{**QUICK, **options})

    def asking(self, model: str) -> Speaker:
        return replace(self, model=f"{self.model.partition('/')[0]}/{model}")

    def spec(self, url: str, **options: Any) -> str:
        told = {"base_url": url + self.path, **QUICK, **options}
        return f"{self.component.name}:" + ",".join(f"{name}={value}" for name, value in told.items())

    def batches(self, url: str) -> list[Any]:
        """All that were made, the oldest first."""
        if self.component is OpenAIBatch:
            with openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0) as client:
                return list(client.batches.list())[::-1]
        with anthropic.Anthropic(api_key="none", base_url=url, max_retries=0) as claude:
            return list(claude.messages.batches.list())[::-1]

    def cancelled(self, batch: Any) -> bool:
        return str(getattr(batch, "status", "") or batch.processing_status) in ("cancelling", "cancelled", "canceling")


LAB = Speaker(OpenAIBatch, "lab/m", "/v1")
SPEAKERS = (pytest.param(Speaker(OpenAIBatch, "lab/quick", "/v1"), id="openai"),
            pytest.param(Speaker(AnthropicBatch, "anthropic/quick"), id="anthropic"))  # fmt: skip
everywhere = pytest.mark.parametrize("speaker", SPEAKERS)


def sizes(batches: Sequence[Any]) -> list[int]:
    return [sum(batch.request_counts.to_dict().values()) if hasattr(batch, "processing_status") else batch.request_counts.total
            for batch in batches]  # fmt: skip


def collect(executor: Any, count: int) -> dict[str, Reply]:
    replies = [executor.wait() for _ in range(count)]
    return {reply.request_id: reply for reply in replies}


def asks(count: int) -> list[Request]:
    """Requests that differ in nothing but their system text."""
    return [Request(f"r{k}", ASKED, system=f"[{k}]") for k in range(count)]


# The endpoint, driven by the SDKs


@needs_engine
def test_openai_uploads_a_file_makes_a_batch_and_reads_its_output() -> None:
    """It goes on each time it is asked about; good rows lie in one file, the others in another."""
    rows = [{"model": "quick", "messages": [{"role": "user", "content": ASKED}]}, {"model": "nope", "messages": [{}]}]
    lines = [json.dumps({"custom_id": f"row-{k}", "method": "POST", "url": "/v1/chat/completions", "body": row})
             for k, row in enumerate(rows)]  # fmt: skip
    with (
        Embedded("quick", batches="polls=2") as url,
        openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0) as client,
    ):
        file = client.files.create(file=("x.jsonl", "\n".join(lines).encode()), purpose="batch")
        made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        seen = [client.batches.retrieve(made.id) for _ in range(3)]
        files = [str(name) for name in (seen[-1].output_file_id, seen[-1].error_file_id)]
        good, bad = (json.loads(client.files.content(name).text) for name in files)

    assert [batch.status for batch in (made, *seen)] == ["in_progress", "in_progress", "completed", "completed"]
    assert (good["custom_id"], good["response"]["body"]["choices"][0]["message"]["content"]) == ("row-0", ANSWER)
    assert (bad["custom_id"], bad["response"]["status_code"]) == ("row-1", 404)


@needs_engine
def test_a_file_that_makes_no_sense_fails_the_batch_and_names_the_line() -> None:
    """As the real API: making the batch succeeds, checking it does not."""
    line = json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": {}})
    with Embedded("quick") as url, openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0) as client:
        file = client.files.create(file=("x.jsonl", line.encode()), purpose="batch")
        made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        told = client.batches.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            client.batches.retrieve("batch_9")

    assert told.status == "failed"
    assert told.errors is not None
    assert told.errors.data is not None
    assert told.errors.data[0].line == 1


@needs_engine
def test_anthropic_makes_a_batch_and_reads_its_results_in_any_order() -> None:
    """Results are there once it has ended; a cancelled one has rows that were cancelled; names are checked."""
    params: Any = {"model": "quick", "max_tokens": 99, "messages": [{"role": "user", "content": ASKED}]}
    rows: Any = [{"custom_id": name, "params": params} for name in ("a", "b")]
    with Embedded("quick") as url, anthropic.Anthropic(api_key="none", base_url=url, max_retries=0) as client:
        made = client.messages.batches.create(requests=rows)
        ended = client.messages.batches.retrieve(made.id)
        results = [line.to_dict() for line in client.messages.batches.results(made.id)]
        other = client.messages.batches.cancel(client.messages.batches.create(requests=rows).id)
        gone = [line.result.type for line in _results(client, other.id)]
        with pytest.raises(anthropic.BadRequestError, match="unique"):
            client.messages.batches.create(requests=rows + rows)

    assert (made.processing_status, ended.processing_status, other.processing_status) == ("in_progress", "ended", "canceling")
    assert [line["custom_id"] for line in results] == ["b", "a"]
    assert results[0]["result"]["message"]["content"][0]["text"] == ANSWER  # type: ignore[index]
    assert gone == ["canceled", "canceled"]


def _results(client: anthropic.Anthropic, batch: str) -> Any:
    client.messages.batches.retrieve(batch)
    return client.messages.batches.results(batch)


@needs_engine
@pytest.mark.parametrize("text", ["nope=1", "polls=x", "polls"])
def test_an_endpoint_with_batches_that_nobody_understands_does_not_start(text: str) -> None:
    """The message lists what is known."""
    with pytest.raises(UsageError, match="polls, errored, expired"), Embedded("quick", batches=text):
        pass


# What goes out together, and what comes back


@needs_engine
@everywhere
@pytest.mark.parametrize("api", ["", "responses"])
def test_what_was_sent_before_the_wait_is_one_batch(speaker: Speaker, api: str) -> None:
    """Each reply finds its request, with usage; two that are alike are two rows."""
    if api and speaker.component is AnthropicBatch:
        pytest.skip("that dialect is OpenAI's")
    model = {"model": "openai/quick"} if api else {}
    requests = [*asks(3), Request("twin", ASKED, system="[0]"), Request("other", "Wie heißt die Hauptstadt?")]
    with Embedded("quick", batches="polls=3") as url:
        made = speaker.component(**{"model": speaker.model, "base_url": url + speaker.path, "api": api, **QUICK, **model})
        with made as executor:
            executor.send(requests[:2])
            executor.send(requests[2:])
            replies = collect(executor, 5)
        batches = speaker.batches(url)

    assert sizes(batches) == [5]
    assert [replies[name].text for name in ("r0", "r1", "r2", "twin")] == [ANSWER] * 4
    assert replies["other"].text != ANSWER
    assert {(reply.tokens_in, reply.tokens_out, reply.tokens_source) for name, reply in replies.items() if name != "other"} == {
        (18, 6, "usage")
    }
    assert all(reply.error is None and reply.stamp == "python" and reply.done_ns > reply.sent_ns for reply in replies.values())


@needs_engine
@everywhere
def test_batches_are_no_larger_than_they_may_be(speaker: Speaker) -> None:
    """`batch_rows` bounds them, as the provider's own limits do."""
    with Embedded("quick") as url, speaker(url, batch_rows=2) as executor:
        executor.send(asks(5))
        replies = collect(executor, 5)
        assert sizes(speaker.batches(url)) == [2, 2, 1]
    assert all(reply.text == ANSWER for reply in replies.values())


@needs_engine
@everywhere
def test_rows_that_fail_are_tried_again_and_the_others_are_kept(speaker: Speaker) -> None:
    """An error of the server and an expired row are retryable; what was answered is not asked twice."""
    plan = Plan(tuple(Call(f"c{k}", f"{ASKED} {k}") for k in range(4)))
    with Embedded("quick", batches="errored=1,expired=1") as url, speaker(url) as executor:
        outcome = run(executor, plan)
        batches = speaker.batches(url)

    kinds = [reply.error.kind for span in outcome.trace.spans for reply in span.failed if reply.error]
    assert outcome.failure is None
    assert sorted(kinds) == ["server", "timeout"]
    assert sum(sizes(batches)) == 6
    assert sizes(batches)[0] == 4


@needs_engine
@everywhere
def test_a_row_that_cannot_be_answered_fails_for_good(speaker: Speaker) -> None:
    """With the endpoint's words, and without another attempt."""
    with Embedded("quick") as url, speaker.asking("nope")(url) as executor:
        error = failed(run(executor))
        assert len(speaker.batches(url)) == 1
    assert error.kind == "not_found"
    assert "unknown mock model" in error.message


# Cancelling


@needs_engine
@everywhere
def test_a_batch_is_cancelled_when_nobody_waits_for_it(speaker: Speaker) -> None:
    """And not before. What only gathered never leaves; a request that was given up can be joined again where it lies."""
    with Embedded("quick", batches="polls=1000") as url, speaker(url, poll_s=1000) as executor:
        executor.send(asks(2))
        until_made(executor, speaker, url, 1)
        executor.cancel("r0")
        gone = collect(executor, 1)
        executor.send([*asks(3)[2:], Request("joins", ASKED, system="[0]")])
        until_made(executor, speaker, url, 2)
        before = speaker.batches(url)
        for name in ("r1", "joins", "unknown"):
            executor.cancel(name)
        gone |= collect(executor, 2)
        executor.send([Request("never", "x")])
        executor.cancel("never")
        gone |= collect(executor, 1)
        while not speaker.cancelled(speaker.batches(url)[0]):
            assert executor.wait(executor.now()) is None
        after = speaker.batches(url)

    assert {name: reply.error and reply.error.kind for name, reply in gone.items()} == dict.fromkeys(
        ["r0", "r1", "joins", "never"], "cancelled"
    )
    assert sizes(before) == sizes(after) == [2, 1]
    assert [[speaker.cancelled(batch) for batch in seen] for seen in (before, after)] == [[False, False], [True, False]]


def until_made(executor: Any, speaker: Speaker, url: str, count: int) -> None:
    """Let the executor work until the endpoint has so many batches."""
    while len(speaker.batches(url)) < count:
        assert executor.wait(executor.now()) is None


# Nothing is paid for twice


@contextmanager
def interrupted(executor: Any) -> Iterator[tuple[Any, list[str]]]:
    """An executor that an interrupt ends, and what is said then."""
    notes: list[str] = []
    try:
        with executor:
            yield executor, notes
            raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        notes += error.__notes__


@needs_engine
@everywhere
def test_what_was_paid_for_is_collected_after_an_interrupt(speaker: Speaker, tmp_path: Path) -> None:
    """The same requests are found in the batch that went on, in another order too; only what is new is sent."""
    state = tmp_path / "batches.jsonl"
    with Embedded("quick", batches="polls=4") as url:
        with interrupted(speaker(url, state=str(state), poll_s=1000)) as (executor, notes):
            executor.send([*asks(3), Request("twin", ASKED, system="[0]")])
            until_made(executor, speaker, url, 1)
        with speaker(url, state=str(state)) as executor:
            executor.send([Request("again", ASKED, system="[0]"), *asks(4)[::-1]])
            replies = collect(executor, 5)
        batches = speaker.batches(url)

    assert sizes(batches) == [4, 1]
    assert batches[0].id in notes[0]
    assert "under way" in notes[0]
    assert all(reply.text == ANSWER for reply in replies.values())
    kept = state.read_text()
    assert len(kept.splitlines()) == 2
    assert "pharmacie" not in kept
    assert KEY not in kept


@needs_engine
@everywhere
def test_without_a_file_an_interrupt_cancels_what_runs(speaker: Speaker) -> None:
    """Nobody could collect it, and it would be billed."""
    with Embedded("quick", batches="polls=1000") as url:
        with interrupted(speaker(url, poll_s=1000)) as (executor, notes):
            executor.send(asks(2))
            until_made(executor, speaker, url, 1)
        [batch] = speaker.batches(url)
    assert speaker.cancelled(batch)
    assert "state=FILE" in notes[0]


@needs_engine
@everywhere
def test_what_failed_or_is_gone_is_sent_again(speaker: Speaker, tmp_path: Path) -> None:
    """A row that failed in an earlier session, and a batch that the endpoint has forgotten, are as if they had never been."""
    state = str(tmp_path / "batches.jsonl")
    with Embedded("quick", batches="errored=1") as url:
        for _ in range(2):
            with speaker(url, state=state) as executor:
                executor.send(asks(2))
                replies = collect(executor, 2)
        assert sizes(speaker.batches(url)) == [2, 1]
    assert all(reply.error is None for reply in replies.values())

    told = (tmp_path / "batches.jsonl").read_text()
    with Embedded("quick") as url:
        (tmp_path / "batches.jsonl").write_text(told.replace(json.loads(told.splitlines()[0])["endpoint"], url + speaker.path))
        with speaker(url, state=state) as executor:
            executor.send(asks(2))
            assert all(reply.error is None for reply in collect(executor, 2).values())
        assert sum(sizes(speaker.batches(url))) == 2


def test_a_file_of_batches_is_checked(tmp_path: Path) -> None:
    """A torn last line is cut off; anything else that is no record is refused with its place, and so is a second user."""
    path = tmp_path / "state"
    with Faulty() as server:
        path.write_text('{"executor": "other", "endpoint": "x", "batch": "b", "names": ["d-0"]}\n{"exec')
        with (
            LAB(server.url, state=str(path)),
            pytest.raises(UsageError, match="another process"),
            LAB(server.url, state=str(path)),
        ):
            pass
        assert path.read_text().count("\n") == 1
        assert path.read_text().endswith("\n")
        path.write_text('{"other": 1}\n')
        with pytest.raises(InvalidData, match=":1: "), LAB(server.url, state=str(path)):
            pass
        with pytest.raises(UsageError, match="folder"), LAB(server.url, state=str(tmp_path / "no" / "state")):
            pass


# Endpoints that misbehave


def drop(peer: Any) -> None:
    peer.reset()


def batch(**more: Any) -> dict[str, Any]:
    return {"id": "batch_7", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "file-1", "created_at": 0,
            "completion_window": "24h", "status": "in_progress", **more}  # fmt: skip


FILE = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 0, "filename": "x", "purpose": "batch",
        "status": "processed"}  # fmt: skip
CLAUDE = {"id": "msgbatch_7", "type": "message_batch", "processing_status": "ended", "created_at": "2026-01-01T00:00:00Z",
          "expires_at": "2026-01-01T00:00:00Z",
          "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "expired": 0, "canceled": 0}}  # fmt: skip


def as_json(value: Any) -> Any:
    return say(200, json.dumps(value), content_type="application/json")


def test_a_batch_whose_id_did_not_come_is_found_by_its_file() -> None:
    """OpenAI names the file in its list, so the batch is neither lost nor made again."""
    name = wire.batches.named([row_of("a")])[0]
    body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    result = {"custom_id": name, "response": {"status_code": 200, "body": body}}
    done = batch(status="completed", output_file_id="file-2")
    listed = {"object": "list", "data": [batch(id="batch_1", input_file_id="file-9"), batch()], "has_more": False}
    answers = [as_json(FILE), drop, as_json(listed), say(503, "{}"), as_json(done), as_json(done), say(200, json.dumps(result))]
    with Faulty(*answers) as server, LAB(server.url) as executor:
        reply = only(run(executor))
    assert reply.text == "Hi"
    assert [line for line in server.lines if line.startswith("POST")] == ["POST /v1/files", "POST /v1/batches"]
    assert server.lines[-1] == "GET /v1/files/file-2/content"


def row_of(text: str) -> wire.batches.Row:
    target = wire.resolve("lab/m", "http://127.0.0.1/v1", sdk="openai")
    return wire.batches.row(wire.body(target, Request("x", text), stream=False))


def test_a_batch_that_may_have_been_made_is_not_made_again() -> None:
    """Anthropic's cannot be told from others, so the user is asked to look, and nothing is retried."""
    with Faulty(drop) as server, Speaker(AnthropicBatch, "anthropic/m")(server.url) as executor:
        error = failed(run(executor))
    assert error.kind == "bad_reply"
    assert "may have been made" in error.message
    assert len(server.lines) == 1


@everywhere
def test_an_endpoint_that_is_not_there_is_tried_again(speaker: Speaker) -> None:
    """Nothing left, so nothing can have been made."""
    with Faulty() as server:
        url = server.url
    with speaker(url) as executor:
        outcome = run(executor, max_tries=2)
    [span] = outcome.trace.spans
    assert [reply.error and reply.error.kind for reply in (*span.failed, span.reply)] == ["refused", "refused"]


def test_results_elsewhere_are_not_fetched_with_the_key() -> None:
    """The SDK would follow any address."""
    elsewhere = {**CLAUDE, "results_url": "http://127.0.0.1:9/v1/messages/batches/msgbatch_7/results"}
    with (
        Faulty(as_json({**CLAUDE, "processing_status": "in_progress"}), as_json(elsewhere)) as server,
        Speaker(AnthropicBatch, "anthropic/m")(server.url) as executor,
    ):
        error = failed(run(executor))
    assert error.kind == "bad_reply"
    assert "127.0.0.1:9" in error.message


@everywhere
def test_a_refused_key_ends_it_at_once_and_is_shown_to_nobody(speaker: Speaker) -> None:
    """Also when the endpoint repeats it."""
    refusal = say(401, json.dumps({"error": {"message": f"bad key {KEY}"}}))
    with Faulty(refusal) as server, speaker(server.url) as executor:
        error = failed(run(executor))
    assert error.kind == "auth"
    assert KEY not in error.message
    assert len(server.lines) == 1


def test_a_batch_that_cannot_be_looked_at_is_left_to_whoever_asks_again() -> None:
    """The failure is the caller's to see; the same request then joins the batch and makes no other."""
    name = wire.batches.named([row_of("a")])[0]
    result = {"custom_id": name, "response": None, "error": {"code": "batch_cancelled", "message": "x"}}
    done = batch(status="cancelled", error_file_id="file-3")
    answers = [as_json(FILE), as_json(batch()), say(401, "{}"), as_json(done), as_json(done), say(200, json.dumps(result)),
               as_json(FILE), as_json(batch(id="batch_8")), as_json(done), as_json(done),
               say(200, json.dumps(result))]  # fmt: skip
    with Faulty(*answers) as server, LAB(server.url) as executor:
        first, second = failed(run(executor)), failed(run(executor))
    assert (first.kind, second.kind) == ("auth", "cancelled")
    assert server.lines[3] == "GET /v1/batches/batch_7"
    assert server.lines[6] == "POST /v1/files"


@pytest.mark.parametrize(
    ("code", "kind"), [("token_limit_exceeded", "rate_limit"), ("invalid_json_line", "bad_request"), (None, "bad_request")]
)
def test_a_batch_that_fails_as_a_whole_says_why(code: str | None, kind: str) -> None:
    """Too much in the account's queue may pass; a file that is wrong stays wrong."""
    told = batch(status="failed", errors={"object": "list", "data": [{"code": code, "message": "because"}]})
    with (
        Faulty(as_json(FILE), as_json(batch()), as_json(told)) as server,
        LAB(server.url) as made,
    ):
        error = failed(run(made, max_tries=1))
    assert error.kind == kind
    assert "because" in error.message


# Who may use it


@needs_engine
@pytest.mark.parametrize("name", ["openai-batch", "anthropic-batch"])
def test_a_timing_run_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing is sent or written, and the message says who may use it instead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", f"ppbench run -e {name} -m mock/quick -n 1 -q".split())
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "take -e native" in said.err
    assert (said.out, list(tmp_path.iterdir())) == ("", [])


@needs_engine
@everywhere
def test_a_judge_asks_all_it_has_in_one_batch(speaker: Speaker) -> None:
    """However many trials there are; the verdicts are those that the model gives when it is asked at once."""
    items = {item.id: item for item in known_items()}
    trials = list(_trials([name for name, item in items.items() if item.category == "sentiment_analysis"], 90))
    bench = Bench(items, {category.id: category for category in CATEGORIES}, load())
    with Embedded("quick") as url:
        executor = speaker.spec(url)
        judge = load().make("judge", f'pairwise:model={speaker.model},executor="{executor}"')
        records = [record for part in judge_trials(bench, judge, trials) for record in part]
        assert sizes(speaker.batches(url)) == [180]
    assert {record["usage"]["price_factor"] for record in records if "usage" in record} == {0.5}
    usual = load().make("judge", "pairwise:model=mock/quick")
    expected = [record for part in judge_trials(bench, usual, trials) for record in part]
    assert [(r["criterion"], r["value"]) for r in records] == [(r["criterion"], r["value"]) for r in expected]


def _trials(names: Sequence[str], count: int) -> Iterator[Trial]:
    """Pairs of trials whose answers differ from pair to pair."""
    for k in range(count):
        for spec, text in (("serial", f"one {k}"), ("sot", f"two {k}")):
            yield Trial(names[k % len(names)], k, spec, 0, Trace((), text, (text,), 0, 1, 1))


@needs_engine
def test_all_lanes_are_open_at_once() -> None:
    """However few were asked for: what waits behind a lane could not go with the rest; and no trial runs out of time."""
    speaker = Speaker(OpenAIBatch, "lab/quick", "/v1")
    with Embedded("quick") as url, speaker(url) as executor:
        lanes = [[Job(f"{k}", lambda k=k: flat(f"{ASKED} {k}"))] for k in range(20)]  # type: ignore[misc]
        outcomes: list[Outcome] = list(Loop(executor, Policy(trial_timeout_s=1e-6)).run(lanes, width=1))
        assert sizes(speaker.batches(url)) == [20]
    assert not any(outcome.failure for outcome in outcomes)


def test_a_planner_pays_half(tmp_path: Path) -> None:
    """What a curation spends by a batch executor is half of what the same tokens cost alone."""
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"lab/m": {"input": 2, "output": 8, "as_of": "2026-01-01", "source": "invented"}}))
    alone = Spending(Budget(prices=str(prices)), "lab/m")
    together = Spending(Budget(prices=str(prices)), "lab/m", LAB.component.price_factor)
    for spending in (alone, together):
        spending.add(1000, 500, 0)
    assert (alone.usd, together.usd) == (0.006, 0.003)


@needs_engine
def test_an_interrupted_command_says_what_goes_on(tmp_path: Path) -> None:
    """Ctrl-C prints the batch's id, and the same command collects it later."""
    state, speaker = tmp_path / "state", Speaker(OpenAIBatch, "lab/quick", "/v1")
    with Embedded("quick", batches="polls=1000000") as url:
        program = "from ppbench.cli import main; main()"
        command = [sys.executable, "-c", program, "ask", ASKED, "-d", "serial", "-m", "lab/quick",
                   "-e", speaker.spec(url, state=state)]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            while not (state.exists() and state.read_bytes()) and process.poll() is None:
                speaker.batches(url)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "batch_1" in said
    assert str(state) in said
    assert "Traceback" not in said


def test_options_that_make_no_sense_are_refused() -> None:
    for options in ({"poll_s": 0}, {"gather_s": -1}, {"batch_rows": 50_001}, {"batch_rows": -1}):
        with pytest.raises(ValueError, match=next(iter(options))):
            OpenAIBatch(**options)  # type: ignore[arg-type]


# The wire


def test_rows_are_named_by_what_they_ask() -> None:
    """Whatever the order of fields; names of one batch differ, and are short enough for both providers."""
    first, second = wire.batches.row({"a": 1, "b": [2]}), wire.batches.row({"b": (2,), "a": 1})
    names = wire.batches.named([first, second, wire.batches.row({"a": 2})])
    assert first.digest == second.digest
    assert len(set(names)) == 3
    assert all(len(name) <= 64 and wire.batches.digest_of(name) == name[:40] for name in names)


def test_batches_are_cut_by_rows_and_bytes() -> None:
    """In order; a row that is too large by itself stands alone."""
    rows = [wire.batches.row({"x": "y" * size}) for size in (10, 10, 900, 10, 10, 10)]
    small = rows[0].size
    assert list(wire.batches.cut(rows, 2, 10_000)) == [range(2), range(2, 4), range(4, 6)]
    assert list(wire.batches.cut(rows, 9, 2 * small)) == [range(2), range(2, 3), range(3, 5), range(5, 6)]
    assert list(wire.batches.cut([], 9, 9)) == []
    target = wire.resolve("lab/m", "http://127.0.0.1/v1", sdk="openai")
    assert len(wire.batches.lines(target, wire.batches.named(rows), rows)) <= sum(row.size for row in rows)


@pytest.mark.parametrize(
    "line", [None, 7, {}, {"custom_id": 3}, {"custom_id": "a", "response": {"status_code": "x"}},
             {"custom_id": "a", "result": {"type": "errored"}}, {"custom_id": "a", "error": 7}],
)  # fmt: skip
@pytest.mark.parametrize("model", ["openai/m", "anthropic/m"])
def test_a_line_that_makes_no_sense_is_a_failure(model: str, line: Any) -> None:
    """Never an exception: the other lines are good."""
    name, answer = wire.batches.read_result(wire.resolve(model), line)
    assert name in ("", "a")
    assert answer.failure is not None
    assert answer.failure.kind == "bad_reply"
