"""The clients that are measured, behind one face: bare epoll, aiohttp on uvloop, the native executor and its engine.

A client sends beats and says what it saw. What is made of it, and how good it is, is not its business.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, Any, Protocol

from bench.processes import BARE
from ppbench import Call, Plan, Reply, Request
from ppbench.execute import Loop
from ppbench.jobs import Job
from ppbench_plugins import wire
from ppbench_plugins.endpoint.clients import Aiohttp, next_reply
from ppbench_plugins.endpoint.metronome import Beat, Told, told
from ppbench_plugins.executors import engine
from ppbench_plugins.executors.native import Native

MODEL = "metronome/clock"


@dataclass(frozen=True)
class Seen:
    """One reply: what the client says of it, and what the server wrote into it."""

    sent_ns: int
    stamps_ns: tuple[int, ...]
    """What the client reports, one a content chunk."""
    user_ns: tuple[int, ...]
    """When it read them; the same where the kernel stamps for nobody."""
    truth: Told


@dataclass(frozen=True)
class Planned:
    """A plan of some calls and one that needs them all: what the server saw, and how long the client says it took."""

    parents: tuple[Told, ...]
    child: Told
    took_ns: int


class Client(Protocol):
    def exchange(self, beats: Sequence[Beat]) -> tuple[list[Seen], float]:
        """Send all at once, wait for all; and the processor seconds that it took."""

    def plan(self, beat: Beat, count: int) -> Planned: ...

    def busy(self, beat: Beat, width: int, seconds: float) -> int:
        """Keep so many in flight, replies parsed; how many were answered."""

    def busy_raw(self, beat: Beat, width: int, seconds: float) -> int:
        """The same with stamps taken and events told apart, but no JSON parsed."""

    @property
    def pid(self) -> int | str:
        """Whose memory is measured."""


@contextmanager
def client(name: str, url: str, width: int) -> Iterator[Client]:
    """`bare`, `aiohttp`, or `native` with the executor's own options behind a colon, as in `native:http=2`."""
    makers: dict[str, Callable[[], Any]] = {"bare": lambda: Bare(url), "aiohttp": lambda: Uvloop(url, width)}
    if name in makers:
        with closing(makers[name]()) as made:
            yield made
        return
    options = dict(option.split("=") for option in name.partition(":")[2].split(",") if option)
    with Native(model=MODEL, base_url=f"{url}/v1", max_in_flight=width, **options) as executor:  # type: ignore[arg-type]
        yield Engine(executor, url, width)


