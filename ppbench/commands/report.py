"""`ppbench report`: a stored run as tables, a page, rows or a trace; nothing is run again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from ppbench.commands.common import json_text, one_form
from ppbench.commands.exporting import page_of, refuse_record, write, write_parquet
from ppbench.commands.printing import text_of
from ppbench.costs import costs, render_costs
from ppbench.errors import UsageError
from ppbench.pages import perfetto
from ppbench.prices import Prices
from ppbench.report import FORMATS
from ppbench.score import GROUPS
from ppbench.store import RunDirectory


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--format", "form", type=click.Choice((*FORMATS, "html", "parquet")), default="table", show_default=True,
              help="csv, json, latex, markdown: scores, a row a method; parquet: a row a trial; html: a page.")  # fmt: skip
@click.option("--by", type=click.Choice(GROUPS), help="A table with a row for each method in each of them.")
@click.option("--costs", "with_costs", is_flag=True, help="What it cost instead: calls, tokens and money by method and role.")
@click.option("--trace", is_flag=True, help="All calls as trace events, for ui.perfetto.dev or chrome://tracing, instead.")
@click.option("--prices", type=click.Path(dir_okay=False), metavar="FILE", help="Your own prices, over the packaged ones.")
@click.option("--json", "as_json", is_flag=True, help="As --format json.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write it there, not to stdout.")
def report(
    run: str, form: str, by: str | None, with_costs: bool, trace: bool, prices: str | None, as_json: bool, output: str | None
) -> None:  # fmt: skip
    """Print the table of the stored run RUN, or make something else of it."""
    directory, file = RunDirectory(Path(run)), Path(output) if output else None
    if file:
        refuse_record(directory, file)
    if trace:
        _refuse_more(form, by, with_costs=with_costs, as_json=as_json)
        _ = directory.run  # a folder without a run is refused
        _put(file, perfetto.text(directory.trials))
    elif with_costs:
        _put(file, [_costs(directory, "json" if as_json else form, by, prices), "\n"])
    elif form == "parquet":
        one_form(form, by, as_json=as_json)
        if file is None:
            raise UsageError("--format parquet is no text; give -o FILE")
        write_parquet(directory, file)
    else:
        form = one_form(form, by, as_json=as_json)
        _put(file, [page_of(directory)] if form == "html" else [text_of(directory, form, by)[0], "\n"])


def _put(file: Path | None, pieces: Iterable[str]) -> None:
    if file:
        write(file, pieces)
        click.echo(f"wrote {file}", err=True)
        return
    for piece in pieces:
        click.echo(piece, nl=False)


def _refuse_more(form: str, by: str | None, *, with_costs: bool, as_json: bool) -> None:
    if form != "table" or by or with_costs or as_json:
        raise UsageError("--trace is all calls of a run; leave --format, --json, --by and --costs out")


def _costs(directory: RunDirectory, form: str, by: str | None, prices: str | None) -> str:
    if by or form not in ("table", "json"):
        raise UsageError("--costs is a table or --json; leave --by and other formats out")
    found = costs(directory.run, directory.trials(), directory.verdicts(), Prices.load(Path(prices) if prices else None))
    return json_text(found.to_json()) if form == "json" else render_costs(found)
