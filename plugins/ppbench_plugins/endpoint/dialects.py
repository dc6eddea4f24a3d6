"""The server's side of two dialects: OpenAI chat completions and Anthropic messages. Pure: JSON in, bytes out.

Knows no socket and no model; what a reply says and when is given to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ppbench_plugins.mock.latency import Timing
from ppbench_plugins.mock.oracle import Ask

Dialect = Literal["openai", "anthropic"]
Chunks = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Call:
    """One request as the dialect states it."""

    dialect: Dialect
    model: str
    ask: Ask
    stream: bool
    max_tokens: int | None
    stop: tuple[str, ...]
    usage_in_stream: bool


def read_call(dialect: Dialect, body: bytes) -> Call:
    """Parse a request body. Raises ValueError that says what is missing."""
    try:
        value = json.loads(body)
    except ValueError:
        raise ValueError("the body is not JSON") from None
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list) or not value["messages"]:
        raise ValueError("messages: a list with at least one message is required")
    if not all(isinstance(message, dict) for message in value["messages"]):
        raise ValueError("messages: each one is an object with role and content")
    if not isinstance(value.get("model"), str):
        raise ValueError("model: a string is required")
    if dialect == "anthropic" and not isinstance(value.get("max_tokens"), int):
        raise ValueError("max_tokens: field required")
    limit = value.get("max_completion_tokens") or value.get("max_tokens")
    stop = value.get("stop", value.get("stop_sequences")) or ()
    return Call(
        dialect, value["model"], _ask(value), bool(value.get("stream")), limit if isinstance(limit, int) else None,
        (stop,) if isinstance(stop, str) else tuple(stop), bool((value.get("stream_options") or {}).get("include_usage")),
    )  # fmt: skip


def _ask(value: Mapping[str, Any]) -> Ask:
    said: dict[str, list[str]] = {"system": [], "user": []}
    for message in value["messages"]:
        role = "system" if message.get("role") in ("system", "developer") else "user"
        if message.get("role") != "assistant":
            said[role].append(_text(message.get("content")))
    if value.get("system"):
        said["system"].append(_text(value["system"]))
    last = value["messages"][-1]
    prefix = _text(last.get("content")) if last.get("role") == "assistant" else None
    return Ask("\n\n".join(said["user"]), "\n".join(said["system"]), prefix, _json_schema(value))


def _text(content: Any) -> str:
    """The text of a message: a string, or a list of blocks with text."""
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content if isinstance(block, dict))
    return content if isinstance(content, str) else ""


def _json_schema(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    openai = (value.get("response_format") or {}).get("json_schema") or {}
    anthropic = (value.get("output_config") or {}).get("format") or {}
    schema = openai.get("schema") or anthropic.get("schema")
    return schema if isinstance(schema, dict) else None


def reply_chunks(call: Call, timed: Timing, arrived_ns: int, name: str) -> tuple[list[tuple[str, str]], Chunks]:
    """Headers and (instant, bytes) pairs of a reply; a streamed one has one event a token."""
    if not call.stream:
        body = _openai_body if call.dialect == "openai" else _anthropic_body
        end = arrived_ns + timed.offsets_ns[-1]
        return [("content-type", "application/json")], [(end, json.dumps(body(call, timed, name), ensure_ascii=False).encode())]
    events = _openai_events if call.dialect == "openai" else _anthropic_events
    chunks = [(arrived_ns + offset, data) for offset, data in events(call, timed, name)]
    return [("content-type", "text/event-stream"), ("cache-control", "no-cache")], chunks


def failure(dialect: Dialect, kind: str, message: str) -> bytes:
    """An error body as the dialect's servers send it."""
    error: dict[str, Any] = {"type": kind, "message": message}
    body = {"error": error} if dialect == "openai" else {"type": "error", "error": error}
    return json.dumps(body, ensure_ascii=False).encode()


# OpenAI


def _openai_usage(timed: Timing) -> dict[str, Any]:
    return {"prompt_tokens": timed.tokens_in, "completion_tokens": len(timed.pieces),
            "total_tokens": timed.tokens_in + len(timed.pieces),
            "prompt_tokens_details": {"cached_tokens": timed.tokens_cached},
            "completion_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip


def _openai_body(call: Call, timed: Timing, name: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(timed.pieces)}
    return {"id": name, "object": "chat.completion", "created": 0, "model": call.model, "usage": _openai_usage(timed),
            "choices": [{"index": 0, "message": message, "finish_reason": timed.finish, "logprobs": None}]}  # fmt: skip


def _openai_events(call: Call, timed: Timing, name: str) -> Iterator[tuple[int, bytes]]:
    head = {"id": name, "object": "chat.completion.chunk", "created": 0, "model": call.model}

    def event(choices: Sequence[Any], **more: Any) -> bytes:
        return b"data: " + json.dumps({**head, "choices": choices, **more}, ensure_ascii=False).encode() + b"\n\n"

    def delta(content: Mapping[str, Any], finish: str | None = None) -> list[Any]:
        return [{"index": 0, "delta": content, "finish_reason": finish}]

    yield timed.offsets_ns[0] // 2, event(delta({"role": "assistant", "content": ""}))  # servers send it before they think
    for offset, piece in zip(timed.offsets_ns, timed.pieces, strict=False):
        yield offset, event(delta({"content": piece}))
    end = timed.offsets_ns[-1]
    yield end, event(delta({}, timed.finish))
    if call.usage_in_stream:
        yield end, event([], usage=_openai_usage(timed))
    yield end, b"data: [DONE]\n\n"


# Anthropic


def _anthropic_usage(timed: Timing) -> dict[str, Any]:
    return {"input_tokens": timed.tokens_in - timed.tokens_cached, "cache_read_input_tokens": timed.tokens_cached,
            "cache_creation_input_tokens": 0, "output_tokens": len(timed.pieces)}  # fmt: skip


def _anthropic_stop(timed: Timing) -> str:
    return "max_tokens" if timed.finish == "length" else "end_turn"


def _anthropic_body(call: Call, timed: Timing, name: str) -> dict[str, Any]:
    return {"id": name, "type": "message", "role": "assistant", "model": call.model, "stop_sequence": None,
            "content": [{"type": "text", "text": "".join(timed.pieces)}], "stop_reason": _anthropic_stop(timed),
            "usage": _anthropic_usage(timed)}  # fmt: skip


def _anthropic_events(call: Call, timed: Timing, name: str) -> Iterator[tuple[int, bytes]]:
    def event(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()

    start, end = timed.offsets_ns[0] // 2, timed.offsets_ns[-1]
    opened = {**_anthropic_body(call, timed, name), "content": [], "stop_reason": None}
    opened["usage"] = {**_anthropic_usage(timed), "output_tokens": 0}
    yield start, event("message_start", message=opened)
    yield start, event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield start, event("ping")
    for offset, piece in zip(timed.offsets_ns, timed.pieces, strict=False):
        yield offset, event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield end, event("content_block_stop", index=0)
    stopped = {"stop_reason": _anthropic_stop(timed), "stop_sequence": None}
    yield end, event("message_delta", delta=stopped, usage={"output_tokens": len(timed.pieces)})
    yield end, event("message_stop")
