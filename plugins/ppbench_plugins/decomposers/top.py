"""Tree of Problems (Zebaze et al., EMNLP 2024): divide b ways, d levels deep, solve the leaves, merge upwards.

The canonical tasks are divided by code, as published; any other prompt is divided by a planning call that
expands. Merging is a model call in both, as published. A node that cannot be divided is a leaf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ppbench import Call, Plan, Prompt
from ppbench_plugins.decomposers.canonical import divide, recognise
from ppbench_plugins.decomposers.reading import MOST_PARTS, json_object
from ppbench_plugins.prompts import fill


@dataclass(frozen=True)
class TreeOfProblems:
    name: ClassVar[str] = "top"
    breadth: int = 2
    depth: int = 1

    def __post_init__(self) -> None:
        if self.breadth < 2 or self.depth < 1:
            raise ValueError(f"breadth is 2 or more and depth 1 or more, not {self.breadth} and {self.depth}")
        if self.breadth > 100 or self.depth > 10:
            raise ValueError(f"breadth is 100 or less and depth 10 or less, not {self.breadth} and {self.depth}")

    def decompose(self, prompt: Prompt) -> Plan:
        if recognise(prompt.text):
            tree = self._tree(prompt.text, "", self.depth)
            return Plan(tuple(tree)) if len(tree) > 1 else Plan.decline(prompt, "the problem has fewer than two parts")
        return Plan((self._divide(prompt.text, "divide", self.depth, whole=prompt),))

    def _tree(self, problem: str, name: str, depth: int) -> list[Call]:
        """The static calls for a canonical problem: its subtrees first, the call that answers it last."""
        parts = divide(problem, self.breadth) if depth else []
        label = name or "whole"
        if not parts:
            return [Call(label, problem)]
        subtrees = [self._tree(part, f"{name}.{k}" if name else str(k), depth - 1) for k, part in enumerate(parts, 1)]
        children = [tree[-1].id for tree in subtrees]
        return [call for tree in subtrees for call in tree] + [_merge(problem, children, label)]

    def _divide(self, problem: str, name: str, depth: int, whole: Prompt | None = None) -> Call:
        text = fill("top_divide", problem=problem, breadth=self.breadth, slots=", ".join(['"..."'] * self.breadth))
        return Call(name, text, role="plan", expand=lambda reply: self._branches(problem, reply, depth, whole))

    def _branches(self, problem: str, reply: str, depth: int, whole: Prompt | None) -> Plan:
        """The plan that a planning reply asks for. Below the root, a node that was not divided is solved as it is."""
        try:
            parts = _subproblems(reply)
        except ValueError as error:
            return Plan.fallback(whole, f"division: {error}") if whole else Plan((Call("solve", problem),))
        if len(parts) < 2:
            return Plan.decline(whole, "the problem was not divided") if whole else Plan((Call("solve", problem),))
        names = [str(k) for k in range(1, len(parts) + 1)]
        calls = [
            self._divide(part, name, depth - 1) if depth > 1 else Call(name, part)
            for name, part in zip(names, parts, strict=True)
        ]
        return Plan((*calls, _merge(problem, names, "merge")))


def _subproblems(reply: str) -> list[str]:
    parts = json_object(reply).get("subproblems")
    if not isinstance(parts, list) or not all(isinstance(part, str) and part.strip() for part in parts):
        raise ValueError("the reply has no list of subproblems")
    if len(parts) > MOST_PARTS:
        raise ValueError(f"{len(parts)} subproblems, more than {MOST_PARTS}")
    return parts


def _merge(problem: str, children: Sequence[str], name: str) -> Call:
    def text(answers: Mapping[str, str]) -> str:
        parts = "\n\n".join(f"<part {k}>\n{answers[child]}\n</part {k}>" for k, child in enumerate(children, 1))
        return fill("top_merge", problem=problem, parts=parts)

    return Call(name, text, needs=tuple(children), role="merge")
