"""`openai` and `anthropic`: the official SDKs on threads, by Python's clock.

They show what a user of the SDKs would see; only `native` enters a timing board. Retries are the loop's, so the
SDKs do none. Of JSON this file knows what `wire` says.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit

from ppbench import BrokenPlugin, Failure, Reply, Transport
from ppbench_plugins import wire
from ppbench_plugins.executors.online import Driver, Link, Online
from ppbench_plugins.executors.threads import Flight, Threads
from ppbench_plugins.executors.transport import rate_limits, remote_id
from ppbench_plugins.wire.failures import mask_header

if TYPE_CHECKING:
    from ppbench_plugins.executors.lines import Line, Lines

_CLIENT = {"openai": "OpenAI", "anthropic": "Anthropic"}
NO_KEY = "none"
"""Given to an SDK where no key is needed: without one it would look for a key of its own."""


@dataclass(frozen=True)
class Sdk(Online):
    clock: ClassVar[Literal["python"]] = "python"

    def _library(self) -> Any:
        try:
            return importlib.import_module(self.sdk)
        except ImportError as error:
            raise BrokenPlugin(f"executor {self.name} needs the package {self.sdk} ({error}); `pip install -U {self.sdk}`, "
                               "or take -e native") from None  # fmt: skip

    def _lines(self, library: Any, link: Link, stack: ExitStack) -> Lines:
        """The SDK's clients."""
        from ppbench_plugins.executors.lines import Lines

        url = link.target.url
        query = dict(parse_qsl(urlsplit(url).query))
        kind = getattr(library, _CLIENT[self.sdk])

        def client(http: Any) -> Any:
            return kind(api_key=link.key or NO_KEY, base_url=link.target.base_url, default_query=query, max_retries=0,
                        timeout=self.timeout, http_client=http)  # fmt: skip

        return stack.enter_context(closing(Lines(
            client, url, timeout_s=self.timeout, home=link.target.key_required, limit_mb=self.max_reply_mb,
        )))  # fmt: skip

    def _start(self, library: Any, link: Link, stack: ExitStack) -> Driver:
        lines = self._lines(library, link, stack)
        lines.warm(self.max_in_flight)
        call = _Calls(self, link, lines)
        return stack.enter_context(closing(Threads(call, lines.mend, max_in_flight=self.max_in_flight, timeout_s=self.timeout)))

    def create(self, client: Any, body: dict[str, Any]) -> Any:
        """Open the SDK's stream. What the SDK has no keyword for travels as extra body."""
        raise NotImplementedError


@dataclass(frozen=True)
class OpenAI(Sdk):
    name: ClassVar[str] = "openai"
    sdk: ClassVar[str] = "openai"

    def create(self, client: Any, body: dict[str, Any]) -> Any:
        if self.api == "responses":
            return client.responses.create(**body)
        extra = {name: body.pop(name) for name in ("continue_final_message", "add_generation_prompt") if name in body}
        return client.chat.completions.create(**body, extra_body=extra or None)


@dataclass(frozen=True)
class Anthropic(Sdk):
    name: ClassVar[str] = "anthropic"
    sdk: ClassVar[str] = "anthropic"

    def create(self, client: Any, body: dict[str, Any]) -> Any:
        extra = {name: body.pop(name) for name in ("temperature",) if name in body}
        return client.messages.create(**body, extra_body=extra or None)


