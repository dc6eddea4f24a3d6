"""The bookkeeping of one plan while it runs: which calls are released, answered, visible. No clock, no sending."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from ppbench.plan import Call, Plan
from ppbench.trace import Reply, Request


@dataclass(eq=False)
class Node:
    """One call of a running plan."""

    call: Call
    scope: Scope
    path: str
    waits: set[str]
    """Calls whose answers it still needs."""
    cold: set[str]
    """Calls whose first token it still waits for."""
    warms: bool = False
    """Some call is released at this one's first token."""
    released: bool = False
    request: Request | None = None
    branch: Scope | None = None
    """The plan that it expanded into."""
    visible_ns: int | None = None
    said: str = ""
    """Its reply as far as it has come, where somebody watches."""
    failed: list[Reply] = field(default_factory=list)

    @property
    def attempt_id(self) -> str:
        """The request id of the current attempt; the first one carries the plain path."""
        return self.path if not self.failed else f"{self.path}#{len(self.failed) + 1}"

    @property
    def live(self) -> bool:
        return self.scope.live

    def so_far(self) -> str:
        """The answer of this call as far as it has come; a planning reply is no answer."""
        if self.branch is not None:
            return self.branch.so_far()
        return "" if self.call.expand else (self.call.prefix or "") * bool(self.said) + self.said

    @property
    def alone(self) -> bool:
        """This call, and each one above it, is the whole of its plan: what it expands into is the trial's plan."""
        plan, parent = self.scope.plan, self.scope.parent
        return plan is not None and len(plan.calls) == 1 and (parent is None or parent.alone)


class Scope:
    """One plan in execution; `parent` is the call that expanded into it."""

    def __init__(self, path: str, parent: Node | None) -> None:
        self.plan: Plan | None = None
        self.parent = parent
        self.answers: dict[str, str] = {}
        self._path = path
        self._nodes: dict[str, Node] = {}
        self._held: dict[str, list[Node]] = {}
        """By the name of a call, those that wait for its answer or its first token."""
        self._warm: set[str] = set()
        self._killed = False
        self._known_ns = 0

    @property
    def live(self) -> bool:
        """False once the trial gave this plan, or one above it, up."""
        return not self._killed and (self.parent is None or self.parent.live)

    def kill(self) -> None:
        self._killed = True

    def has(self, name: str) -> bool:
        return name in self._nodes

    def adopt(self, plan: Plan, now_ns: int = 0) -> None:
        """Take the plan. `now_ns`: when it became known, if calls of it left before that."""
        self.plan, self._known_ns = plan, now_ns

    def add(self, calls: Iterable[Call]) -> list[Node]:
        """Take calls in; returns those that can go at once."""
        calls = tuple(calls)
        warmers = {name for call in calls for name in call.after}
        fresh = []
        for call in calls:
            waits, cold = set(call.needs) - set(self.answers), set(call.after) - self._warm
            node = Node(call, self, self._path + call.id, waits, cold, call.id in warmers)
            self._nodes[call.id] = node
            for name in waits | cold:
                self._held.setdefault(name, []).append(node)
            fresh.append(node)
        return self._ready(fresh)

    @staticmethod
    def _ready(nodes: Iterable[Node]) -> list[Node]:
        ready = [node for node in nodes if not node.released and not node.waits and not node.cold]
        for node in ready:
            node.released = True
        return ready

    def warmed(self, name: str) -> list[Node]:
        """The first token of a call is there; returns the calls that this releases."""
        if name in self._warm:
            return []
        self._warm.add(name)
        held = self._held.get(name, ())
        for node in held:
            node.cold.discard(name)
        return self._ready(held)

    def answered(self, name: str, text: str) -> list[Node]:
        """A call is answered; returns the calls that this releases."""
        self.answers[name] = text
        held = self._held.get(name, ())
        for node in held:
            node.waits.discard(name)
        return self._ready(held)

    @property
    def complete(self) -> bool:
        return self.plan is not None and len(self.answers) == len(self.plan.calls)

    def parts(self) -> tuple[str, ...]:
        """The answers that are merged, in order."""
        assert self.plan is not None
        return tuple(self.answers[name] for name in self.plan.answers)

    def first_visible(self) -> int | None:
        """When the first answer's first token could be seen, in nanoseconds: not before the plan said whose answer is first."""
        assert self.plan is not None
        first = self._nodes[self.plan.answers[0]].visible_ns
        return None if first is None else max(first, self._known_ns)

    def so_far(self) -> str:
        """The answer as far as it can be shown by now: nothing, unless the merge is an ordered one."""
        if self.plan is None or not self.plan.ordered:
            return ""
        parts = []
        for name in self.plan.answers:
            parts.append(self.answers[name] if name in self.answers else self._nodes[name].so_far())
            if name not in self.answers:
                break
        return self.plan.merge(parts) if any(parts) else ""

    def differs(self, plan: Plan) -> str:
        """The id of a call that was released early and is not in the plan as it was; empty if there is none."""
        final = {call.id: call for call in plan.calls}
        for name, node in self._nodes.items():
            if name not in final or not _same(node.call, final[name]):
                return name
        return ""


def _same(one: Call, other: Call) -> bool:
    """Equal in everything but functions, which cannot be compared."""
    pairs = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(Call)]
    return all(a == b or (callable(a) and callable(b)) for a, b in pairs)
