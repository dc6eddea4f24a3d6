"""One prompt asked for n subtasks, n = 1, 2, 5 and so on: the prompts of `vary-n`, made from prompts that people wrote.

Nothing is composed: a prompt keeps its own words. Of a list the lines after the nth are left out; of a count the number
is written anew; for n = 1 the schema's template is filled with the first item. A prompt that cannot be changed so
without doubt is left out, and the reason is said. Pure: knows no file, no run and no model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ppbench.model import Item

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_TENS = {30: "thirty", 40: "forty", 50: "fifty"}
_MARK = 12
"""Characters before an item on its line: a number, a bullet, `Review 3:`. More is text that would be lost with it."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A prompt that asks for n subtasks."""

    item: Item
    n: int


def refusal(item: Item) -> str:
    """Why a prompt cannot be asked for another number of subtasks; empty if it can be."""
    if item.schema is None:
        return "has no schema"
    if item.constraints or item.edges or item.dependency != "none" or item.splittable is False:
        return "has conditions on the whole set, or subtasks that need one another"
    if item.schema.n is not None:
        found = len(_named(item.text, item.schema.n))
        return "" if found == 1 else f"names its count {found} times, not once"
    lines = _lines(item)
    if not lines:
        return "does not have each item on lines of its own"
    frame = item.text[: lines[0][0]] + item.text[lines[-1][1] :]
    if _squeezed(item.schema.context or "") not in _squeezed(frame):
        return "has its items inside its context"
    return "names the number of its items" if _named(frame, item.schema.size) else ""


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def largest(item: Item) -> int | None:
    """The most subtasks that a prompt can be asked for; None where a count has no end."""
    assert item.schema is not None
    return None if item.schema.n is not None else item.schema.size


def sized(items: Iterable[Item], counts: Sequence[int]) -> list[Sized]:
    """Each prompt at each count that it can be asked for; the prompt is the family."""
    return [Sized(_at(item, n), n) for item in items for n in counts if n <= (largest(item) or n)]


def _at(item: Item, n: int) -> Item:
    schema = item.schema
    assert schema is not None
    name, family = f"{item.id}.n{n:02d}", item.id
    if n == 1:  # a schema has two subtasks or more; of one there is nothing to split, and both arms send this text
        return replace(item, id=name, family=family, text=schema.render()[0], schema=None, reference=None)
    if schema.n is not None:
        [(start, end)] = _named(item.text, schema.n)
        text = f"{item.text[:start]}{n}{item.text[end:]}"
        return replace(item, id=name, family=family, text=text, schema=replace(schema, n=n), reference=None)
    assert schema.data is not None
    reference = item.reference[:n] if item.reference is not None else None
    changed = replace(schema, data=schema.data[:n])
    return replace(item, id=name, family=family, text=_first(item, n), schema=changed, reference=reference)


def _first(item: Item, n: int) -> str:
    """The text without the lines of the items after the nth."""
    lines = _lines(item)
    return item.text if n == len(lines) else item.text[: lines[n][0]].rstrip() + item.text[lines[-1][1] :]


def _lines(item: Item) -> list[tuple[int, int]]:
    """Where the lines of each item begin and end; empty unless each item has lines of its own, in order."""
    assert item.schema is not None
    spans, at = [], 0
    for part in item.schema.data or ():
        found = re.compile(rf"^[^\n]{{0,{_MARK}}}?(?<!\w){re.escape(part)}[^\w\n]*$", re.MULTILINE).search(item.text, at)
        if found is None:
            return []
        spans.append(found.span())
        at = found.end()
    return spans


def _named(text: str, count: int) -> list[tuple[int, int]]:
    """Where a text names a count: in figures, or by an English word."""
    word = _WORDS[count] if count < len(_WORDS) else _TENS.get(count, "")
    names = [str(count), *([re.escape(word)] if word else []), *([r"(?:a\s+)?dozen"] if count == 12 else [])]
    pattern = rf"(?<![\w.,:/$€£-])(?:{'|'.join(names)})(?![\w%]|[.,:/-]\w)"
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def to_row(item: Item, asked: int | None = None) -> dict[str, Any]:
    """An item as a row that `ppbench run --prompts` reads; `asked` is for the experiment alone, and no method sees it."""
    row: dict[str, Any] = {
        "id": item.id, "text": item.text, "language": item.language, "category": item.category,
        "schema": item.schema.to_json() if item.schema else None, "family": item.family, "splittable": item.splittable,
        "reference": [list(entry) for entry in item.reference] if item.reference is not None else None,
        "dependency": item.dependency, "edges": [list(edge) for edge in item.edges],
        "constraints": list(item.constraints), "source": item.source,
    }  # fmt: skip
    return row if asked is None else {**row, "asked": asked}
