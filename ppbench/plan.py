"""Calls and plans: what a decomposer returns. Pure values; who sends them, and when, is not known here.

The one idea: a call may expand into a plan whose answer stands for it. Hence decomposers do no I/O, there is
no barrier but true dependence, and a plan can be printed before it is paid for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, ClassVar, Literal

from ppbench.model import Prompt, Schema

Role = Literal["plan", "solve", "merge", "judge"]
Status = Literal["split", "serial", "declined", "fallback"]


@dataclass(frozen=True)
class Call:
    """One model call that a plan asks for."""

    id: str
    text: str | Callable[[Mapping[str, str]], str]
    """The user text, or a function of the answers it needs (call id -> answer)."""
    needs: tuple[str, ...] = ()
    """Released when these calls are answered."""
    after: tuple[str, ...] = ()
    """Released at the first visible token of these calls: warm one, then fan out."""
    role: Role = "solve"
    expand: Callable[[str], Plan] | None = None
    """Turns this call's answer into the plan whose answer stands for it."""
    expand_stream: Callable[[str], Sequence[Call]] | None = None
    """While the answer still streams: the calls known by now. A call once returned must appear, unchanged, in
    the plan that `expand` returns; if it does not, the plan falls back."""
    system: str | None = None
    prefix: str | None = None
    """Opening words of the assistant's turn; the answer is prefix + reply."""
    json_schema: Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    cache_until: int | None = None
    """Number of leading characters of the text that other calls share: a prompt-cache breakpoint. A hint: an executor
    that has no use for it leaves it out."""

    def __post_init__(self) -> None:
        if not self.id or set("/#@") & set(self.id):
            raise ValueError(f"call id {self.id!r}: give a name without '/', '#' and '@'")
        if self.expand_stream and not self.expand:
            raise ValueError(f"call {self.id}: expand_stream needs expand")


@dataclass(frozen=True)
class Join:
    """The ordered merge: the answers in order, numbered or not."""

    ordered: ClassVar[bool] = True
    separator: str = "\n\n"
    numbered: bool = False
    """Number the parts from 1; further lines of a part are indented under its number."""

    def __call__(self, texts: Sequence[str]) -> str:
        if not self.numbered:
            return self.separator.join(texts)
        return self.separator.join(f"{k}. " + _indent(text, k) for k, text in enumerate(texts, 1))


def _indent(text: str, number: int) -> str:
    return text.strip().replace("\n", "\n" + " " * (len(str(number)) + 2))


NUMBERED = Join(separator="\n", numbered=True)


@dataclass(frozen=True)
class Plan:
    """A directed acyclic graph of calls and a merge. The merged answers of some of its calls, in order, are its answer."""

    calls: tuple[Call, ...]
    merge: Callable[[Sequence[str]], str] = Join()
    schema: Schema | None = None
    """What the prompt was split into, so that any method can be scored on what it found."""
    status: Status = "split"
    reason: str = ""
    """Why it is declined or fell back; of a split plan, how it was found, if there is something to say."""
    answers: tuple[str, ...] = ()
    """Ids of the calls whose answers are merged, in order. Empty: the sinks, which no other call needs."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "calls", tuple(self.calls))
        _check(self.calls)
        object.__setattr__(self, "answers", tuple(self.answers) or _sinks(self.calls))
        unknown = set(self.answers) - {call.id for call in self.calls}
        if unknown or len(set(self.answers)) < len(self.answers):
            raise ValueError(f"answers {list(self.answers)!r:.80}: name calls of the plan, each once")

    @property
    def ordered(self) -> bool:
        """True if the answer can be shown while its first part still streams: its merge says `ordered = True`, and gives
        for a leading part of the answers, the last of them cut off anywhere, how its whole result begins."""
        return bool(getattr(self.merge, "ordered", False))

    @classmethod
    def serial(cls, prompt: Prompt, *, status: Status = "serial", reason: str = "") -> Plan:
        """The baseline: the prompt as it is, in one call."""
        return cls((Call("serial", prompt.text),), status=status, reason=reason)

    @classmethod
    def decline(cls, prompt: Prompt, reason: str) -> Plan:
        """The method chose not to split this prompt. Really sent, counted apart, kept in every denominator."""
        return cls.serial(prompt, status="declined", reason=reason)

    @classmethod
    def fallback(cls, prompt: Prompt, reason: str) -> Plan:
        """The method tried to split this prompt and could not. Really sent, counted apart, kept as well."""
        return cls.serial(prompt, status="fallback", reason=reason)


def _sinks(calls: Sequence[Call]) -> tuple[str, ...]:
    needed = {name for call in calls for name in call.needs}
    return tuple(call.id for call in calls if call.id not in needed)


def _check(calls: Sequence[Call]) -> None:
    """Raise ValueError unless ids are unique, every need is known and nothing waits for itself."""
    if not calls:
        raise ValueError("a plan holds at least one call")
    ids = [call.id for call in calls]
    if len(set(ids)) < len(ids):
        raise ValueError(f"call id {next(i for i in ids if ids.count(i) > 1)!r} stands twice in the plan")
    graph = {call.id: (*call.needs, *call.after) for call in calls}
    for name, waits in graph.items():
        for other in waits:
            if other not in graph:
                raise ValueError(f"call {name!r} waits for {other!r}, which the plan does not hold; have {sorted(ids)}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise ValueError(f"the plan waits for itself: {' -> '.join(error.args[1])}") from None
