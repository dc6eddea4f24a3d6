"""OpenAI Responses, the server's side. Pure. Nothing is stored, so no response can be asked for again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from ppbench_plugins.endpoint.dialects import asked as reading
from ppbench_plugins.endpoint.dialects.asked import Asked
from ppbench_plugins.endpoint.dialects.chat import failure as failure  # both APIs of one maker word errors alike
from ppbench_plugins.mock.latency import Timing

_MOVED = {
    "messages": "input", "max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
}  # fmt: skip
"""Fields of chat completions that go by other names here."""


def read(value: Mapping[str, Any]) -> Asked:
    for name in value:
        if name in _MOVED:
            raise ValueError(f"Unsupported parameter: {name!r}. In the Responses API, it has moved to {_MOVED[name]!r}")
        if name == "stop":
            raise ValueError("Unknown parameter: 'stop'")
    said = value.get("input")
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else reading.turns(value, "input")
    schema = ((value.get("text") or {}).get("format") or {}).get("schema")
    ask = reading.ask(messages, system=value.get("instructions"), prefix=False, schema=schema)
    return Asked(reading.model(value), ask, bool(value.get("stream")), reading.limit(value.get("max_output_tokens")), (), value)


def whole(asked: Asked, timed: Timing, name: str) -> dict[str, Any]:
    status = _status(timed)
    return _response(asked, name, status, output=[_message(timed, name, status)], usage=_usage(timed))


def events(asked: Asked, timed: Timing, name: str) -> Iterator[tuple[int, bytes]]:
    numbers = count()
    part: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": f"msg_{name}"}

    def event(kind: str, **fields: Any) -> bytes:
        return reading.event({"type": f"response.{kind}", "sequence_number": next(numbers), **fields})

    start, end, status = timed.offsets_ns[0] // 2, timed.offsets_ns[-1], _status(timed)
    opened = _response(asked, name, "in_progress", output=[], usage=None)
    yield start, event("created", response=opened)
    yield start, event("in_progress", response=opened)
    yield start, event("output_item.added", output_index=0, item={**_message(timed, name, "in_progress"), "content": []})
    yield start, event("content_part.added", **part, part=_text(""))
    for offset, piece in zip(timed.offsets_ns, timed.pieces, strict=False):
        yield offset, event("output_text.delta", **part, delta=piece, logprobs=[])
    text = "".join(timed.pieces)
    yield end, event("output_text.done", **part, text=text, logprobs=[])
    yield end, event("content_part.done", **part, part=_text(text))
    yield end, event("output_item.done", output_index=0, item=_message(timed, name, status))
    yield end, event(status, response=whole(asked, timed, name))


def _response(asked: Asked, name: str, status: str, **more: Any) -> dict[str, Any]:
    said = asked.value
    return {
        "id": f"resp_{name}", "object": "response", "created_at": 0, "status": status, "background": False, "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": said.get("instructions"), "max_output_tokens": said.get("max_output_tokens"), "model": asked.model,
        "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": None, "summary": None},
        "store": False, "temperature": said.get("temperature", 1.0), "text": said.get("text") or {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "user": None, "metadata": {}, **more,
    }  # fmt: skip


def _message(timed: Timing, name: str, status: str) -> dict[str, Any]:
    return {"id": f"msg_{name}", "type": "message", "role": "assistant", "status": status,
            "content": [_text("".join(timed.pieces))]}  # fmt: skip


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(timed: Timing) -> dict[str, Any]:
    cached = {"cached_tokens": timed.tokens_cached, "cache_write_tokens": 0}
    return {"input_tokens": timed.tokens_in, "input_tokens_details": cached, "output_tokens": len(timed.pieces),
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": timed.tokens_in + len(timed.pieces)}  # fmt: skip


def _status(timed: Timing) -> str:
    return "incomplete" if timed.finish == "length" else "completed"
