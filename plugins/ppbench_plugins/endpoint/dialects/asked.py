"""What a request asks for, whatever its dialect, and what reading one has in common. Knows no dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppbench_plugins.mock.oracle import Ask


@dataclass(frozen=True)
class Asked:
    """One request."""

    model: str
    ask: Ask
    stream: bool
    max_tokens: int | None
    stop: tuple[str, ...]
    value: Mapping[str, Any]
    """The body as it came."""


def load(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body. Raises ValueError."""
    try:
        value = json.loads(body)
    except ValueError:
        raise ValueError("the body is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("the body is not a JSON object")
    return value


def turns(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The messages of a request. Raises ValueError."""
    said = value.get(name)
    if not isinstance(said, list) or not said:
        raise ValueError(f"{name}: a list with at least one message is required")
    if not all(isinstance(message, dict) for message in said):
        raise ValueError(f"{name}: each one is an object with role and content")
    return said


def model(value: Mapping[str, Any]) -> str:
    """Raises ValueError."""
    name = value.get("model")
    if not isinstance(name, str):
        raise ValueError("model: a string is required")
    return name


def ask(messages: Sequence[Mapping[str, Any]], *, system: Any = None, prefix: bool = True, schema: Any = None) -> Ask:
    """The messages by role. With `prefix`, an assistant's message at the end opens the reply."""
    users = [text(m.get("content")) for m in messages if m.get("role") not in ("system", "developer", "assistant")]
    systems = [text(m.get("content")) for m in messages if m.get("role") in ("system", "developer")]
    last = messages[-1]
    begun = text(last.get("content")) if prefix and last.get("role") == "assistant" else None
    systems += [text(system)] if system else []
    return Ask("\n\n".join(users), "\n".join(systems), begun, schema if isinstance(schema, dict) else None)


def text(content: Any) -> str:
    """The text of a message: a string, or a list of blocks with text."""
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content if isinstance(block, dict))
    return content if isinstance(content, str) else ""


def limit(*said: Any) -> int | None:
    return next((number for number in said if isinstance(number, int) and number), None)


def stops(said: Any) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def event(payload: Mapping[str, Any], *, named: bool = True) -> bytes:
    """A server-sent event; a named one bears its type."""
    name = f"event: {payload['type']}\n" if named else ""
    return f"{name}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()
