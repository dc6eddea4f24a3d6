"""What of a reply's headers is kept in the record: what the endpoint calls the request, and what may still be asked.

Knows names of headers, no socket and no dialect's JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

_IDS = ("x-request-id", "request-id")
_LIMITS = ("x-ratelimit-", "anthropic-ratelimit-", "ratelimit-", "ratelimit", "retry-after")
_MOST, _LONGEST = 32, 200


def remote_id(headers: Iterable[tuple[str, str]], hide: Callable[[str], str]) -> str:
    """What the endpoint calls this request; empty if it gives it no name. Names of headers in lower case.

    `hide` takes a key out of a text: an endpoint may echo one.
    """
    for name, value in headers:
        if name in _IDS:
            return hide(value)[:_LONGEST]
    return ""


def rate_limits(headers: Iterable[tuple[str, str]], hide: Callable[[str], str]) -> dict[str, str]:
    """The headers that tell of limits: a bounded number, each of bounded length."""
    found = [(name, value) for name, value in headers if name.startswith(_LIMITS)]
    return {name: hide(value)[:_LONGEST] for name, value in found[:_MOST]}
