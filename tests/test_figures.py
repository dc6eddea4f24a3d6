"""The worked example in FIGURES.md is what the code computes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

import ppbench
from ppbench import Reply, Request, Span, Trace, Trial
from ppbench.score import score
from ppbench.verdict import Word

PAGE = (Path(ppbench.__file__).parent / "FIGURES.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("## A worked example")[2]


def _trial(item: str, method: str, ms: str, tokens: str) -> Trial:
    span = Span(Request("r", "x"), Reply("r", tokens_out=int(tokens)))
    return Trial(item, 0, method, 0, Trace((span,), "", (), 0, int(ms) * 1_000_000, 1))


def _verdict(item: str, method: str, criterion: str, value: str) -> dict[str, Any]:
    return {"item": item, "repeat": 0, "decomposer": method, "try": 0, "criterion": criterion, "value": float(value)}


def _scored() -> Any:
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in EXAMPLE.splitlines() if re.match(r"\| [a-d] \|", line)]
    run = {"items": [{"id": r[0], "family": r[0]} for r in rows], "seed": 0,
           "methods": [{"spec": spec, "given": False} for spec in ("serial", "m")]}  # fmt: skip
    trials = [trial for r in rows for trial in (_trial(r[0], "serial", r[1], r[3]), _trial(r[0], "m", r[2], r[4]))]
    verdicts = [v for r in rows for v in (
        _verdict(r[0], "serial", "reference", r[5]), _verdict(r[0], "m", "reference", r[6]),
        _verdict(r[0], "m", "preference", r[7]))]  # fmt: skip
    return score(run, trials, verdicts)[1]


def test_the_worked_example_is_computed() -> None:
    """Each figure in bold, in the order of the page, is the code's."""
    row = _scored()
    bold = re.findall(r"\*\*(.+?)\*\*", EXAMPLE)
    assert bold == [
        f"{row.raw_speedup:.2f}", f"{row.total_time_ratio:.2f}", f"{row.raw_speedup_low:.2f} to {row.raw_speedup_high:.2f}",
        f"{row.token_ratio:.2f}", f"{row.normalized_speedup:.2f}", f"{row.reference_difference:.2f}",
        f"{100 * row.retention:.0f} %", f"{100 * row.retention_low:.0f} to {100 * row.retention_high:.0f} %", row.verdict,
    ]  # fmt: skip
    assert row.families == pytest.approx(4)


def test_every_verdict_is_explained() -> None:
    """The page has a row for each word a verdict can be."""
    section = PAGE.partition("## Verdicts")[2].partition("## ")[0]
    assert set(get_args(Word)) - {"baseline"} == set(re.findall(r"^\| (.+?) \|", section, re.M)) - {"verdict"}
