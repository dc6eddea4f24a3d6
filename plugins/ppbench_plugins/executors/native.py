"""`native`: requests go through the C++ engine, whose clock is the kernel's where that has one.

JSON is built before a request is handed over and read after its reply is whole. Knows no dialect: that is `wire`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ppbench import BrokenPlugin, Failure, Progress, Reply, Request, Transport
from ppbench_plugins import wire
from ppbench_plugins.executors import engine
from ppbench_plugins.executors.online import Driver, Link, Online
from ppbench_plugins.executors.transport import rate_limits, remote_id
from ppbench_plugins.wire.failures import READ, mask_header

if TYPE_CHECKING:
    from ppbench_plugins._engine import Done, Engine, Transfer
    from ppbench_plugins._engine import Progress as Told

WARM = 32
"""Connections opened before the first request, at most."""
WARM_MS = 5000
Chunk = tuple[int, int, int, bool]
"""An event that brought text: the kernel's stamp or 0, the engine's, how long it waited to be read, and whether several
segments were read at once, so that it may have come before the kernel's stamp."""
_KINDS: Mapping[str, Literal["refused", "timeout", "dropped", "cancelled", "bad_reply"]] = {
    "connect": "refused", "tls": "refused", "timeout": "timeout", "dropped": "dropped", "cancelled": "cancelled",
    "too_large": "bad_reply", "other": "bad_reply",
}  # fmt: skip


@dataclass(frozen=True)
class Native(Online):
    name: ClassVar[str] = "native"
    clock: ClassVar[Literal["native"]] = "native"
    default_model: ClassVar[str] = "mock/quick"

    stream: bool = True
    idle_timeout: float = 60.0
    """Seconds of silence within a reply that has begun, after which its attempt is over."""
    http: Literal["1.1", "2"] = "1.1"
    """2 where the endpoint takes it (https only). Its replies share connections, so the kernel's stamps say nothing
    of one of them: the engine's own are taken."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.idle_timeout < 1_000_000:
            raise ValueError(f"idle_timeout is {self.idle_timeout}; give more than 0 and less than a million")

    @property
    def details(self) -> dict[str, str]:
        """The libcurl that was loaded; for the run's record."""
        state = self._state
        return state.driver.details if state and isinstance(state.driver, _Driver) else {}

    def _library(self) -> Any:
        return engine.load()

    def _start(self, library: Any, link: Link, stack: ExitStack) -> Driver:
        engine.allow_descriptors(self.max_in_flight)
        try:
            made = library.Engine(
                libcurl=engine.libcurls(), ca_file=engine.ca_file(link.target.url), max_in_flight=self.max_in_flight,
                max_reply_bytes=self.max_reply_mb << 20, http2=self.http == "2",
            )  # fmt: skip
        except RuntimeError as error:
            raise BrokenPlugin(f"executor native finds no usable libcurl: {error}; `pip install pycurl`, or install your "
                               "system's libcurl, or set PPBENCH_LIBCURL; `-e offline` runs without it") from None  # fmt: skip
        stack.enter_context(closing(made))
        driver = _Driver(self, library, made, link)
        driver.mend()  # what fails here fails aloud in the first call
        return driver


