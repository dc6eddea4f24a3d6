"""Trials as Chrome's trace events, which Perfetto and chrome://tracing read: fan-out is calls one below another.

A process a method; in it rows for trials, and below as many rows for calls as ran at the same time. Times are microseconds
from the run's first trial. Pure; events come one by one, so that a long run needs no memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ppbench.pages.gantt import path_of
from ppbench.pages.telling import Trials
from ppbench.trace import Reply, Span, Trial

_CALLS = 1000
"""Rows of calls are numbered from here, those of trials from 0."""


class _Rows:
    """Puts what overlaps on rows of its own."""

    def __init__(self) -> None:
        self._ends: list[int] = []

    def take(self, begin: int, end: int) -> int:
        for row, last in enumerate(self._ends):
            if last <= begin:
                self._ends[row] = end
                return row
        self._ends.append(end)
        return len(self._ends) - 1


def text(trials: Trials) -> Iterator[str]:
    """A JSON object, in pieces."""
    yield '{"displayTimeUnit":"ms","traceEvents":[\n'
    comma = ""
    for event in events(trials):
        yield comma + json.dumps(event, separators=(",", ":"))
        comma = ",\n"
    yield "\n]}\n"


def events(trials: Trials) -> Iterator[dict[str, Any]]:
    origin = min((trial.trace.started_ns for trial in trials() if trial.trace), default=0)
    processes: dict[str, tuple[int, _Rows, _Rows]] = {}
    named: set[tuple[int, int]] = set()
    for trial in trials():
        if trial.trace is None:
            continue
        if trial.decomposer not in processes:
            processes[trial.decomposer] = (len(processes) + 1, _Rows(), _Rows())
            yield _name("process_name", len(processes), 0, trial.decomposer)
        process, rows, calls = processes[trial.decomposer]
        for event in _of(trial, process, rows, calls, origin):
            row = (process, event["tid"])
            if row not in named:
                named.add(row)
                yield _name("thread_name", *row, f"call {row[1] - _CALLS + 1}" if row[1] >= _CALLS else f"trial {row[1] + 1}")
                yield {"ph": "M", "name": "thread_sort_index", "pid": process, "tid": row[1], "args": {"sort_index": row[1]}}
            yield event


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}


def _of(trial: Trial, process: int, rows: _Rows, calls: _Rows, origin: int) -> Iterator[dict[str, Any]]:
    trace = trial.trace
    assert trace is not None
    row = rows.take(trace.started_ns, trace.ended_ns)
    about = {"item": trial.item, "repeat": trial.repeat, "try": trial.try_, "status": trace.status, "reason": trace.reason,
             "failure": trial.failure, "tokens_out": trace.tokens_out()}  # fmt: skip
    yield _slice(trial.item, "trial", (trace.started_ns, trace.ended_ns), process, row, origin, about)
    for span in sorted(trace.spans, key=lambda span: span.request.ready_ns):
        for reply in (*span.failed, span.reply):
            yield from _call(span, reply, process, calls, origin, trial.item)


def _call(span: Span, reply: Reply, process: int, calls: _Rows, origin: int, item: str) -> Iterator[dict[str, Any]]:
    begin = min(filter(None, (reply.queued_ns, reply.sent_ns, reply.done_ns)), default=0)
    if not begin:
        return
    row = _CALLS + calls.take(begin, reply.done_ns)
    about = {"item": item, "role": span.request.role, "tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out,
             "finish": reply.finish, "error": reply.error and f"{reply.error.kind}: {reply.error.message}",
             "text": span.request.text[:200]}  # fmt: skip
    name = path_of(span) + (" (failed)" if reply.error else "")
    yield _slice(name, span.request.role, (begin, reply.done_ns), process, row, origin, about)
    sent, first = reply.sent_ns or reply.done_ns, reply.first_ns or reply.done_ns
    for part, start, end in (
        ("in our queue", begin, sent),
        ("to first token", sent, first),
        ("answering", first, reply.done_ns),
    ):
        if end > start:
            yield _slice(part, "phase", (start, end), process, row, origin, {})


def _slice(
    name: str, kind: str, span: tuple[int, int], process: int, row: int, origin: int, about: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    return {"ph": "X", "name": name, "cat": kind, "pid": process, "tid": row, "ts": (span[0] - origin) / 1000,
            "dur": max(0, span[1] - span[0]) / 1000, "args": about}  # fmt: skip
