"""A stored run as text: what `run`, `judge` and `report` print alike. Renders what others compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from ppbench import paper
from ppbench.costs import costs, costs_line
from ppbench.fitness import Examination, examine_run, usable
from ppbench.health import health
from ppbench.opinions import opinions
from ppbench.prices import Prices
from ppbench.report import render, render_by, style_of
from ppbench.score import Score, score, score_by
from ppbench.store import RunDirectory


def print_run(directory: RunDirectory, form: str, by: str | None = None) -> list[Score]:
    """Score a stored run and print it; verdicts of judges that miss their controls are left out, and that is said."""
    text, scores = text_of(directory, form, by)
    click.echo(text)
    return scores


def text_of(directory: RunDirectory, form: str, by: str | None = None) -> tuple[str, list[Score]]:
    """The same, as text."""
    found = derived(directory)
    record, scores = found.run, found.scores
    if by:
        groups = score_by(by, record, directory.trials(), usable(directory.verdicts(), found.examined))
        return render_by(groups, by, style=style_of(form)), scores
    if form == "paper":
        return paper.render(record, directory.trials()), scores
    return render(record, scores, path=str(directory.path), form=form, **found.beside(directory)), scores


@dataclass(frozen=True)
class Derived:
    """What a stored run says, by the judges that may be believed."""

    run: dict[str, Any]
    scores: list[Score]
    examined: Examination

    def beside(self, directory: RunDirectory) -> dict[str, Any]:
        """What stands beside the scores: the client, money, judges."""
        heard = opinions(self.run, directory.trials(), usable(directory.verdicts(), self.examined))
        spent = costs_line(costs(self.run, directory.trials(), directory.verdicts(), Prices.load()))
        return {"client": health(directory.trials()), "spent": spent, "unfit": self.examined.unheard, "heard": heard}


def derived(directory: RunDirectory) -> Derived:
    record = directory.run
    examined = examine_run(record, directory.verdicts())
    return Derived(record, score(record, directory.trials(), usable(directory.verdicts(), examined)), examined)
