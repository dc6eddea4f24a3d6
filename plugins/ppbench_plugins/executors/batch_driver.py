"""Batches behind send and wait: requests gather, a thread submits them, asks how they go, and collects what came.

`send` gathers. Once `wait` has nothing else to give, and `gather_s` have passed since the last `send`, everything that has
gathered goes out, in as few batches as the limits allow. What a batch API looks like is given; knows no SDK and no JSON.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from ppbench import Failure, Reply, Request
from ppbench_plugins import wire
from ppbench_plugins.executors.batch_state import Place, State
from ppbench_plugins.executors.batch_wants import Running, Want, is_open, reply_of
from ppbench_plugins.wire.batches import Row

SECOND = 1_000_000_000
GROWTH, LONGEST = 1.5, 30.0
"""Each pause between two looks is so much longer than the one before, up to so many times the first."""
PATIENCE = 20
"""Looks at a batch that may fail, one after another, before it is left alone."""
_PASSING = frozenset({"rate_limit", "server", "timeout", "dropped", "refused"})


class Provider(Protocol):
    """A batch API. Every call blocks; `failure` tells what any exception of the others means."""

    def submit(self, names: Sequence[str], rows: Sequence[Row]) -> str:
        """Make a batch; its id."""

    def look(self, batch: str) -> tuple[bool, Failure | None]:
        """Whether it is over, and, if none of it was answered, why."""

    def results(self, batch: str) -> Iterator[tuple[str, wire.Answer]]:
        """Names of rows and what became of them, in any order."""

    def cancel(self, batch: str) -> None: ...
    def failure(self, error: Exception) -> Failure: ...


@dataclass(frozen=True)
class Limits:
    """Of one batch."""

    rows: int
    size: int
    """Bytes."""


class Batching:
    """A driver over a batch API. The thread is the only one that asks it."""

    mended_ns = 0

    def __init__(
        self, provider: Provider, row: Callable[[Request], Row], state: State, limits: Limits, *, poll_s: float, gather_s: float
    ) -> None:
        self._provider, self._row, self._state, self._limits = provider, row, state, limits
        self._poll_s, self._gather_ns = poll_s, int(gather_s * SECOND)
        self._wants: dict[str, Want] = {}
        self._gathered: list[Want] = []
        self._last_ns = 0
        self._running: dict[str, Running] = {}
        self._again: list[Want] = []
        self._outbox: SimpleQueue[Reply] = SimpleQueue()
        self._inbox: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="ppbench-batches")
        self._thread.start()

    def mend(self) -> None:
        """Nothing is kept open between two looks."""

    def now(self) -> int:
        return time.monotonic_ns()

    @property
    def left(self) -> list[str]:
        """Batches that somebody still waits for."""
        return [batch for batch, running in list(self._running.items()) if is_open(running)]

    # What the loop calls

    def send(self, requests: Sequence[Request]) -> None:
        self._last_ns = self.now()
        for request in requests:
            want = self._wants[request.id] = Want(request, self._row(request), self._last_ns)
            self._gathered.append(want)

    def wait(self, until_ns: int | None = None) -> Reply | None:
        if until_ns is None and not self._wants:
            raise RuntimeError("wait without a deadline, and nothing is in flight")
        while True:
            due = self._last_ns + self._gather_ns if self._gathered else None
            wake = min((instant for instant in (until_ns, due) if instant is not None), default=None)
            try:
                reply = self._outbox.get(timeout=None if wake is None else max(0.0, (wake - self.now()) / SECOND))
            except Empty:
                if due is not None and self.now() >= due:
                    self._let_go()
                elif until_ns is not None and self.now() >= until_ns:
                    return None
                continue
            self._wants.pop(reply.request_id, None)
            return reply

    def cancel(self, request_id: str) -> None:
        """Its reply follows at once. A batch that nobody waits for any more is cancelled; until it is, others may claim it."""
        want = self._wants.get(request_id)
        if want is None or not self._end(want, error=Failure("cancelled", "cancelled while it was in a batch")):
            return
        if want in self._gathered:
            self._gathered.remove(want)
        else:
            self._inbox.put(lambda: self._abandon(want))

    def close(self) -> None:
        """End the thread, after the call that it makes. Without a file that others can go on with, what runs is cancelled:
        nobody could collect it."""
        self._closing = True
        self._inbox.put(None)
        self._thread.join()

    def _let_go(self) -> None:
        wants, self._gathered = self._gathered, []
        self._inbox.put(lambda: self._submit(wants))

    # What the thread does

    def _work(self) -> None:
        while True:
            try:
                task = self._inbox.get(timeout=self._pause())
            except Empty:
                task = self._look_at_due
            if task is None:
                break
            try:
                task()
            except Exception as error:  # a bug, or a full disk: somebody waits for replies
                self._fail_all(Failure("bad_reply", f"batches cannot go on: {type(error).__name__}: {error}"))
        for running in self._running.values():
            if not self._state.kept:
                self._stop(running)

    def _pause(self) -> float | None:
        due = min((running.due_ns for running in self._running.values()), default=None)
        return None if due is None else max(0.0, (due - self.now()) / SECOND)

    def _submit(self, wants: Sequence[Want]) -> None:
        """Join what lies in a batch already, and send the rest."""
        fresh = []
        for want in wants if not self._closing else ():
            place = None if want.over else self._state.claim(want.row.digest)
            if place:
                want.place, want.known, want.sent_ns = place, True, self.now()
                self._watch(place.batch, 0.0).wants[place.name] = want
            elif not want.over:
                want.place, want.known = None, False
                fresh.append(want)
        for places in wire.batches.cut([want.row for want in fresh], self._limits.rows, self._limits.size):
            self._make([fresh[place] for place in places])

    def _make(self, wants: Sequence[Want]) -> None:
        rows = [want.row for want in wants]
        names = wire.batches.named(rows)
        for want in wants:
            want.sent_ns = self.now()
        try:
            batch = self._provider.submit(names, rows)
        except Exception as error:  # whatever an SDK raises ends this batch and no other
            failure = self._provider.failure(error)
            for want in wants:
                self._end(want, error=failure)
            return
        running = self._watch(batch, self._poll_s)
        for want, name in zip(wants, names, strict=True):
            want.place = Place(batch, name)
            running.wants[name] = want
        self._state.record(batch, names)

    def _watch(self, batch: str, first_s: float) -> Running:
        """Look at it after so many seconds, and again."""
        running = self._running.setdefault(batch, Running(batch, self._poll_s, 0))
        running.due_ns = self.now() + int(first_s * SECOND)
        return running

    def _look_at_due(self) -> None:
        for running in [r for r in self._running.values() if r.due_ns <= self.now()]:
            try:
                over, failure = self._provider.look(running.id)
                if over:
                    self._collect(running, failure)
                running.failures = 0
            except Exception as error:  # the batch goes on without us; only looking at it failed
                self._look_failed(running, self._provider.failure(error))
            running.pause_s = min(running.pause_s * GROWTH, self._poll_s * LONGEST)
            running.due_ns = self.now() + int(running.pause_s * SECOND)
        again, self._again = self._again, []
        self._submit(again)

    def _collect(self, running: Running, failure: Failure | None) -> None:
        """A failure that an earlier session was told is nothing new: such a request is sent again."""
        again = []  # nothing is moved before all of it was read: reading may break off
        for name, answer in self._provider.results(running.id) if failure is None else ():
            want = running.wants.get(name)
            if want and want.known and answer.failure:
                again.append(want)
            elif want:
                self._end(want, answer)
        lost = failure or Failure("server", f"batch {running.id} is over, and says nothing of this request")
        for want in again:
            del running.wants[want.place.name]  # type: ignore[union-attr]
        del self._running[running.id]
        self._again += again
        self._give_up(running, lost, missing=True)

    def _look_failed(self, running: Running, failure: Failure) -> None:
        running.failures += 1
        gone = failure.kind == "not_found"
        if gone or failure.kind not in _PASSING or running.failures >= PATIENCE:
            del self._running[running.id]
            self._give_up(running, failure, missing=gone)

    def _give_up(self, running: Running, failure: Failure, *, missing: bool) -> None:
        """End what is left of a batch. What may still be there can be claimed by who asks again."""
        wants = [want for want in running.wants.values() if not want.over]
        for want in wants:
            if want.place and not missing:
                self._state.give_back(want.place)
            if not (want.known and missing):
                self._end(want, error=failure)
        self._again += [want for want in wants if not want.over]

    def _abandon(self, want: Want) -> None:
        """Nobody waits for it any more."""
        running = self._running.get(want.place.batch) if want.place else None
        if running is None or not want.place or running.wants.pop(want.place.name, None) is None:
            return
        self._state.give_back(want.place)
        if not is_open(running):
            self._stop(running)
            del self._running[running.id]

    def _stop(self, running: Running) -> None:
        try:
            self._provider.cancel(running.id)
        except Exception:  # it may be over, or out of reach: nothing more can be done about it
            return

    def _fail_all(self, failure: Failure) -> None:
        for want in list(self._wants.values()):
            if want not in self._gathered:
                self._end(want, error=failure)
        self._running.clear()

    def _end(self, want: Want, answer: wire.Answer = wire.Answer(), *, error: Failure | None = None) -> bool:
        """Its one reply; False if it has had one."""
        with self._lock:
            if want.over:
                return False
            want.over = True
        self._outbox.put(reply_of(want, answer, error or answer.failure, self.now()))
        return True
