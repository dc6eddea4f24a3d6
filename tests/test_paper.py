"""The paper's tables: its formulas, its figures beside, and the mock profile that is fitted to its serial times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ppbench import Reply, Request, Span, Trace, Trial
from ppbench.commands.report import report
from ppbench.commands.run import run
from ppbench.paper import render

RUN: dict[str, Any] = {"items": [{"id": name, "category": "repeated_generation"} for name in "ab"], "timing": "live"}


def trial(method: str, item: str, seconds: float, tokens: int, *, try_: int = 0, failure: str | None = None) -> Trial:
    span = Span(Request("r", "x"), Reply("r", tokens_out=tokens))
    return Trial(item, 0, method, try_, Trace((span,), "", (), 0, int(seconds * 1e9), 0), failure)


def cells(table: str, method: str) -> list[str]:
    line = next(line for line in table.splitlines() if f" {method} " in line)
    return line.split()


def test_the_ratios_are_those_of_sums() -> None:
    """(20 + 4) / (5 + 3) seconds, times (30 + 30) / (10 + 10) tokens; what is reported stands beside."""
    trials = [
        trial("serial", "a", 20, 10), trial("serial", "b", 4, 10),
        trial("schema:source=given", "a", 5, 30), trial("schema:source=given", "b", 3, 30),
    ]  # fmt: skip
    found = cells(render(RUN, trials), "schema:source=given")
    assert found[2:] == ["2", "12.00", "9.51", "4.00", "3.79", "3.00", "2.50", "9.00", "4.39"]


def test_only_answered_pairs_and_last_tries_count() -> None:
    """A failed trial leaves no pair; a second try replaces the first. A method that the paper lacks has no figure beside."""
    trials = [
        trial("serial", "a", 9, 10), trial("serial", "a", 8, 10, try_=1),
        trial("sot", "a", 1, 10), trial("sot", "a", 4, 10, try_=1),
        trial("serial", "b", 8, 10), trial("sot", "b", 1, 10, failure="no"),
    ]  # fmt: skip
    assert cells(render(RUN, trials), "sot")[2:] == ["1", "8.00", "-", "4.00", "-", "2.00", "-", "2.00", "-"]
    assert "No pair" in render(RUN, trials[-2:])


@pytest.mark.parametrize(
    ("category", "seconds"), [("keyword_extraction", 3.23), ("reading_comprehension", 10.27), ("repeated_generation", 9.51)]
)
def test_the_profile_takes_the_serial_times_of_the_paper(category: str, seconds: float, tmp_path: Path) -> None:
    """Fitted to the mean of the category's prompts in one call; a split answer's time is what follows."""
    options = [
        "-e",
        "offline",
        "-m",
        "mock/paper",
        "-t",
        category,
        "-d",
        "schema:source=given",
        "-q",
        "-o",
        str(tmp_path / "r"),
    ]
    assert CliRunner().invoke(run, options, catch_exceptions=False).exit_code == 0
    table = CliRunner().invoke(report, [str(tmp_path / "r"), "--format", "paper"], catch_exceptions=False).output
    found = cells(table, "schema:source=given")
    assert float(found[3]) == pytest.approx(seconds, abs=0.01) == float(found[4])
    assert float(found[5]) < seconds
    assert "predictions" in table
