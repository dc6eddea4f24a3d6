"""What the explorer of samples shows: prompts, answers, calls and verdicts of an entry, as one script file.

The script hands over one JSON text, in which nothing can end a script or begin markup; the page shows it as text alone.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ppbench.board.identity import OWN
from ppbench.board.rows import Loaded
from ppbench.fitness import usable
from ppbench.trace import Span, Trial

MOST = 60
"""Prompts of one entry; of more, as many as this, spread evenly."""
LONGEST = 20_000
"""Characters of one text."""


def script(entry: Loaded, number: int) -> bytes:
    """`samples/NUMBER.js`: calls the page with the samples of this entry."""
    return f"ppbenchSamples({number}, JSON.parse({quoted(quoted(samples(entry)))}));\n".encode("ascii")


def quoted(value: Any) -> str:
    """JSON that is safe within a script: ASCII, and no character with which markup begins."""
    text = json.dumps(value)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def samples(entry: Loaded) -> dict[str, Any]:
    """By prompt, then by method: the first repeat, its last try."""
    items = entry.records.run["items"]
    step = max(1.0, len(items) / MOST)
    chosen = {items[int(k * step)]["id"]: items[int(k * step)] for k in range(min(MOST, len(items)))}
    trials = {(t.item, t.decomposer): t for t in sorted(entry.records.decoded(), key=lambda t: t.try_)
              if t.repeat == 0 and t.item in chosen}  # fmt: skip
    said = _verdicts(entry)
    methods = [method["spec"] for method in entry.records.run["methods"]]
    return {
        "texts": entry.said["board"]["suite"] != OWN, "of": len(items), "methods": methods,
        "prompts": [{"id": name, "category": item["category"], "language": item["language"], "n": item.get("n"),
                     "text": _prompt(trials.get((name, "serial"))),
                     "trials": [_shown(trials.get((name, spec)), said) for spec in methods]}
                    for name, item in chosen.items()],
    }  # fmt: skip


def _verdicts(entry: Loaded) -> Mapping[tuple[Any, ...], list[dict[str, Any]]]:
    found = defaultdict(list)
    for record in usable(entry.records.verdicts):
        key = (record["item"], record["decomposer"], record["repeat"], record["try"])
        found[key].append({name: record[name] for name in ("judge", "criterion", "value", "reason")})
    return found


def _prompt(serial: Trial | None) -> str:
    spans = serial.trace.spans if serial and serial.trace else ()
    return _cut(spans[0].request.text) if spans else ""


def _shown(trial: Trial | None, said: Mapping[tuple[Any, ...], list[dict[str, Any]]]) -> dict[str, Any] | None:
    if trial is None:
        return None
    trace, verdicts = trial.trace, said.get((trial.item, trial.decomposer, trial.repeat, trial.try_), [])
    if trace is None:
        return {"failure": trial.failure, "verdicts": verdicts}
    calls = [_call(span, trace.started_ns) for span in trace.spans]
    calls.sort(key=lambda call: (call["ready"], call["id"]))
    return {"failure": trial.failure, "status": trace.status, "reason": trace.reason, "answer": _cut(trace.answer),
            "ms": _ms(trace.latency_ns), "first": None if trace.ttft_ns is None else _ms(trace.ttft_ns),
            "calls": calls, "verdicts": verdicts}  # fmt: skip


def _call(span: Span, start: int) -> dict[str, Any]:
    """A bar of the chart: milliseconds since the trial began."""
    request, reply = span.request, span.reply
    sent = reply.sent_ns or request.ready_ns or start
    return {"id": request.id.partition("@")[2].partition("/")[2] or request.id, "role": request.role,
            "ready": _ms(max(0, (request.ready_ns or sent) - start)), "sent": _ms(sent - start),
            "first": None if reply.first_ns is None else _ms(reply.first_ns - start),
            "done": _ms(max(reply.done_ns, sent) - start), "in": reply.tokens_in, "out": reply.tokens_out,
            "retries": len(span.failed), "error": reply.error.kind if reply.error else "",
            "text": _cut(request.text), "reply": _cut(reply.text)}  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [{len(text) - LONGEST} characters more]"


def _ms(value: int) -> float:
    return round(value / 1e6, 3)
