"""The server's side of three dialects: OpenAI chat completions and Responses, Anthropic messages. JSON in, bytes out.

Pure; knows no socket and no model: what a reply says and when is given to it. A dialect, a module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from ppbench_plugins.endpoint.dialects import chat, messages, responses
from ppbench_plugins.endpoint.dialects.asked import Asked, load
from ppbench_plugins.mock.latency import Timing
from ppbench_plugins.wire import Dialect

__all__ = ["Chunks", "Dialect", "failure", "read_call", "reply_chunks", "whole_reply"]

Chunks = list[tuple[int, bytes]]


class Speech(Protocol):
    """A dialect."""

    def read(self, value: Mapping[str, Any]) -> Asked:
        """What a request asks for. Raises ValueError that says what is missing."""

    def whole(self, asked: Asked, timed: Timing, name: str) -> dict[str, Any]:
        """A reply in one piece."""

    def events(self, asked: Asked, timed: Timing, name: str) -> Iterator[tuple[int, bytes]]:
        """A streamed reply, one event a token, with the offset of each."""

    def failure(self, kind: str, message: str) -> dict[str, Any]:
        """An error."""


_SPEECH: Mapping[Dialect, Speech] = {"chat": chat, "responses": responses, "messages": messages}


def read_call(dialect: Dialect, body: bytes) -> Asked:
    """Parse a request body. Raises ValueError that says what is missing."""
    return _SPEECH[dialect].read(load(body))


def reply_chunks(
    dialect: Dialect, asked: Asked, timed: Timing, arrived_ns: int, name: str
) -> tuple[list[tuple[str, str]], Chunks]:
    """Headers and (instant, bytes) pairs of a reply."""
    speech = _SPEECH[dialect]
    if not asked.stream:
        body = json.dumps(speech.whole(asked, timed, name), ensure_ascii=False).encode()
        return [("content-type", "application/json")], [(arrived_ns + timed.offsets_ns[-1], body)]
    chunks = [(arrived_ns + offset, data) for offset, data in speech.events(asked, timed, name)]
    return [("content-type", "text/event-stream"), ("cache-control", "no-cache")], chunks


def whole_reply(dialect: Dialect, asked: Asked, timed: Timing, name: str) -> dict[str, Any]:
    """A reply in one piece."""
    return _SPEECH[dialect].whole(asked, timed, name)


def failure(dialect: Dialect, kind: str, message: str) -> bytes:
    """An error body as the dialect's servers send it."""
    return json.dumps(_SPEECH[dialect].failure(kind, message), ensure_ascii=False).encode()
