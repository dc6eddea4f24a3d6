"""The whole plugin API in one file: four contracts, four hooks.

A plugin is a module named by an entry point of the group `ppbench`. It implements any of the hooks below with
`@ppbench.hookimpl`. Hooks are called once, when plugins load, never inside a run. A component is a frozen
dataclass: its fields are its options, its spec string (`top:breadth=3`) is its name on the board.

The module may hold `PPBENCH_API = 1`, the API it is written for; under a ppbench with another one it is left out by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Literal, Protocol, Self, runtime_checkable

import pluggy

from ppbench.model import Category, Item, Prompt, Verdict
from ppbench.plan import Plan
from ppbench.trace import Progress, Reply, Request, Trace

API = 1
"""Raised when a plugin that was right before would be wrong after."""
GROUP = "ppbench"
COMMANDS = "ppbench.commands"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@runtime_checkable
class Decomposer(Protocol):
    """Turns a prompt into a plan. Pure: no I/O, no clock, no randomness but what an option seeds."""

    name: ClassVar[str]
    given: tuple[str, ...] = ()
    """What it is shown beside the text: `schema`, `category`. Rows of such methods are marked and ranked apart.
    May be a property that depends on options."""

    def decompose(self, prompt: Prompt) -> Plan:
        """Called once a trial, inside the clock. `Plan.decline` and `Plan.fallback` are answers too; an exception
        is a failed trial."""


@runtime_checkable
class Executor(Protocol):
    """Sends requests and keeps the clock. Made from its options; entered before anything is sent.

    Options named `model`, `base_url`, `max_in_flight` and `prompts` are filled from the command line. Raises
    EndpointUnusable or BrokenPlugin from `__enter__` when it cannot work. Five things may be there beside what stands
    below. `rest()` is called between trials, outside every clock, when nothing is in flight: time to mend idle
    connections. `details`, a mapping of names to text, is kept in the run's record: versions of libraries, say. `pace`,
    read before it is entered, maps `ttft`, `tok` and `read` to seconds: to a first token, between tokens, and for each
    token read; estimates of time are made of it. `untimed`, true for one that gathers requests and answers within hours,
    as a batch API does: nothing that measures takes it, and the loop gives it all it has, and time. `price_factor` is what
    its tokens cost in terms of the usual price.
    """

    name: ClassVar[str]
    clock: ClassVar[Literal["native", "python", "virtual"]]
    """Only `native` enters a timing board."""

    @property
    def honours(self) -> frozenset[str]:
        """The optional fields of a request that reach the model: of `system, prefix, json_schema, stop, max_tokens,
        cache_until`. A plan that uses another one is refused before it is sent."""

    @property
    def endpoint(self) -> str:
        """What answers, known once entered: for the record and for errors. Never holds a key."""

    @property
    def timing(self) -> Literal["live", "modelled"]:
        """`modelled` when no real model stands behind the figures."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
    def now(self) -> int:
        """Nanoseconds on the clock that stamps replies."""

    def send(self, requests: Sequence[Request]) -> None:
        """Release all of them at once. Never blocks on the network."""

    def wait(self, until_ns: int | None = None) -> Reply | Progress | None:
        """The next thing that happened, in any order; None at the deadline. A failed request is a Reply too."""

    def cancel(self, request_id: str) -> None:
        """Stop a request; a Reply with the failure `cancelled`, or its real one, still follows. Unknown ids are ignored."""


@dataclass(frozen=True)
class Case:
    """What a judge is shown: an item, its category, and the traces of the method and of serial on it."""

    item: Item
    category: Category
    trace: Trace
    serial: Trace | None


@runtime_checkable
class Judge(Protocol):
    """Compares answers. Pure: a model it asks is called through its plan, on the executor its options name.

    Two things may be there beside what stands below. `compares = True`, a class attribute: its values are relative to
    serial, and 0.5 is parity. `instructions`, a text: what stays the same in all that it asks; records hold its hash. A
    UsageError or BrokenPlugin ends the judge, any other exception is recorded with its case alone.
    """

    name: ClassVar[str]

    def plan(self, case: Case) -> Plan | None:
        """The model calls that this judge needs, or None."""

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        """What it says. `replies` are those of its plan, in the order of its calls; empty without a plan."""


@hookspec
def ppbench_decomposers() -> Iterable[type[Decomposer]]:  # type: ignore[empty-body]
    """Decomposer classes of this plugin."""


@hookspec
def ppbench_executors() -> Iterable[type[Executor]]:  # type: ignore[empty-body]
    """Executor classes of this plugin."""


@hookspec
def ppbench_judges() -> Iterable[type[Judge]]:  # type: ignore[empty-body]
    """Judge classes of this plugin."""


@hookspec
def ppbench_categories() -> Iterable[Category]:  # type: ignore[empty-body]
    """Task categories of this plugin, as values."""