class _Calls:
    """Makes one blocking call a flight, and reads it."""

    def __init__(self, options: Sdk, link: Link, lines: Lines) -> None:
        self._options, self._link, self._lines = options, link, lines

    def __call__(self, flight: Flight, progress: Callable[[str, int], None]) -> Reply:
        events: list[Mapping[str, Any]] = []
        stamps: list[int] = []
        whole: wire.Answer | None = None
        cut: Failure | None = None
        try:
            with self._lines.borrow(flight) as line:
                whole = self._stream(line, flight, events, stamps, progress)
        except Exception as error:  # whatever an SDK raises ends this attempt and no other
            cut = failure_of(error, self._link)
        if flight.stopped:
            cut = self._fail(flight.stopped, f"{flight.stopped} after {(time.monotonic_ns() - flight.sent_ns) / 1e9:.1f} s")
        done_ns = time.monotonic_ns()
        if whole is None:
            answer = wire.read_events(self._link.target, events, key=self._link.key, cut=cut)
            return _reply(flight, answer, [stamps[place] for place in answer.pieces], done_ns)
        return _reply(flight, whole, [done_ns] * len(whole.pieces), done_ns)

    def _stream(
        self, line: Line, flight: Flight, events: list[Mapping[str, Any]], stamps: list[int],
        progress: Callable[[str, int], None],
    ) -> wire.Answer | None:  # fmt: skip
        """Collect the events of a stream, each with the instant at which the SDK gave it; or read a whole reply."""
        from ppbench_plugins.executors.lines import EVENT_BYTES, TooLarge

        target, text, limit_mb = self._link.target, "", self._options.max_reply_mb
        with self._options.create(line.client, self._options.body(self._link, flight.request)) as stream:
            response = stream.response
            flight.transport = _transport(response, flight, self._hide)
            if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
                return wire.read_body(target, response.status_code, response.headers, response.read(), key=self._link.key)
            for event in stream:
                stamps.append(time.monotonic_ns())
                events.append(event.to_dict(warnings=False))
                if len(events) * EVENT_BYTES > limit_mb << 20:
                    raise TooLarge(limit_mb)
                if flight.request.watch and (more := wire.text_of(target, events[-1])):
                    text += more
                    progress(text, stamps[-1])
        return None

    def _hide(self, text: str) -> str:
        return mask_header(text, self._link.target, self._link.key)

    def _fail(self, kind: Literal["refused", "timeout", "dropped", "bad_reply", "cancelled"], said: str) -> Failure:
        return wire.failure(kind, said, target=self._link.target, key=self._link.key)


def failure_of(error: Exception, link: Link) -> Failure:
    """What an exception of an SDK, or of the HTTP library under it, means."""
    from ppbench_plugins.executors.lines import kind_of

    target, key = link.target, link.key
    response, body = getattr(error, "response", None), getattr(error, "body", None)
    if response is not None and response.status_code >= 300:
        return wire.failure_of(response.status_code, response.headers, _content(response), target=target, key=key)
    if body:  # one SDK gives the whole event, the other what stands under `error`
        whole = body if isinstance(body, Mapping) and "error" in body else {"error": body}
        return wire.failure_in(whole, target=target, key=key)
    root: BaseException = error
    while root.__cause__:
        root = root.__cause__
    return wire.failure(kind_of(error), str(root) or type(root).__name__, target=target, key=key)


def _transport(response: Any, flight: Flight, hide: Callable[[str], str]) -> Transport:
    """As far as the SDK lets one see it."""
    headers = [(name.lower(), value) for name, value in response.headers.items()]
    return Transport(
        headers_ns=time.monotonic_ns(), reused=flight.connect_ns == 0, http_version=response.http_version.removeprefix("HTTP/"),
        remote_id=remote_id(headers, hide), rate_limits=rate_limits(headers, hide),
    )  # fmt: skip


def _content(response: Any) -> bytes:
    try:
        return bytes(response.read())
    except Exception:  # it was cut while it was read; its status says enough
        return b""


def _reply(flight: Flight, answer: wire.Answer, stamps: Sequence[int], done_ns: int) -> Reply:
    return Reply(
        request_id=flight.request.id, text=answer.text, queued_ns=flight.queued_ns, sent_ns=flight.sent_ns,
        first_ns=stamps[0] if stamps else None, chunks_ns=tuple(stamps), done_ns=done_ns, connect_ns=flight.connect_ns,
        stamp="python", tokens_in=answer.tokens_in, tokens_out=answer.tokens_out, tokens_cached=answer.tokens_cached,
        tokens_reasoning=answer.tokens_reasoning, tokens_source=None if answer.tokens_out is None else "usage",
        finish=answer.finish, error=answer.failure, transport=flight.transport,
    )  # fmt: skip
