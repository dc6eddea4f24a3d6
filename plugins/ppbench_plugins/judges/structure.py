"""Structural adherence: are the subtasks that were asked for answered once each, in order, in the language and the form
that they were asked for in?

The paper names the dimension and publishes no formula (ParallelPrompt, section 5). Here it is the share of slots,
over the larger of expected and returned, that are filled once, with an answer that is not another slot's and is written
as asked. Which answer is whose is told by the item that it names, else by its number, else by its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ppbench import Case, Item, Plan, Reply, Verdict
from ppbench_plugins.judges.align import Entry, entries, first_of_each
from ppbench_plugins.judges.metrics import plain
from ppbench_plugins.judges.parts import in_wrong_form, in_wrong_language


@dataclass(frozen=True)
class Structure:
    name: ClassVar[str] = "structure"

    def plan(self, case: Case) -> Plan | None:
        return None

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        """`structure`, and beside it the shares of expected subtasks that are returned, missing, duplicated, misplaced, in
        the wrong language and in the wrong form. Nothing for an item without a schema: what it should hold is not known."""
        if case.item.schema is None:
            return []
        return _verdicts(case.item, case.trace.answer, case.category.metric)


def _verdicts(item: Item, answer: str, metric: str) -> list[Verdict]:
    assert item.schema is not None
    expected = item.schema.size
    listed = [entry for entry in entries(answer, expected, item.schema.data or ()) if entry.text]
    filled = first_of_each(listed, expected)
    copies = _copies(item, filled)
    repeated = sum(count - 1 for count in Counter(entry.number for entry in listed).values())
    misplaced = _late(listed, expected) | (_misplaced(item, filled) if metric != "label" else set())
    foreign, odd = in_wrong_language(filled, item.reference, metric), in_wrong_form(filled, item.reference, metric)
    returned = sum(slot is not None for slot in filled)
    good = returned - len(copies | misplaced | foreign | odd)
    counts = {"returned": returned, "missing": expected - returned, "duplicated": repeated + len(copies),
              "misplaced": len(misplaced), "wrong_language": len(foreign), "wrong_format": len(odd)}  # fmt: skip
    told = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items())
    reason = f"expected {expected}, {told}, entries {len(listed)}"
    value = good / max(expected, len(listed))
    return [Verdict("structure", value, reason), *(Verdict(k, min(1.0, v / expected)) for k, v in counts.items())]


def _copies(item: Item, filled: Sequence[str | None]) -> set[int]:
    """Slots that repeat an earlier one word for word, where pieces of their own were asked for."""
    if item.schema is None or item.schema.n is None:
        return set()  # two items may rightly get the same answer
    first: dict[str, int] = {}
    return {k for k, slot in enumerate(filled) if slot and first.setdefault(plain(slot), k) != k}


def _late(listed: Sequence[Entry], expected: int) -> set[int]:
    """Slots whose entry stands after one with a higher number."""
    late, highest = set(), 0
    for number in dict.fromkeys(entry.number for entry in listed):
        if number < highest and 1 <= number <= expected:
            late.add(number - 1)
        highest = max(highest, number)
    return late


def _misplaced(item: Item, filled: Sequence[str | None]) -> set[int]:
    """Slots whose answer is another slot's reference, and not their own. Says nothing where items share a few
    labels: a wrong label is a wrong answer, not a misplaced one."""
    wanted = [{plain(text) for text in accepted} for accepted in item.reference or ()]
    return {
        k
        for k, (slot, own) in enumerate(zip(filled, wanted, strict=False))
        if slot and plain(slot) not in own and any(plain(slot) in other for other in wanted)
    }
