"""OpenAI chat completions, the server's side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ppbench_plugins.endpoint.dialects import asked as reading
from ppbench_plugins.endpoint.dialects.asked import Asked, event
from ppbench_plugins.mock.latency import Timing


def read(value: Mapping[str, Any]) -> Asked:
    messages = reading.turns(value, "messages")
    schema = ((value.get("response_format") or {}).get("json_schema") or {}).get("schema")
    return Asked(
        reading.model(value), reading.ask(messages, schema=schema), bool(value.get("stream")),
        reading.limit(value.get("max_completion_tokens"), value.get("max_tokens")), reading.stops(value.get("stop")), value,
    )  # fmt: skip


def whole(asked: Asked, timed: Timing, name: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(timed.pieces)}
    return {"id": name, "object": "chat.completion", "created": 0, "model": asked.model, "usage": _usage(timed),
            "choices": [{"index": 0, "message": message, "finish_reason": timed.finish, "logprobs": None}]}  # fmt: skip


def events(asked: Asked, timed: Timing, name: str) -> Iterator[tuple[int, bytes]]:
    head = {"id": name, "object": "chat.completion.chunk", "created": 0, "model": asked.model}

    def chunk(choices: Sequence[Any], **more: Any) -> bytes:
        return event({**head, "choices": choices, **more}, named=False)

    def delta(content: Mapping[str, Any], finish: str | None = None) -> list[Any]:
        return [{"index": 0, "delta": content, "finish_reason": finish}]

    yield timed.offsets_ns[0] // 2, chunk(delta({"role": "assistant", "content": ""}))  # servers send it before they think
    for offset, piece in zip(timed.offsets_ns, timed.pieces, strict=False):
        yield offset, chunk(delta({"content": piece}))
    end = timed.offsets_ns[-1]
    yield end, chunk(delta({}, timed.finish))
    if (asked.value.get("stream_options") or {}).get("include_usage"):
        yield end, chunk([], usage=_usage(timed))
    yield end, b"data: [DONE]\n\n"


def failure(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "param": None, "code": None}}


def _usage(timed: Timing) -> dict[str, Any]:
    return {"prompt_tokens": timed.tokens_in, "completion_tokens": len(timed.pieces),
            "total_tokens": timed.tokens_in + len(timed.pieces),
            "prompt_tokens_details": {"cached_tokens": timed.tokens_cached},
            "completion_tokens_details": {"reasoning_tokens": 0}}  # fmt: skip
