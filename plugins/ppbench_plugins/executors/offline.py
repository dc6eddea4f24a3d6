"""`offline`: the mock model on a virtual clock. Nothing is waited for; the same run gives the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import ClassVar, Literal, Self

from ppbench import Progress, Reply, Request, Script, UsageError, VirtualExecutor
from ppbench_plugins.mock.items import known_items
from ppbench_plugins.mock.latency import load_profile, pace
from ppbench_plugins.mock.model import MockModel
from ppbench_plugins.mock.oracle import Ask


@dataclass(frozen=True)
class Offline:
    name: ClassVar[str] = "offline"
    clock: ClassVar[Literal["virtual"]] = "virtual"
    timing: ClassVar[Literal["modelled"]] = "modelled"
    honours: ClassVar[frozenset[str]] = VirtualExecutor.honours
    model: str = "mock/quick"
    max_in_flight: int = 64
    prompts: str = ""
    """JSONL that the mock model knows besides the packaged prompts."""
    _inner: list[VirtualExecutor] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.max_in_flight < 1:
            raise ValueError(f"max_in_flight is {self.max_in_flight}; give more than 0")

    @property
    def endpoint(self) -> str:
        return f"{self.model} (virtual clock)"

    @property
    def pace(self) -> dict[str, float] | None:
        return pace(self.model)

    def __enter__(self) -> Self:
        provider, _, name = self.model.partition("/")
        if provider != "mock" or not name:
            raise UsageError(f"executor offline runs mock models alone, not {self.model!r}; take -m mock/quick, or another -e")
        model = MockModel(load_profile(name), known_items(self.prompts))
        self._inner[:] = [VirtualExecutor(partial(_script, model), self.max_in_flight)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._inner.clear()

    def now(self) -> int:
        return self._inner[0].now()

    def send(self, requests: Sequence[Request]) -> None:
        self._inner[0].send(requests)

    def wait(self, until_ns: int | None = None) -> Reply | Progress | None:
        return self._inner[0].wait(until_ns)

    def cancel(self, request_id: str) -> None:
        self._inner[0].cancel(request_id)


def _script(model: MockModel, request: Request, now_ns: int) -> Script:
    ask = Ask(request.text, request.system or "", request.prefix, request.json_schema)
    timed = model.reply(ask, now_ns, max_tokens=request.max_tokens, stop=request.stop)
    return Script(
        tuple(zip(timed.offsets_ns, timed.pieces, strict=False)), timed.offsets_ns[-1], tokens_in=timed.tokens_in,
        tokens_out=len(timed.pieces), tokens_cached=timed.tokens_cached, finish=timed.finish,
    )  # fmt: skip
