"""Nobody wins by cheating: the adversaries, run and judged like any method, never reach the best verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = (sys.executable, "-c", "from ppbench.cli import main; main()")
ADVERSARIES = ("constant", "truncator", "flatterer", "randomsplit", "serial:copy=1")
BEST = "faster and not worse"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """All adversaries, and a method that really is faster, on every prompt of the core suite."""
    path = tmp_path_factory.mktemp("flattery") / "run"
    asked = [part for spec in (*ADVERSARIES, "schema:source=given") for part in ("-d", spec)]
    command = [*PROGRAM, "run", "-e", "offline", "--suite", "core-v1", "-q", *asked, "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return str(path)


def judged(run: str, profile: str) -> Any:
    """The table after one more judge; it stays for those that come."""
    command = [*PROGRAM, "judge", run, "--judge", f"pairwise:model=mock/{profile}", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("profile", ["gullible", "quick"])
def test_no_adversary_is_called_faster_and_not_worse(run: str, profile: str) -> None:
    """A judge that can be flattered is found out and not heard; an honest one is, and then a real gain is seen."""
    table = judged(run, profile)
    verdicts = {row["decomposer"]: row["verdict"] for row in table["rows"]}
    assert not {name for name in ADVERSARIES if verdicts[name] == BEST}
    assert (verdicts["schema:source=given"] == BEST) == (profile == "quick")
    assert any("mock/gullible" in warning and "unfit" in warning for warning in table["warnings"])


def test_serial_beside_itself_shows_the_noise_floor(run: str) -> None:
    """What serial gains over itself stands beside every row."""
    table = judged(run, "quick")
    [floor] = {(row["noise_low"], row["noise_high"]) for row in table["rows"]}
    assert floor == pytest.approx((1.0, 1.0), abs=0.01)


def test_who_answers_only_where_no_reference_tells_is_not_called_good(tmp_path: Path) -> None:
    """Empty phrases for open pieces, all else declined: without a judge of content nothing is claimed, with one it is worse."""
    path, plugin = str(tmp_path / "run"), str(Path(__file__).with_name("boilerplate.py"))
    asked = ["run", "-e", "offline", "--suite", "core-v1", "-q", "--plugin", plugin, "-d", "boilerplate", "-o", path]
    subprocess.run([*PROGRAM, *asked], check=True, capture_output=True)
    before = json.loads(subprocess.run([*PROGRAM, "report", path, "--json"], check=True, capture_output=True).stdout)
    verdicts = [
        {row["decomposer"]: row["verdict"] for row in table["rows"]}["boilerplate"] for table in (before, judged(path, "quick"))
    ]
    assert verdicts == ["faster, quality not shown", "faster but worse"]
