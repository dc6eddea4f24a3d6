"""The bench works: it measures, and prints every row that it was asked for. What the figures are is not tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="PPBENCH_NO_NATIVE is set")
ROOT = Path(__file__).parents[1]


def bench(*words: str) -> str:
    """What it prints, in a hurry. Without its compiled programs a server in Python serves, and no bare client runs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "native")}
    command = [sys.executable, "-m", "bench", "--quick", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def test_every_row_has_an_aim_and_what_native_made_of_it() -> None:
    """JSON: a row a figure of the tasks asked for, with the clients that are installed; stamps are never early."""
    found = json.loads(bench("--task", "streams-64", "--task", "fan", "--json"))
    rows = {row["figure"]: row for row in found["rows"]}
    assert {"stamp error p99, kernel stamps, 64 streams", "TTFT error p50, 64 at once",
            "fan-out of 10, first to last arrival", "fan-out of 100, first to last arrival"} <= set(rows)  # fmt: skip
    for row in rows.values():
        assert row["aim"]
        assert row["clients"]["native"] == row["native_least"] == row["native_most"]
        assert isinstance(row["met"], bool) or "bare" not in row["clients"] or "aiohttp" not in row["clients"]
    [[numbers]] = [numbers for task, client, numbers in found["taken"] if (task, client) == ("streams-64", "native")]
    assert 0 < numbers["stamp_min_us"] <= numbers["stamp_p50_us"] <= numbers["stamp_p99_us"] <= numbers["stamp_max_us"]
    assert found["machine"]["cores"] >= 1


def test_the_table_says_what_is_met() -> None:
    """Text: a line a figure with aim and figure; plans go through the scheduler."""
    text = bench("--task", "plan")
    head, _, *lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [cell.strip() for cell in head.split("|")[1:3]] == ["figure", "aim"]
    assert len(lines) == 5
    assert all(" us " in line for line in lines)
