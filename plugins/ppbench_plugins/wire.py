"""What goes over the wire: request bodies, events and errors of the OpenAI and the Anthropic dialect.

The one place to touch when a provider changes its JSON. Pure functions from values to values; knows no socket,
no clock of its own and no environment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ppbench import Failure, Request
from ppbench_plugins.executors.failures import failure, failure_in, failure_of
from ppbench_plugins.executors.targets import Dialect, Target, headers, resolve, split_model

__all__ = [
    "Answer", "Dialect", "Payload", "Target", "body", "failure", "failure_in", "failure_of", "headers", "read_body",
    "read_events", "resolve", "split_model", "text_of",
]  # fmt: skip

ANTHROPIC_MAX_TOKENS = 4096
"""Sent when nobody asks for another limit: this dialect refuses a request without one."""
_CONTINUES: dict[str, dict[str, bool]] = {
    "vllm": {"continue_final_message": True, "add_generation_prompt": False},
    "sglang": {"continue_final_message": True},
}
"""Servers that open a new turn after an assistant message unless told to go on with it."""
_USAGE: dict[str, dict[str, tuple[str, ...]]] = {
    "openai": {
        "in": ("prompt_tokens",), "out": ("completion_tokens",), "cached": ("prompt_tokens_details", "cached_tokens"),
        "reasoning": ("completion_tokens_details", "reasoning_tokens"),
    },
    "anthropic": {
        "in": ("input_tokens",), "out": ("output_tokens",), "cached": ("cache_read_input_tokens",),
        "beside": ("cache_read_input_tokens",), "written": ("cache_creation_input_tokens",),
        "reasoning": ("output_tokens_details", "thinking_tokens"),
    },
}  # fmt: skip
"""Where each count stands. Anthropic's input tokens leave out what was read from the cache or written to it."""
_DONE = "[DONE]"
_FINISH = {"max_tokens": "length", "end_turn": "stop", "stop_sequence": "stop"}


# What is asked


def body(
    target: Target, request: Request, *, stream: bool = True, temperature: float | None = None, max_tokens: int | None = None
) -> dict[str, Any]:
    """The JSON of a request. `max_tokens` bounds every call; a call may ask for less."""
    limit = min((n for n in (request.max_tokens, max_tokens) if n is not None), default=None)
    common = {"model": target.model} | ({} if temperature is None else {"temperature": temperature})
    common |= {"stream": True} if stream else {}
    return common | (_anthropic_body if target.dialect == "anthropic" else _openai_body)(target, request, limit, stream)


def _openai_body(target: Target, request: Request, limit: int | None, stream: bool) -> dict[str, Any]:
    said = (("system", request.system), ("user", request.text), ("assistant", request.prefix))
    made: dict[str, Any] = {"messages": [{"role": role, "content": text} for role, text in said if text or role == "user"]}
    if request.prefix:
        made |= _CONTINUES.get(target.provider, {})
    if stream:
        made["stream_options"] = {"include_usage": True}
    if limit is not None:
        made["max_completion_tokens"] = limit
    if request.stop:
        made["stop"] = list(request.stop)
    if request.json_schema is not None:
        schema = dict(request.json_schema)
        form = {"name": "answer", "schema": schema, "strict": _is_closed(schema)}
        made["response_format"] = {"type": "json_schema", "json_schema": form}
    return made


def _is_closed(schema: Any) -> bool:
    """Every object in it forbids other properties and requires its own: what strict mode accepts."""
    if isinstance(schema, Mapping):
        own, required = schema.get("properties"), schema.get("required") or ()
        if isinstance(own, Mapping) and (schema.get("additionalProperties") is not False or set(own) - set(required)):
            return False
        return all(_is_closed(value) for value in schema.values())
    return all(map(_is_closed, schema)) if isinstance(schema, (list, tuple)) else True