class _Driver:
    def __init__(self, options: Native, library: Any, made: Engine, link: Link) -> None:
        self._options, self._library, self._engine, self._link = options, library, made, link
        self._headers = [f"{name}: {value}" for name, value in wire.headers(link.target, link.key).items()]
        self._timeout_ms, self._idle_ms = _ms(options.timeout), _ms(options.idle_timeout)
        self._seen: dict[str, str] = {}
        """Text so far of watched replies."""
        self.mended_ns = 0

    def mend(self) -> None:
        connections = min(self._options.max_in_flight, WARM) if self._options.http == "1.1" else 1
        self._engine.prewarm(self._link.target.url, connections, WARM_MS)
        self.mended_ns = self.now()

    @property
    def details(self) -> dict[str, str]:
        return {"libcurl": f"{self._engine.libcurl_version} ({self._engine.libcurl_path})"}

    def now(self) -> int:
        now: int = self._engine.now()
        return now

    def send(self, requests: Sequence[Request]) -> None:
        self._engine.submit([self._transfer(request) for request in requests])

    def cancel(self, request_id: str) -> None:
        self._engine.cancel(request_id)

    def wait(self, until_ns: int | None = None) -> Reply | Progress | None:
        while True:
            report: Any = self._engine.wait(until_ns)
            if report is None:
                return None
            if isinstance(report, self._library.Done):
                return self._reply(report)
            if progress := self._progress(report):
                return progress

    def _transfer(self, request: Request) -> Transfer:
        stream = self._options.stream
        body = _JSON.encode(self._options.body(self._link, request, stream=stream)).encode()
        transfer: Transfer = self._library.Transfer(
            id=request.id, url=self._link.target.url, headers=self._headers, body=body,
            timeout_ms=self._timeout_ms, idle_ms=self._idle_ms, stream=stream, watch=request.watch,
        )  # fmt: skip
        return transfer

    def _progress(self, report: Told) -> Progress | None:
        """None if what came is no visible text."""
        told = [(wire.text_of(self._link.target, event.data), event) for event in report.events]
        told = [(text, event) for text, event in told if text]
        if not told:
            return None
        last = told[-1][1]
        self._seen[report.id] = self._seen.get(report.id, "") + "".join(text for text, _ in told)
        return Progress(report.id, self._seen[report.id], last.kernel_ns or last.user_ns)

    def _reply(self, done: Done) -> Reply:
        self._seen.pop(done.id, None)
        events, kernel, user, waited, shared = done.columns()
        answer = self._read(done, events)
        chunks = [(kernel[at], user[at], waited[at], shared[at]) for at in answer.pieces] if events else []
        if not events and answer.pieces:  # in one piece: what counts is its end
            late = done.last_user_ns - done.last_kernel_ns if done.last_kernel_ns else 0
            chunks = [(done.last_kernel_ns, done.last_user_ns or done.done_ns, late, False)]
        stamps = _ordered([kernel or user for kernel, user, _, _ in chunks])
        return Reply(
            request_id=done.id, text=answer.text, queued_ns=done.queued_ns, sent_ns=done.sent_ns,
            first_ns=stamps[0] if stamps else None, chunks_ns=stamps, done_ns=done.done_ns,
            connect_ns=0 if done.reused else done.connect_ns + done.tls_ns, stamp="kernel" if _by_kernel(chunks) else "user",
            tokens_in=answer.tokens_in, tokens_out=answer.tokens_out, tokens_cached=answer.tokens_cached,
            tokens_reasoning=answer.tokens_reasoning, tokens_source=None if answer.tokens_out is None else "usage",
            finish=answer.finish, error=answer.failure, transport=_transport(done, chunks, self._hide),
        )  # fmt: skip

    def _hide(self, text: str) -> str:
        return mask_header(text, self._link.target, self._link.key)

    def _read(self, done: Done, events: Sequence[bytes]) -> wire.Answer:
        target, key, cut = self._link.target, self._link.key, self._cut(done)
        if 200 <= done.status < 300 and (events or _is_stream(done)):
            return wire.read_events(target, events, key=key, cut=cut)
        if cut and (done.status < 400 or cut.kind == "cancelled"):
            return wire.Answer(failure=cut)
        body = done.body[:READ] if cut else done.body  # of a failure that was cut its beginning is enough
        return wire.read_body(target, done.status, dict(done.headers), body, key=key)

    def _cut(self, done: Done) -> Failure | None:
        """What kept a whole reply from coming."""
        if not done.error_kind:
            return None
        kind = _KINDS.get(done.error_kind, "bad_reply")
        said = f"{done.error_kind}: {done.error}" if done.error_kind in ("tls", "other") else done.error
        said = said.replace("max_reply_bytes", f"max_reply_mb={self._options.max_reply_mb}")
        return wire.failure(kind, said, target=self._link.target, key=self._link.key, status=done.status or None)


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _transport(done: Done, chunks: Sequence[Chunk], hide: Callable[[str], str]) -> Transport:
    lags = tuple([waited if kernel else 0 for kernel, _, waited, _ in chunks])
    headers = done.headers
    return Transport(
        headers_ns=done.headers_ns, first_byte_ns=done.first_byte_ns, tls_ns=done.tls_ns, bytes=done.bytes, reused=done.reused,
        http_version=done.http_version, remote_id=remote_id(headers, hide), rate_limits=rate_limits(headers, hide),
        lags_ns=lags if any(lags) else (), shared=sum(shared for _, _, _, shared in chunks), clock_stepped=done.clock_stepped,
    )  # fmt: skip


def _is_stream(done: Done) -> bool:
    return any(name == "content-type" and value.lower().startswith("text/event-stream") for name, value in done.headers)


def _ordered(stamps: Sequence[int]) -> tuple[int, ...]:
    """A chunk came no later than the next one: a late stamp of the engine gives way to the kernel's on what follows."""
    return tuple(accumulate(reversed(stamps), min))[::-1]


def _by_kernel(chunks: Sequence[Chunk]) -> bool:
    """Every chunk has the kernel's stamp, and that of the first token is surely its own."""
    return bool(chunks) and not chunks[0][3] and all(kernel for kernel, _, _, _ in chunks)


def _plain(value: Any) -> Any:
    """JSON of what a plugin put into a schema: any mapping, any sequence, else its text."""
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, (set, frozenset, Sequence)) else str(value)


_JSON = json.JSONEncoder(default=_plain)
