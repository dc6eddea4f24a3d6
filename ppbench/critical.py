"""Where the time of one trial went: what it waited for, from its end back to its start. Pure; knows one trace."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from ppbench.trace import Span, Trace

PARTS = ("plan", "solve", "merge", "other")


def critical_path(trace: Trace) -> dict[str, int]:
    """Nanoseconds of a trial's latency by what it waited for; they sum to the latency.

    Walked from the end: before an instant, the call that brought the last news was waited for, from when it was ready.
    News are the end of a call, and each chunk of a planning call, at which branches may leave. `other` is what no call
    explains: decomposing, merging by code, our own delays.
    """
    spent, at = dict.fromkeys(PARTS, 0), trace.ended_ns
    news = sorted(((stamp, k) for k, span in enumerate(trace.spans) for stamp in _news(span)), reverse=True)
    for stamp, k in news:
        span = trace.spans[k]
        begun = max(span.request.ready_ns, trace.started_ns)
        if stamp > at or begun >= stamp:
            continue
        spent["other"] += at - stamp
        spent[span.request.role if span.request.role in PARTS else "other"] += stamp - begun
        at = begun
    spent["other"] += at - trace.started_ns
    return spent


def _news(span: Span) -> Sequence[int]:
    chunks = span.reply.chunks_ns if span.request.role == "plan" else ()
    return (*chunks, span.reply.done_ns)


def straggler_ratio(trace: Trace) -> float | None:
    """How long the slowest of a trial's solve calls took, over the median of them; None below two."""
    lasted = [span.reply.done_ns - span.request.ready_ns for span in trace.spans
              if span.request.role == "solve" and span.reply.error is None]  # fmt: skip
    middle = median(lasted) if len(lasted) > 1 else 0
    return max(lasted) / middle if middle > 0 else None
