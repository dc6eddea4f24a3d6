"""How prompts are spread: counts by category, language and number of subtasks. Pure; prints nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ppbench.model import Item

SIZES = ((2, 3), (4, 6), (7, 10), (11, 20), (21, 50))
"""Groups of numbers of subtasks, as tables show them."""


def sizes(items: Sequence[Item]) -> dict[str, int]:
    """Prompts by their number of subtasks; `-` counts those without a schema."""
    found: Counter[str] = Counter(_group(item) for item in items)
    names = ["-", *(f"{low}-{high}" for low, high in SIZES), f"{SIZES[-1][1] + 1}+"]
    return {name: found[name] for name in names if found[name]}


def _group(item: Item) -> str:
    if item.schema is None:
        return "-"
    size = item.schema.size
    return next((f"{low}-{high}" for low, high in SIZES if low <= size <= high), f"{SIZES[-1][1] + 1}+")


def languages(items: Sequence[Item]) -> dict[str, int]:
    """Prompts by language, the commonest first."""
    return dict(sorted(Counter(item.language for item in items).items(), key=lambda pair: (-pair[1], pair[0])))


def subtasks(items: Sequence[Item]) -> int:
    return sum(item.schema.size for item in items if item.schema)
