"""What of a run's records may leave the machine. Texts of bundled prompts stay; of anybody's own only hashes are left.

Headers never travel: no figure needs them. Pure: records in, records out; stripping twice is stripping once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ppbench.specs import split_spec

_UNSAFE = re.compile(r"[,\s\"'\\]|^$")
_VERDICT = ("item", "repeat", "decomposer", "try", "judge", "version", "prompt", "round", "control", "compares", "criterion",
            "value", "silent", "usage")  # fmt: skip
"""Fields of a verdict that hold no text of a prompt."""


def without_headers(trial: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's record with what endpoints said in headers left out."""
    return _mapped(trial, lambda span: {
        **span, "reply": _headless(span["reply"]), "failed": [_headless(reply) for reply in span["failed"]]})  # fmt: skip


def _headless(reply: Mapping[str, Any]) -> dict[str, Any]:
    transport = reply.get("transport")
    return {**reply, "transport": transport and {**transport, "remote_id": "", "rate_limits": {}}}


def _mapped(trial: Mapping[str, Any], change: Any) -> dict[str, Any]:
    trace = trial["trace"]
    return {**trial, "trace": trace and {**trace, "spans": [change(span) for span in trace["spans"]]}}


def run_without_paths(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run's record without the paths of this machine."""
    name, options = split_spec(run["executor"])
    kept = ",".join(f"{key}={_quoted(value)}" for key, value in options.items() if key != "prompts")
    asked = {**run["options"], "prompts": "own prompts" if run["options"].get("prompts") else None}
    asked["executor"] = asked["executor"] if "prompts" not in split_spec(asked["executor"])[1] else name
    executor = run["executor"] if "prompts" not in options else name + (f":{kept}" if kept else "")
    return {**run, "options": asked, "executor": executor}


def _quoted(value: str) -> str:
    return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'" if _UNSAFE.search(value) else value


def anonymous(run: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A run's record with hashes for the names of its prompts and families, and the new name of each prompt."""
    names = {item["id"]: f"prompt-{item['digest']}" for item in run["items"]}
    families = {item["family"]: f"family-{_hash(item['family'])}" for item in run["items"]}
    items = [{**item, "id": names[item["id"]], "family": families[item["family"]]} for item in run["items"]]
    return {**run, "items": items}, names


def _hash(text: str) -> str:
    if re.fullmatch(r"family-[0-9a-f]{16}", text):
        return text.removeprefix("family-")
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def textless(trial: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A trial's record with its clock and its counts, and no text."""
    trace = trial["trace"]
    bare = trace and {**trace, "answer": "", "parts": [], "reason": "",
                      "spans": [_bare(k, span) for k, span in enumerate(trace["spans"])]}  # fmt: skip
    failure = trial["failure"] and "failed"
    return {**trial, "item": names.get(trial["item"], trial["item"]), "trace": bare, "failure": failure}


def _bare(number: int, span: Mapping[str, Any]) -> dict[str, Any]:
    request = {**span["request"], "id": str(number), "text": "", "system": None, "prefix": None, "json_schema": None,
               "stop": []}  # fmt: skip
    return {**span, "request": request, "reply": _silent(number, span["reply"]),
            "failed": [_silent(number, reply) for reply in span["failed"]]}  # fmt: skip


def _silent(number: int, reply: Mapping[str, Any]) -> dict[str, Any]:
    error = reply["error"] and {**reply["error"], "message": ""}
    return {**reply, "request_id": str(number), "text": "", "error": error}


def textless_verdict(record: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A verdict without its reason, which may quote."""
    kept = {name: record[name] for name in _VERDICT if name in record}
    said = {"failure": "failed"} if "failure" in record else {"reason": ""} if "value" in record else {}
    return {**kept, **said, "item": names.get(record["item"], record["item"])}
