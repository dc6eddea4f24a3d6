"""`ppbench report`: tables from a stored run; nothing is run again."""

from __future__ import annotations

from pathlib import Path

import click

from ppbench.commands.common import json_text, one_form
from ppbench.commands.printing import print_run
from ppbench.costs import costs, render_costs
from ppbench.errors import UsageError
from ppbench.prices import Prices
from ppbench.report import FORMATS
from ppbench.score import GROUPS
from ppbench.store import RunDirectory


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--by", type=click.Choice(GROUPS), help="A table with a row for each method in each of them.")
@click.option("--costs", "with_costs", is_flag=True, help="What it cost instead: calls, tokens and money by method and role.")
@click.option("--prices", type=click.Path(dir_okay=False), metavar="FILE", help="Your own prices, over the packaged ones.")
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
def report(run: str, form: str, by: str | None, with_costs: bool, prices: str | None, as_json: bool) -> None:
    """Print the table of the stored run RUN."""
    if with_costs:
        click.echo(_costs(RunDirectory(Path(run)), "json" if as_json else form, by, prices))
        return
    print_run(RunDirectory(Path(run)), one_form(form, by, as_json=as_json), by)


def _costs(directory: RunDirectory, form: str, by: str | None, prices: str | None) -> str:
    if by or form not in ("table", "json"):
        raise UsageError("--costs is a table or --json; leave --by and other formats out")
    found = costs(directory.run, directory.trials(), directory.verdicts(), Prices.load(Path(prices) if prices else None))
    return json_text(found.to_json()) if form == "json" else render_costs(found)
