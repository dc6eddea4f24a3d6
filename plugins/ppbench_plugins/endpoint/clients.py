"""Clients whose clocks can be held against a server's: the executors on sockets, and aiohttp as other tools use it.

A client takes requests and gives all replies; which of them is measured, and how, is not its business.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import Any, Protocol

from ppbench import Executor, Progress, Reply, Request, UsageError
from ppbench_plugins import wire
from ppbench_plugins.executors.native import Native
from ppbench_plugins.executors.providers import Anthropic, OpenAI

NAMES = ("native", "openai", "anthropic", "aiohttp")
_MODEL = "metronome/clock"


class Client(Protocol):
    clock: str
    """Who stamps its chunks: `kernel`, `user` or `python`; known once something came."""

    def exchange(self, requests: Sequence[Request]) -> list[Reply]:
        """Send all at once, and wait for all."""

    def keep_busy(self, request: Request, width: int, seconds: float) -> int:
        """Keep `width` copies in flight for so long; how many were answered."""


def check_names(asked: Sequence[str]) -> tuple[str, ...]:
    """Those asked for, or all that are installed. Raises UsageError for one that cannot run here."""
    have = tuple(name for name in NAMES if name != "aiohttp" or find_spec("aiohttp"))
    for name in asked:
        if name not in NAMES:
            raise UsageError(f"client {name!r} is not known; have: {', '.join(NAMES)}")
        if name not in have:
            raise UsageError(f"client {name} is not installed; `pip install {name}`, or leave it out")
    return tuple(asked) or have


@contextmanager
def client(name: str, url: str, width: int) -> Iterator[Client]:
    """A client of the server at `url`, by one of `NAMES`, with up to `width` requests in flight."""
    if name == "aiohttp":
        with closing(Aiohttp(f"{url}/v1", width)) as other:
            yield other
        return
    makers: dict[str, Any] = {"native": Native, "openai": OpenAI, "anthropic": Anthropic}
    base = url if name == "anthropic" else f"{url}/v1"
    with makers[name](model=_MODEL, base_url=base, max_in_flight=width) as executor:
        yield _Executor(executor)


class _Executor:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.clock = ""

    def exchange(self, requests: Sequence[Request]) -> list[Reply]:
        self._executor.send(requests)
        replies = [next_reply(self._executor.wait) for _ in requests]
        kinds = {reply.stamp for reply in replies}
        self.clock = " and ".join(sorted(kinds))
        return replies

    def keep_busy(self, request: Request, width: int, seconds: float) -> int:
        names = _names(request)
        self._executor.send([next(names) for _ in range(width)])
        end, done = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            next_reply(self._executor.wait)
            done += 1
            self._executor.send([next(names)])
        for _ in range(width):
            next_reply(self._executor.wait)
        return done


def next_reply(wait: Callable[[], Reply | Progress | None]) -> Reply:
    """The next reply, progress passed over. Raises RuntimeError for a failed one: nothing can be measured then."""
    while not isinstance(reply := wait(), Reply):
        pass
    if reply.error is not None:
        raise RuntimeError(f"{reply.error.kind}: {reply.error.message}")
    return reply


def _names(request: Request) -> Iterator[Request]:
    number = 0
    while True:
        number += 1
        yield Request(f"busy-{number}", request.text)


class Aiohttp:
    """One session for all, its pool as large as needed; a stamp a read, before any parsing: as well as it can be done."""

    clock = "python"

    def __init__(self, base_url: str, width: int, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.target = wire.resolve(_MODEL, base_url)
        self._width = width
        self._loop = loop or asyncio.new_event_loop()
        self.session: Any = self.run(self._open())

    def exchange(self, requests: Sequence[Request]) -> list[Reply]:
        return list(self.run(self._exchange(requests)))

    def keep_busy(self, request: Request, width: int, seconds: float) -> int:
        return int(self.run(self._busy(request, width, seconds)))

    def close(self) -> None:
        self.run(self.session.close())
        self._loop.close()

    def run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)

    async def _open(self) -> Any:
        import aiohttp

        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self._width))

    async def _exchange(self, requests: Sequence[Request]) -> list[Reply]:
        return await asyncio.gather(*(self.one(request) for request in requests))

    async def _busy(self, request: Request, width: int, seconds: float) -> int:
        end, done = time.monotonic() + seconds, 0

        async def lane() -> None:
            nonlocal done
            while time.monotonic() < end:
                await self.one(request)
                done += 1

        await asyncio.gather(*(lane() for _ in range(width)))
        return done

    async def one(self, request: Request) -> Reply:
        sent_ns = time.monotonic_ns()
        events: list[bytes] = []
        stamps: list[int] = []
        rest = b""
        body = json.dumps(wire.body(self.target, request)).encode()
        async with self.session.post(self.target.url, data=body, headers=wire.headers(self.target, "")) as response:
            async for data in response.content.iter_any():
                now = time.monotonic_ns()
                *whole, rest = (rest + data).split(b"\n\n")
                events += [event.removeprefix(b"data: ") for event in whole]
                stamps += [now] * len(whole)
        answer = wire.read_events(self.target, events)
        chunks = tuple(stamps[place] for place in answer.pieces)
        return Reply(request.id, answer.text, sent_ns=sent_ns, chunks_ns=chunks, done_ns=time.monotonic_ns(), stamp="python")
