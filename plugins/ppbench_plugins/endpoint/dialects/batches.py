"""A batch and what became of its rows, and how OpenAI and Anthropic show them in JSON. Pure; keeps nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ppbench_plugins.wire import Dialect

_WHEN = "2026-01-01T00:00:00Z"
"""Nothing here goes by the time."""
_SAID = {"expired": ("batch_expired", "This request could not be executed before the completion window expired."),
         "canceled": ("batch_cancelled", "The batch was cancelled before this request was executed.")}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one row."""

    name: str
    kind: Literal["succeeded", "errored", "expired", "canceled"]
    status: int = 0
    body: Any = None


@dataclass
class Batch:
    id: str
    dialect: Dialect
    left: int
    """Times that it is asked about before it has ended."""
    source: str = ""
    """OpenAI's input file."""
    rows: dict[str, Any] = field(default_factory=dict)
    wrong: list[dict[str, Any]] = field(default_factory=list)
    """Lines of the input file for which the whole batch fails."""
    cancelled: bool = False
    over: bool = False
    outcomes: Sequence[Outcome] = ()
    output: str | None = None
    errors: str | None = None

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome.kind for outcome in self.outcomes)


def file(name: str, size: int) -> dict[str, Any]:
    return {"id": name, "object": "file", "bytes": size, "created_at": 0, "filename": f"{name}.jsonl", "purpose": "batch",
            "status": "processed"}  # fmt: skip


def batch(batch: Batch) -> dict[str, Any]:
    """As OpenAI shows it."""
    done = batch.counts["succeeded"]
    wrong = {"object": "list", "data": batch.wrong} if batch.over and batch.wrong else None
    return {
        "id": batch.id, "object": "batch",
        "endpoint": "/v1/responses" if batch.dialect == "responses" else "/v1/chat/completions",
        "errors": wrong, "input_file_id": batch.source, "completion_window": "24h", "status": _status(batch),
        "output_file_id": batch.output, "error_file_id": batch.errors, "created_at": 0, "metadata": None,
        "request_counts": {"total": len(batch.rows), "completed": done, "failed": len(batch.outcomes) - done},
    }  # fmt: skip


def _status(batch: Batch) -> str:
    if not batch.over:
        return "cancelling" if batch.cancelled else "in_progress"
    if batch.wrong or batch.cancelled:
        return "failed" if batch.wrong else "cancelled"
    return "expired" if batch.counts["expired"] else "completed"


def result(outcome: Outcome) -> dict[str, Any]:
    """A line of OpenAI's output file or error file."""
    code = _SAID.get(outcome.kind)
    response = {"status_code": outcome.status, "request_id": f"req-{outcome.name}", "body": outcome.body}
    return {"id": f"batch_req_{outcome.name}", "custom_id": outcome.name, "response": None if code else response,
            "error": {"code": code[0], "message": code[1]} if code else None}  # fmt: skip


def message_batch(batch: Batch, root: str) -> dict[str, Any]:
    """As Anthropic shows it."""
    counts = {name: batch.counts[name] for name in ("succeeded", "errored", "expired", "canceled")}
    running = "canceling" if batch.cancelled else "in_progress"
    return {
        "id": batch.id, "type": "message_batch", "processing_status": "ended" if batch.over else running,
        "request_counts": {"processing": 0 if batch.over else len(batch.rows), **counts}, "created_at": _WHEN,
        "expires_at": _WHEN, "ended_at": _WHEN if batch.over else None, "archived_at": None,
        "cancel_initiated_at": _WHEN if batch.cancelled else None,
        "results_url": f"{root}/v1/messages/batches/{batch.id}/results" if batch.over else None,
    }  # fmt: skip


def message_result(outcome: Outcome) -> dict[str, Any]:
    """A line of Anthropic's results."""
    more = {"succeeded": {"message": outcome.body}, "errored": {"error": outcome.body}}.get(outcome.kind, {})
    return {"custom_id": outcome.name, "result": {"type": outcome.kind, **more}}


def listed(rows: Sequence[Any]) -> dict[str, Any]:
    """A page that holds all there is, as either of them shows one."""
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {"first_id": None, "last_id": None}
    return {"object": "list", "data": rows, "has_more": False, **ends}
