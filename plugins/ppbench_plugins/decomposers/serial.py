"""The baseline: the prompt as it is, in one call. An entrant like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ppbench import Plan, Prompt


@dataclass(frozen=True)
class Serial:
    name: ClassVar[str] = "serial"

    def decompose(self, prompt: Prompt) -> Plan:
        return Plan.serial(prompt)
