"""`ppbench judge RUN --human`: serves the page until somebody is done, and prints how far the judges agree."""

from __future__ import annotations

from typing import Any

import click
from tabulate import tabulate

from ppbench.errors import BrokenPlugin, InvalidData, UsageError
from ppbench.human.cases import Material, gather
from ppbench.human.desk import Asking, Desk
from ppbench.human.server import PageServer
from ppbench.human.summary import Summary, summarize
from ppbench.judging import Bench
from ppbench.specs import split_spec
from ppbench.store import RunDirectory

NAME = "human"
"""The judge that people speak as."""


def serve(bench: Bench, directory: RunDirectory, *, annotator: str | None, port: int, limit: int | None) -> None:
    """Serve the page, hold the run meanwhile, and store what is said. Raises InvalidData if there is nothing to compare."""
    with directory.lock():
        material = gather(bench.items, directory.trials(), directory.run["seed"], limit)
        if not material.shown:
            raise InvalidData(f"{directory.path} holds nothing for people to compare: {material.possible} pairs of a method's "
                              f"answer with serial's, {len(material.same)} of them the same text twice")  # fmt: skip
        desk = Desk(bench, directory, material, lambda name: _make(bench, name), annotator)
        try:
            with PageServer(desk, port) as server:
                _say(material, server.url)
                server.wait()
        except KeyboardInterrupt:
            click.echo("", err=True)
        finally:
            desk.close()


def print_summary(bench: Bench, directory: RunDirectory, *, err: bool) -> None:
    records = list(directory.verdicts())
    names = {record["judge"] for record in records if record["judge"].partition(":")[0] == NAME}
    annotators = {spec: split_spec(spec)[1].get("annotator", spec) for spec in sorted(names)}
    criteria = list(bench.plugins.get("judge", NAME).criteria)
    click.echo(_render(summarize(records, annotators, criteria), criteria), err=err)


def _make(bench: Bench, annotator: str) -> Asking:
    judge: Asking = bench.plugins.make("judge", NAME, annotator=annotator)
    if not getattr(judge, "criteria", None):
        raise BrokenPlugin(f"judge {NAME} has no criteria, so people cannot be asked")
    return judge


def _say(material: Material, url: str) -> None:
    same = f"; {len(material.same)} more hold the same text twice and are ties without being shown" if material.same else ""
    click.echo(f"{len(material.shown)} comparisons to judge{same}.", err=True)
    click.echo(f"Open this in a browser on this machine; Done there, or Ctrl-C here, ends it:\n\n  {url}\n", err=True)


def _render(summary: Summary, criteria: list[str]) -> str:
    if not summary.annotators:
        return "\nNobody judged anything."
    headers = ["annotator", "judged", "begun", "controls", "by the controls"]
    parts = [tabulate(summary.annotators, headers, disable_numparse=True)]
    if summary.agreement:
        rows: list[list[Any]] = [list(row) for row in summary.agreement]
        parts.append(tabulate(rows, ["agreement of", "with", *criteria], disable_numparse=True))
        parts.append("Krippendorff's alpha (1 perfect, 0 chance), and on how many of those that two or more judged all said\n"
                     "the same. A - stands where alpha is not defined: nothing judged twice, or all values alike.")  # fmt: skip
    return "\n" + "\n\n".join([*parts, *(["\n".join(summary.notes)] if summary.notes else [])])


def refuse_stray(human: bool, **options: object) -> None:
    """Options of the page without --human, and the other way round. Raises UsageError."""
    only = [f"--{name}" for name in ("annotator", "port", "limit") if options.get(name) is not None]
    if not human and only:
        raise UsageError(f"{', '.join(only)}: for people's verdicts; add --human")
    if human and options.get("judges"):
        raise UsageError("--human asks people, --judge asks a judge; give one of them, and the other in a second command")
    if human and options.get("again"):
        raise UsageError("--again is not for people: on the page, what was chosen can be changed at any time")
