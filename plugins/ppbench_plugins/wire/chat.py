"""The dialect of OpenAI's chat completions, which most servers of other makers speak too. Pure: values to values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppbench import Request
from ppbench_plugins.wire import shapes
from ppbench_plugins.wire.shapes import DONE, dig
from ppbench_plugins.wire.targets import Target

ENDS: tuple[str, ...] = (DONE,)
_CONTINUES: dict[str, dict[str, bool]] = {
    "vllm": {"continue_final_message": True, "add_generation_prompt": False},
    "sglang": {"continue_final_message": True},
}
"""Servers that open a new turn after an assistant message unless told to go on with it."""
_USAGE = {
    "in": ("prompt_tokens",), "out": ("completion_tokens",), "cached": ("prompt_tokens_details", "cached_tokens"),
    "reasoning": ("completion_tokens_details", "reasoning_tokens"),
}  # fmt: skip


def body(target: Target, request: Request, limit: int | None, stream: bool) -> dict[str, Any]:
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
        form = {"name": "answer", "schema": schema, "strict": shapes.is_closed(schema)}
        made["response_format"] = {"type": "json_schema", "json_schema": form}
    return made


def text(payload: Mapping[str, Any]) -> str:
    choice = _choice(payload)
    said = choice.get("delta") or choice.get("message")
    if not isinstance(said, dict):
        return ""
    shown = said.get("content") or said.get("refusal")
    if isinstance(shown, list):  # blocks: text among thinking
        shown = "".join(str(dig(block, "text") or "") for block in shown if dig(block, "type") == "text")
    return shown if isinstance(shown, str) else ""


def _choice(payload: Mapping[str, Any]) -> dict[str, Any]:
    choices = payload.get("choices")
    first = choices[0] if choices and isinstance(choices, list) else None
    return first if isinstance(first, dict) else {}


def counts(payload: Mapping[str, Any]) -> dict[str, int]:
    return shapes.counts(payload.get("usage"), _USAGE)


def finish(payload: Mapping[str, Any]) -> str | None:
    return shapes.ended(_choice(payload).get("finish_reason"))


def broken(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return shapes.broken(payload)


def is_whole(payload: Mapping[str, Any]) -> bool:
    return isinstance(payload.get("choices"), list)
