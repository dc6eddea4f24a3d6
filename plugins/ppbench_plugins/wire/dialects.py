"""The table of dialects and what each module of one brings; and the body of a request in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ppbench import Request
from ppbench_plugins.wire import chat, messages, responses
from ppbench_plugins.wire.targets import Dialect, Target


class Speech(Protocol):
    """A dialect. All but `body` read one event of a stream, or a reply in one piece."""

    ENDS: tuple[str, ...]
    """Types of events that end a stream, beside those that say how it finished."""

    def body(self, target: Target, request: Request, limit: int | None, stream: bool) -> dict[str, Any]:
        """What the dialect asks for besides model, temperature and stream."""

    def text(self, payload: Mapping[str, Any]) -> str:
        """The visible text in it: no role, no reasoning."""

    def counts(self, payload: Mapping[str, Any]) -> dict[str, int]:
        """The counts it knows. A stream tells some of them early and all of them, in total, late."""

    def finish(self, payload: Mapping[str, Any]) -> str | None:
        """How the reply finished, if this says it."""

    def broken(self, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What tells of an error, if there is one."""

    def is_whole(self, payload: Mapping[str, Any]) -> bool:
        """It is a model's reply in one piece."""


SPEECH: Mapping[Dialect, Speech] = {"chat": chat, "responses": responses, "messages": messages}


def body(
    target: Target, request: Request, *, stream: bool = True, temperature: float | None = None, max_tokens: int | None = None
) -> dict[str, Any]:
    """The JSON of a request. `max_tokens` bounds every call; a call may ask for less."""
    limit = min((n for n in (request.max_tokens, max_tokens) if n is not None), default=None)
    common = {"model": target.model} | ({} if temperature is None else {"temperature": temperature})
    common |= {"stream": True} if stream else {}
    return common | SPEECH[target.dialect].body(target, request, limit, stream)
