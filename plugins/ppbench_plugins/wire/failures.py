"""Failures in words: which kind an error is, what the endpoint said, and what to do next.

Never holds a key or a header, even when the endpoint echoes one. Knows no socket and no SDK.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from ppbench import Failure
from ppbench import FailureKind as Kind
from ppbench_plugins.wire.targets import Target

SHORT = 30
"""Characters of a number, a duration or a date."""
SAID = 200
"""Characters of an endpoint's own words that a message quotes."""
READ = 1 << 16
"""Bytes of a failed reply that its words are looked for in."""

_OF_STATUS: dict[int, Kind] = {429: "rate_limit", 408: "timeout", 401: "auth", 403: "auth", 404: "not_found"}
_OF_TYPE: dict[str, Kind] = {
    "rate_limit_error": "rate_limit", "rate_limit_exceeded": "rate_limit", "insufficient_quota": "rate_limit",
    "timeout_error": "timeout", "authentication_error": "auth", "permission_error": "auth", "invalid_api_key": "auth",
    "not_found_error": "not_found", "invalid_request_error": "bad_request", "invalid_prompt": "bad_request",
    "context_length_exceeded": "bad_request", "bio_policy": "bad_request",
    "misalignment_policy_violation": "bad_request", "data_residency_mismatch": "bad_request",
}  # fmt: skip
_NEXT: dict[Kind, str] = {
    "rate_limit": "lower -j or --max-in-flight, or wait for the limit to be lifted",
    "server": "the endpoint is in trouble; try again later",
    "timeout": "raise the executor's timeout, e.g. -e NAME:timeout=300, or ask for shorter replies",
    "dropped": "see the endpoint's log, and whether a proxy between cuts long streams",
    "refused": "check that the endpoint runs and that --base-url names its host and port, and https where it speaks that",
    "auth": "set {key_env}",
    "not_found": "check --base-url (an OpenAI-compatible base usually ends in /v1) and the model name, sent as {model!r}",
    "bad_request": "the endpoint refuses something that the request asks for; leave out the option that asks for it",
    "bad_reply": "check --base-url; an OpenAI-compatible base usually ends in /v1",
}
_CLOSER: tuple[tuple[Kind, str, str], ...] = (
    ("refused", "certificate", "if the endpoint is to be trusted, set SSL_CERT_FILE to a file with its certificate"),
    ("timeout", "nothing came for", "see the endpoint's log, or raise idle_timeout, e.g. -e native:idle_timeout=300"),
    ("timeout", "the batch expired", "ask again; a batch that expires is not answered within a day"),
    ("bad_reply", "of the batch's results", "the endpoint's batches are not those of its provider; take another executor"),
    ("bad_reply", "a batch may have been made", "look for it in the provider's console before asking again: it may be billed"),
    ("bad_reply", "are larger than 256 KB", "this is no reply of a model; check --base-url"),
    ("bad_reply", "is larger than max_reply_", "see the endpoint's log, or allow more, e.g. -e NAME:max_reply_mb=256"),
)
"""Next steps that fit better than the kind's own, where these words tell."""
_REFUSED = "the key in {key_env} was refused; check that it is whole, still valid, and may use this model"
_HEADER = re.compile(
    r"""((?:proxy-)?authorization | x-api-key | api-key | (?:set-)?cookie)
        ((?:\\*["'])?\s*[:=]\s*(?:\\*["'])?) (?:(?:bearer|basic)\s+)? [^\s"',;}\\]+""",
    re.IGNORECASE | re.VERBOSE,
)


def failure(
    kind: Kind, said: str, *, target: Target, key: str = "", status: int | None = None,
    retry_after_s: float | None = None,
) -> Failure:  # fmt: skip
    """What came, in one masked line, and what to do next."""
    closer = (step for of, words, step in _CLOSER if of == kind and words in said)
    next_step = _REFUSED if kind == "auth" and key else next(closer, _NEXT.get(kind, ""))
    step = next_step.format(key_env=target.key_env or "no key: none is sent here", model=target.model)
    return Failure(kind, "; ".join(filter(None, (_line(said, target, key), step))), status, retry_after_s)


