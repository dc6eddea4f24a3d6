"""`ppbench compare`: two methods of one stored run, or of two, held against each other. Nothing is run again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from tabulate import tabulate

from ppbench.commands.common import json_text
from ppbench.compare import MOST, Comparison, Side, compare
from ppbench.critical import PARTS
from ppbench.errors import UsageError
from ppbench.fitness import examine_run, usable
from ppbench.score import GROUPS, Score
from ppbench.store import RunDirectory


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(file_okay=False), metavar="RUN [RUN]")
@click.option("-d", "--decomposer", "--method", "specs", multiple=True, metavar="SPEC",
              help="A method as the run names it; twice, the second is held against the first.")  # fmt: skip
@click.option(
    "--by", type=click.Choice(GROUPS), default="category", show_default=True, help="Groups of prompts with a row each."
)
@click.option("--json", "as_json", is_flag=True)
def command(runs: tuple[str, ...], specs: tuple[str, ...], by: str, as_json: bool) -> None:
    """Hold the second method against the first: speed, quality, what drives it, the prompts most helped and most hurt.

    With one RUN give two -d; with two, one -d for the same method in both, or two.
    """
    if len(runs) > 2:
        raise UsageError(f"compare takes one run or two, not {len(runs)}")
    if len(specs) not in ((2,) if len(runs) == 1 else (1, 2)):
        have = ", ".join(method["spec"] for method in RunDirectory(Path(runs[0])).run["methods"])
        raise UsageError(f"name two methods with -d A -d B; {runs[0]} has {have}")
    sides = [_side(RunDirectory(Path(run)), spec) for run, spec in zip((runs * 2)[:2], (specs * 2)[:2], strict=True)]
    if len(runs) == 1 and specs[0] == specs[1]:
        raise UsageError(f"{specs[0]} cannot be held against itself within one run; run it twice, or with --noise")
    found = compare(*sides, by=by)
    click.echo(json_text(found.to_json()) if as_json else _table(found, by))


def _side(directory: RunDirectory, spec: str) -> Side:
    """Raises UsageError for a method that the run does not have."""
    run = directory.run
    have = [method["spec"] for method in run["methods"]]
    if spec not in have:
        raise UsageError(f"{directory.path} has no method {spec}; it has {', '.join(have)}")
    examined = examine_run(run, directory.verdicts())
    return Side(spec, run, directory.trials, lambda: usable(directory.verdicts(), examined))


def _table(found: Comparison, by: str) -> str:
    rows = [_cells("all", found.whole), *(_cells(name, row) for name, row in found.groups.items())]
    headers = (by, "pairs", "speedup", "95 %\ninterval", "TTFT\nratio", "token\nratio", "structure\nb - a", "reference\nb - a",
               "verdict")  # fmt: skip
    parts = [
        f"{found.b} (b) against {found.a} (a); above 1 b is faster.",
        tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", *("right",) * 7, "left")),
        _drivers(found),
        _prompts("Most helped", [row for row in found.prompts if row[1] > 1][:MOST]),
        _prompts("Most hurt", [row for row in found.prompts[::-1] if row[1] < 1][:MOST]),
        "A verdict here is corrected for the claims of these two methods alone, in a leaderboard table for those of all rows.",
        *(f"Warning: {warning}." for warning in found.warnings),
    ]
    return "\n\n".join(part for part in parts if part)


def _cells(name: str, row: Score) -> list[str]:
    interval = "-" if row.raw_speedup_low is None else f"{row.raw_speedup_low:.2f} - {row.raw_speedup_high:.2f}"
    return [name, f"{row.pairs} of {row.n}", _x(row.raw_speedup), interval, _x(row.ttft_ratio), _x(row.token_ratio),
            _signed(row.structure_difference), _signed(row.reference_difference), row.verdict]  # fmt: skip


def _drivers(found: Comparison) -> str:
    rows = []
    for name, driver in zip((found.a, found.b), found.drivers, strict=True):
        told = driver.to_json()
        share = "-" if told["planning_share"] is None else f"{100 * told['planning_share']:.0f} %"
        seconds = (f"{told['seconds'][part]:.3f}" for part in PARTS)
        rows.append([name, f"{told['calls']:.1f}", f"{told['tokens_out']:.0f}", *seconds, share, _x(told["straggler_ratio"])])
    headers = ("means of the pairs", "calls", "tokens\nout", *(f"{part}\ns" for part in PARTS), "planning\nshare",
               "slowest over\nmedian call")  # fmt: skip
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", *("right",) * (len(headers) - 1)))


def _prompts(title: str, rows: Sequence[tuple[str, float, float, float]]) -> str:
    cells = [[item, f"{ratio:.2f}", f"{a:.3f}", f"{b:.3f}"] for item, ratio, a, b in rows]
    return tabulate(cells, headers=(title, "speedup", "a s", "b s"), disable_numparse=True,
                    colalign=("left", "right", "right", "right")) if rows else ""  # fmt: skip


def _x(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.3f}"
