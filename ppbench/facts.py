"""What scoring keeps of a trial: all of it but its text and its stamps. Knows no ratio and no method."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern

from ppbench.trace import Trial


@dataclass(frozen=True, slots=True)
class Facts:
    failed: bool
    status: str
    """Of the plan; empty where there was none."""
    clean: bool
    latency_ns: int
    ttft_ns: int | None
    tokens_out: int | None
    """Of solve calls."""
    solved: int
    """Answered solve calls."""
    cut: int
    """Those of them that ended at a token limit."""
    read: int
    """Input tokens of those of them whose cached tokens are known."""
    cached: int

    @property
    def answered(self) -> bool:
        return not self.failed and self.traced

    @property
    def traced(self) -> bool:
        """Something was sent, so judges had something to look at."""
        return bool(self.status)


def facts(trial: Trial) -> Facts:
    """The facts of a trial; one without a trace took no time that could be compared."""
    trace = trial.trace
    if trace is None:
        return Facts(trial.failure is not None, "", True, 0, None, None, 0, 0, 0, 0)
    solved = [s.reply for s in trace.spans if s.request.role == "solve" and s.reply.error is None]
    known = [(reply.tokens_in, reply.tokens_cached) for reply in solved if reply.tokens_in and reply.tokens_cached is not None]
    return Facts(
        trial.failure is not None, intern(trace.status), trace.clean, trace.latency_ns, trace.ttft_ns,
        trace.tokens_out("solve"), len(solved), sum(reply.finish == "length" for reply in solved),
        sum(read for read, _ in known), sum(cached for _, cached in known),
    )  # fmt: skip
