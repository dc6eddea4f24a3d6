"""From a schema to a plan: what every method that splits flatly shares. Group, warm, decline, merge.

    group=1 is full fan-out, group=k asks for k items in one call, group=auto lets `gain` choose
    warm sends one branch, waits for its first token and then sends the rest, so that a shared context is cached
    min_gain declines where `gain` predicts less

Knows no planner: where the schema comes from is the method's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import isfinite
from typing import Literal

from ppbench import Call, Plan, Prompt, Schema
from ppbench_plugins.decomposers.constraints import SHARED, Shards
from ppbench_plugins.decomposers.gain import LatencyModel, groups
from ppbench_plugins.decomposers.merges import PLAIN, Merge, Name, Table, entries_of, json_values, listed, merge_for
from ppbench_plugins.decomposers.merging import model_merge
from ppbench_plugins.prompts import fill

_WORTH_WARMING = 16
"""Characters that calls must share at their beginning. Providers cache from some hundred tokens on; a short beginning is
a template that opens with the item."""


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """Options of a flat split, and the plan that they make of a schema."""

    group: int | Literal["auto"] = 1
    """Items in one call."""
    warm: bool = False
    """Send one branch, wait for its first token, then send the rest."""
    min_gain: float = 0.0
    """Decline where the predicted speedup is below this; 0 never declines."""
    ttft: float = 0.5
    """Of the latency model: seconds to the first token."""
    tok: float = 0.02
    """Of the latency model: seconds a token."""
    merge: Name = "auto"

    def __post_init__(self) -> None:
        if self.group != "auto" and self.group < 1:
            raise ValueError(f"group is 1 or more, or auto, not {self.group}")
        numbers = (self.ttft, self.tok, self.min_gain)
        if not all(map(isfinite, numbers)) or self.ttft < 0 or self.tok <= 0 or self.min_gain < 0:
            given = f"{self.ttft:g}, {self.tok:g} and {self.min_gain:g}"
            raise ValueError(f"ttft and min_gain are 0 or more, tok is more than 0, all of them numbers, not {given}")

    def fan(self, prompt: Prompt, schema: Schema, reason: str = "") -> Plan:
        """The split of a prompt by its schema; declined where it is not worth it, with the reason."""
        model = LatencyModel(self.ttft, self.tok)
        size = model.best_group(schema) if self.group == "auto" else self.group
        sizes = groups(schema.size, size)
        if len(sizes) < 2:
            return Plan.decline(prompt, "one group holds all items")
        if self.min_gain and (gain := model.gain(schema, sizes)) < self.min_gain:
            return Plan.decline(prompt, f"predicted gain {gain:.2f} is below min_gain {self.min_gain:g}")
        calls = self._items(schema, sizes) if schema.data is not None else self._pieces(prompt, schema, sizes)
        return self._merged(prompt, schema, [self._warmed(call, k) for k, call in enumerate(calls)], sizes, reason)

    def branches(self, template: str, context: str | None, items: Sequence[str]) -> list[Call]:
        """The calls for the first items of a list that is still growing: those that `fan` will hold for them as well.

        Empty where a call depends on how many items there will be.
        """
        if self.group != 1 or self.min_gain:
            return []
        return [self._warmed(_item(template, context, item, k), k - 1) for k, item in enumerate(items, 1)]

    def _items(self, schema: Schema, sizes: Sequence[int]) -> list[Call]:
        assert schema.data is not None
        runs = [schema.data[span.start - 1 : span.stop - 1] for span in _spans(sizes)]
        return [_run(schema, run, k) for k, run in enumerate(runs, 1)]

    @staticmethod
    def _pieces(prompt: Prompt, schema: Schema, sizes: Sequence[int]) -> list[Call]:
        """Open pieces: each call knows which ones it writes, and what of the conditions on all of them is theirs."""
        assert schema.n is not None
        whole, context = prompt.text, schema.context or ""
        text = Schema.fill(schema.template, context="[...]" if context in whole else context)
        shards = Shards.of(whole, schema.n)
        return [Call(str(k), shards.request(whole, text, span), cache_until=SHARED + len(whole))
                for k, span in enumerate(_spans(sizes), 1)]  # fmt: skip

    def _warmed(self, call: Call, place: int) -> Call:
        """The first call goes ahead, the others follow at its first token; where they share next to nothing, waiting would
        only cost, and all go at once."""
        if not self.warm or (call.cache_until or 0) < _WORTH_WARMING:
            return replace(call, cache_until=None)
        return replace(call, after=() if place == 0 else ("1",))

    def _merged(self, prompt: Prompt, schema: Schema, calls: list[Call], sizes: Sequence[int], reason: str) -> Plan:
        if self.merge == "llm":
            return Plan((*calls, model_merge(prompt.text, [call.id for call in calls], "merge")), PLAIN, schema, reason=reason)
        merge = merge_for(prompt.text, self.merge, schema.data or ())
        return Plan(tuple(calls), merge if max(sizes) == 1 else Regrouped(tuple(sizes), merge, listed(prompt.text)), schema,
                    reason=reason)  # fmt: skip


def _spans(sizes: Sequence[int]) -> list[range]:
    """The numbers, from 1, that each group holds."""
    return [range(end - size + 1, end + 1) for end, size in zip(accumulate(sizes), sizes, strict=True)]


@dataclass(frozen=True)
class Regrouped:
    """The merge of answers to groups: each is cut into its items again. Where one cannot be, it stands as it came."""

    sizes: tuple[int, ...]
    merge: Merge
    otherwise: Merge

    def __call__(self, texts: Sequence[str]) -> str:
        if isinstance(self.merge, Table):  # rows are put together, however many a table has
            return self.merge(texts)
        cut = [_entries(text, size) for text, size in zip(texts, self.sizes, strict=True)]
        if all(len(entries) == size for entries, size in zip(cut, self.sizes, strict=True)):
            return self.merge([entry for entries in cut for entry in entries])
        return PLAIN(texts) if any(len(entries) > 1 for entries in cut) else self.otherwise(texts)


def _entries(text: str, size: int) -> list[str]:
    """The answers to the items of a group: entries of a list with all their lines, values of a JSON array, or plain lines."""
    if size == 1:
        return [text]
    values = json_values(text)
    if len(values) == size:
        return values
    listed_ones = entries_of(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return listed_ones if len(listed_ones) == size else lines if len(lines) == size else [text]


def _item(template: str, context: str | None, item: str, number: int) -> Call:
    shared = Schema.fill(template.partition("{data}")[0], context=context or "")
    return Call(str(number), Schema.fill(template, item, context or ""), cache_until=len(shared) or None)


def _run(schema: Schema, run: Sequence[str], number: int) -> Call:
    """One call for several items, numbered where the template takes one."""
    if len(run) == 1:
        return _item(schema.template, schema.context, run[0], number)
    held = "\n".join(f"{k}. {item}" for k, item in enumerate(run, 1))
    one = _item(schema.template, schema.context, held, number)
    return replace(one, text=fill("group", text=one.text, count=len(run)))
