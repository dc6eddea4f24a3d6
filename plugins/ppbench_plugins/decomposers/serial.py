"""The baseline: the prompt as it is, in one call. An entrant like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ppbench import Plan, Prompt


@dataclass(frozen=True)
class Serial:
    name: ClassVar[str] = "serial"
    copy: int = 0
    """`serial:copy=1` is a second entrant that does the same: what it seems to gain is noise."""

    def __post_init__(self) -> None:
        if self.copy < 0:
            raise ValueError(f"copy is 0 or more, not {self.copy}")

    def decompose(self, prompt: Prompt) -> Plan:
        return Plan.serial(prompt)