def _anthropic_body(target: Target, request: Request, limit: int | None, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": _blocks(request.text, request.cache_until)}]
    if request.prefix and request.prefix.strip():  # trailing blanks are refused there
        messages.append({"role": "assistant", "content": request.prefix.rstrip()})
    made: dict[str, Any] = {"messages": messages, "max_tokens": ANTHROPIC_MAX_TOKENS if limit is None else limit}
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


# What is answered


@dataclass(frozen=True)
class Answer:
    """What a reply says, without its times. What came before a failure is kept."""

    text: str = ""
    pieces: tuple[int, ...] = ()
    """Places of the events that brought visible text: no role, no ping, no reasoning, nothing empty."""
    tokens_in: int | None = None
    """With cached ones, in both dialects."""
    tokens_out: int | None = None
    """With reasoning, in both dialects."""
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    finish: str | None = None
    failure: Failure | None = None


Payload = bytes | str | Mapping[str, Any]


def text_of(target: Target, event: Payload) -> str:
    """The visible text that one event of a stream brings."""
    try:
        return _text(target, _load(event))
    except ValueError:
        return ""


def read_events(target: Target, events: Iterable[Payload], *, key: str = "", cut: Failure | None = None) -> Answer:
    """Read a stream. It is whole once it has said how it finished; until then `cut` tells what ended it."""
    texts: list[str] = []
    pieces: list[int] = []
    counts: dict[str, int] = {}
    finish, over, seen, error = None, False, 0, None
    for place, event in enumerate(events):
        seen = place + 1
        try:
            payload = _load(event)
        except ValueError:
            error = failure("bad_reply", f"event {seen} of the stream is not JSON", target=target, key=key, status=200)
            break
        if _is_error(payload):
            error = failure_in(payload, target=target, key=key)
            break
        if text := _text(target, payload):
            texts.append(text)
            pieces.append(place)
        counts |= _counts(target, payload)
        finish = _finish(payload) or finish
        over = over or finish is not None or payload.get("type") in ("message_stop", _DONE)
    if error is None and (not over or (cut and cut.kind == "cancelled")):
        said = f"the stream ended after {seen} events, before it had said so"
        error = cut or failure("dropped", said, target=target, key=key, status=200)
    return Answer(_whole("".join(texts)), tuple(pieces), **_tokens(counts), finish=finish, failure=error)


def read_body(target: Target, status: int, headers: Mapping[str, str], body: bytes, *, key: str = "") -> Answer:
    """Read a reply that came in one piece, good or bad. Names of headers in lower case."""
    try:
        payload = _load(body)
    except ValueError:
        payload = {}
    good = 200 <= status < 300
    if good and _is_error(payload):
        return Answer(failure=failure_in(payload, target=target, key=key, status=status))
    if not good or not isinstance(payload.get("content" if target.dialect == "anthropic" else "choices"), list):
        return Answer(failure=failure_of(status, headers, body, target=target, key=key))
    text = _text(target, payload)
    return Answer(_whole(text), (0,) if text else (), **_tokens(_counts(target, payload)), finish=_finish(payload))


def _load(event: Payload) -> Mapping[str, Any]:
    """The JSON object of an event. Raises ValueError."""
    if isinstance(event, Mapping):
        return event
    if event.strip() in (_DONE.encode(), _DONE):
        return {"type": _DONE}
    try:
        payload = json.loads(event)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(payload, dict):
        raise ValueError("not an object")
    return payload


def _dig(value: Any, *path: str | int) -> Any:
    """What lies at a path in JSON, or None."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _text(target: Target, payload: Mapping[str, Any]) -> str:
    if target.dialect == "anthropic":
        shown = _dig(payload, "delta", "text") if payload.get("type") == "content_block_delta" else payload.get("content")
    else:
        said = _dig(payload, "choices", 0, "delta") or _dig(payload, "choices", 0, "message")
        shown = _dig(said, "content") or _dig(said, "refusal")
    if isinstance(shown, list):  # blocks: text among thinking and tools
        shown = "".join(str(_dig(block, "text") or "") for block in shown if _dig(block, "type") == "text")
    return shown if isinstance(shown, str) else ""


def _whole(text: str) -> str:
    """Put together characters outside the first plane whose halves came in two events."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _finish(payload: Mapping[str, Any]) -> str | None:
    said = _dig(payload, "choices", 0, "finish_reason") or _dig(payload, "delta", "stop_reason") or payload.get("stop_reason")
    return _FINISH.get(said, said) if isinstance(said, str) else None


def _is_error(payload: Mapping[str, Any]) -> bool:
    return bool(payload.get("error")) or "error" in (payload.get("type"), payload.get("object"))


def _counts(target: Target, payload: Mapping[str, Any]) -> dict[str, int]:
    """The counts that this event knows. A stream tells some of them early and all of them, in total, late."""
    usage = payload.get("usage") or _dig(payload, "message", "usage")
    found = {name: _dig(usage, *path) for name, path in _USAGE[target.dialect].items()}
    return {name: count for name, count in found.items() if isinstance(count, int)}


def _tokens(counts: Mapping[str, int]) -> dict[str, Any]:
    beside = counts.get("beside", 0) + counts.get("written", 0)
    total = {"tokens_in": counts["in"] + beside} if "in" in counts else {}
    return {f"tokens_{name}": counts.get(name) for name in ("out", "cached", "reasoning")} | total
