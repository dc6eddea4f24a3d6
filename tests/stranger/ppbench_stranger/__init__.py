"""A stranger's plugin: one component of each kind, by nothing but what `ppbench` exports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ppbench import (
    NUMBERED,
    Call,
    Case,
    Category,
    Plan,
    Prompt,
    Reply,
    Request,
    Script,
    Verdict,
    VirtualExecutor,
    hookimpl,
)


@dataclass(frozen=True)
class ByLine:
    """One call a list line, each with the first line as its instruction."""

    name: ClassVar[str] = "by-line"
    mark: str = "- "

    def decompose(self, prompt: Prompt) -> Plan:
        head, *lines = prompt.text.splitlines()
        items = [line.removeprefix(self.mark) for line in lines if line.startswith(self.mark)]
        if len(items) < 2:
            return Plan.decline(prompt, "no list")
        return Plan(tuple(Call(str(k), f"{head}\n{item}") for k, item in enumerate(items, 1)), NUMBERED)


@dataclass
class Shout(VirtualExecutor):
    """Answers every request with its own text in capitals, a character a microsecond."""

    name: ClassVar[str] = "shout"
    timing: ClassVar[Literal["modelled"]] = "modelled"
    endpoint: ClassVar[str] = "nobody"
    max_in_flight: int = 64

    def __post_init__(self) -> None:
        super().__init__(self._script, self.max_in_flight)

    @staticmethod
    def _script(request: Request, now_ns: int) -> Script:
        text = request.text.upper()
        return Script(((len(text) * 1000, text),), len(text) * 1000, tokens_in=1, tokens_out=1)


@dataclass(frozen=True)
class Loud:
    """The share of what was asked for that is answered in capitals."""

    name: ClassVar[str] = "loud"

    def plan(self, case: Case) -> Plan | None:
        return None

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        expected = case.item.schema.size if case.item.schema else 1
        loud = sum(line.isupper() for line in case.trace.answer.splitlines())
        return [Verdict("structure", min(1.0, loud / expected), f"{loud} loud lines of {expected}")]


PROMPTS = str(Path(__file__).with_name("rhymes.jsonl"))


@hookimpl
def ppbench_decomposers() -> list[type]:
    return [ByLine]


@hookimpl
def ppbench_executors() -> list[type]:
    return [Shout]


@hookimpl
def ppbench_judges() -> list[type]:
    return [Loud]


@hookimpl
def ppbench_categories() -> list[Category]:
    return [Category("rhymes", "Rhymes", kind="data", metric="exact", prompts=PROMPTS, aliases=("Rhyming",))]
