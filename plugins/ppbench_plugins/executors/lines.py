"""Clients of an SDK with one connection each, lent to one request at a time, so that one can be cut off alone.

The line used last is lent first: it is the warmest. Knows HTTP and what its library raises, but no SDK. Imported
when an executor is entered, not before.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2

from ppbench_plugins.executors.threads import Flight

WARM = 32
WARM_S = 5.0
CONNECT_S = 10.0
"""A connection that takes longer is none; until it is there nothing can be cancelled."""


EVENT_BYTES = 176
"""What one event counts for against the limit besides its bytes, as in the engine."""


class TooLarge(Exception):
    def __init__(self, limit_mb: int) -> None:
        super().__init__(f"the reply is larger than max_reply_mb={limit_mb}")


class _ReadOut(httpx2.SyncByteStream):
    """A reply that may not be larger than a limit, and that is read to its end when it is closed after `[DONE]`: a
    connection with a rest in it is not kept, and one of the SDKs leaves that rest, so that each of its streams would
    open a connection of its own."""

    def __init__(self, stream: httpx2.SyncByteStream, limit_mb: int) -> None:
        self._stream = stream
        self._limit_mb, self._left = limit_mb, limit_mb << 20
        self._rest = iter(stream)
        self._tail = b""

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._rest:
            self._left -= len(piece)
            if self._left < 0:
                raise TooLarge(self._limit_mb)
            self._tail = (self._tail + piece)[-64:]
            yield piece

    def close(self) -> None:
        if b"[DONE]" in self._tail:
            with suppress(Exception):
                for _ in self._rest:
                    pass
        self._stream.close()


class Line:
    """A client, its connection, and the request that it serves."""

    def __init__(
        self, make: Callable[[Any], Any], *, timeout_s: float, trust: ssl.SSLContext, loopback: bool, private: Set[str],
        limit_mb: int,
    ) -> None:  # fmt: skip
        self._flight: Flight | None = None
        self._make, self._timeout_s, self._trust, self._loopback = make, timeout_s, trust, loopback
        self._private, self._limit_mb = private, limit_mb
        self._began_ns = 0
        self._open()

    def renew(self) -> None:
        """Begin with a fresh client: a tunnel that was refused stays in the old one's pool and blocks it."""
        self.http.close()
        self._open()

    def _open(self) -> None:
        self._socket: Any = None
        self.http = httpx2.Client(
            timeout=httpx2.Timeout(self._timeout_s, connect=min(CONNECT_S, self._timeout_s)), verify=self._trust,
            follow_redirects=False, trust_env=not self._loopback,
            limits=httpx2.Limits(max_connections=1, keepalive_expiry=None),
            event_hooks={"request": [self._begin], "response": [self._answered]},
        )  # fmt: skip
        self.client = self._make(self.http)

    def serve(self, flight: Flight) -> None:
        self._flight = flight
        flight.runs_on(self._socket)

    def _begin(self, request: httpx2.Request) -> None:
        request.extensions["trace"] = self._trace
        for name in self._private:
            request.headers.pop(name, None)

    def _answered(self, response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _ReadOut(response.stream, self._limit_mb)

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Learn of a new connection: how long it took, and its socket."""
        step = event.partition(".")[2]
        if step in ("connect_tcp.started", "start_tls.started"):
            self._began_ns = time.monotonic_ns()
        elif step in ("connect_tcp.complete", "start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._flight is not None:
                self._flight.connect_ns += time.monotonic_ns() - self._began_ns
                self._flight.runs_on(self._socket)


def _private_headers() -> frozenset[str]:
    """Headers that an SDK takes from the environment for its own provider, and that nobody else gets to see."""
    custom = [os.environ.get(f"{name}_CUSTOM_HEADERS", "") for name in ("OPENAI", "ANTHROPIC")]
    named = {line.partition(":")[0].strip().lower() for text in custom for line in text.splitlines()}
    return frozenset(named - {""} | {"openai-organization", "openai-project"})


class Lines:
    """All lines of one executor. `make` builds the SDK's client around an HTTP client."""

    def __init__(self, make: Callable[[Any], Any], url: str, *, timeout_s: float, home: bool, limit_mb: int) -> None:
        self._make, self._url, self._timeout_s, self._limit_mb = make, url, timeout_s, limit_mb
        self._private = frozenset[str]() if home else _private_headers()
        self._loopback = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        secure = url.startswith("https:")  # reading the certificates takes a while; without them nothing is trusted
        self._trust = httpx2.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._all: list[Line] = []
        self._free: list[Line] = []

    @contextmanager
    def borrow(self, flight: Flight) -> Iterator[Line]:
        try:
            line = self._free.pop()
        except IndexError:
            line = self._open()
        line.serve(flight)
        try:
            yield line
        except Exception as error:
            if kind_of(error) == "refused":
                line.renew()
            raise
        finally:
            flight.end()
            self._free.append(line)

    def _open(self) -> Line:
        line = Line(self._make, timeout_s=self._timeout_s, trust=self._trust, loopback=self._loopback, private=self._private,
                    limit_mb=self._limit_mb)  # fmt: skip
        self._all.append(line)
        return line

    def warm(self, count: int) -> None:
        """Open connections before anything is timed. What fails here fails aloud in the first call."""
        self._free.extend(self._open() for _ in range(min(count, WARM)))
        self.mend()

    def mend(self) -> None:
        """Use each free line once, so that what the endpoint closed meanwhile is open again. Nothing else may be under way."""

        def use(line: Line) -> None:
            try:
                line.http.options(self._url, timeout=WARM_S)
            except Exception:
                line.renew()

        with ThreadPoolExecutor(WARM) as pool:
            list(pool.map(use, self._free))

    def close(self) -> None:
        for line in self._all:
            line.http.close()


def kind_of(error: BaseException) -> Literal["refused", "timeout", "dropped", "bad_reply"]:
    """What went wrong below HTTP, or with what came, told by an exception and those that it came from."""
    if isinstance(error, httpx2.TimeoutException):
        return "timeout"
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
        return "refused"
    if isinstance(error, httpx2.TransportError):
        return "dropped"
    return kind_of(error.__cause__) if error.__cause__ else "bad_reply"
