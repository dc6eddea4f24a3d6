"""A plan with dependences: a planning call writes numbered subtasks with `$k` references, and each runs when it can.

After LLMCompiler (Kim et al., ICML 2024, arXiv 2312.04511), whose planner streams numbered tasks that refer to earlier
ones by `$k`, with a joiner at the end; and after Plato (arXiv 2402.12280), which plans subtasks of an answer with their
dependences and gives each of them the request. Prompt texts are our own, and nothing is replanned, as in all of
LLMCompiler's shipped settings.

What the published code gets wrong is kept out by construction: subtasks are plain lines, so no answer ends at the first
closing bracket; the loop that runs every method releases a subtask the moment its needs are answered, whether or not
the planner has written on; and one that fails for good ends in the serial fallback, not in waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from ppbench import Call, Plan, Prompt, Schema
from ppbench_plugins.decomposers.dag_reading import END, PlanReader, Subtask
from ppbench_plugins.decomposers.merges import merge_for
from ppbench_plugins.decomposers.reading import MOST_PARTS
from ppbench_plugins.prompts import block, fill


@dataclass(frozen=True)
class Dag:
    name: ClassVar[str] = "dag"
    join: Literal["auto", "llm", "merge"] = "auto"
    """`llm` ends with a call that sees the request and all answers; `merge` puts answers together in the form that the
    prompt asks for, without one; `auto` takes the call if any subtask depends on another."""
    merged: Literal["all", "sinks"] = "all"
    """Of `join=merge`: the answers of all subtasks, or of those alone that no other one needs."""
    stream: bool = True
    """Let subtasks go while the plan still streams; false waits for its end."""
    max_parts: int = 64
    """Subtasks at most; the planner is told, and a longer plan falls back."""
    max_tokens: int | None = None
    """Limit of the planning call; None leaves it to the endpoint."""

    def __post_init__(self) -> None:
        if not 2 <= self.max_parts <= MOST_PARTS:
            raise ValueError(f"max_parts is from 2 to {MOST_PARTS}, not {self.max_parts}")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; give 1 or more, or none for no limit")

    def decompose(self, prompt: Prompt) -> Plan:
        text = fill("dag_plan", request=prompt.text, most=self.max_parts, end=END)
        planning = Planning(self, prompt)
        call = Call(
            "plan", text, role="plan", max_tokens=self.max_tokens, expand=planning.plan,
            expand_stream=planning.known if self.stream else None,
        )  # fmt: skip
        return Plan((call,))


class Planning:
    """One prompt on its way to a plan. Each line is read and each call is made once, however often a reply that streams is
    looked at; another trial begins with nothing."""

    def __init__(self, method: Dag, prompt: Prompt) -> None:
        self._method, self._prompt = method, prompt
        self._reader = PlanReader(prompt.text, method.max_parts)
        self._made: dict[Subtask, Call] = {}
        self._known: tuple[tuple[Subtask, ...], tuple[Call, ...]] = (), ()

    def known(self, reply: str) -> Sequence[Call]:
        """The calls that a reply asks for by now."""
        subtasks = self._reader.read_so_far(reply)
        if subtasks is not self._known[0]:
            self._known = subtasks, self._calls(subtasks)
        return self._known[1]

    def plan(self, reply: str) -> Plan:
        """What a whole reply leads to."""
        method, prompt = self._method, self._prompt
        try:
            subtasks = self._reader.read(reply)
        except ValueError as error:
            return Plan.fallback(prompt, f"plan: {error}")
        if len(subtasks) < 2:
            return Plan.decline(prompt, "the planner found nothing to split")
        calls = self._calls(subtasks)
        linked = any(call.needs for call in calls)
        if method.join == "llm" or (method.join == "auto" and linked):
            return Plan((*calls, _join(prompt, subtasks)), schema=_schema(subtasks))
        answers = tuple(call.id for call in calls) if method.merged == "all" else ()
        return Plan(calls, merge_for(prompt.text), _schema(subtasks), answers=answers)

    def _calls(self, subtasks: Sequence[Subtask]) -> tuple[Call, ...]:
        for subtask in subtasks:
            if subtask not in self._made:
                self._made[subtask] = _solve(self._prompt, subtask)
        return tuple(self._made[subtask] for subtask in subtasks)


def _schema(subtasks: Sequence[Subtask]) -> Schema | None:
    """What a plan without dependences was split into; one with them is no flat split."""
    texts = tuple(subtask.text() for subtask in subtasks)
    flat = not any(subtask.needs for subtask in subtasks) and len(set(texts)) == len(texts)
    return Schema("{data}", data=texts) if flat else None


def _solve(prompt: Prompt, subtask: Subtask) -> Call:
    """The request stands first and is the same in all of them, so that a prompt cache can serve it."""

    def text(answers: Mapping[str, str]) -> str:
        return fill("dag_task", request=prompt.text, index=subtask.number, subtask=subtask.text(answers))

    return Call(str(subtask.number), text if subtask.needs else text({}), needs=subtask.needs)


def _join(prompt: Prompt, subtasks: Sequence[Subtask]) -> Call:
    names = tuple(str(subtask.number) for subtask in subtasks)
    plan = "\n".join(f"{subtask.number}. {subtask.text()}" for subtask in subtasks)

    def text(answers: Mapping[str, str]) -> str:
        parts = "\n\n".join(block(f"answer {name}", answers[name]) for name in names)
        return fill("dag_join", request=prompt.text, plan=plan, answers=parts)

    return Call("join", text, needs=names, role="merge")
