"""Nobody home: what reaches for the network, or starts a process, while the guard stands is stopped and written down.

An audit hook of the interpreter sees Python's sockets in every thread, whoever imported them. It does not see sockets that a
library of C opens by itself (libcurl, gRPC, the engine): a plugin that loads one to talk past its plan gets by.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EVENTS = frozenset({
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.bind", "socket.sendto",
    "socket.sendmsg", "subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "os.forkpty", "os.exec",
})  # fmt: skip


class Reached(RuntimeError):
    """Raised in whoever reached out; what it does with it is its own business, it is written down."""


class _Guard:
    seen: list[str] | None = None
    hooked = False


def _hook(event: str, arguments: Any) -> None:
    if _Guard.seen is not None and event in _EVENTS:
        _Guard.seen.append(event)
        raise Reached(f"{event} while no network may be used")


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Stop every attempt in the body; the list fills with their names."""
    if not _Guard.hooked:
        sys.addaudithook(_hook)  # for the rest of the process: there is no way to take one away
        _Guard.hooked = True
    before, _Guard.seen = _Guard.seen, []
    try:
        yield _Guard.seen
    finally:
        _Guard.seen = before
