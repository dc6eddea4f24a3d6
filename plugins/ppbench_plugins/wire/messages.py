"""The dialect of Anthropic's messages. Pure: values to values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppbench import Request
from ppbench_plugins.wire import shapes
from ppbench_plugins.wire.shapes import DONE, dig
from ppbench_plugins.wire.targets import Target

MAX_TOKENS = 4096
"""Sent when nobody asks for another limit: this dialect refuses a request without one."""
ENDS: tuple[str, ...] = ("message_stop", DONE)
_USAGE = {
    "in": ("input_tokens",), "out": ("output_tokens",), "cached": ("cache_read_input_tokens",),
    "beside": ("cache_read_input_tokens",), "written": ("cache_creation_input_tokens",),
    "reasoning": ("output_tokens_details", "thinking_tokens"),
}  # fmt: skip
"""Input tokens leave out what was read from the cache or written to it."""


def body(target: Target, request: Request, limit: int | None, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": _blocks(request.text, request.cache_until)}]
    if request.prefix and request.prefix.strip():  # trailing blanks are refused there
        messages.append({"role": "assistant", "content": request.prefix.rstrip()})
    made: dict[str, Any] = {"messages": messages, "max_tokens": MAX_TOKENS if limit is None else limit}
    if request.system:
        made["system"] = request.system
    if request.stop:
        made["stop_sequences"] = list(request.stop)
    if request.json_schema is not None:
        made["output_config"] = {"format": {"type": "json_schema", "schema": dict(request.json_schema)}}
    return made


def _blocks(text: str, cache_until: int | None) -> Any:
    """The text, with a cache breakpoint after its shared part. A block of blanks alone is refused, so none is made."""
    shared, rest = text[: cache_until or 0], text[cache_until or 0 :]
    if not shared.strip():
        return text
    if not rest.strip():
        shared, rest = text, ""
    first = {"type": "text", "text": shared, "cache_control": {"type": "ephemeral"}}
    return [first, {"type": "text", "text": rest}] if rest else [first]


def text(payload: Mapping[str, Any]) -> str:
    shown = dig(payload, "delta", "text") if payload.get("type") == "content_block_delta" else payload.get("content")
    if isinstance(shown, list):  # blocks: text among thinking and tools
        shown = "".join(str(dig(block, "text") or "") for block in shown if dig(block, "type") == "text")
    return shown if isinstance(shown, str) else ""


def counts(payload: Mapping[str, Any]) -> dict[str, int]:
    return shapes.counts(payload.get("usage") or dig(payload, "message", "usage"), _USAGE)


def finish(payload: Mapping[str, Any]) -> str | None:
    return shapes.ended(dig(payload, "delta", "stop_reason") or payload.get("stop_reason"))


def broken(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return shapes.broken(payload)


def is_whole(payload: Mapping[str, Any]) -> bool:
    return isinstance(payload.get("content"), list)
