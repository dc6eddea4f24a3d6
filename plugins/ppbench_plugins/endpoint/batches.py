"""The mock endpoint's batch APIs, OpenAI's (files and batches) and Anthropic's (message batches): what is kept, and routes.

A batch moves on when it is asked about, never by time, so that nobody waits for a clock. Results come last row first: a
client that takes them in order is wrong. How a row is answered is given; the JSON of either maker is `dialects.batches`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ppbench import UsageError
from ppbench_plugins.endpoint.dialects import Dialect, failure
from ppbench_plugins.endpoint.dialects import batches as shapes
from ppbench_plugins.endpoint.dialects.asked import load
from ppbench_plugins.endpoint.dialects.batches import Batch, Outcome

Answer = Callable[[Dialect, bytes], tuple[int, dict[str, Any]]]
"""Answers one request: its status and its body."""
Said = tuple[int, str, bytes]
"""Status, content type, body."""
ENDPOINTS: Mapping[str, Dialect] = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}
ROUTES = ("POST /v1/files", "GET /v1/files/ID/content", "POST and GET /v1/batches", "POST and GET /v1/messages/batches")
_PATH = re.compile(r".*?/(files|messages/batches|batches)(?:/([\w-]+))?(?:/(content|cancel|results))?")


@dataclass(frozen=True)
class Manner:
    """How batches go on. Rows that go wrong are the first ones that the endpoint is given, whatever batch they are in."""

    polls: int = 1
    """Times that a batch is asked about before it has ended."""
    errored: int = 0
    """Rows that end with an error of the server."""
    expired: int = 0
    """The next rows, which nobody answers in time."""

    @classmethod
    def of(cls, text: str) -> Manner:
        """From `polls=2,errored=1`. Raises UsageError."""
        pairs = [part.partition("=") for part in text.split(",") if part]
        known = [field.name for field in fields(cls)]
        for name, _, value in pairs:
            if name not in known or not value.isdecimal():
                raise UsageError(f"batches {name + '=' + value!r}: write a number for one of {', '.join(known)}, e.g. polls=2")
        return cls(**{name: int(value) for name, _, value in pairs})


class Batches:
    """Files and batches of one endpoint, in memory."""

    def __init__(self, answer: Answer, manner: Manner) -> None:
        self._answer, self._manner = answer, manner
        self._errored, self._expired = manner.errored, manner.expired
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, Batch] = {}

    def serve(self, method: str, path: str, headers: Mapping[str, str], body: bytes, root: str) -> Said | None:
        """The reply to a request, None if it is about no batch. `root` is the endpoint's address, as the client names it."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        kind, name, verb = match.groups()
        claude = kind == "messages/batches"
        try:
            if kind == "files":
                return self._file(method, name, verb, headers, body)
            return self._batch(method, name, verb, body, root, claude=claude)
        except (ValueError, KeyError) as error:
            missing = isinstance(error, KeyError)
            words = f"no such {kind}: {name}" if missing else str(error)
            code, said = (404, "not_found_error") if missing else (400, "invalid_request_error")
            return code, "application/json", failure("messages" if claude else "chat", said, words)

    def _file(self, method: str, name: str | None, verb: str | None, headers: Mapping[str, str], body: bytes) -> Said | None:
        if method == "POST" and name is None:
            name = self._keep(_uploaded(headers.get("content-type", ""), body))
        elif method != "GET" or name is None:
            return None
        if verb == "content":
            return 200, "application/octet-stream", self._files[name]
        return _json(shapes.file(name, len(self._files[name])))

    def _batch(self, method: str, name: str | None, verb: str | None, body: bytes, root: str, *, claude: bool) -> Said | None:
        show: Callable[[Batch], dict[str, Any]] = (lambda batch: shapes.message_batch(batch, root)) if claude else shapes.batch
        if name is None:
            if method == "POST":
                return _json(show(self._create_claude(load(body)) if claude else self._create(load(body))))
            mine = [show(batch) for batch in reversed(self._batches.values()) if (batch.dialect == "messages") == claude]
            return _json(shapes.listed(mine))
        batch = self._batches[name]
        if (batch.dialect == "messages") != claude:
            raise KeyError(name)
        if method == "POST" and verb == "cancel":
            batch.cancelled = batch.cancelled or not batch.over
            return _json(show(batch))
        if method == "GET" and verb == "results":
            if not batch.over:
                raise ValueError("this batch has not ended")
            return 200, "application/x-jsonl", _lines(map(shapes.message_result, reversed(batch.outcomes)))
        if method != "GET" or verb:
            return None
        self._go_on(batch)
        return _json(show(batch))

    def _create(self, asked: Mapping[str, Any]) -> Batch:
        """Of OpenAI: rows that make no sense fail the batch when it is checked, not the request that makes it."""
        dialect = ENDPOINTS.get(str(asked.get("endpoint")))
        source = str(asked.get("input_file_id"))
        if dialect is None:
            raise ValueError(f"endpoint: have {', '.join(ENDPOINTS)}")
        if asked.get("completion_window") != "24h":
            raise ValueError("completion_window: must be 24h")
        batch = self._open("batch", dialect, source=source)
        for number, line in enumerate(self._files[source].splitlines(), 1):
            try:
                row = load(line)
                if (row.get("method"), row.get("url")) != ("POST", asked["endpoint"]) or not row.get("custom_id"):
                    raise ValueError("custom_id, method POST and the url of the batch are required")
                if row["custom_id"] in batch.rows:
                    raise ValueError(f"the custom_id {row['custom_id']} was used before")
                batch.rows[str(row["custom_id"])] = row["body"]
            except (ValueError, KeyError) as error:
                batch.wrong.append({"code": "invalid_request", "line": number, "message": str(error), "param": None})
        return batch

    def _create_claude(self, asked: Mapping[str, Any]) -> Batch:
        rows = asked.get("requests")
        if not isinstance(rows, list) or not rows:
            raise ValueError("requests: a list with at least one request is required")
        names = [str(row.get("custom_id")) for row in rows]
        for name in names:
            if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) or names.count(name) > 1:
                raise ValueError(f"requests: custom_id {name!r} must be 1 to 64 letters, digits, _ or -, and unique")
        batch = self._open("msgbatch", "messages")
        batch.rows.update((name, row["params"]) for name, row in zip(names, rows, strict=True))
        return batch

    def _open(self, kind: str, dialect: Dialect, source: str = "") -> Batch:
        batch = Batch(f"{kind}_{len(self._batches) + 1}", dialect, self._manner.polls, source)
        self._batches[batch.id] = batch
        return batch

    def _go_on(self, batch: Batch) -> None:
        """It was asked about once more; whatever ends it, its outcomes are fixed then."""
        batch.left -= 1
        if batch.over or (batch.left > 0 and not (batch.cancelled or batch.wrong)):
            return
        batch.over = True
        if batch.wrong:
            return
        batch.outcomes = [self._outcome(batch, name, body) for name, body in batch.rows.items()]
        if batch.dialect != "messages":
            good = [outcome for outcome in batch.outcomes if outcome.status == 200]
            bad = [outcome for outcome in batch.outcomes if outcome.status != 200]
            batch.output = self._keep(_lines(map(shapes.result, reversed(good)))) if good else None
            batch.errors = self._keep(_lines(map(shapes.result, reversed(bad)))) if bad else None

    def _outcome(self, batch: Batch, name: str, body: Any) -> Outcome:
        if batch.cancelled:
            return Outcome(name, "canceled")
        if self._errored:
            self._errored -= 1
            return Outcome(name, "errored", 500, json.loads(failure(batch.dialect, "api_error", "this row was to go wrong")))
        if self._expired:
            self._expired -= 1
            return Outcome(name, "expired")
        status, said = self._answer(batch.dialect, json.dumps(body).encode())
        return Outcome(name, "succeeded" if status == 200 else "errored", status, said)

    def _keep(self, content: bytes) -> str:
        name = f"file-{len(self._files) + 1}"
        self._files[name] = content
        return name


def _json(value: Mapping[str, Any]) -> Said:
    return 200, "application/json", json.dumps(value, ensure_ascii=False).encode()


def _lines(rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def _uploaded(kind: str, body: bytes) -> bytes:
    """The file of a form. Raises ValueError if it has none, or if it is for another purpose."""
    found = re.search(r'boundary="?([^";]+)', kind)
    parts = body.split(b"--" + found[1].encode())[1:-1] if found else []
    said = dict(part.removeprefix(b"\r\n").partition(b"\r\n\r\n")[::2] for part in parts)
    fields = {match[1]: content.removesuffix(b"\r\n") for head, content in said.items()
              if (match := re.search(rb'name="(\w+)"', head))}  # fmt: skip
    if fields.get(b"purpose") != b"batch" or b"file" not in fields:
        raise ValueError("a form with a file, and batch as its purpose, is required")
    return fields[b"file"]
