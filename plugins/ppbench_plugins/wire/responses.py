"""The dialect of OpenAI's Responses API. Pure: values to values.

It has no field for stop sequences, and an assistant's message at the end is an earlier turn, not one to go on with; so
a request that needs either is refused before it gets here. Nothing is kept by the endpoint (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppbench import Request
from ppbench_plugins.wire import shapes
from ppbench_plugins.wire.shapes import dig
from ppbench_plugins.wire.targets import Target

ENDS: tuple[str, ...] = ()
"""Only a terminal event ends a stream, and each of those has a reason to end: see `finish`."""
_VISIBLE = ("response.output_text.delta", "response.refusal.delta")
_LAST = ("response.completed", "response.incomplete")
_USAGE = {
    "in": ("input_tokens",), "out": ("output_tokens",), "cached": ("input_tokens_details", "cached_tokens"),
    "reasoning": ("output_tokens_details", "reasoning_tokens"),
}  # fmt: skip


def body(target: Target, request: Request, limit: int | None, stream: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"input": [{"role": "user", "content": request.text}], "store": False}
    if request.system:
        made["instructions"] = request.system
    if limit is not None:  # sent as asked, though OpenAI refuses less than 16: another limit would be another condition
        made["max_output_tokens"] = limit
    if request.json_schema is not None:
        schema = dict(request.json_schema)
        form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": shapes.is_closed(schema)}
        made["text"] = {"format": form}
    return made


def text(payload: Mapping[str, Any]) -> str:
    """Of an event its delta; the events that say a text once more when it is done bring nothing new."""
    if isinstance(payload.get("output"), list):
        return _whole(payload["output"])
    shown = payload.get("delta") if payload.get("type") in _VISIBLE else None
    return shown if isinstance(shown, str) else ""


def _whole(output: list[Any]) -> str:
    """The text of a reply in one piece: messages among reasoning and tools."""
    contents = [dig(item, "content") for item in output if dig(item, "type") == "message"]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    said = (dig(part, "text") if dig(part, "type") == "output_text" else dig(part, "refusal") for part in parts)
    return "".join(piece for piece in said if isinstance(piece, str))


def counts(payload: Mapping[str, Any]) -> dict[str, int]:
    return shapes.counts(payload.get("usage") or dig(payload, "response", "usage"), _USAGE)


def finish(payload: Mapping[str, Any]) -> str | None:
    """Told by the response, not by the event's name: some servers call completed what they say is incomplete."""
    last = payload.get("type") in _LAST
    response = payload.get("response") if last else payload
    status = dig(response, "status")
    if not last and status not in ("completed", "incomplete"):
        return None
    short = "incomplete" in (status, str(payload.get("type")).removeprefix("response."))
    return shapes.ended(dig(response, "incomplete_details", "reason")) or ("incomplete" if short else "stop")


def broken(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    response = payload.get("response")
    told = response if isinstance(response, Mapping) else payload
    if payload.get("type") == "response.failed" or told.get("status") in ("failed", "cancelled"):
        return told
    return shapes.broken(payload)


def is_whole(payload: Mapping[str, Any]) -> bool:
    return isinstance(payload.get("output"), list) and payload.get("status") not in ("queued", "in_progress")
