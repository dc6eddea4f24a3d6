"""Judges for tests, in the shape of a plugin: one that asks a model in both orders, one that fails, one that is silent.

Knows the two profiles of the mock model: an honest one and one that can be flattered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ppbench import Call, Case, Plan, Reply, Verdict, hookimpl

FORM = '{"reason": "...", "better": "first | second | tie"}'


@dataclass(frozen=True)
class Versus:
    """Asks a model which of two answers is better, in both orders."""

    name: ClassVar[str] = "versus"
    compares: ClassVar[bool] = True
    executor: str = "offline"
    model: str = "mock/quick"
    most: int | None = None

    @property
    def instructions(self) -> str:
        return FORM

    def plan(self, case: Case) -> Plan | None:
        if case.serial is None:
            return None
        pairs = [(case.serial.answer, case.trace.answer), (case.trace.answer, case.serial.answer)]
        texts = [f"<task>\n{case.item.text}\n</task>\n<answer 1>\n{a}\n</answer 1>\n<answer 2>\n{b}\n</answer 2>\n{FORM}"
                 for a, b in pairs]  # fmt: skip
        return Plan(tuple(Call(str(k), text, role="judge", max_tokens=self.most) for k, text in enumerate(texts)))

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        said = [json.loads(reply.text)["better"] for reply in replies]
        if said:
            won = {"second": 1.0, "tie": 0.5, "first": 0.0}[said[0]], {"first": 1.0, "tie": 0.5, "second": 0.0}[said[1]]
            yield Verdict("preference", sum(won) / 2)


@dataclass(frozen=True)
class Brittle:
    """Fails on the prompts whose ids end as its option says, while it plans or afterwards."""

    name: ClassVar[str] = "brittle"
    ends: str = "1"
    planning: bool = False

    def plan(self, case: Case) -> Plan | None:
        if self.planning:
            self._break(case)
        return None

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        yield Verdict("looks", 1.0)
        self._break(case)

    def _break(self, case: Case) -> None:
        if case.item.id.endswith(self.ends):
            raise RuntimeError("out of order")


@dataclass(frozen=True)
class Mute:
    """Asks a model and has nothing to say."""

    name: ClassVar[str] = "mute"
    executor: str = "offline"

    def plan(self, case: Case) -> Plan | None:
        return Plan((Call("1", "Well?", role="judge"),))

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        return []


@hookimpl
def ppbench_judges() -> tuple[type, ...]:
    return (Versus, Brittle, Mute)
