"""`ppbench ask`: the answer arrives on stdout in order, piece by piece; what it took stands on stderr."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
from asking import needs_engine
from faulty import PATIENCE_S, Answer, Faulty, Peer, finish, say, stream
from hypothesis import given
from hypothesis import strategies as st

from ppbench import Request, Script, VirtualExecutor
from ppbench.cli import main
from ppbench.commands.ask import _ask, _Screen
from ppbench.jobs import Policy
from ppbench.model import Item
from ppbench_plugins.decomposers.dag import Dag

CODE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ppbench.cli import main; main()"
PROGRAM = [sys.executable, "-c", CODE, "ask"]
ANSWER = """1. The train leaves at eight o'clock.
2. I forgot my umbrella at the office.
3. Where is the nearest pharmacy?
4. It is too hot to run.
"""
MERGED = re.sub(r"^(\d)\.", r"\1)", ANSWER, flags=re.MULTILINE)
"""The same in the numbering of the prompt, as a merge writes it."""
EXECUTORS = pytest.mark.parametrize("executor", [pytest.param("native", marks=needs_engine), "openai"])


def ask(*arguments: str, stdin: str = "") -> Any:
    """The command in a process of its own, to its end."""
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, input=stdin.encode(), timeout=60, check=False)
    assert b"Traceback" not in done.stderr
    return done


@contextmanager
def asking(*arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it runs."""
    with subprocess.Popen([*PROGRAM, *arguments], stdout=stdout, stderr=subprocess.PIPE, bufsize=0) as process:
        stop = threading.Timer(60, process.kill)
        stop.start()
        try:
            yield process
        finally:
            stop.cancel()
            process.kill()


def until(process: subprocess.Popen[bytes], text: str) -> str:
    """What stands on stdout once it ends with a text; no more is there to be read."""
    assert process.stdout is not None
    seen = b""
    while not seen.decode().endswith(text):
        piece = process.stdout.read(1000)
        assert piece, f"ended with {seen!r}"
        seen += piece
    return seen.decode()


def rest(process: subprocess.Popen[bytes]) -> tuple[str, str, int]:
    """What is still to come on stdout, all of stderr, and the exit code."""
    assert process.stdout is not None
    assert process.stderr is not None
    said = b""
    while piece := process.stdout.read(1000):
        said += piece
    return said.decode(), process.stderr.read().decode(), process.wait(PATIENCE_S)


def at(server: Faulty, executor: str, *more: str) -> list[str]:
    """Arguments that lead to a server."""
    return ["-e", executor, "-m", "lab/m", "--base-url", f"{server.url}/v1", *more]


def held(*words: str) -> Answer:
    """A stream whose first word comes at once, and the others when the test has told the server."""

    def then(peer: Peer) -> object:
        assert peer.server.told.wait(PATIENCE_S)
        for word in words[1:]:
            peer.chunk(peer.word(word))
        return finish(peer)

    return stream(words[0], then=then)


def silent(peer: Peer) -> object:
    peer.until_gone()
    return None


# What is printed


@pytest.mark.parametrize(("method", "calls"), [
    ("serial", "serial: 1 call (1 solve)"), ("schema", "split: 5 calls (1 plan, 4 solve)"),
    ("dag", "split: 5 calls (1 plan, 4 solve)"),
    ("schema:source=given", "split: 4 calls (4 solve)"), ("dag:join=llm", "split: 6 calls (1 plan, 4 solve, 1 merge)"),
])  # fmt: skip
@pytest.mark.parametrize("executor", ["offline", pytest.param("native", marks=needs_engine)])
def test_the_answer_is_printed_and_what_it_took(executor: str, method: str, calls: str) -> None:
    """The answer and nothing else on stdout; one line on stderr, with status, calls, times and tokens."""
    done = ask("tr-001", "-d", method, "-e", executor)
    [line] = done.stderr.decode().splitlines()

    by_model = method in ("serial", "dag:join=llm")
    assert (done.returncode, done.stdout.decode()) == (0, ANSWER if by_model else MERGED)
    assert line.startswith(f"{calls}, 0.")
    assert " s, first token after 0." in line
    assert "(modelled), " in line
    assert line.endswith(" out")
    assert " tokens in, " in line


def test_quiet_is_quiet_and_a_prompt_may_come_from_stdin() -> None:
    """With -q stderr is empty; `-` reads the prompt."""
    done = ask("-", "-d", "serial", "-e", "offline", "-q", stdin="Sort in ascending order:\n[3, 1, 2]")
    assert (done.stdout, done.stderr) == (b"[1, 2, 3]\n", b"")


def test_a_method_that_declines_says_why() -> None:
    done = ask("Sort in ascending order: [3, 1, 2]", "-d", "dag", "-e", "offline")
    assert done.stdout == b"[1, 2, 3]\n"
    assert done.stderr.decode().startswith("declined (the planner found nothing to split): 2 calls (1 plan, 1 solve), ")


