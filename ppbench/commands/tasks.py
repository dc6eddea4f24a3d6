"""`ppbench tasks`: which prompts there are, what they look like, whether they obey their rules."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click
from tabulate import tabulate

from ppbench import plugins as loader
from ppbench.commands.common import categories, installed_items, json_text, known_names, plain
from ppbench.commands.detect import detect
from ppbench.errors import InvalidData, UsageError
from ppbench.model import Item
from ppbench.plugins import Plugins
from ppbench.tasks import Problem, load_items, select, suites


@click.group()
def tasks() -> None:
    """List, show and validate prompts and categories."""


tasks.add_command(detect)


@tasks.command("list")
@click.option("--json", "as_json", is_flag=True, help="The rows as data.")
def list_(as_json: bool) -> None:
    """Categories with their counts and languages, and the suites."""
    plugins = loader.load()
    items = installed_items(plugins)
    rows: list[dict[str, Any]] = []
    for category in categories(plugins).values():
        mine = [item for item in items if item.category == category.id]
        languages = Counter(item.language for item in mine)
        rows.append({"category": category.id, "title": category.title, "kind": category.kind, "metric": category.metric,
                     "prompts": len(mine), "subtasks": sum(item.schema.size for item in mine if item.schema),
                     "languages": " ".join(f"{code}:{count}" for code, count in languages.most_common())})  # fmt: skip
    if as_json:
        counts = {name: {**suite, "prompts": len(suite["items"])} for name, suite in suites().items()}
        click.echo(json.dumps({"categories": rows, "suites": counts}, ensure_ascii=False, indent=2))
        return
    click.echo(tabulate(rows, headers="keys"))
    click.echo("\n" + tabulate([(name, f"v{s['version']}", len(s["items"]), s["description"]) for name, s in suites().items()],
                               headers=["suite", "version", "prompts", "description"]))  # fmt: skip


@tasks.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The prompts as data.")
def show(name: str, as_json: bool) -> None:
    """Show the prompts of NAME: the id of a prompt, a category or a suite."""
    chosen = _named(loader.load(), name)
    if as_json:
        click.echo(json_text([_row(item) for item in chosen]))
        return
    for item in chosen:
        click.echo(f"{item.id}  {item.category}  {item.language}")
        click.echo(plain("\n".join("    " + line for line in item.text.splitlines())))
        if item.schema:
            references = item.reference or ((),) * item.schema.size
            for place, (text, accepted) in enumerate(zip(item.schema.render(), references, strict=True), 1):
                shown = " ".join(text.split())
                click.echo(plain(f"  {place}. {shown[:100]}" + (f"  =>  {' | '.join(accepted)}" if accepted else "")))
        click.echo("")


def _named(plugins: Plugins, name: str) -> list[Item]:
    items = installed_items(plugins)
    found = [item for item in items if item.id == name]
    if not found and name in suites():
        found = select(items, name)
    if not found and name.casefold() in known_names(plugins):
        found = [item for item in items if item.category == known_names(plugins)[name.casefold()]]
    if not found:
        raise UsageError(f"no prompt, category or suite {name!r}; have the categories {', '.join(categories(plugins))} "
                         f"and the suites {', '.join(suites())}")  # fmt: skip
    return found


def _row(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "text": item.text,
        "language": item.language,
        "category": item.category,
        "schema": item.schema.to_json() if item.schema else None,
        "reference": item.reference,
        "family": item.family,
    }


@tasks.command()
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False))
def validate(files: tuple[str, ...]) -> None:
    """Check prompts: FILES as a user's own, or, without any, all that is installed. Exits with 5 if a row is bad."""
    plugins = loader.load()
    names = known_names(plugins)
    sources = [(path, False) for path in files] or [(c.prompts, True) for c in categories(plugins).values() if c.prompts]
    total, problems = 0, list[Problem]()
    for path, strict in sources:
        items, bad = load_items(path, categories=names, strict=strict)
        problems += bad + [Problem(f"{path}: {item.id}", what) for item in items for what in _ungrounded(item)]
        total += len(items)
    if problems:
        raise InvalidData(f"{len(problems)} problems:\n" + "\n".join(f"  {problem}" for problem in problems))
    if not files:
        for name in suites():
            select(installed_items(plugins), name)
    click.echo(f"{total} prompts in {len(sources)} files are valid")


def _ungrounded(item: Item) -> list[str]:
    """Parts of a schema that do not stand in the prompt."""
    if item.schema is None:
        return []
    parts = [*(item.schema.data or ()), *([item.schema.context] if item.schema.context else [])]
    return [f"does not stand in the text: {part[:60]!r}" for part in parts if part not in item.text]
