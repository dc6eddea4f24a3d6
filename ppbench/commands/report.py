"""`ppbench report`: tables from a stored run; nothing is run again."""

from __future__ import annotations

from pathlib import Path

import click

from ppbench.commands.run import print_run
from ppbench.report import FORMATS
from ppbench.store import RunDirectory


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--by", type=click.Choice(["category", "language"]), help="A table with a row for each method in each of them.")
def report(run: str, form: str, by: str | None) -> None:
    """Print the table of the stored run RUN."""
    print_run(RunDirectory(Path(run)), form, by)