def test_json_is_one_object_at_the_end() -> None:
    """Answer, parts, status, times, tokens by role, and each call as it went."""
    data = json.loads(ask("tr-001", "-d", "dag:join=llm", "-e", "offline", "--json", "-q").stdout)

    assert data["answer"] + "\n" == ANSWER
    assert (data["status"], data["reason"], data["calls"], data["timing"]) == ("split", "", 6, "modelled")
    assert data["latency_ms"] > data["ttft_ms"] > 0
    assert list(data["tokens_in"]) == list(data["tokens_out"]) == ["plan", "solve", "merge"]
    assert all(count > 0 for counts in (data["tokens_in"], data["tokens_out"]) for count in counts.values())
    assert {reply["id"]: reply["role"] for reply in data["replies"]} == {
        "plan": "plan", "plan/join": "merge", **{f"plan/{k}": "solve" for k in (1, 2, 3, 4)},
    }  # fmt: skip
    parts = json.loads(ask("tr-001", "-d", "schema:source=given", "-e", "offline", "--json", "-q").stdout)["parts"]
    assert parts == [line[3:] for line in ANSWER.splitlines()]


# How it arrives


@EXECUTORS
def test_an_answer_arrives_while_it_is_written(executor: str) -> None:
    """The first word is on stdout while the server still waits with the second, also into a pipe."""
    with Faulty(held("one ", "two")) as server, asking("hello there", "-d", "serial", "-q", *at(server, executor)) as process:
        assert until(process, "one ") == "one "
        server.told.set()
        assert rest(process) == ("two\n", "", 0)


@EXECUTORS
def test_parts_arrive_in_their_order(executor: str) -> None:
    """Parts that are ready before the first one wait for it; it is shown while it is written."""
    with Faulty() as server:
        server.by_text = {"train": held("one ", "more")}
        with asking("tr-001", "-d", "schema:source=given", "-q", *at(server, executor)) as process:
            assert until(process, "one") == "1) one"
            server.told.set()
            assert rest(process) == (" more\n2) Hello you\n3) Hello you\n4) Hello you\n", "", 0)


@EXECUTORS
def test_what_was_shown_of_a_plan_that_failed_is_said_to_be_no_answer(executor: str) -> None:
    """Nothing is taken back: the whole answer of the fallback follows on a line of its own."""

    def refuse(peer: Peer) -> object:
        assert peer.server.told.wait(PATIENCE_S)
        return say(400, '{"error": {"message": "not this one"}}', content_type="application/json")(peer)

    with Faulty() as server:
        server.by_text = {"phrases": stream("Hello ", "all"), "train": stream("one", then=silent), "chaud": refuse}
        with asking("tr-001", "-d", "schema:source=given", *at(server, executor)) as process:
            assert until(process, "one") == "1) one"
            server.told.set()
            said, complaint, code = rest(process)
    assert (said, code) == ("\nHello all\n", 0)
    assert complaint.startswith(
        "what was shown so far was broken off; the answer follows from its beginning\nfallback (call 4 failed"
    )


@needs_engine
def test_a_stream_that_was_cut_is_shown_once() -> None:
    """The second attempt says the same again, and goes on: what is there stays, without a word twice."""
    with Faulty(stream("one ", then=lambda peer: peer.reset()), stream("one ", "two")) as server:
        done = ask("hello there", "-d", "serial", "-q", *at(server, "native"))
    assert (done.stdout, done.stderr) == (b"one two\n", b"")


# Ends


@EXECUTORS
def test_an_interrupt_ends_with_130(executor: str) -> None:
    """What was shown stays, on a line of its own, and no traceback shows."""
    with Faulty(stream("one ", then=silent)) as server:
        with asking("hello there", "-d", "serial", *at(server, executor)) as process:
            until(process, "one ")
            process.send_signal(signal.SIGINT)
            assert rest(process) == ("\n", "\ninterrupted\n", 130)
        assert server.gone.acquire(timeout=PATIENCE_S)


@EXECUTORS
def test_a_reader_that_leaves_ends_it_quietly(executor: str) -> None:
    """`ppbench ask ... | head -1` says nothing about a broken pipe, and cancels what still flies."""
    asked = ["hello there", "-d", "serial"]
    with Faulty(held("one ", "two ", "three ")) as server, asking(*asked, *at(server, executor)) as process:
        until(process, "one ")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        server.told.set()
        assert process.stderr.read() == b""
        process.wait(PATIENCE_S)