class Bare:
    pid: int

    def __init__(self, url: str) -> None:
        command = [str(BARE), url.rpartition(":")[2]]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def exchange(self, beats: Sequence[Beat]) -> tuple[list[Seen], float]:
        lines = [f"{beat.chunks} {beat.gap_us} {beat.first_us}" for beat in beats]
        self._say("\n".join([f"exchange {len(beats)}", *lines]))
        cpu_s = int(self._line()) / 1e9
        return [_seen_by_bare(self._line()) for _ in beats], cpu_s

    def plan(self, beat: Beat, count: int) -> Planned:
        self._say(f"plan {count} {beat.chunks} {beat.gap_us} {beat.first_us}")
        self._line()
        *parents, child = [_seen_by_bare(self._line()) for _ in range(count + 1)]
        took = child.user_ns[-1] - min(seen.sent_ns for seen in parents)
        return Planned(tuple(seen.truth for seen in parents), child.truth, took)

    def busy(self, beat: Beat, width: int, seconds: float) -> int:
        return self.busy_raw(beat, width, seconds)

    def busy_raw(self, beat: Beat, width: int, seconds: float) -> int:
        self._say(f"busy {beat.chunks} {width} {int(1000 * seconds)}")
        return int(self._line())

    def close(self) -> None:
        with self._process:
            self._pipe(self._process.stdin).close()

    def _say(self, command: str) -> None:
        pipe = self._pipe(self._process.stdin)
        pipe.write(command + "\n")
        pipe.flush()

    def _line(self) -> str:
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise RuntimeError("the bare client has ended")
        return line

    @staticmethod
    def _pipe(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


def _seen_by_bare(line: str) -> Seen:
    sent, _, *rest = line.split()
    truth = told("".join(rest[::3]))
    return Seen(int(sent), tuple(map(int, rest[1::3])), tuple(map(int, rest[2::3])), truth)


class Uvloop:
    """The field's best in Python: one session, a pool as large as needed, uvloop, a stamp a read before any parsing."""

    pid = "self"

    def __init__(self, url: str, width: int) -> None:
        import uvloop

        self._client = Aiohttp(f"{url}/v1", width, uvloop.new_event_loop())
        self.close = self._client.close

    def exchange(self, beats: Sequence[Beat]) -> tuple[list[Seen], float]:
        before = time.process_time()
        replies = self._client.exchange(_requests(beats))
        cpu_s = time.process_time() - before
        return [Seen(r.sent_ns, r.chunks_ns, r.chunks_ns, told(r.text)) for r in replies], cpu_s

    def plan(self, beat: Beat, count: int) -> Planned:
        *parents, child, begun, ended = self._client.run(self._plan(beat, count))
        return Planned(tuple(told(reply.text) for reply in parents), told(child.text), ended - begun)

    async def _plan(self, beat: Beat, count: int) -> list[Any]:
        begun = time.monotonic_ns()
        parents = await asyncio.gather(*map(self._client.one, _requests([beat] * count)))
        child = await self._client.one(Request("join", beat.text))
        return [*parents, child, begun, time.monotonic_ns()]

    def busy(self, beat: Beat, width: int, seconds: float) -> int:
        return self._client.keep_busy(Request("busy", beat.text), width, seconds)

    def busy_raw(self, beat: Beat, width: int, seconds: float) -> int:
        return int(self._client.run(self._busy(beat, width, seconds)))

    async def _busy(self, beat: Beat, width: int, seconds: float) -> int:
        target, session, done = self._client.target, self._client.session, 0
        body, headers = _body(target, beat), wire.headers(target, "")
        end = time.monotonic() + seconds

        async def lane() -> None:
            nonlocal done
            while time.monotonic() < end:
                events, stamps, rest = [], [], b""
                async with session.post(target.url, data=body, headers=headers) as response:
                    async for data in response.content.iter_any():
                        now = time.monotonic_ns()
                        *whole, rest = (rest + data).split(b"\n\n")
                        events += [event.removeprefix(b"data: ") for event in whole]
                        stamps += [now] * len(whole)
                done += 1

        await asyncio.gather(*(lane() for _ in range(width)))
        return done


class Engine:
    """The native executor; raw replies are taken from an engine of its kind."""

    pid = "self"

    def __init__(self, executor: Native, url: str, width: int) -> None:
        self._executor, self._url, self._width = executor, url, width
        self._loop = Loop(executor)  # type: ignore[arg-type]  # its clock is one of those that there are
        self._count = itertools.count()

    def exchange(self, beats: Sequence[Beat]) -> tuple[list[Seen], float]:
        before = time.process_time()
        self._executor.send(_requests(beats))
        replies = [next_reply(self._executor.wait) for _ in beats]
        cpu_s = time.process_time() - before
        return [_seen(reply) for reply in replies], cpu_s

    def plan(self, beat: Beat, count: int) -> Planned:
        """By the scheduler that runs trials."""
        text, names = beat.text, tuple(f"part{k}" for k in range(count))
        calls = (*(Call(name, text) for name in names), Call("join", lambda _: text, needs=names))
        job = Job(f"plan{next(self._count)}", lambda: Plan(calls))
        [outcome] = self._loop.run([[job]])
        if outcome.failure:
            raise RuntimeError(outcome.failure)
        *parents, child = [told(span.reply.text) for span in outcome.trace.spans]
        return Planned(tuple(parents), child, outcome.trace.latency_ns)

    def busy(self, beat: Beat, width: int, seconds: float) -> int:
        """Replies are kept, as a run keeps them until their trial is over."""
        self._executor.send(_requests([beat] * width))
        text, end, kept = beat.text, time.monotonic() + seconds, []
        while time.monotonic() < end:
            kept.append(next_reply(self._executor.wait))
            self._executor.send([Request(f"busy{len(kept)}", text)])
        for _ in range(width):
            next_reply(self._executor.wait)
        return len(kept)

    def busy_raw(self, beat: Beat, width: int, seconds: float) -> int:
        library, target = engine.load(), wire.resolve(MODEL, f"{self._url}/v1")
        body, headers = _body(target, beat), [f"{k}: {v}" for k, v in wire.headers(target, "").items()]

        def transfer() -> Any:
            return library.Transfer(id=str(next(self._count)), url=target.url, headers=headers, body=body, timeout_ms=60_000,
                                    stream=True, watch=False)  # fmt: skip

        with closing(library.Engine(libcurl=engine.libcurls(), max_in_flight=self._width)) as raw:
            raw.submit([transfer() for _ in range(width)])
            end, done = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                _check(raw.wait())
                done += 1
                raw.submit([transfer()])
            for _ in range(width):
                _check(raw.wait())
        return done


def _seen(reply: Reply) -> Seen:
    lags = (reply.transport and reply.transport.lags_ns) or (0,) * len(reply.chunks_ns)
    user = tuple(stamp + lag for stamp, lag in zip(reply.chunks_ns, lags, strict=True))
    return Seen(reply.sent_ns, reply.chunks_ns, user, told(reply.text))


def _check(done: Any) -> None:
    if done.status != 200 or done.error_kind:
        raise RuntimeError(f"{done.status} {done.error_kind} {done.error}")


def _requests(beats: Sequence[Beat]) -> list[Request]:
    return [Request(f"r{k}", beat.text) for k, beat in enumerate(beats)]


def _body(target: wire.Target, beat: Beat) -> bytes:
    return json.dumps(wire.body(target, Request("raw", beat.text))).encode()
