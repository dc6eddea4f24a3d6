"""`ppbench tasks`: which prompts there are, what they look like, whether they obey their rules."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
from tabulate import tabulate

from ppbench import balance, dry
from ppbench import plugins as loader
from ppbench.commands.common import categories, installed_items, json_text, known_names, plain
from ppbench.commands.detect import detect
from ppbench.commands.importing import import_
from ppbench.commands.new_task import new
from ppbench.commands.run import JUDGES
from ppbench.errors import InvalidData, UsageError
from ppbench.model import Category, Item
from ppbench.plugins import Plugins
from ppbench.tasks import Placed, Problem, data_dir, load_placed, select, suite_digest, suites

SHOWN = 160
"""Characters of a rendered subtask."""


@click.group()
def tasks() -> None:
    """List, show, validate and import prompts; list categories."""


tasks.add_command(detect)
tasks.add_command(import_)
tasks.add_command(new)


@tasks.command("list")
@click.option("--taxonomy", is_flag=True, help="The six meta-categories, and the categories named under each.")
@click.option("--json", "as_json", is_flag=True, help="The rows as data.")
def list_(taxonomy: bool, as_json: bool) -> None:
    """Categories with their counts, sizes and languages, and the suites."""
    if taxonomy:
        _print_taxonomy(as_json=as_json)
        return
    plugins = loader.load()
    items = installed_items(plugins)
    rows = [_counts(category, [item for item in items if item.category == category.id])
            for category in categories(plugins).values()]  # fmt: skip
    if as_json:
        counts = {name: {**suite, "prompts": len(suite["items"])} for name, suite in suites().items()}
        click.echo(json.dumps({"categories": rows, "suites": counts}, ensure_ascii=False, indent=2))
        return
    shown = [{**row, "sizes": _spread(row["sizes"]), "languages": _spread(row["languages"])} for row in rows]
    click.echo(tabulate([{key: row[key] for key in row if key != "title"} for row in shown], headers="keys"))
    click.echo("\n" + tabulate([(name, f"v{s['version']}", len(s["items"]), s["description"]) for name, s in suites().items()],
                               headers=["suite", "version", "prompts", "description"]))  # fmt: skip


def _counts(category: Category, items: Sequence[Item]) -> dict[str, Any]:
    return {"category": category.id, "title": category.title, "kind": category.kind, "metric": category.metric,
            "prompts": len(items), "subtasks": balance.subtasks(items), "sizes": balance.sizes(items),
            "languages": balance.languages(items)}  # fmt: skip


def _spread(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name}:{count}" for name, count in counts.items())


def _print_taxonomy(*, as_json: bool) -> None:
    found = json.loads((data_dir("tasks") / "taxonomy.json").read_text(encoding="utf-8"))
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for meta, names in found["meta"].items():
        click.echo(click.wrap_text(f"{meta} ({len(names)}): {', '.join(names)}", 100, subsequent_indent="    ") + "\n")
    click.echo(click.wrap_text(found["description"], 100))


@tasks.command()
@click.argument("name")
@click.option("-n", "--samples", type=click.IntRange(1), default=3, show_default=True, help="Prompts of a category or suite.")
@click.option("--json", "as_json", is_flag=True, help="All of the prompts as data.")
def show(name: str, samples: int, as_json: bool) -> None:
    """Show the prompts of NAME, the id of a prompt, a category or a suite: counts, and samples with their subtasks."""
    chosen = _named(loader.load(), name)
    if as_json:
        click.echo(json_text([_row(item) for item in chosen]))
        return
    if len(chosen) > 1:
        by_category = Counter(item.category for item in chosen)
        version = f" v{suites()[name]['version']} ({suites()[name]['digest']})" if name in suites() else ""
        click.echo(f"{name}{version}: {len(chosen)} prompts, {balance.subtasks(chosen)} subtasks")
        click.echo(f"categories: {_spread(by_category)}\nlanguages: {_spread(balance.languages(chosen))}")
        click.echo(f"subtasks a prompt: {_spread(balance.sizes(chosen))}\n")
    step = max(1, len(chosen) // samples)
    for item in chosen[::step][:samples]:
        _show(item)


def _show(item: Item) -> None:
    about = [item.category, item.language, *([f"dependency: {item.dependency}"] if item.dependency != "none" else [])]
    click.echo("  ".join([item.id, *about]))
    click.echo(plain("\n".join("    " + line for line in item.text.splitlines())))
    if item.schema:
        references = item.reference or ((),) * item.schema.size
        # The context stands above, in the prompt; here it would hide what tells one subtask from another.
        brief = replace(item.schema, context="[...]") if item.schema.context else item.schema
        for place, (text, accepted) in enumerate(zip(brief.render(), references, strict=True), 1):
            shown = _middle_out(" ".join(text.split()))
            click.echo(plain(f"  {place}. {shown}" + (f"  =>  {' | '.join(accepted)}" if accepted else "")))
    for constraint in item.constraints:
        click.echo(plain(f"  of the whole set: {constraint}"))
    click.echo("")


def _middle_out(text: str) -> str:
    """One line of a text: its beginning, and its end, where the item mostly is."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} [...] {text[-SHOWN // 2 :]}"


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
    """Check prompts: FILES as a user's own, or, without any, all that is installed. Exits with 5 if a row is bad.

    Beside the form of each row: nothing was left of a template, each part stands in the text, no prompt stands twice,
    and each one runs dry, through its own split, the merge, and every judge that needs no model.
    """
    plugins = loader.load()
    known, names = categories(plugins), known_names(plugins)
    sources = [(path, False) for path in files] or [(c.prompts, True) for c in known.values() if c.prompts]
    problems = [Problem(f"category {c.id}", what) for c in known.values() for what in dry.category_problems(c)]
    found: list[Placed] = []
    for path, strict in sources:
        items, bad = load_placed(path, categories=names, strict=strict)
        problems += bad or ([] if items else [Problem(path, "holds no prompt")])
        problems += [Problem(where, f"{item.id}: {what}") for where, item in items for what in _wrong(item, plugins)]
        found += items
    problems += dry.doubles(found)
    if problems:
        raise InvalidData(f"{_many(len(problems), 'problem')}:\n" + "\n".join(f"  {problem}" for problem in problems))
    if not files:
        _check_suites(installed_items(plugins))
    click.echo(f"{_many(len(found), 'prompt')} in {_many(len(sources), 'file')}: valid, and each ran dry")


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _wrong(item: Item, plugins: Plugins) -> list[str]:
    method = plugins.make("decomposer", "schema:source=given" if item.schema and item.splittable is not False else "serial")
    judges = [plugins.make("judge", name) for name in JUDGES]
    return dry.text_problems(item) + dry.run_problems(item, method, judges, categories(plugins))


def _check_suites(items: Sequence[Item]) -> None:
    for name, suite in suites().items():
        if suite_digest(select(items, name)) != suite["digest"]:
            raise InvalidData(f"suite {name} holds other prompts than its version {suite['version']}; run `make suites`")