def failure_of(status: int, headers: Mapping[str, str], body: bytes, *, target: Target, key: str = "") -> Failure:
    """The failure that a whole reply is. Names of headers in lower case."""
    said, kind = f"HTTP {status}", _kind_of(status)
    if status < 300:
        said += f" with {_what(body)}: {words(body)}"
    elif status < 400:
        said += " leads elsewhere; give the address it leads to as --base-url"
    else:
        said += f": {words(body) or _phrase(status)}"
    return failure(kind, said, target=target, key=key, status=status, retry_after_s=retry_after(headers))


def failure_in(payload: Mapping[str, Any], *, target: Target, key: str = "", status: int | None = 200) -> Failure:
    """The failure that an error inside a stream, or inside a reply with status 200, is."""
    error = payload.get("error")
    inner = error if isinstance(error, Mapping) else payload
    names = [inner.get(name) for name in ("type", "code", "status")]
    kinds = [_OF_TYPE.get(name) if isinstance(name, str) else None for name in names]
    kinds += [_kind_of(int(name)) for name in map(str, names) if len(name) == 3 and name.isdecimal() and int(name) >= 400]
    kind: Kind = next(filter(None, kinds), "server")
    said = "the endpoint broke off: " + words(json.dumps(payload).encode())
    return failure(kind, said, target=target, key=key, status=status)


def _kind_of(status: int) -> Kind:
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    if status < 400:
        return "bad_reply" if status < 300 else "not_found"
    return "server" if status >= 500 else "bad_request"


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in {s.value for s in HTTPStatus} else "no word on why"


def _what(body: bytes) -> str:
    if not body.strip():
        return "nothing"
    if re.match(rb"\s*(<!doctype|<html|<\?xml)", body, re.IGNORECASE):
        return "an HTML page"
    return "JSON that is no reply of a model" if body.lstrip()[:1] in (b"{", b"[") else "text that is not JSON"


def words(body: bytes) -> str:
    """The endpoint's own words: the message inside its JSON, the title of its page, or the text as it is."""
    text = body[:READ].decode("utf-8", "replace")
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        return title[1] if title else re.sub(r"<[^>]*>", " ", text)
    inner = payload.get("error") if isinstance(payload, dict) else None
    for holder in (inner, payload):
        for name in ("message", "detail", "error"):
            if isinstance(holder, dict) and isinstance(holder.get(name), str):
                return str(holder[name])
    return inner if isinstance(inner, str) else json.dumps(inner or payload)


def _line(text: str, target: Target, key: str) -> str:
    """One line, masked before it is cut: half a key is a key too."""
    line = " ".join(mask(text, target, key).split())
    return line if len(line) <= SAID else line[: SAID - 1] + "…"


def mask(text: str, target: Target, key: str = "") -> str:
    """The text without the key, without what the address hides, and without headers that carry either."""
    hidden = {key} | {value for _, value in parse_qsl(urlsplit(target.url).query) if len(value) >= 8}
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}:
            whole = "" if len(secret) >= 8 else r"\b"  # a short one, such as `none`, stands in innocent words too
            text = re.sub(rf"{whole}{re.escape(form)}{whole}", "***", text)
    text = re.sub(r"\bsk-[\w*.-]+", "***", text)
    return _HEADER.sub(r"\1\2***", text)


def mask_header(text: str, target: Target, key: str = "") -> str:
    """The same for the value of a header, which is read within a trial's time: a short one is searched for the key alone."""
    innocent = len(text) <= SHORT and not (key and key in text) and "sk-" not in text
    return text if innocent else mask(text, target, key)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After`; a date counts from the reply's own `Date`."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return max(0.0, seconds) if isfinite(seconds) else None
    due, now = _date(headers.get("retry-after")), _date(headers.get("date")) or datetime.now(UTC)
    return max(0.0, (due - now).total_seconds()) if due else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
