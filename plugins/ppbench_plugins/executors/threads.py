"""Blocking calls behind send and wait: a thread a request in flight, one outbox, deadlines, cancelling.

What a call does is given to it. Knows no SDK and no JSON; a call is stopped by shutting its socket.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Literal

from ppbench import Failure, Progress, Reply, Request, Transport

Stop = Literal["cancelled", "timeout"]
SECOND = 1_000_000_000


@dataclass(eq=False)
class Flight:
    """One request under way. Written by its thread; `stop` may come from another."""

    request: Request
    queued_ns: int
    sent_ns: int = 0
    connect_ns: int = 0
    transport: Transport | None = None
    stopped: Stop | None = None
    over: bool = False
    future: Future[None] | None = None
    _socket: socket.socket | None = None
    _lock: Lock = field(default_factory=Lock)

    def runs_on(self, sock: socket.socket | None) -> None:
        """The socket that it can be stopped by, once there is one."""
        with self._lock:
            self._socket = sock
            self._shut()

    def stop(self, why: Stop) -> None:
        with self._lock:
            self.stopped = self.stopped or why
            self._shut()

    def end(self) -> None:
        """From here on its socket serves another request."""
        with self._lock:
            self.over, self._socket = True, None

    def _shut(self) -> None:
        """Wake a thread that blocks on the socket: closing would not, and TLS must not be torn down under its reader."""
        if self.stopped and self._socket is not None and not self.over:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Threads:
    """A driver over `call(flight, progress) -> Reply`, which must not raise, and must end its flight."""

    def __init__(
        self, call: Callable[[Flight, Callable[[str, int], None]], Reply], mend: Callable[[], None], *,
        max_in_flight: int, timeout_s: float,
    ) -> None:  # fmt: skip
        self._call, self._mend = call, mend
        self.mended_ns = self.now()
        self._timeout_ns = int(timeout_s * SECOND)
        self._pool = ThreadPoolExecutor(max_in_flight, thread_name_prefix="ppbench")
        self._outbox: SimpleQueue[Reply | Progress] = SimpleQueue()
        self._flights: dict[str, Flight] = {}

    def mend(self) -> None:
        self._mend()
        self.mended_ns = self.now()

    def now(self) -> int:
        return time.monotonic_ns()

    def send(self, requests: Sequence[Request]) -> None:
        for request in requests:
            flight = self._flights[request.id] = Flight(request, self.now())
            flight.future = self._pool.submit(self._run, flight)

    def wait(self, until_ns: int | None = None) -> Reply | Progress | None:
        """The next report; between two of them, ends what has had its time."""
        if until_ns is None and not self._flights:
            raise RuntimeError("wait without a deadline, and nothing is in flight")
        while True:
            due = self._expire()
            wake = min((instant for instant in (until_ns, due) if instant is not None), default=None)
            try:
                report = self._outbox.get(timeout=None if wake is None else max(0.0, (wake - self.now()) / SECOND))
            except Empty:
                if until_ns is not None and self.now() >= until_ns:
                    return None
                continue
            if isinstance(report, Reply):
                del self._flights[report.request_id]
            return report

    def cancel(self, request_id: str) -> None:
        flight = self._flights.get(request_id)
        if flight is None or flight.stopped == "cancelled":
            return
        flight.stop("cancelled")
        if flight.future is not None and flight.future.cancel():
            gone = Failure("cancelled", "cancelled before it was sent")
            self._outbox.put(Reply(request_id, queued_ns=flight.queued_ns, done_ns=self.now(), stamp="python", error=gone))

    def close(self) -> None:
        """Stop what is under way and wait for the threads."""
        for request_id in list(self._flights):
            self.cancel(request_id)
        self._pool.shutdown(cancel_futures=True)

    def _expire(self) -> int | None:
        """Stop flights whose time is up; when the next one's will be."""
        running = [f for f in self._flights.values() if f.sent_ns and not f.over and not f.stopped]
        for flight in running:
            if flight.sent_ns + self._timeout_ns <= self.now():
                flight.stop("timeout")
        waiting = len(running) < len(self._flights)
        ends = [f.sent_ns + self._timeout_ns for f in running if not f.stopped]
        return min(ends + ([self.now() + self._timeout_ns] if waiting else []), default=None)

    def _run(self, flight: Flight) -> None:
        """Make one call. Whatever happens a reply follows, for somebody waits for it."""
        flight.sent_ns = self.now()
        try:
            reply = self._call(flight, lambda text, at_ns: self._outbox.put(Progress(flight.request.id, text, at_ns)))
        except Exception as error:
            broken = Failure("bad_reply", f"the reply cannot be read: {type(error).__name__}")
            reply = Reply(
                flight.request.id, queued_ns=flight.queued_ns, sent_ns=flight.sent_ns, done_ns=self.now(), stamp="python",
                error=broken,
            )  # fmt: skip
        self._outbox.put(reply)
