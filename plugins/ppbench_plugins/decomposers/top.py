"""Tree of Problems (Zebaze et al., EMNLP 2024): divide b ways, d levels deep, solve the leaves, merge upwards.

The canonical tasks are divided by code, as published; any other prompt is divided by a planning call that expands.
Merging is a model call in both, as published: it is shown each part with its answer, or the answers alone. A node that
cannot be divided is a leaf, so a tree holds b^d solvers and the sum of b^i mergers where there are parts enough.

A breadth of one is the sequential variant (section 5): d blocks, the first one solved, each later one a call into
which the state is put that the one before ended in.

Left out: the published worked examples before each problem, and votes over several replies of a leaf. Mended: levels
wait for no other question, and a reply without an answer is passed on as it is instead of ending the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Literal, get_args

from ppbench import Call, Plan, Prompt, Schema
from ppbench_plugins.decomposers.canonical import TASKS, Task, recognise
from ppbench_plugins.decomposers.merging import model_merge
from ppbench_plugins.decomposers.reading import MOST_PARTS, json_object
from ppbench_plugins.decomposers.stepwise import Block
from ppbench_plugins.prompts import fill

Name = Literal[
    "auto", "general", "sorting", "set_intersection", "keyword_counting", "concatenation", "algebraic", "boolean",
    "object_counting", "hyperbaton", "multistep_arithmetic", "word_sorting", "coin", "navigate", "web_of_lies", "tracking",
]  # fmt: skip
MOST_CALLS = 5_000
"""A tree of more calls than this is not sent; a breadth of four at a depth of five makes 1,365."""
_STEPWISE = ", ".join(name for name, task in TASKS.items() if task.steps)


@dataclass(frozen=True)
class TreeOfProblems:
    name: ClassVar[str] = "top"
    breadth: int = 2
    """Parts of a node; 1 for the sequential variant. Sorting, sets and expressions are divided as published, whatever
    it is."""
    depth: int = 1
    """Levels of division; of the sequential variant, blocks."""
    task: Name = "auto"
    """Which canonical task the prompt states: `auto` tells by its text, `general` leaves the division to a model."""

    def __post_init__(self) -> None:
        if self.breadth < 1 or self.depth < 1:
            raise ValueError(f"breadth is 1 or more and depth 1 or more, not {self.breadth} and {self.depth}")
        deepest = 10 if self.breadth > 1 else 100
        if self.breadth > 100 or self.depth > deepest:
            raise ValueError(f"breadth is 100 or less and depth {deepest} or less, not {self.breadth} and {self.depth}")
        if self.task not in get_args(Name):
            raise ValueError(f"task is {self.task!r}; have: {', '.join(get_args(Name))}")
        if self.task == "general" and self.breadth == 1:
            raise ValueError("a general prompt is divided by a model, with a breadth of 2 or more")
        if problem := self._unfit(self.task, TASKS[self.task]) if self.task in TASKS else "":
            raise ValueError(problem)

    def decompose(self, prompt: Prompt) -> Plan:
        name = recognise(prompt.text) if self.task == "auto" else self.task
        if name not in TASKS:
            if self.breadth == 1:
                return Plan.decline(prompt, f"breadth 1 is for {_STEPWISE}; the text states none of them")
            return Plan((self._divide(prompt.text, "divide", self.depth, whole=prompt),))
        task = TASKS[name]
        if not task.stated(prompt.text):
            return Plan.decline(prompt, f"the text states no problem of the task {name}")
        if problem := self._unfit(name, task):
            return Plan.decline(prompt, problem)
        if self.breadth == 1 and task.steps:
            return _chain(prompt, task.steps(prompt.text, self.depth))
        tree = tuple(islice(self._tree(task, prompt.text, "", self.depth), MOST_CALLS + 1))
        if len(tree) > MOST_CALLS:
            return Plan.decline(prompt, f"the tree holds more than {MOST_CALLS:,} calls; give less breadth or depth")
        return (
            Plan(tree, schema=_parts(tree))
            if len(tree) > 1
            else Plan.decline(prompt, "the problem has fewer parts than the breadth")
        )

    def _unfit(self, name: str, task: Task) -> str:
        """Why a task cannot be divided with this breadth, if it cannot."""
        if self.breadth > 1 and task.divide is None:
            return f"the steps of {name} follow each other; give breadth=1"
        if self.breadth == 1 and task.steps is None and task.honours:
            return f"{name} is divided with a breadth of 2 or more; breadth 1 is for {_STEPWISE}"
        return ""

    def _tree(self, task: Task, problem: str, name: str, depth: int) -> Iterator[Call]:
        """The static calls for a canonical problem: its subtrees first, the call that answers it last."""
        parts = task.divide(problem, self.breadth) if depth and task.divide else []
        label = name or "whole"
        if not parts:
            yield Call(label, problem)
            return
        children = [f"{name}.{k}" if name else str(k) for k in range(1, len(parts) + 1)]
        for child, part in zip(children, parts, strict=True):
            yield from self._tree(task, part, child, depth - 1)
        yield model_merge(problem, children, label, parts if task.paired else (), task.extract)

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
        return Plan((*calls, model_merge(problem, names, "merge")), schema=_schema(parts))


def _subproblems(reply: str) -> list[str]:
    parts = json_object(reply).get("subproblems")
    if not isinstance(parts, list) or not all(isinstance(part, str) and part.strip() for part in parts):
        raise ValueError("the reply has no list of subproblems")
    if len(parts) > MOST_PARTS:
        raise ValueError(f"{len(parts)} subproblems, more than {MOST_PARTS}")
    return parts


def _parts(tree: Sequence[Call]) -> Schema | None:
    """What a static tree is split into: the problems of its leaves."""
    return _schema([call.text for call in tree if isinstance(call.text, str)])


def _schema(problems: Sequence[str]) -> Schema | None:
    """The form of a flat split, for who compares divisions; equal problems have none."""
    distinct = len(set(problems)) == len(problems) > 1
    return Schema("{data}", data=tuple(problems)) if distinct else None


def _chain(prompt: Prompt, blocks: Sequence[Block]) -> Plan:
    """Each block waits for the one before; the reply to the last one is the answer.

    All of them solve: a state is put into a later block by code, and what the model is left to do is the same as in the
    first one. So each is given the system text of a solver, and its tokens count as a solver's.
    """
    if len(blocks) < 2:
        return Plan.decline(prompt, "one block is the whole problem; give a depth of 2 or more")
    first, *later = blocks

    def after(block: Block, before: str) -> Call:
        place = str(int(before) + 1)
        return Call(place, lambda answers: block(answers[before]), needs=(before,))

    return Plan((Call("1", first("")), *(after(block, str(k)) for k, block in enumerate(later, 1))))
