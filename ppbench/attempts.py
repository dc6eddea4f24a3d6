"""How a call becomes a request, and how long to wait before it is sent again. Sends nothing."""

from __future__ import annotations

import random
from typing import TypeVar

import tenacity

from ppbench.hookspecs import Executor
from ppbench.jobs import Job
from ppbench.plan import Call
from ppbench.scope import Node
from ppbench.trace import OPTIONAL, Request

T = TypeVar("T")
_BACKOFF = tenacity.wait_exponential(multiplier=0.5, max=8)


def request_of(job: Job, node: Node, executor: Executor) -> Request:
    """The request for a call whose needs are answered.

    Raises ValueError for a field that the executor cannot honour, and whatever the call's own text function raises.
    """
    call = node.call
    request = Request(
        id=node.path,
        text=call.text if isinstance(call.text, str) else expect(str, call.text(dict(node.scope.answers)), "its text"),
        role=call.role,
        system=_system(job, call),
        prefix=call.prefix,
        json_schema=call.json_schema,
        stop=call.stop,
        max_tokens=call.max_tokens,
        cache_until=call.cache_until if "cache_until" in executor.honours else None,
        # Of an early branch more calls may come.
        watch=call.expand_stream is not None or node.warms or node.scope.plan is None or job.show is not None,
        ready_ns=executor.now(),
    )
    unknown = [name for name in OPTIONAL if getattr(request, name) and name not in executor.honours]
    if unknown:
        raise ValueError(f"executor {executor.name} cannot honour {', '.join(unknown)}; take another executor or option")
    return request


def expect(kind: type[T], value: object, what: str) -> T:
    """The value, if it is what a method has to give here. Raises TypeError."""
    if not isinstance(value, kind):
        raise TypeError(f"{what} gave {value!r:.60}, which is no {kind.__name__}")
    return value


def _system(job: Job, call: Call) -> str | None:
    own = call.system if call.system is not None else (job.system if call.role == "solve" else "")
    return "\n".join(part for part in (job.nonce, own) if part) or None


def backoff(tries: int, seed: int, attempt: str) -> float:
    """Seconds to wait after that many tries: exponential, with a jitter that the seed and the attempt decide."""
    state = tenacity.RetryCallState(None, None, (), {})  # type: ignore[arg-type]
    state.attempt_number = tries
    return float(_BACKOFF(state)) * random.Random(f"{seed}/{attempt}").uniform(0.5, 1.0)
