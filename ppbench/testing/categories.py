"""Checks of a category: its value, and its prompts, each of which runs dry. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ppbench import dry
from ppbench.model import Category, Item
from ppbench.plugins import Plugins
from ppbench.tasks import load_placed
from ppbench.testing.report import Failed, Figures, Skipped

JUDGES = ("structure", "reference")


def checks(plugins: Plugins, category: Category) -> Iterator[tuple[str, Callable[[], Figures]]]:
    yield "contract", partial(_contract, category)
    yield "prompts", partial(_prompts, category)
    yield "prompts-run-dry", partial(_run_dry, plugins, category)


def _contract(category: Category) -> Figures:
    if found := dry.category_problems(category):
        raise Failed("; ".join(found))
    return {"metric": category.metric, "kind": category.kind}


def _prompts(category: Category) -> Figures:
    """Each row obeys the schema of prompts, holds what it says it holds, and stands there once."""
    if not category.prompts:
        raise Skipped("brings no prompts")
    placed, problems = load_placed(Path(category.prompts), strict=True)
    found = [str(problem) for problem in [*problems, *dry.doubles(placed)]]
    found += [f"{where}: {what}" for where, item in placed for what in dry.text_problems(item)]
    found += [f"{where}: is of category {item.category!r}" for where, item in placed if item.category != category.id]
    if found or not placed:
        raise Failed(f"{len(found)} problems; the first: {found[0]}" if found else "holds no prompt", prompts=len(placed))
    return {"prompts": len(placed)}


def _run_dry(plugins: Plugins, category: Category) -> Figures:
    """Split by its own labels, answered with dummies, merged and judged."""
    if not category.prompts:
        raise Skipped("brings no prompts")
    items: list[Item] = [item for _, item in load_placed(Path(category.prompts), strict=True)[0]]
    known = {component.name: component.value for component in plugins.of("category").values()} | {category.id: category}
    judges = [plugins.make("judge", name) for name in JUDGES]
    for item in items:
        spec = "schema:source=given" if item.schema and item.splittable is not False else "serial"
        if found := dry.run_problems(item, plugins.make("decomposer", spec), judges, known):
            raise Failed(f"{item.id}: {found[0]}", prompts=len(items))
    return {"prompts": len(items)}
