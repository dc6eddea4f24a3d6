"""A cheat that is no built-in: it answers where no reference can tell, with empty phrases, and declines everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ppbench import Call, Plan, Prompt, hookimpl, installed


@dataclass(frozen=True)
class Phrases:
    n: int

    def __call__(self, texts: Sequence[str]) -> str:
        return "\n".join(f"{k}. Here is piece number {k} of what was asked for." for k in range(1, self.n + 1))


@dataclass(frozen=True)
class Boilerplate:
    name: ClassVar[str] = "boilerplate"

    def decompose(self, prompt: Prompt) -> Plan:
        schema = installed("decomposer", "schema:source=rules").decompose(prompt).schema
        if schema is None or schema.n is None:
            return Plan.decline(prompt, "a reference would tell")
        return Plan((Call("one", prompt.text, max_tokens=1),), Phrases(schema.n), schema)


@hookimpl
def ppbench_decomposers() -> list[type]:
    return [Boilerplate]
