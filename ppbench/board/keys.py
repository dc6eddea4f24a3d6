"""Strings that look like keys. Says where one is and what kind, never what it holds.

Pure: the values of this machine's own keys are handed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_KINDS = (
    ("an Anthropic key", re.compile(r"(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{8,}")),
    ("a key that begins with sk-", re.compile(r"(?<![A-Za-z0-9])sk-(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{16,}")),
    ("a Google key", re.compile(r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{20,}")),
    ("a Hugging Face token", re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,}")),
    ("a Groq key", re.compile(r"(?<![A-Za-z0-9])gsk_[A-Za-z0-9]{20,}")),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,}")),
    ("an AWS key id", re.compile(r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])")),
    ("a bearer token", re.compile(r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{16,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a name and password in an address", re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@\"\\]+:[^/\s@\"\\]+@")),
)
_TOKEN = re.compile(r"[0-9a-fA-F]{32,}|[A-Za-z0-9+/_-]{40,}={0,2}")
"""In a header, where nothing so long is needed."""
SHORTEST = 8
"""Characters of an own key that is looked for; a shorter one would be found everywhere."""


def key_like(text: str, own: Sequence[str] = ()) -> str:
    """What kind of key a text seems to hold, or an empty string. `own`: values that must not be in it."""
    if any(len(value) >= SHORTEST and value in text for value in own):
        return "the value of one of this machine's *_API_KEY variables"
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), "")


def in_headers(trace: Any) -> str:
    """The name of a header of a trial's record whose value is a long token, or an empty string."""
    return next((name for name, value in _headers(trace) if _TOKEN.search(value)), "")


def _headers(trace: Any) -> Iterator[tuple[str, str]]:
    for span in trace["spans"] if trace else ():
        for reply in (span["reply"], *span["failed"]):
            transport = reply.get("transport") or {}
            yield "request id", str(transport.get("remote_id") or "")
            yield from ((str(name), str(value)) for name, value in (transport.get("rate_limits") or {}).items())
