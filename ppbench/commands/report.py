"""`ppbench report` and `ppbench judge`: tables and verdicts from a stored run; nothing is run again."""

from __future__ import annotations

from pathlib import Path

import click

from ppbench import plugins as loader
from ppbench.commands.common import categories, installed_items, json_text, user_items
from ppbench.commands.run import JUDGES, judge_missing, print_run
from ppbench.costs import costs, render_costs
from ppbench.errors import InvalidData, UsageError
from ppbench.judging import Bench
from ppbench.model import Item
from ppbench.plugins import Plugins
from ppbench.prices import Prices
from ppbench.report import FORMATS
from ppbench.score import GROUPS
from ppbench.store import RunDirectory
from ppbench.tasks import digest


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--by", type=click.Choice(GROUPS), help="A table with a row for each method in each of them.")
@click.option("--costs", "with_costs", is_flag=True, help="What it cost instead: calls, tokens and money by method and role.")
@click.option("--prices", type=click.Path(dir_okay=False), metavar="FILE", help="Your own prices, over the packaged ones.")
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
def report(run: str, form: str, by: str | None, with_costs: bool, prices: str | None, as_json: bool) -> None:
    """Print the table of the stored run RUN."""
    form = "json" if as_json else form
    if with_costs:
        click.echo(_costs(RunDirectory(Path(run)), form, by, prices))
        return
    print_run(RunDirectory(Path(run)), form, by)


def _costs(directory: RunDirectory, form: str, by: str | None, prices: str | None) -> str:
    if by or form not in ("table", "json"):
        raise UsageError("--costs is a table or --json; leave --by and other formats out")
    found = costs(directory.run, directory.trials(), directory.verdicts(), Prices.load(Path(prices) if prices else None))
    return json_text(found.to_json()) if form == "json" else render_costs(found)


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
