"""What several commands need: the installed prompts, and categories by name."""

from __future__ import annotations

from pathlib import Path

import click

from ppbench.errors import InvalidData
from ppbench.model import Category, Item
from ppbench.plugins import Plugins
from ppbench.tasks import Problem, load_items, refuse


def categories(plugins: Plugins) -> dict[str, Category]:
    """Category id -> value."""
    return {component.name: component.value for component in plugins.of("category").values()}


def known_names(plugins: Plugins) -> dict[str, str]:
    """Casefolded id or alias -> category id."""
    names: dict[str, str] = {}
    for category in categories(plugins).values():
        names |= {name.casefold(): category.id for name in (category.id, category.title, *category.aliases)}
    return names


def installed_items(plugins: Plugins, only: str | None = None) -> list[Item]:
    """The packaged prompts of all categories, or of one.

    A bad row of the one category that is asked for raises InvalidData; among all of them it is left out, and said.
    """
    items: list[Item] = []
    for category in categories(plugins).values():
        if category.prompts and only in (None, category.id):
            good, bad = _packaged(plugins, category)
            if bad and only:
                raise InvalidData("\n".join([f"prompts of {category.id} are broken:", *(f"  {problem}" for problem in bad)]))
            for problem in bad:
                click.echo(f"left out of {category.id}: {problem}", err=True)
            items += good
    return items


def _packaged(plugins: Plugins, category: Category) -> tuple[list[Item], list[Problem]]:
    try:
        return load_items(Path(category.prompts), categories=known_names(plugins), strict=True)
    except InvalidData as error:
        return [], [Problem(category.prompts, str(error))]


def user_items(plugins: Plugins, path: str, *, skip_bad: bool) -> tuple[list[Item], int]:
    """A user's JSONL: items and the number of rows left out. Raises InvalidData unless bad rows may be skipped."""
    items, problems = load_items(path, categories=known_names(plugins))
    if not skip_bad:
        refuse(problems)
    if not items:
        raise InvalidData(f"{path} holds no prompt; give JSONL rows with `text` or `prompt`")
    return items, len(problems)