@needs_engine
@pytest.mark.parametrize(
    ("answer", "code", "complaint"),
    [(say(401, "{}"), 7, "auth"), (say(404, "{}"), 7, "not_found"), (say(400, "{}"), 3, "bad_request")],
)
def test_an_endpoint_that_does_not_answer_has_its_exit_code(answer: Answer, code: int, complaint: str) -> None:
    """7 where the endpoint cannot be used, 3 where it refused this prompt; stdout stays empty."""
    with Faulty(answer) as server:
        done = ask("hello there", "-d", "serial", *at(server, "native"))
    assert (done.returncode, done.stdout) == (code, b"")
    assert f"call serial failed: {complaint}" in done.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["", "-e", "offline"], 5, "the prompt is empty"),
        (["two words", "-d", "schema:source=given", "-e", "offline"], 5, "is shown labels"),
        (["hello", "-d", "dga"], 2, "unknown decomposer 'dga'"),
        (["hello", "-e", "offline", "-m", "lab/m"], 2, "runs mock models alone"),
        (["hello", "--base-url", ""], 2, "--base-url is empty"),
        (["hello", "-d", "sot:style=prefix", "-e", "openai:api=responses", "-m", "lab/m", "--base-url", "http://127.0.0.1:1/v1"],
         6, "cannot honour prefix"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_message(
    arguments: list[str], code: int, complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The designed exit code, one message, nothing on stdout."""
    monkeypatch.setattr(sys, "argv", ["ppbench", "ask", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()

    assert (ended.value.code, said.out) == (code, "")
    assert complaint in said.err
    assert len(said.err.splitlines()) == 1


# Text of models is data


@needs_engine
def test_a_reply_does_not_drive_the_terminal() -> None:
    """On a terminal control characters are left out; tab and newline are not. Into a pipe goes what was said."""
    nasty = "a\x1b]0;title\x07b\x1b[2J\x9b2Jc\rd\te\u200f\nf\x7f\x00"
    with Faulty(stream(nasty)) as server:
        piped = ask("hello there", "-d", "serial", "-q", *at(server, "native"))
        data = ask("hello there", "-d", "serial", "-q", "--json", *at(server, "native")).stdout.decode()
        master, slave = os.openpty()
        with asking("hello there", "-d", "serial", "-q", *at(server, "native"), stdout=slave) as process:
            os.close(slave)
            seen = b""
            with suppress(OSError):  # the end of a terminal
                while piece := os.read(master, 1000):
                    seen += piece
            assert process.wait(PATIENCE_S) == 0
        os.close(master)
    assert piped.stdout.decode() == nasty + "\n"
    assert json.loads(data)["answer"] == nasty
    assert not {"\x1b", "\x9b", "\x7f", "\x07"} & set(data)
    assert seen.decode().replace("\r\n", "\n") == "a]0;titleb[2J2Jcd\te\u200f\nf\n"


@needs_engine
def test_halves_of_a_character_end_nothing() -> None:
    """One half that stays alone is marked; two that come in pieces are one character; nothing is shown twice."""
    with Faulty(stream("a \ud83d b ", "\ud83d", "\ude00", "c \ud83d")) as server:
        done = ask("hello there", "-d", "serial", "-q", *at(server, "native"))
        data = json.loads(ask("hello there", "-d", "serial", "-q", "--json", *at(server, "native")).stdout)
    assert (done.stdout.decode(), done.stderr) == ("a \ufffd b \U0001f600c \ufffd\n", b"")
    assert data["answer"] + "\n" == done.stdout.decode()


class _Paper(io.StringIO):
    """Keeps each piece that was written."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return super().write(text)


def test_the_answer_of_a_planned_method_streams_too() -> None:
    """Once the plan is whole, what its calls have said so far is shown in order, and goes on word by word."""
    plan, words = "1. a\n2. b\nend", ("x ", "y ", "z")

    def respond(request: Request, now_ns: int) -> Script:
        pieces = (plan,) if request.role == "plan" else words
        chunks = tuple(((k + 1) * 10, piece) for k, piece in enumerate(pieces))
        return Script(chunks, chunks[-1][0])

    paper = _Paper()
    screen = _Screen(paper)
    outcome = _ask(VirtualExecutor(respond), Dag(), Item("p", "do a and b", "en"), Policy(), screen)

    assert paper.getvalue() == outcome.trace.answer == "1. x y z\n2. x y z"
    assert len([piece for piece in paper.pieces if piece]) > 2


@given(texts=st.lists(st.text(st.sampled_from("ab\n"), max_size=6), max_size=8), answer=st.text(max_size=8))
def test_nothing_that_was_shown_is_taken_back(texts: list[str], answer: str) -> None:
    """Whatever is shown in between, output only grows, and its end is the answer."""
    paper = _Paper()
    screen = _Screen(paper)
    seen = [paper.getvalue()]
    for text in texts:
        screen.show(text)
        seen.append(paper.getvalue())
    screen.show(answer, whole=True)
    seen.append(paper.getvalue())

    assert all(after.startswith(before) for before, after in pairwise(seen))
    assert seen[-1].endswith(answer.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
