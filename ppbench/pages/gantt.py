"""The calls of one trial over time, as SVG: what waited, what was answered when, what failed. Knows one trace."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ppbench.pages.svg import LABELS, RIGHT, WIDTH, bar, even_ticks, figure, line, name, seconds, words
from ppbench.trace import Reply, Span, Trace

ROWS = 60
"""Calls of which each has a row; of more the first are shown, and how many are not."""
_ROW, _TOP = 18, 30


def gantt(trace: Trace, title: str, serial_ns: int | None = None) -> str:
    """A row a call in the order in which they became ready. `serial_ns` is drawn as a line: how long serial took."""
    spans = sorted(trace.spans, key=lambda span: (span.request.ready_ns, span.request.id))
    shown = spans[:ROWS]
    last = max([trace.ended_ns, *(span.reply.done_ns for span in shown)]) - trace.started_ns
    end = max(last, serial_ns or 0, 1)
    scale = (WIDTH - LABELS - RIGHT) / end
    bottom = _TOP + _ROW * len(shown)
    parts = list(_axis(end, scale, bottom))
    for place, span in enumerate(shown):
        parts += _row(span, trace.started_ns, scale, _TOP + _ROW * place)
    parts.append(line(LABELS + trace.latency_ns * scale, _TOP - 6, bottom, "end"))
    if serial_ns is not None:
        parts.append(line(LABELS + serial_ns * scale, _TOP - 6, bottom, "serial"))
    more = len(spans) - len(shown)
    if more:
        parts.append(words(LABELS, bottom + 32, f"and {more} more calls"))
    return figure(bottom + (40 if more else 24), parts, title)


def _axis(end: float, scale: float, bottom: float) -> Iterator[str]:
    for tick in even_ticks(end):
        yield line(LABELS + tick * scale, _TOP - 4, bottom, "grid")
        yield words(LABELS + tick * scale, bottom + 14, seconds(tick) if tick else "0", anchor="middle", kind="tick")


def _row(span: Span, start: int, scale: float, top: float) -> Iterator[str]:
    yield name(top + 12, path_of(span))
    for reply in span.failed:
        yield from _bars(reply, span, start, scale, top, failed=True)
    yield from _bars(span.reply, span, start, scale, top, failed=span.reply.error is not None)


def _bars(reply: Reply, span: Span, start: int, scale: float, top: float, *, failed: bool) -> Iterator[str]:
    def x(ns: int) -> float:
        return LABELS + max(0, ns - start) * scale

    told = _told(reply, span, start)
    sent = reply.sent_ns or reply.done_ns
    begun = reply.queued_ns or span.request.ready_ns or sent
    first = min(reply.first_ns or reply.done_ns, reply.done_ns)
    kind = "failed" if failed else span.request.role
    if sent > begun:
        yield bar(x(begun), top + 5, x(sent) - x(begun), 6, "waiting", told)
    yield bar(x(sent), top + 3, x(first) - x(sent), 10, f"{kind} early", told)
    if reply.done_ns > first:
        yield bar(x(first), top + 3, x(reply.done_ns) - x(first), 10, kind, told)


def _told(reply: Reply, span: Span, start: int) -> str:
    """What is said when a bar is pointed at."""
    moments = [("sent", reply.sent_ns), ("first token", reply.first_ns), ("done", reply.done_ns)]
    said = [f"{word} {seconds(at - start)}" for word, at in moments if at]
    tokens = f"{reply.tokens_in if reply.tokens_in is not None else '-'} tokens in, {reply.tokens_out} out"
    error = [f"{reply.error.kind}: {reply.error.message}"] if reply.error else []
    return "\n".join([f"{path_of(span)} ({span.request.role})", *said, tokens, *error, span.request.text[:300]])


def path_of(span: Span) -> str:
    """The path of a call within its plan."""
    found = re.search(r"@\d+/(.*)$", span.request.id, re.DOTALL)
    return found[1] if found else span.request.id
