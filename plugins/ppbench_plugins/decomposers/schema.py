"""Schema extraction (ParallelPrompt, arXiv 2506.18728, section 3): find template, context and items; one call an item.

    source=llm    a model is asked, and the extraction is part of the plan, inside the clock
    source=rules  rules find the schema, without a call; rules+llm asks a model where they find none
    source=given  the method is shown the gold schema: an upper bound, marked and ranked apart

What a model says is checked before anything is split (`tier`), one unusable reply is asked for again, and while a usable
one streams, its items are sent as they come (`stream`; the paper waits for all of them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from ppbench import Call, Plan, Prompt, Schema
from ppbench_plugins.decomposers.extraction import answer_schema, begun, finished, is_empty, is_item, schema_of
from ppbench_plugins.decomposers.fanout import FanOut
from ppbench_plugins.decomposers.names import MOST_NAMES, Names, placeholders
from ppbench_plugins.decomposers.reading import MOST_PARTS, without_thought
from ppbench_plugins.decomposers.rules import find
from ppbench_plugins.decomposers.tiers import REPEATED, Ground, Published
from ppbench_plugins.decomposers.told import numbers_in
from ppbench_plugins.prompts import fill

_LONGEST = 100_000
"""Characters of a reply that are searched for items while it streams."""
_MARK = re.compile(r"[,\]}]")


@dataclass(frozen=True)
class SchemaExtraction(FanOut):
    name: ClassVar[str] = "schema"
    source: Literal["llm", "given", "rules", "rules+llm"] = "llm"
    prompt: Literal["own", "paper"] = "own"
    """What a model is asked with: a lean request, or one built like the paper's, with its categories and worked examples.
    The paper's field `serial`, a copy of the whole prompt, is left out: it is at hand."""
    dialect: Literal["own", "paper-1", "paper-2"] = "own"
    """How n pieces are asked for. The paper's first code wrote {n} in the template and sent 1 for it, its second one a
    template for a single piece; both sent n equal calls. Own: the second, and each call gets its share. Both are read."""
    first_letter: bool = False
    """The paper's device against equal pieces: piece i is asked to begin with letter i, from A on, over and over. There it
    stands in the system text, here in the user's: a call's own system text would take the place of the run's."""
    tier: Literal["own", "paper", "none"] = "own"
    """Which extractions are believed: those that the prompt bears out; those that the paper's rules pass; all."""
    structured: bool = True
    """Ask the endpoint to keep to the form. Without, the form is in the request alone."""
    stream: bool = True
    """Send an item's call as soon as the item is complete in the streaming reply, where no call depends on how many come."""
    names: bool = False
    """Plan and ask with invented names in place of NAME_1 and the like, and give the answer back with those."""
    max_tokens: int | None = None
    """Limit of the extraction call; None leaves it to the endpoint."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tier == "paper" and "llm" not in self.source:
            raise ValueError(f"tier=paper judges what a model extracts, and source={self.source} asks none; leave tier out")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens is {self.max_tokens}; give 1 or more, or none for no limit")
        if self.tier == "paper" and self.dialect == "paper-1":
            raise ValueError("tier=paper rejects the {n} that dialect=paper-1 asks for; take dialect=paper-2")
        if self.group != 1 and (self.first_letter or self.dialect != "own"):
            raise ValueError("the paper's dialects and first letters are for one piece a call; leave group at 1")
        if "rules" in self.source:
            find("Say two words.")  # loads the words of all languages and what tells them apart, before any clock runs
        if self.tier == "own" and "llm" in self.source:
            numbers_in("two")  # the number words alike

    @property
    def given(self) -> tuple[str, ...]:
        return ("schema",) if self.source == "given" else ()

    def decompose(self, prompt: Prompt) -> Plan:
        planning = Planning(self, prompt)
        if self.source == "given":
            return planning.split(prompt.schema) if prompt.schema else Plan.decline(prompt, "no annotation was given")
        if self.source == "llm":
            return planning.ask()
        found = find(prompt.text, prompt.language)
        if found.schema is not None and found.schema.size > MOST_PARTS:
            return Plan.decline(prompt, f"rule: {found.rule}: more than {MOST_PARTS} parts")
        if found.schema is not None:
            return planning.split(found.schema, f"rule: {found.rule}")
        return planning.ask() if self.source == "rules+llm" else Plan.decline(prompt, f"rule: {found.rule}: {found.reason}")


class Planning:
    """One prompt on its way to a plan. What is remembered here only saves looking it up again."""

    def __init__(self, method: SchemaExtraction, prompt: Prompt) -> None:
        self._method, self._prompt = method, prompt
        known = prompt.schema
        texts = (known.template, known.context, *(known.data or ())) if known else ()
        self._names = Names.of(prompt.text, *texts) if method.names else Names()
        full = method.names and not self._names.pairs and bool(placeholders(prompt.text))
        self._note = f"more than {MOST_NAMES} placeholders, which are kept" if full else ""
        self._shown = replace(prompt, text=self._names.replace(prompt.text))
        self._ground = Ground(self._shown.text)
        self._published_tier = Published(prompt.text)
        self._seen, self._early = "", tuple[Call, ...]()
        self._framed: tuple[str, str | None, list[str]] | None = None
        self._listed: tuple[Call, ...] = ()
        self._gone: dict[str, Call] = {}
        """The calls that have left: what was returned while a reply streamed, and not what it would have been."""

    def split(self, schema: Schema, reason: str = "") -> Plan:
        """The plan for a schema of the prompt as it came."""
        return self._fan(_changed(schema, self._names.replace), reason)

    def _fan(self, schema: Schema, reason: str = "") -> Plan:
        """The plan for a schema of the prompt as it is shown."""
        plan = self._method.fan(self._shown, schema, reason)
        if plan.status != "split":  # the prompt itself is sent, as to every other method
            return Plan.serial(self._prompt, status=plan.status, reason=plan.reason)
        plan = replace(plan, calls=tuple(self._published(plan.calls, schema)))
        if self._note:
            plan = replace(plan, reason=f"{reason}; {self._note}" if reason else self._note)
        if not self._names.pairs:
            return plan
        restore, given_back = self._names.restore, schema
        with suppress(ValueError):  # unchecked items may differ in nothing but a name and its placeholder
            given_back = _changed(schema, restore)
        return replace(plan, merge=Restored(plan.merge, restore), schema=given_back)

    def _published(self, calls: Sequence[Call], schema: Schema) -> list[Call]:
        """The calls, those for n single pieces as the paper's dialects and its first letters have them."""
        method = self._method
        pieces = schema.size if schema.n is not None and (method.first_letter or method.dialect != "own") else 0
        made = list(calls)
        for place in range(pieces):
            text = schema.render()[0] if method.dialect != "own" else made[place].text
            if method.first_letter:
                text = fill("first_letter", text=text, letter=chr(ord("A") + place % 26))
            made[place] = replace(made[place], text=text)
        return made

    # Asking a model

    def ask(self, problem: str = "") -> Plan:
        """The extraction call; with a problem, once more and for the last time."""
        method = self._method
        one = "{n}" if method.dialect == "paper-1" else "one"
        text = fill("extract_paper" if method.prompt == "paper" else "extract", prompt=self._shown.text, one=one)
        if problem:
            text = fill("extract_again", request=text, problem=problem)
        early = method.stream and method.group == 1 and not method.min_gain
        call = Call(
            "extract-again" if problem else "extract", text, role="plan", max_tokens=method.max_tokens,
            json_schema=answer_schema(method.prompt) if method.structured else None,
            expand=lambda reply: self._expand(reply, last=bool(problem)),
            expand_stream=self.early if early else None,
        )  # fmt: skip
        return Plan((call,))

    def _expand(self, reply: str, *, last: bool) -> Plan:
        """What a whole reply leads to. One whose branches have begun is not asked for again: they were paid for."""
        plan = self._read(without_thought(reply))
        if plan.status == "fallback" and not self._gone and not last:
            return self.ask(plan.reason)
        kept = {call.id: call for call in plan.calls}
        if any(kept.get(name) != call for name, call in self._gone.items()):
            return Plan.fallback(self._prompt, plan.reason or "extraction: the reply took back what it had said")
        return plan

    def _read(self, reply: str) -> Plan:
        try:
            fields = finished(reply)
            if is_empty(fields):
                return Plan.decline(self._prompt, "the extraction found nothing to split")
            schema = schema_of(fields)
            problem = self._problem(schema)
        except ValueError as error:
            return Plan.fallback(self._prompt, f"extraction: {error}")
        if problem:
            return Plan.fallback(self._prompt, f"extraction: {problem}")
        unfit = self._unfit(fields)
        return Plan.decline(self._prompt, unfit) if unfit else self._fan(schema)

    def _problem(self, schema: Schema, *, framed: bool = False) -> str:
        """What makes a schema unusable, or an empty string; `framed` leaves its items out."""
        if schema.size > MOST_PARTS:
            return f"more than {MOST_PARTS} parts"
        items = () if framed else schema.data or ()
        left = self._left([schema.template, schema.context or "", *items])
        return left or (self._ground.problem(schema.template, schema.context, items, schema.n) if self._own else "")

    def _left(self, texts: Sequence[str]) -> str:
        """A placeholder that a model brings back although it was shown names."""
        left = [name for text in texts for name in placeholders(text)] if self._names.pairs else []
        return f"a name that is not in the prompt: {left[0][:60]}" if left else ""

    def _unfit(self, fields: dict[str, Any]) -> str:
        """Why the paper's rules reject an extraction, if they are asked and do."""
        if self._method.tier != "paper":
            return ""
        said = fields.get("category") or (REPEATED if fields.get("n") is not None else self._prompt.category)
        judged = self._published_tier.judge(str(said or ""), fields)
        return "" if judged.passed else f"tier {judged.tier}: {judged.problem or 'no cue that it can be split'}"

    @property
    def _own(self) -> bool:
        return self._method.tier == "own"

    # While the reply streams

    def early(self, reply: str) -> tuple[Call, ...]:
        """The calls that a reply asks for by now; a longer reply asks for at least these."""
        reply = without_thought(reply)[:_LONGEST]
        if not reply.startswith(self._seen) or _MARK.search(reply, len(self._seen)):  # else nothing more is complete
            self._early = self._branches(begun(reply))
        self._seen = reply
        self._gone |= {call.id: call for call in self._early if call.id not in self._gone}
        return self._early

    def _branches(self, fields: dict[str, Any]) -> tuple[Call, ...]:
        if not {"context", "n"} <= fields.keys():  # with the items before these nothing can be rendered
            return ()
        counted, items = fields["n"] is not None, self._sound(fields.get("data"))
        so_far = {**fields, "data": None if counted else items}
        try:
            schema = schema_of(so_far if counted else {**fields, "data": ["1", "2"]})
        except ValueError:
            return ()
        if fields.get("parallelizable") is False or self._problem(schema, framed=True) or self._unfit(so_far):
            return ()
        if counted:
            plan = self._fan(schema)  # what merges the answers waits for the whole reply, as its text is made of them all
            return tuple(call for call in plan.calls if not call.needs) if plan.status == "split" else ()
        if self._framed != (framed := (schema.template, schema.context, items)):  # else a mark within an item
            self._framed, self._listed = framed, tuple(self._method.branches(*framed))
        return self._listed

    def _sound(self, data: object) -> list[str]:
        """The items up to the first one that no plan could hold."""
        sound: list[str] = []
        for item in data if isinstance(data, list) else ():
            if not is_item(item) or item in sound or self._strange(item):
                break
            sound.append(item)
        return sound[:MOST_PARTS]

    def _strange(self, item: str) -> bool:
        return bool(self._left([item])) or (self._own and not self._ground.holds(item))


@dataclass(frozen=True)
class Restored:
    """A merge whose result gets its placeholders back. It says not to be ordered: a name that is cut off cannot be told."""

    merge: Callable[[Sequence[str]], str]
    restore: Callable[[str], str]

    def __call__(self, texts: Sequence[str]) -> str:
        return self.restore(self.merge(texts))


def _changed(schema: Schema, change: Callable[[str], str]) -> Schema:
    """The schema with each of its texts changed."""
    data = tuple(map(change, schema.data)) if schema.data is not None else None
    return Schema(change(schema.template), change(schema.context) if schema.context else None, data, schema.n)
