"""What goes over the wire in batches: rows with names, cut to what a provider takes, and results read back. Pure.

A row is named by a digest of its body, so what was sent before can be told by what is asked now. Knows no socket and no SDK.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppbench import FailureKind
from ppbench_plugins.wire.failures import failure, failure_in
from ppbench_plugins.wire.reading import Answer, read_body
from ppbench_plugins.wire.shapes import dig
from ppbench_plugins.wire.targets import Dialect, Target

PATHS: Mapping[Dialect, str] = {"chat": "/v1/chat/completions", "responses": "/v1/responses"}
"""What OpenAI calls its endpoints in a batch, whatever the base URL is."""
ROW_BYTES = 160
"""What a row takes besides its body, at most: name, method, path."""
_UNANSWERED: Mapping[str, tuple[FailureKind, str]] = {
    "expired": ("timeout", "the batch expired before this was answered"),
    "canceled": ("cancelled", "the batch was cancelled before this was answered"),
    "batch_expired": ("timeout", "the batch expired before this was answered"),
    "batch_cancelled": ("cancelled", "the batch was cancelled before this was answered"),
    "request_timeout": ("timeout", "the model took too long within the batch"),
}
"""By Anthropic's types of results and OpenAI's codes of errors."""


@dataclass(frozen=True)
class Row:
    """The body of one request."""

    digest: str
    body: Mapping[str, Any]
    size: int
    """Bytes, as sent."""


def row(body: Mapping[str, Any]) -> Row:
    """Of two equal bodies the digests are equal, however their fields are ordered."""
    text = json.dumps(body, sort_keys=True, default=_plain)
    return Row(hashlib.sha256(text.encode()).hexdigest()[:40], json.loads(text), len(text) + ROW_BYTES)


def _plain(value: Any) -> Any:
    """JSON of what a plugin put into a schema."""
    return dict(value) if isinstance(value, Mapping) else list(value)


def named(rows: Iterable[Row]) -> list[str]:
    """A name for each row of a batch, no two alike: at most 64 letters, digits and hyphens, as both providers want them."""
    seen: Counter[str] = Counter()
    names = []
    for each in rows:
        names.append(f"{each.digest}-{seen[each.digest]}")
        seen[each.digest] += 1
    return names


def digest_of(name: str) -> str:
    """What a row's name tells of its body."""
    return name.partition("-")[0]


def cut(rows: Sequence[Row], most: int, most_bytes: int) -> Iterator[range]:
    """Places of rows that go into one batch, in order, with at most so many rows and bytes in each. A row that is too large
    by itself makes a batch of its own: the provider says so better."""
    start = size = 0
    for place, each in enumerate(rows):
        if place > start and (place - start == most or size + each.size > most_bytes):
            yield range(start, place)
            start, size = place, 0
        size += each.size
    if start < len(rows):
        yield range(start, len(rows))


def lines(target: Target, names: Sequence[str], rows: Sequence[Row]) -> bytes:
    """OpenAI's input file."""
    head = {"method": "POST", "url": PATHS[target.dialect]}
    made = ({"custom_id": name, **head, "body": each.body} for name, each in zip(names, rows, strict=True))
    return b"".join(json.dumps(line).encode() + b"\n" for line in made)


def read_result(target: Target, line: Any, *, key: str = "") -> tuple[str, Answer]:
    """The name of a row and what became of it, from a line of either provider's results. What makes no sense is a failure."""
    name = dig(line, "custom_id")
    read = _read_message if target.dialect == "messages" else _read_response
    return name if isinstance(name, str) else "", read(target, line, key)


def _read_response(target: Target, line: Any, key: str) -> Answer:
    status, body = dig(line, "response", "status_code"), dig(line, "response", "body")
    if isinstance(status, int) and body is not None:
        return read_body(target, status, {}, json.dumps(body).encode(), key=key)
    return _unanswered(target, dig(line, "error", "code"), dig(line, "error", "message"), key)


def _read_message(target: Target, line: Any, key: str) -> Answer:
    kind, error = dig(line, "result", "type"), dig(line, "result", "error")
    if kind == "succeeded":
        return read_body(target, 200, {}, json.dumps(dig(line, "result", "message")).encode(), key=key)
    if kind == "errored" and isinstance(error, Mapping):
        return Answer(failure=failure_in(error, target=target, key=key, status=None))
    return _unanswered(target, kind, None, key)


def _unanswered(target: Target, code: Any, said: Any, key: str) -> Answer:
    if isinstance(code, str) and code in _UNANSWERED:
        kind, words = _UNANSWERED[code]
        return Answer(failure=failure(kind, words, target=target, key=key))
    if isinstance(said, str):  # a code that nobody knows yet
        return Answer(failure=failure_in({"error": {"code": code, "message": said}}, target=target, key=key, status=None))
    return Answer(failure=failure("bad_reply", "a line of the batch's results is no result", target=target, key=key))
