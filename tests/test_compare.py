"""Two methods held against each other: figures by hand, and the command on real runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from ppbench import Reply, Request, Span, Trace, Trial
from ppbench.compare import Comparison, Side, compare
from ppbench.critical import critical_path, straggler_ratio

MS = 1_000_000
PROGRAM = (sys.executable, "-c", "from ppbench.cli import main; main()")


def span(role: Any, ready: int, done: int, tokens: int = 10) -> Span:
    return Span(
        Request(f"{role}{ready}", "x", role=role, ready_ns=ready * MS), Reply("r", done_ns=done * MS, tokens_out=tokens)
    )


def trial(item: str, method: str, ms: int, *spans: Span, try_: int = 0, failure: str | None = None) -> Trial:
    trace = Trace(spans or (span("solve", 0, ms),), "answer", (), 0, ms * MS, 1, status="split")
    return Trial(item, 0, method, try_, trace, failure)


def run(*digests: str, **other: Any) -> dict[str, Any]:
    items = [{"id": item, "digest": digest, "family": item, "category": "c", "language": "en", "n": 2}
             for item, digest in zip("abcd", digests, strict=False)]  # fmt: skip
    return {"items": items, "seed": 0, "endpoint": "e", "executor": "x", "clock": "virtual", "timing": "modelled",
            "conditions": {"concurrency": 1, "nonce": "n"}, **other}  # fmt: skip


def held(a: list[Trial], b: list[Trial], verdicts: tuple[dict[str, Any], ...] = (), **sides: Any) -> Comparison:
    one, other = sides.get("one", run("1", "2")), sides.get("other", run("1", "2"))
    return compare(Side("a", one, lambda: a, lambda: verdicts), Side("b", other, lambda: b, lambda: verdicts))


def test_the_second_is_measured_by_the_first() -> None:
    """2x and 8x make 4x; prompts stand by how much they were helped."""
    found = held([trial("a", "a", 20), trial("b", "a", 80)], [trial("a", "b", 10), trial("b", "b", 10)])
    assert found.whole.raw_speedup == pytest.approx(4.0)
    assert found.groups["c"].raw_speedup == pytest.approx(4.0)
    assert [(row[0], pytest.approx(row[1])) for row in found.prompts] == [("b", 8.0), ("a", 2.0)]


def test_the_try_that_counts_counts_on_each_side() -> None:
    """A second try on one side replaces the first there, and is paired with the only one of the other."""
    found = held([trial("a", "a", 90), trial("a", "a", 20, try_=1)], [trial("a", "b", 10)])
    assert found.whole.raw_speedup == pytest.approx(2.0)


def test_what_failed_is_no_pair_and_stays_in_the_count() -> None:
    lost = trial("b", "b", 10, failure="lost")
    found = held([trial("a", "a", 20), trial("b", "a", 20)], [trial("a", "b", 10), lost])
    assert (found.whole.n, found.whole.pairs, found.whole.failures) == (2, 1, 1)
    assert found.drivers[0].n == 1


def test_prompts_that_changed_are_left_out_and_counted() -> None:
    """Between two runs only unchanged prompts are compared; what else differs is said."""
    other = run("1", "9", endpoint="elsewhere", conditions={"concurrency": 4, "nonce": "m"})
    found = held([trial("a", "a", 20), trial("b", "a", 20)], [trial("a", "b", 10), trial("b", "b", 10)], other=other)
    assert found.whole.n == 1
    assert [part in " ".join(found.warnings) for part in ("2 prompts", "endpoint: e and elsewhere", "concurrency")] == [
        True
    ] * 3


def test_a_preference_over_serial_says_nothing_of_two_methods() -> None:
    """Differences of the reference score are taken; a preference is only if the first one is serial."""
    verdicts = tuple({"item": "a", "repeat": 0, "decomposer": m, "try": 0, "judge": "j", "criterion": c, "value": v}
                     for m, c, v in (("a", "reference", 0.5), ("b", "reference", 0.75), ("b", "preference", 1.0)))  # fmt: skip
    found = held([trial("a", "a", 20)], [trial("a", "b", 10)], verdicts)
    assert (found.whole.reference_difference, found.whole.preference) == (pytest.approx(0.25), None)


def test_the_critical_path_sums_to_the_latency() -> None:
    """Ten of planning, thirty of the slower branch, five of merging, and what no call explains."""
    trace = trial("a", "b", 50, span("plan", 0, 10), span("solve", 10, 20), span("solve", 10, 40), span("merge", 42, 47)).trace
    assert trace is not None
    assert critical_path(trace) == {"plan": 10 * MS, "solve": 30 * MS, "merge": 5 * MS, "other": 5 * MS}
    assert straggler_ratio(trace) == pytest.approx(1.5)


def ppbench(*arguments: str) -> Any:
    """Exit code and both streams of a command, in a process of its own."""
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("compare") / "run"
    done = ppbench("run", "-e", "offline", "-q", "-n", "6", "-d", "schema", "-d", "schema:source=rules", "-o", str(path))
    assert done.returncode == 0, done.stderr
    return str(path)


def test_the_command_prints_what_drives_the_difference(stored: str) -> None:
    """Planning takes most of `schema`; the rules plan for nothing."""
    methods = ("-d", "schema", "-d", "schema:source=rules")
    assert "planning" in ppbench("compare", stored, *methods).stdout
    found = json.loads(ppbench("compare", stored, *methods, "--json").stdout)
    assert found["drivers"]["a"]["planning_share"] > 0.5 > found["drivers"]["b"]["planning_share"]
    assert found["all"]["raw_speedup"] > 1
    assert len(found["most_helped"]) == 6


def test_two_runs_of_one_method(stored: str) -> None:
    """A run held against itself differs by nothing."""
    found = json.loads(ppbench("compare", stored, stored, "-d", "schema", "--json").stdout)
    assert found["all"]["raw_speedup"] == pytest.approx(1.0)


@pytest.mark.parametrize(("more", "said"), [
    ((), "name two methods"), (("-d", "schema", "-d", "nope"), "has no method nope"),
    (("-d", "schema", "-d", "schema"), "against itself"),
])  # fmt: skip
def test_what_cannot_be_compared_is_said(stored: str, more: tuple[str, ...], said: str) -> None:
    done = ppbench("compare", stored, *more)
    assert done.returncode == 2
    assert said in done.stderr
