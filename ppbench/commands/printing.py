"""A stored run on stdout: what `run`, `judge` and `report` print alike. Renders what others compute."""

from __future__ import annotations

import click

from ppbench import paper
from ppbench.costs import costs, costs_line
from ppbench.fitness import examine, usable
from ppbench.health import health
from ppbench.opinions import opinions
from ppbench.prices import Prices
from ppbench.report import render, render_by
from ppbench.score import Score, score, score_by
from ppbench.store import RunDirectory


def print_run(directory: RunDirectory, form: str, by: str | None = None) -> list[Score]:
    """Score a stored run and print it; verdicts of judges that miss their controls are left out, and that is said."""
    record = directory.run
    examined = examine(directory.verdicts())
    scores = score(record, directory.trials(), usable(directory.verdicts(), examined))
    if by:
        groups = score_by(by, record, directory.trials(), usable(directory.verdicts(), examined))
        click.echo(render_by(groups, by, style="github" if form == "markdown" else "simple"))
        return scores
    if form == "paper":
        click.echo(paper.render(record, directory.trials()))
        return scores
    spent = costs_line(costs(record, directory.trials(), directory.verdicts(), Prices.load()))
    unfit = {judge: fitness.reason for judge, fitness in examined.judges.items() if not fitness.fit}
    heard = opinions(record, directory.trials(), usable(directory.verdicts(), examined))
    client = health(directory.trials())
    click.echo(render(record, scores, client, path=str(directory.path), form=form, spent=spent, unfit=unfit, heard=heard))
    return scores
