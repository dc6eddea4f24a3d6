"""`ppbench report` and `ppbench judge`: tables and verdicts from a stored run; nothing is run again."""

from __future__ import annotations

from pathlib import Path

import click

from ppbench import plugins as loader
from ppbench.commands.common import categories, installed_items, one_form, user_items
from ppbench.commands.run import JUDGES, judge_missing, print_run
from ppbench.errors import InvalidData
from ppbench.judging import Bench
from ppbench.model import Item
from ppbench.plugins import Plugins
from ppbench.report import FORMATS
from ppbench.store import RunDirectory
from ppbench.tasks import digest


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--by", type=click.Choice(["category", "language"]), help="A table with a row for each method in each of them.")
def report(run: str, form: str, by: str | None) -> None:
    """Print the table of the stored run RUN."""
    print_run(RunDirectory(Path(run)), one_form(form, by), by)


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--judge", "judges", multiple=True, metavar="SPEC", default=JUDGES, help="A judge; repeat for more.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
def judge(run: str, judges: tuple[str, ...], form: str) -> None:
    """Judge the stored answers of RUN and print its table. Timings are never touched."""
    plugins = loader.load()
    directory = RunDirectory(Path(run))
    made = [plugins.make("judge", spec) for spec in judges]
    bench = Bench({item.id: item for item in _gold(plugins, directory)}, categories(plugins), plugins)
    judge_missing(bench, made, directory)
    print_run(directory, form)


def _gold(plugins: Plugins, directory: RunDirectory) -> list[Item]:
    """The items of a run, unchanged since. Raises InvalidData otherwise."""
    record = directory.run
    path = record["options"]["prompts"]
    items = user_items(plugins, path, skip_bad=True)[0] if path else installed_items(plugins)
    now = {item.id: digest(item) for item in items}
    for entry in record["items"]:
        if now.get(entry["id"]) != entry["digest"]:
            raise InvalidData(f"prompt {entry['id']} has changed, or is gone, since {directory.path} was run")
    return items
