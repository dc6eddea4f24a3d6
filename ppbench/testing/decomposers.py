"""Checks of a method: its contract, hard prompts, calls through the plan alone, no look-up, nothing lost. Gives no marks."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ppbench.errors import BrokenPlugin, EndpointUnusable, UsageError
from ppbench.hookspecs import Case, Decomposer, Executor
from ppbench.model import Item, Prompt
from ppbench.plan import Plan
from ppbench.plugins import Plugin, Plugins
from ppbench.specs import spec_of
from ppbench.testing import prompts as known
from ppbench.testing.guard import no_network
from ppbench.testing.report import Failed, Figures, Skipped
from ppbench.testing.trials import Went, echo, trial

GOLD, FRESH = 6, 3
"""Prompts of each category."""
GIVEN = {"schema", "category"}


@dataclass
class Subject:
    """The method, and what it is tried with."""

    plugins: Plugins
    plugin: Plugin
    spec: str
    stack: ExitStack

    @cached_property
    def method(self) -> Decomposer:
        made: Decomposer = self.plugins.make("decomposer", self.spec)
        return made

    @cached_property
    def given(self) -> Sequence[str]:
        return tuple(getattr(self.method, "given", ()))

    @cached_property
    def items(self) -> list[Item]:
        return known.installed(self.plugins)

    @cached_property
    def fresh(self) -> list[tuple[Item, Item]]:
        """Prompts and their doubles with other items."""
        pairs = [(item, known.fresh(item)) for item in self.items if item.language == "en" and item.schema and item.schema.data]
        chosen = {item.id for item in known.gold([item for item, other in pairs if other], FRESH)}
        return [(item, other) for item, other in pairs if other and item.id in chosen]

    @cached_property
    def mock(self) -> Executor:
        """The mock model on a virtual clock; it knows the doubles too."""
        folder = Path(self.stack.enter_context(TemporaryDirectory()))
        known.write([known.canaries(), *(other for _, other in self.fresh)], folder / "fresh.jsonl")
        executor: Executor = self.plugins.make("executor", "offline", prompts=str(folder / "fresh.jsonl"))
        return self.stack.enter_context(executor)

    def shown(self, prompt: Prompt) -> Prompt:
        return known.labelled(prompt) if self.given else prompt

    def went(self, item: Item) -> Went:
        return trial(self.method, item.prompt(self.given), self.mock)


def checks(subject: Subject) -> Iterator[tuple[str, Callable[[], Figures]]]:
    """Name and check, in the order in which they tell most."""
    yield "contract", partial(_contract, subject)
    for name, prompt in known.hard_prompts().items():
        yield f"prompt-{name}", partial(_hard, subject, prompt)
    yield "text-is-data", partial(_text_is_data, subject)
    yield "same-plan-again", partial(_again, subject)
    yield "no-lookup", partial(_no_lookup, subject)
    yield "nothing-lost", partial(_nothing_lost, subject)
    yield "traps", partial(_traps, subject)
    yield "endpoint", partial(_endpoint, subject)


def _contract(subject: Subject) -> Figures:
    method = subject.method
    if not type(method).__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise Failed("is no frozen dataclass: a method has no memory from one prompt to the next")
    if unknown := set(subject.given) - GIVEN:
        raise Failed(f"given names {sorted(unknown)}; there are {sorted(GIVEN)}")
    spec = spec_of(method)
    if subject.plugins.make("decomposer", spec) != method:
        raise Failed(f"its spec {spec!r} does not make it again")
    with no_network():
        plan = method.decompose(subject.shown(Prompt("p", "Translate:\n1. one\n2. two")))
    if not isinstance(plan, Plan):
        raise Failed(f"decompose gave {type(plan).__name__}, which is no Plan")
    return {"given": " ".join(subject.given), "spec": spec}


def _hard(subject: Subject, prompt: Prompt) -> Figures:
    """A trial with the mock model, and one in which every call gets its own text back."""
    went = trial(subject.method, subject.shown(prompt), subject.mock)
    trial(subject.method, subject.shown(prompt), echo())
    trial(subject.method, subject.shown(prompt), echo(lambda request: ""))
    return {"status": went.trace.status, "calls": len(went.sent), "characters_sent": sum(len(r.text) for r in went.sent)}


def _text_is_data(subject: Subject) -> Figures:
    """What the prompt holds is sent, and what a reply holds is answered, letter by letter or not at all."""
    item = known.canaries()
    mocked = trial(subject.method, item.prompt(subject.given), subject.mock)
    echoed = [trial(subject.method, prompt, echo())
              for prompt in (item.prompt(subject.given), subject.shown(known.hard_prompts()["injection"]))]  # fmt: skip
    replies = "\n".join(span.reply.text for span in mocked.trace.spans)  # a model may change what it repeats
    for went, excused in ((mocked, replies), *((one, "") for one in echoed)):
        for text in (*(request.text for request in went.sent), went.trace.answer):
            if changed := [piece for piece in _changed(text) if piece not in excused]:
                raise Failed(f"a text was changed on its way: {changed[0]!r}; fill templates in one literal pass")
    return {"status": mocked.trace.status, "calls": len(mocked.sent)}


def _changed(text: str) -> list[str]:
    """What stands between two marks and is none of the canaries, as it is or as JSON holds it."""
    for canary in known.CANARIES:
        for form in (canary, json.dumps(canary)[1:-1], json.dumps(canary, ensure_ascii=False)[1:-1]):
            text = text.replace(form, "")
    return re.findall(f"{known.MARK}.{{0,60}}{known.MARK}", text)


def _again(subject: Subject) -> Figures:
    """The same prompt gives the same calls: again, from a method made anew, under another id, wherever `random` stands."""
    for item, _ in subject.fresh:
        prompt, state = item.prompt(subject.given), random.getstate()
        first = trial(subject.method, prompt, subject.mock)
        other = Prompt("another-id", prompt.text, prompt.language, prompt.category, prompt.schema)
        try:
            random.seed(4711)
            for again in (prompt, other):
                if trial(subject.plugins.make("decomposer", subject.spec), again, subject.mock).asked != first.asked:
                    raise Failed(f"{item.id}: another plan {'under another id' if again is other else 'the second time'}")
        finally:
            random.setstate(state)
    return {"prompts": len(subject.fresh)}


def _no_lookup(subject: Subject) -> Figures:
    """With its items exchanged for others of the same form a prompt is split the same way."""
    for item, other in subject.fresh:
        was, now = subject.went(item).shape, subject.went(other).shape
        if was != now:
            raise Failed(f"{item.id} is split otherwise with other items: {_said(was)}, then {_said(now)}")
    return {"prompts": len(subject.fresh)}


def _said(shape: tuple[Any, ...]) -> str:
    return " ".join([shape[0], *(f"{count} {role}" for role, count in shape[1:])])


def _nothing_lost(subject: Subject) -> Figures:
    """Of prompts with gold, where it splits: each item is in a call that solves, and each is answered."""
    chosen = known.gold(subject.items, GOLD)
    split = [(item, went) for item in chosen if (went := subject.went(item)).trace.status == "split"]
    wanted = [(item.id, part, went) for item, went in split for part in (item.schema.data or () if item.schema else ())]
    lost = [(name, part) for name, part, went in wanted if not any(_holds(text, part) for text in went.solving)]
    answered = _answered(subject.plugins, split)
    figures = {"prompts": len(chosen), "split": len(split), "items": len(wanted), "items_lost": len(lost), "answered": answered}
    if lost:
        raise Failed(f"{len(lost)} of {len(wanted)} items are in no call that solves; the first, of {lost[0][0]}: "
                     f"{lost[0][1][:60]!r}", **figures)  # fmt: skip
    if split and answered < 0.95:
        raise Failed(f"{answered:.0%} of the items are answered once and in order, where it splits", **figures)
    return figures


def _holds(text: str, part: str) -> bool:
    return " ".join(part.split()) in " ".join(text.split()) or json.dumps(part)[1:-1] in text or part in text


def _answered(plugins: Plugins, split: Sequence[tuple[Item, Went]]) -> float:
    """By the judge of structure: the mean over the prompts that were split."""
    judge = plugins.make("judge", "structure")
    cases = [Case(item, plugins.category(item.category), went.trace, None) for item, went in split]
    values = [verdict.value for case in cases for verdict in judge.verdicts(case, ()) if verdict.criterion == "structure"]
    return round(sum(values) / len(values), 4) if values else 1.0


def _traps(subject: Subject) -> Figures:
    """How many prompts that look like lists, and are none, it leaves whole. No mark: some methods split everything."""
    chosen = [item for item in known.traps(subject.items) if "schema" not in subject.given]
    if not chosen:
        raise Skipped("a method that is shown labels meets no traps" if subject.given else "no traps are installed")
    left = sum(subject.went(item).trace.status != "split" for item in chosen)
    return {"prompts": len(chosen), "declined": left, "share": round(left / len(chosen), 4)}


def _endpoint(subject: Subject) -> Figures:
    """One prompt over real sockets, through the engine, to the mock endpoint."""
    item = (known.gold(subject.items, 1) or [None])[0]  # type: ignore[list-item]
    if item is None:
        raise Skipped("no prompt is installed")
    try:
        with subject.plugins.make("executor", "native") as executor:
            went = trial(subject.method, item.prompt(subject.given), executor, guarded=False)
    except (BrokenPlugin, UsageError, EndpointUnusable) as error:
        raise Skipped(f"the engine or the mock endpoint cannot be used here: {error}") from None
    return {"status": went.trace.status, "calls": len(went.sent), "milliseconds": round(went.trace.latency_ns / 1e6, 1)}
