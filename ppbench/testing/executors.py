"""Checks of an executor: it honours send, wait, cancel and now; its stamps are in order; failures are replies. Whether its
clock is true is measured by `ppbench endpoint clock`, not here.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

from ppbench.errors import PpbenchError
from ppbench.hookspecs import Executor
from ppbench.plugins import Plugins
from ppbench.specs import options_of, split_spec
from ppbench.testing.report import Failed, Figures, Skipped
from ppbench.trace import Progress, Reply, Request

SECOND = 1_000_000_000
MOST_NS, MOST_VIRTUAL_NS = 15 * SECOND, 1000 * SECOND
"""That one exchange may take; nobody waits for a virtual clock."""
FIELDS = frozenset({"system", "prefix", "json_schema", "stop", "max_tokens", "cache_until"})
LONG = "Write a poem for each of these:\n" + "\n".join(f"{k}. rain" for k in range(1, 60))


@dataclass
class Subject:
    plugins: Plugins
    spec: str
    stack: ExitStack
    model: str | None = None
    base_url: str | None = None

    @cached_property
    def entered(self) -> Executor:
        """As it is asked for; if that has no endpoint, against the mock endpoint, served by a process of its own."""
        try:
            return self._enter(self.model, self.base_url)
        except PpbenchError:
            if self.base_url or "base_url" not in options_of(self.plugins.get("executor", split_spec(self.spec)[0])):
                raise
        root = self.stack.enter_context(_served())
        problems = []
        for url in (f"{root}/v1", root):
            try:
                return self._enter(self.model or f"{split_spec(self.spec)[0]}/quick", url)
            except PpbenchError as error:
                problems.append(str(error))
        raise Failed(f"cannot be entered, and not with the mock endpoint either: {problems[0]}")

    def _enter(self, model: str | None, base_url: str | None) -> Executor:
        executor: Executor = self.plugins.make("executor", self.spec, model=model, base_url=base_url)
        return self.stack.enter_context(executor)


class _served:  # noqa: N801
    """Context manager: the mock endpoint on a free port; gives its root URL."""

    def __enter__(self) -> str:
        code = "from ppbench.cli import main; main()"
        command = [sys.executable, "-c", code, "endpoint", "mock", "--port", "0"]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        found = re.search(r"(https?://\S+?)/v1", self._child.stdout.readline())
        if not found:
            self.__exit__()
            raise Skipped("needs an endpoint, and the mock endpoint does not start; give --model and --base-url")
        return found[1]

    def __exit__(self, *error: object) -> None:
        with self._child as child:
            child.terminate()


def checks(subject: Subject) -> Iterator[tuple[str, Callable[[], Figures]]]:
    yield "contract", partial(_contract, subject)
    yield "send-and-wait", partial(_send_and_wait, subject)
    yield "stamps", partial(_stamps, subject)
    yield "deadline", partial(_deadline, subject)
    yield "progress", partial(_progress, subject)
    yield "cancel", partial(_cancel, subject)
    yield "hard-texts", partial(_hard_texts, subject)
    yield "failures-are-replies", partial(_failures, subject)


def _contract(subject: Subject) -> Figures:
    executor = subject.entered
    if not isinstance(executor, Executor):
        raise Failed("lacks a member of the contract")
    if executor.clock not in ("native", "python", "virtual"):
        raise Failed(f"clock is {executor.clock!r}")
    if executor.timing not in ("live", "modelled"):
        raise Failed(f"timing is {executor.timing!r}")
    if not isinstance(executor.honours, frozenset) or executor.honours - FIELDS:
        raise Failed(f"honours is {executor.honours!r:.80}; it is a frozenset of {', '.join(sorted(FIELDS))}")
    if not isinstance(executor.endpoint, str):
        raise Failed("endpoint is no text")
    return {"clock": executor.clock, "timing": executor.timing, "honours": " ".join(sorted(executor.honours))}


def _exchange(executor: Executor, requests: Sequence[Request]) -> tuple[list[Reply], list[Progress]]:
    """Send, and take what comes until each is answered, once."""
    executor.send(requests)
    waiting, replies, progress = {request.id for request in requests}, [], []
    until = _until(executor)
    while waiting:
        event = executor.wait(until)
        if event is None and executor.now() >= until:
            raise Failed(f"{len(waiting)} of {len(requests)} requests have no reply in time")
        if isinstance(event, Progress):
            progress.append(event)
        elif isinstance(event, Reply):
            if event.request_id not in waiting:
                raise Failed(f"a reply to {event.request_id!r}, which nobody waits for")
            waiting.discard(event.request_id)
            replies.append(event)
    return replies, progress


def _until(executor: Executor) -> int:
    return executor.now() + (MOST_VIRTUAL_NS if executor.clock == "virtual" else MOST_NS)


def _requests(name: str, count: int, text: str = "Translate into German: rain") -> list[Request]:
    return [Request(f"{name}/{k}", f"{text} {k}") for k in range(count)]


def _send_and_wait(subject: Subject) -> Figures:
    """More than a handful at once: each is answered, once, under its own id."""
    replies, progress = _exchange(subject.entered, _requests("many", 16))
    failed = [reply.error for reply in replies if reply.error]
    if failed:
        raise Failed(f"{len(failed)} of 16 failed: {failed[0].kind}: {failed[0].message}")
    if progress:
        raise Failed("gave progress of a request that nobody watches")
    return {"requests": 16}


def _stamps(subject: Subject) -> Figures:
    """Whole nanoseconds of one clock: queued, sent, first, each chunk, done, in that order, none before it was asked."""
    executor = subject.entered
    before = executor.now()
    replies, _ = _exchange(executor, _requests("stamped", 8))
    after = executor.now()
    for reply in replies:
        firsts = () if reply.first_ns is None else (reply.first_ns,)
        for name, stamps in {
            "queued, sent, first, done": (before, reply.queued_ns, reply.sent_ns, *firsts, reply.done_ns, after),
            "sent, chunks, done": (reply.sent_ns, *reply.chunks_ns, reply.done_ns),
        }.items():
            if not all(isinstance(stamp, int) for stamp in stamps):
                raise Failed(f"{name}: a stamp is no whole number of nanoseconds")
            if any(a > b for a, b in pairwise(stamps)):
                raise Failed(f"{name} are not in order: {[stamp - before for stamp in stamps][:12]} ns after sending")
        if reply.text and reply.first_ns is None:
            raise Failed("a reply with text has no first visible token")
    return {"replies": len(replies), "chunks": sum(len(reply.chunks_ns) for reply in replies)}


def _deadline(subject: Subject) -> Figures:
    """With nothing in flight, waiting ends at its deadline with None, and the clock has got there."""
    executor = subject.entered
    until = executor.now() + SECOND // 20
    event = executor.wait(until)
    if event is not None:
        raise Failed(f"gave {type(event).__name__} with nothing in flight")
    late = executor.now() - until
    if late < 0:
        raise Failed(f"came back {-late} ns before the deadline")
    return {"late_us": round(late / 1000, 1)}


def _progress(subject: Subject) -> Figures:
    """A watched reply grows: each progress begins with the one before, and the reply with the last."""
    [reply], told = _exchange(subject.entered, [Request("watched", LONG, watch=True)])
    if reply.error:
        raise Failed(f"{reply.error.kind}: {reply.error.message}")
    if not told and len(reply.chunks_ns) > 1:
        raise Failed("tells nothing while a watched reply streams")
    texts = [*(one.text for one in told), reply.text]
    if any(not b.startswith(a) for a, b in pairwise(texts)) or any(one.request_id != "watched" for one in told):
        raise Failed("progress is not the beginning of what follows")
    if any(a.at_ns > b.at_ns for a, b in pairwise(told)):
        raise Failed("the stamps of progress are not in order")
    return {"events": len(told), "chunks": len(reply.chunks_ns)}


def _cancel(subject: Subject) -> Figures:
    """A cancelled request still ends in a reply; an unknown id is nothing to it; others are not touched."""
    executor = subject.entered
    executor.cancel("nobody")
    gone, stays = replace(_requests("gone", 1)[0], text=LONG), _requests("stays", 1)[0]
    executor.send([gone])
    executor.cancel(gone.id)
    until, ended = _until(executor), None
    while ended is None and executor.now() < until:
        event = executor.wait(until)
        ended = event if isinstance(event, Reply) else None
    if ended is None or ended.request_id != gone.id:
        raise Failed("no reply follows when a request is cancelled")
    executor.cancel(gone.id)
    [reply], _ = _exchange(executor, [stays])
    if reply.error:
        raise Failed(f"the next request fails: {reply.error.kind}: {reply.error.message}")
    return {"ended_as": ended.error.kind if ended.error else "answered"}


def _hard_texts(subject: Subject) -> Figures:
    """Any text that a prompt can hold: answered or refused, by a reply."""
    texts = ["", "\x00\x1b[2J", "half \ud800 a character", "\u202eשלום\u202c", '"}]}\n\ndata: [DONE]\n\n', "a line, " * 25_000]
    replies, _ = _exchange(subject.entered, [Request(f"hard/{k}", text) for k, text in enumerate(texts)])
    return {"texts": len(texts), "refused": sum(reply.error is not None for reply in replies)}


def _failures(subject: Subject) -> Figures:
    """Where nobody listens, a request ends in a reply with its failure, unless entering has said so."""
    if "base_url" not in options_of(type(subject.entered)):
        raise Skipped("has no address that could be a wrong one")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = subject.model or f"{split_spec(subject.spec)[0]}/quick"
    executor = subject.plugins.make("executor", subject.spec, model=model, base_url=f"http://127.0.0.1:{port}/v1")
    try:
        with executor:
            [reply], _ = _exchange(executor, [Request("lost", "Say OK.")])
    except PpbenchError as error:
        return {"said_by": type(error).__name__}
    if reply.error is None:
        raise Failed("answers where nobody listens")
    return {"said_by": "reply", "kind": reply.error.kind}
