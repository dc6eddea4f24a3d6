"""Trials as flat rows for other tools: one row a trial, facts of the run and means of verdicts beside. Pure.

The columns and their types are fixed, but for one a criterion that judges spoke of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Any

from ppbench.pages.telling import Trials
from ppbench.trace import Trial

COLUMNS: dict[str, str] = {
    "item": "VARCHAR", "family": "VARCHAR", "category": "VARCHAR", "language": "VARCHAR", "n": "BIGINT",
    "splittable": "BOOLEAN", "repeat": "BIGINT", "try": "BIGINT", "counts": "BOOLEAN", "decomposer": "VARCHAR",
    "given": "BOOLEAN", "status": "VARCHAR", "reason": "VARCHAR", "failure": "VARCHAR", "clean": "BOOLEAN",
    "latency_s": "DOUBLE", "ttft_s": "DOUBLE", "decompose_s": "DOUBLE", "merge_s": "DOUBLE", "queue_s": "DOUBLE",
    "serial_latency_s": "DOUBLE", "calls": "BIGINT", "attempts": "BIGINT", "tokens_in": "BIGINT",
    "tokens_cached": "BIGINT", "tokens_out": "BIGINT", "tokens_out_plan": "BIGINT", "tokens_out_solve": "BIGINT",
    "tokens_out_merge": "BIGINT", "answer": "VARCHAR",
}  # fmt: skip
"""Name -> SQL type. `counts`: no later try took its place. Tokens are of all attempts, as far as they are known."""
Key = tuple[str, int, str, int]


def columns(verdicts: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], dict[Key, dict[str, float]]]:
    """All columns, and by trial the mean value of each criterion over its judges; controls are left out."""
    values: dict[Key, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in verdicts:
        if record.get("value") is not None and not record.get("control"):
            key = (record["item"], record["repeat"], record["decomposer"], record["try"])
            values[key][f"verdict_{record['criterion']}"].append(record["value"])
    names = dict.fromkeys(name for found in values.values() for name in found)
    means = {key: {name: fmean(some) for name, some in found.items()} for key, found in values.items()}
    return {**COLUMNS, **dict.fromkeys(sorted(names), "DOUBLE")}, means


def rows(run: Mapping[str, Any], trials: Trials, verdicts: Mapping[Key, Mapping[str, float]]) -> Iterator[dict[str, Any]]:
    """One a trial, in the order in which they were stored."""
    items = {item["id"]: item for item in run["items"]}
    given = {method["spec"]: method["given"] for method in run["methods"]}
    again, serial = set(), {}
    for trial in trials():
        if trial.try_:
            again.add((trial.item, trial.repeat))
        if trial.decomposer == "serial" and trial.failure is None and trial.trace:
            serial[trial.item, trial.repeat, trial.try_] = trial.trace.latency_ns / 1e9
    for trial in trials():
        item = items.get(trial.item, {})
        yield {
            **{name: item.get(name) for name in ("family", "category", "language", "n", "splittable")},
            "item": trial.item, "repeat": trial.repeat, "try": trial.try_, "decomposer": trial.decomposer,
            "counts": trial.try_ > 0 or (trial.item, trial.repeat) not in again, "given": given.get(trial.decomposer),
            "failure": trial.failure, "serial_latency_s": serial.get((trial.item, trial.repeat, trial.try_)),
            **_of_trace(trial), **verdicts.get(trial.key, {}),
        }  # fmt: skip


def _of_trace(trial: Trial) -> dict[str, Any]:
    trace = trial.trace
    if trace is None:
        return {}
    replies = [reply for span in trace.spans for reply in (span.reply, *span.failed)]
    return {
        "status": trace.status, "reason": trace.reason, "clean": trace.clean, "latency_s": trace.latency_ns / 1e9,
        "ttft_s": None if trace.ttft_ns is None else trace.ttft_ns / 1e9, "decompose_s": trace.decompose_ns / 1e9,
        "merge_s": trace.merge_ns / 1e9, "queue_s": trace.queue_ns / 1e9, "calls": len(trace.spans), "attempts": len(replies),
        "tokens_in": sum(reply.tokens_in or 0 for reply in replies),
        "tokens_cached": sum(reply.tokens_cached or 0 for reply in replies),
        "tokens_out": sum(reply.tokens_out or 0 for reply in replies), "answer": trace.answer,
        **{f"tokens_out_{role}": trace.tokens_out(role) for role in ("plan", "solve", "merge")},
    }  # fmt: skip
