"""Anthropic messages, the server's side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ppbench_plugins.endpoint.dialects import asked as reading
from ppbench_plugins.endpoint.dialects.asked import Asked
from ppbench_plugins.mock.latency import Timing


def read(value: Mapping[str, Any]) -> Asked:
    messages = reading.turns(value, "messages")
    model = reading.model(value)
    if not isinstance(value.get("max_tokens"), int):
        raise ValueError("max_tokens: field required")
    schema = ((value.get("output_config") or {}).get("format") or {}).get("schema")
    return Asked(
        model, reading.ask(messages, system=value.get("system"), schema=schema), bool(value.get("stream")),
        reading.limit(value["max_tokens"]), reading.stops(value.get("stop_sequences")), value,
    )  # fmt: skip


def whole(asked: Asked, timed: Timing, name: str) -> dict[str, Any]:
    return {"id": name, "type": "message", "role": "assistant", "model": asked.model, "stop_sequence": None,
            "content": [{"type": "text", "text": "".join(timed.pieces)}], "stop_reason": _stop(timed),
            "usage": _usage(timed)}  # fmt: skip


def events(asked: Asked, timed: Timing, name: str) -> Iterator[tuple[int, bytes]]:
    def event(kind: str, **fields: Any) -> bytes:
        return reading.event({"type": kind, **fields})

    start, end = timed.offsets_ns[0] // 2, timed.offsets_ns[-1]
    opened = {**whole(asked, timed, name), "content": [], "stop_reason": None}
    opened["usage"] = {**_usage(timed), "output_tokens": 0}
    yield start, event("message_start", message=opened)
    yield start, event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield start, event("ping")
    for offset, piece in zip(timed.offsets_ns, timed.pieces, strict=False):
        yield offset, event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield end, event("content_block_stop", index=0)
    stopped = {"stop_reason": _stop(timed), "stop_sequence": None}
    yield end, event("message_delta", delta=stopped, usage={"output_tokens": len(timed.pieces)})
    yield end, event("message_stop")


def failure(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _usage(timed: Timing) -> dict[str, Any]:
    return {"input_tokens": timed.tokens_in - timed.tokens_cached, "cache_read_input_tokens": timed.tokens_cached,
            "cache_creation_input_tokens": 0, "output_tokens": len(timed.pieces)}  # fmt: skip


def _stop(timed: Timing) -> str:
    return "max_tokens" if timed.finish == "length" else "end_turn"
