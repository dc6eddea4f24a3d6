"""What the dialects' JSON has in common: ways to look into it, errors, reasons to end, strict schemas. Knows no dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DONE = "[DONE]"
"""Ends some streams instead of JSON; read as an event of this type."""
_FINISH = {"max_tokens": "length", "max_output_tokens": "length", "end_turn": "stop", "stop_sequence": "stop"}


def dig(value: Any, *path: str | int) -> Any:
    """What lies at a path in JSON, or None."""
    try:
        for step in path:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return None
    return value


def counts(usage: Any, paths: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The counts that stand at these paths."""
    if not usage:  # as in nearly every event
        return {}
    found = {name: dig(usage, *path) for name, path in paths.items()}
    return {name: count for name, count in found.items() if isinstance(count, int)}


def ended(said: Any) -> str | None:
    """Why a reply ended: `stop`, `length`, or what the endpoint said."""
    return _FINISH.get(said, said) if isinstance(said, str) else None


def broken(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What tells of an error, if this does."""
    return payload if payload.get("error") or "error" in (payload.get("type"), payload.get("object")) else None


def is_closed(schema: Any) -> bool:
    """Every object in it forbids other properties and requires its own: what OpenAI's strict mode accepts."""
    if isinstance(schema, Mapping):
        own, required = schema.get("properties"), schema.get("required") or ()
        if isinstance(own, Mapping) and (schema.get("additionalProperties") is not False or set(own) - set(required)):
            return False
        return all(map(is_closed, schema.values()))
    return all(map(is_closed, schema)) if isinstance(schema, (list, tuple)) else True
