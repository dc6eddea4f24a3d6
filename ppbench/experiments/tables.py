"""The experiments as text for a terminal and as data: what is shown, with every count that it rests on. Renders alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from ppbench.critical import PARTS
from ppbench.experiments.points import AtN, Fit
from ppbench.experiments.shares import Row
from ppbench.report import MOCK_NOTE
from ppbench.stats import Estimate
from ppbench.tally import SERIAL

FIT_HEADERS = ("method", "intercept s", "95 %", "slope s a subtask", "95 %", "residual s", "prompts", "asked", "answered",
               "declined", "fell back", "failed", "never run")  # fmt: skip
N_HEADERS = ("n", "method", "prompts", "asked", "answered", "seconds", "speedup", "95 %", "structure")
SHARE_HEADERS = ("method", "asked", "answered", "plan s", "solve s", "merge s", "other s", "planning share", "end to end x",
                 "95 %", "less planning x", "split", "split alone x", "ratio of sums x", "declined", "fell back", "failed",
                 "never run")  # fmt: skip


def fit_cells(fits: Sequence[Fit]) -> list[list[str]]:
    return [_fit(fit) for fit in fits]


def _fit(fit: Fit) -> list[str]:
    count = fit.outcomes
    lost = count.get("failed", 0) + count.get("missing", 0)
    line = fit.line
    drawn = (
        [*_both(line.intercept, 3), *_both(line.slope, 4), _figure(line.residual, 3), str(line.families)] if line else ["-"] * 6
    )
    return [fit.method, *drawn, str(fit.asked), str(fit.asked - lost), str(count.get("declined", 0)),
            str(count.get("fallback", 0)), str(count.get("failed", 0)), str(count.get("missing", 0))]  # fmt: skip


def n_cells(rows: Sequence[AtN]) -> list[list[str]]:
    return [[str(row.n), row.method, str(row.prompts), str(row.asked), str(row.answered), _figure(row.seconds, 3),
             *(_both(row.speedup, 2)), _share(row.structure)] for row in rows]  # fmt: skip


def share_cells(rows: Sequence[Row]) -> list[list[str]]:
    return [_row(row) for row in rows]


def _row(row: Row) -> list[str]:
    base = row.method == SERIAL
    parts = [_figure(row.seconds[part], 3) if row.answered else "-" for part in PARTS]
    figures = [*_both(None if base else row.end_to_end, 2), _figure(None if base else _value(row.without_planning), 2)]
    split = ["-", "-", "-"] if base else [str(row.split), _figure(_value(row.survivors), 2), _figure(row.total_ratio, 2)]
    return [row.method + " (given)" * row.given, str(row.asked), str(row.answered), *parts,
            _share(None if base else row.planning_share), *figures, *split, str(row.declines), str(row.fallbacks),
            str(row.failed), str(row.missing)]  # fmt: skip


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate else None


def _both(estimate: Estimate | None, digits: int) -> list[str]:
    if estimate is None:
        return ["-", "-"]
    known = estimate.low is not None and estimate.high is not None
    return [_figure(estimate.value, digits), f"{estimate.low:.{digits}f} to {estimate.high:.{digits}f}" if known else "-"]


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def render(headers: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    return tabulate(cells, headers=headers, disable_numparse=True,
                    colalign=["left" if name == "method" else "right" for name in headers])  # fmt: skip


def turned(headers: Sequence[str], cells: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The same with a row for each figure and a column for each method: there are more figures than fit beside each other."""
    flipped = [list(row) for row in zip(headers, *cells, strict=True)]
    return flipped[0], flipped[1:]


VARY_NOTES = (
    "Seconds against n by least squares, one intercept a prompt; the mean of them is shown. Residual: what the line leaves",
    "unexplained, root mean square. Intervals: prompts are the unit of chance. n = 1 is one call in every arm. What was",
    "declined or fell back is in the lines, with the time that it took; what failed or was never run is counted.",
)
SHARE_NOTES = (
    "Seconds are means over answered prompts, along the critical path. End to end: serial / method, geometric mean over",
    "prompts, with what was declined or fell back inside. Less planning: the same without the planning on the critical",
    "path, an upper bound where branches leave while the plan is still written. Split alone: the paper's way, which leaves",
    "out what could not be split. A row that was shown labels is marked (given).",
)


def provenance(run: Mapping[str, Any]) -> list[str]:
    """Where figures come from, and what they cannot say."""
    clock = {"native": "the native engine's clock", "python": "a Python clock", "virtual": "a virtual clock"}[run["clock"]]
    asked = f"{len(run['items'])} prompts, --repeats {run['conditions']['repeats']}, --seed {run['seed']}"
    lines = [
        f"{run['executor'].partition(':')[0]} on {run['endpoint']}; {clock}; {asked}, -j {run['conditions']['concurrency']}."
    ]
    return lines + ([f"Modelled: {MOCK_NOTE}."] if run["timing"] == "modelled" else [])


def vary_json(fits: Sequence[Fit], rows: Sequence[AtN]) -> dict[str, Any]:
    return {"fits": [asdict(fit) for fit in fits], "by_n": [asdict(row) for row in rows]}


def share_json(rows: Sequence[Row]) -> dict[str, Any]:
    return {"rows": [row.to_json() for row in rows]}
