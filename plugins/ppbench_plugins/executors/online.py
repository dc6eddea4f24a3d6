"""What executors of real sockets share: their options, the endpoint behind `-m` and `--base-url`, entering and leaving.

How requests travel is a driver's business; this file knows no library that sends them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self

from ppbench import Progress, Reply, Request, UsageError
from ppbench_plugins import wire
from ppbench_plugins.mock.latency import pace

IDLE_NS = 2_000_000_000
"""Connections are looked after between trials once this long has passed."""


class Driver(Protocol):
    """The part of an executor that works while it is entered; the methods mean what the executor's own mean."""

    mended_ns: int
    """When connections were last looked after."""

    def mend(self) -> None:
        """Open again what the endpoint has closed. Called when nothing is in flight."""

    def now(self) -> int: ...
    def send(self, requests: Sequence[Request]) -> None: ...
    def wait(self, until_ns: int | None = None) -> Reply | Progress | None: ...
    def cancel(self, request_id: str) -> None: ...


@dataclass(frozen=True)
class Link:
    """An endpoint, found and ready to be asked."""

    target: wire.Target
    endpoint: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class _State:
    link: Link
    driver: Driver
    stack: ExitStack


@dataclass(frozen=True)
class Online:
    """Base of the executors. A subclass brings `name`, `clock`, `_library` and `_start`."""

    name: ClassVar[str]
    sdk: ClassVar[str] = ""
    """The provider whose SDK sends the requests, so that no other's dialects are spoken; empty: all of them are."""
    default_model: ClassVar[str] = ""

    model: str = ""
    base_url: str = ""
    max_in_flight: int = 64
    temperature: float | None = None
    """Sent only when given: many models take none."""
    max_tokens: int | None = None
    """Bounds every reply; a call may ask for less."""
    timeout: float = 120.0
    """Seconds for one attempt, from leaving the queue to the end of the reply."""
    max_reply_mb: int = 64
    """A reply that takes more memory fails, and no other."""
    prompts: str = ""
    """JSONL that an embedded mock knows besides the packaged prompts."""
    api: wire.Api = ""
    """Which of OpenAI's dialects; empty: the provider's usual one."""
    _state: _State | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("max_in_flight", "timeout", "max_tokens"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} is {value}; give more than 0")
        if not 0 < self.max_reply_mb < 1_000_000:
            raise ValueError(f"max_reply_mb is {self.max_reply_mb}; give more than 0 and less than a million")

    @property
    def endpoint(self) -> str:
        return self._state.link.endpoint if self._state else ""

    @property
    def timing(self) -> Literal["live", "modelled"]:
        return "modelled" if (self.model or self.default_model).startswith("mock/") else "live"

    @property
    def pace(self) -> dict[str, float] | None:
        """Of an embedded mock; who serves something else knows how quick it is."""
        return None if self.base_url else pace(self.model or self.default_model)

    @property
    def honours(self) -> frozenset[str]:
        """Known for sure once entered; before, by the model's provider."""
        if self._state:
            return self._state.link.target.honours
        try:
            here = self.base_url or "http://127.0.0.1"
            return wire.resolve(self.model or self.default_model, here, sdk=self.sdk, api=self.api).honours
        except UsageError:
            return frozenset()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            library = self._library()
            link = self._find(stack)
            driver = self._start(library, link, stack)
            object.__setattr__(self, "_state", _State(link, driver, stack.pop_all()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        state = self._state
        object.__setattr__(self, "_state", None)
        if state:
            state.stack.close()

    def rest(self) -> None:
        """Look after idle connections: many endpoints close them after five seconds."""
        if self._state and self.now() - self._state.driver.mended_ns > IDLE_NS:
            self._state.driver.mend()

    def now(self) -> int:
        return self._driver.now()

    def send(self, requests: Sequence[Request]) -> None:
        self._driver.send(requests)

    def wait(self, until_ns: int | None = None) -> Reply | Progress | None:
        return self._driver.wait(until_ns)

    def cancel(self, request_id: str) -> None:
        self._driver.cancel(request_id)

    @property
    def _driver(self) -> Driver:
        if self._state is None:
            raise RuntimeError(f"executor {self.name} is not entered; use it in a `with` statement")
        return self._state.driver

    def _library(self) -> Any:
        """Import what sends the requests. Raises BrokenPlugin."""
        raise NotImplementedError

    def _start(self, library: Any, link: Link, stack: ExitStack) -> Driver:
        raise NotImplementedError

    def _find(self, stack: ExitStack) -> Link:
        """The endpoint; an embedded one is started. Raises UsageError before anything is sent."""
        model = self.model or ("" if self.base_url else self.default_model)
        if not model:
            raise UsageError(f"executor {self.name} has no model; give -m provider/name, e.g. -m vllm/NAME with --base-url, "
                             "-m openai/NAME, -m anthropic/NAME or -m mock/quick")  # fmt: skip
        provider, name = wire.split_model(model, default=self.sdk)
        if provider == "mock" and not self.base_url:
            root = stack.enter_context(_embedded(name, self.prompts))
            return Link(wire.resolve(model, f"{root}/v1", sdk=self.sdk, api=self.api), f"mock/{name} (embedded)")
        target = wire.resolve(model, self.base_url, sdk=self.sdk, api=self.api)
        return Link(target, target.base_url, _key(target))

    def body(self, link: Link, request: Request, *, stream: bool = True) -> dict[str, Any]:
        return wire.body(link.target, request, stream=stream, temperature=self.temperature, max_tokens=self.max_tokens)


def _embedded(profile: str, prompts: str) -> Any:
    from ppbench_plugins.endpoint.embedded import Embedded

    return Embedded(profile, prompts)


def _key(target: wire.Target) -> str:
    """The key from the environment. Raises UsageError for one that is missing or cannot be sent."""
    key = os.environ.get(target.key_env, "").strip() if target.key_env else ""
    if target.key_required and not key:
        raise UsageError(f"{target.key_env} is not set, and {target.provider} answers nobody without a key; set it, or give "
                         "--base-url for another endpoint, or take -m mock/quick")  # fmt: skip
    wire.headers(target, key)
    return key
