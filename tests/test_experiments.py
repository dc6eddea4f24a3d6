"""The experiments' pure parts: prompts of n subtasks, lines with intervals, points, shares of planning, figures, the page."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppbench import Item, Reply, Request, Schema, Span, Trace, Trial, data_dir, load_items
from ppbench.critical import critical_path
from ppbench.experiments import figures, page, points, resize, shares, tables
from ppbench.experiments.fit import line
from ppbench.plan import Role
from ppbench.trace import Failure

MS = 1_000_000
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
LIST = Item(
    "gc-1", "Correct these, please:\n\n1. one bad\n2. two bad\n\n3. three bad\n\nThanks!", "en", "grammatical_correction",
    Schema("Correct this, please:\n{data}", data=("one bad", "two bad", "three bad")), (("one",), ("two",), ("three",)),
)  # fmt: skip
COUNT = Item("rg-1", "Write five odes to a 7.5 inch pipe.", "en", "repeated_generation", Schema("Write an ode to a pipe.", n=5))


# Prompts


def test_a_list_keeps_its_own_words_without_the_lines_after_the_nth() -> None:
    """Text, schema and gold agree at each n; what stands after the list stays."""
    [one, two, three] = resize.sized([LIST], [1, 2, 3, 5])
    assert [one.n, two.n, three.n] == [1, 2, 3]  # a list of three has no fifth item
    assert two.item.text == "Correct these, please:\n\n1. one bad\n2. two bad\n\nThanks!"
    assert two.item.schema == Schema("Correct this, please:\n{data}", data=("one bad", "two bad"))
    assert two.item.reference == (("one",), ("two",))
    assert three.item.text == LIST.text
    assert {sized.item.family for sized in (one, two, three)} == {"gc-1"}


def test_one_subtask_is_the_template_without_a_schema() -> None:
    """Of one item there is nothing to split, so every arm sends the same single call."""
    [one] = resize.sized([LIST], [1])
    assert (one.item.text, one.item.schema, one.item.reference) == ("Correct this, please:\none bad", None, None)


def test_a_count_is_written_anew_in_the_prompts_own_words() -> None:
    """Figures and English words alike; other numbers stay."""
    texts = [sized.item.text for sized in resize.sized([COUNT], [1, 2, 50])]
    assert texts == ["Write an ode to a pipe.", "Write 2 odes to a 7.5 inch pipe.", "Write 50 odes to a 7.5 inch pipe."]
    dozen = Item("d", "A dozen riddles, 12.5 words.", "en", schema=Schema("A riddle.", n=12))
    assert resize.sized([dozen], [3])[0].item.text == "3 riddles, 12.5 words."


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (Item("a", "text"), "no schema"),
        (Item("a", "5 odes in 5 lines", schema=Schema("An ode.", n=5)), "2 times"),
        (Item("a", "Some odes", schema=Schema("An ode.", n=5)), "0 times"),
        (Item("a", "5 odes", schema=Schema("An ode.", n=5), constraints=("two sad",)), "conditions"),
        (Item("a", "fix: x, y", schema=Schema("fix {data}", data=("x", "y"))), "lines of its own"),
        (Item("a", "1. x\n2. y and then count them", schema=Schema("fix {data}", data=("x", "y"))), "lines of its own"),
        (Item("a", "Fix both.\nx\nin this long sentence y", schema=Schema("fix {data}", data=("x", "y"))), "lines of its own"),
        (Item("a", "Fix these two:\nx\ny", schema=Schema("fix {data}", data=("x", "y"))), "names the number"),
        (Item("a", "x\ny\nis it\nx\ny", schema=Schema("{context} {data}", "x y is it", ("x", "y"))), "inside its context"),
    ],
)  # fmt: skip
def test_a_prompt_that_cannot_be_changed_without_doubt_is_refused(item: Item, why: str) -> None:
    """The reason is said; a changed prompt never asks for another number than its schema holds."""
    assert why in resize.refusal(item)


def test_the_usual_prompts_are_taken() -> None:
    assert (resize.refusal(LIST), resize.refusal(COUNT)) == ("", "")


def test_packaged_prompts_stay_whole_at_every_size() -> None:
    """What is kept stands in the text, what follows is gone with its number of items; at full size nothing changed."""
    paths = [path for path in sorted(data_dir("tasks").iterdir()) if path.is_dir() or path.suffix == ".jsonl"]
    items = [item for path in paths for item in load_items(path)[0] if not resize.refusal(item)]
    assert len({item.category for item in items}) >= 7
    for item in items:
        assert item.schema is not None
        for one in resize.sized([item], [2, 5, item.schema.size]):
            kept = one.item.schema
            assert kept is not None
            assert kept.size == one.n
            assert all(part in one.item.text for part in kept.data or ())
            assert one.n < item.schema.size or kept.n is not None or one.item.text == item.text
            assert not one.item.reference or len(one.item.reference) == one.n


# Lines


def test_the_line_through_points_on_a_line_is_that_line() -> None:
    """Prompts may differ in level, and long ones may be few: neither bends the slope."""
    families = {"a": [(1, 1.5), (2, 2.0)], "b": [(1, 11.5), (50, 36.0)], "alone": [(7, 99.0)]}
    found = line(families)
    assert found is not None
    assert found.slope.value == pytest.approx(0.5)
    assert found.intercept.value == pytest.approx(6.0)
    assert (found.residual, found.families, found.points) == (pytest.approx(0, abs=1e-6), 2, 4)


def test_a_line_that_nothing_is_known_of_says_so() -> None:
    """A single prompt gives no interval, a single n no line."""
    assert line({}) is None
    assert line({"a": [(5, 1.0), (5, 1.1)]}) is None
    alone = line({"a": [(1, 1.0), (2, 2.0)]})
    assert alone is not None
    assert (alone.slope.low, alone.intercept.high) == (None, None)


@pytest.mark.parametrize("families", [5, 14, 40])
def test_intervals_of_slopes_cover_what_they_say(families: int) -> None:
    """With levels and slopes that differ by prompt, 95 % intervals hold the mean slope about as often as that."""
    chance = np.random.default_rng(families)
    hits, rounds = 0, 400
    for _ in range(rounds):
        made = {}
        for name in range(families):
            level, slope = chance.normal(0.5, 0.2), chance.normal(0.2, 0.06)
            made[str(name)] = [(n, level + slope * n + chance.normal(0, 0.3)) for n in (1, 2, 5, 10, 20, 50)]
        found = line(made)
        assert found is not None
        assert found.slope.low is not None
        assert found.slope.high is not None
        hits += found.slope.low <= 0.2 <= found.slope.high
    assert 0.92 <= hits / rounds <= 0.98


# Points


def trial(item: str, method: str, seconds: float, status: str = "split", *, try_: int = 0, failure: str = "") -> Trial:
    span = Span(Request("r", "x"), Reply("r", tokens_out=5))
    trace = Trace((span,), "", (), 0, int(seconds * 1e9), 0, status=status)  # type: ignore[arg-type]
    return Trial(item, 0, method, try_, trace, failure or None)


def run_of(*items: str, methods: tuple[str, ...] = ("serial", "schema")) -> dict[str, Any]:
    return {
        "items": [{"id": name, "family": name.partition(".")[0], "category": "c"} for name in items],
        "methods": [{"spec": name, "given": False} for name in methods], "conditions": {"repeats": 1, "concurrency": 1},
        "seed": 0, "clock": "virtual", "executor": "offline", "endpoint": "nowhere", "timing": "modelled",
    }  # fmt: skip


ASKED = {"a.1": 1, "a.2": 2, "b.2": 2}
TRIALS = [
    trial("a.1", "serial", 1, "serial"), trial("a.1", "schema", 1, "declined"),
    trial("a.2", "serial", 9, "serial"), trial("a.2", "serial", 4, "serial", try_=1), trial("a.2", "schema", 1, try_=1),
    trial("b.2", "serial", 2, "serial"), trial("b.2", "schema", 0.5, failure="no reply"),
]  # fmt: skip


def test_every_cell_is_a_point_answered_or_not() -> None:
    """n = 1 is a single call in each arm; a failed point and one that was never run have no time and are counted."""
    run = run_of(*ASKED, "b.3")
    found = points.points(run, {**ASKED, "b.3": 3}, TRIALS, [])
    outcomes = {(point.item, point.method): point.outcome for point in found}
    assert outcomes["a.1", "serial"] == outcomes["a.1", "schema"] == "single"
    assert outcomes["b.2", "schema"] == "failed"
    assert outcomes["b.3", "serial"] == outcomes["b.3", "schema"] == "missing"
    assert [point.latency_s for point in found if point.outcome in ("failed", "missing")] == [None] * 3
    fit = next(fit for fit in points.fits(found, 0) if fit.method == "schema")
    assert (fit.asked, fit.outcomes) == (4, {"single": 1, "split": 1, "failed": 1, "missing": 1})
    [cells] = tables.fit_cells([fit])
    shown = dict(zip(tables.FIT_HEADERS, cells, strict=True))
    assert (shown["asked"], shown["answered"], shown["failed"], shown["never run"]) == ("4", "2", "1", "1")


def test_the_last_try_counts_and_speedups_are_taken_within_pairs() -> None:
    """At n = 2 one pair was answered: 4 s against 1 s."""
    found = points.points(run_of(*ASKED), ASKED, TRIALS, [])
    row = next(row for row in points.by_n(found, 0) if (row.n, row.method) == (2, "schema"))
    assert (row.prompts, row.asked, row.answered, row.seconds) == (2, 2, 1, 1.0)
    assert row.speedup is not None
    assert row.speedup.value == pytest.approx(4.0)


def test_the_csv_has_every_point_and_what_its_answer_held() -> None:
    """A point without an answer has empty cells; the share of subtasks that were answered stands beside the time."""
    verdict = {"item": "a.2", "repeat": 0, "decomposer": "serial", "try": 1, "criterion": "structure", "value": 0.5}
    text = points.to_csv(points.points(run_of(*ASKED), ASKED, TRIALS, [verdict]))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 6
    assert [row["structure"] for row in rows if row["item"] == "a.2" and row["method"] == "serial"] == ["0.5"]
    assert [row["latency_s"] for row in rows if row["outcome"] == "failed"] == [""]


# Shares


def span(role: Role, ready: int, done: int, *chunks: int, error: Failure | None = None) -> Span:
    reply = Reply(role, chunks_ns=tuple(c * MS for c in chunks), done_ns=done * MS, error=error, tokens_out=1)
    return Span(Request(role, "x", role, ready_ns=ready * MS), reply)


def path(ended: int, *spans: Span) -> dict[str, int]:
    return {part: ns // MS for part, ns in critical_path(Trace(spans, "", (), 0, ended * MS, None)).items()}


def test_the_critical_path_is_what_was_waited_for() -> None:
    """Planning, then the longest branch, then the merge; what no call explains is other; the sum is the latency."""
    spans = (span("plan", 2, 30), span("solve", 30, 50), span("solve", 30, 80), span("merge", 81, 95))
    assert path(100, *spans) == {"plan": 28, "solve": 50, "merge": 14, "other": 8}


def test_a_branch_that_leaves_early_waits_for_a_part_of_the_plan() -> None:
    """Of planning only what came before the last branch left is on the path."""
    spans = (span("plan", 0, 60, 10, 20, 40, 60), span("solve", 20, 70), span("solve", 40, 90))
    assert path(90, *spans) == {"plan": 40, "solve": 50, "merge": 0, "other": 0}


def test_a_fallback_pays_for_what_failed_before() -> None:
    """The failed branch and the plan are on the path of the serial call that follows; what was cancelled is not."""
    error = Failure("server", "no")
    spans = (
        span("plan", 0, 30),
        span("solve", 30, 45, error=error),
        span("solve", 30, 120, error=error),
        span("solve", 45, 100),
    )
    assert path(100, *spans) == {"plan": 30, "solve": 70, "merge": 0, "other": 0}


def test_shares_count_what_declined_fell_back_or_failed() -> None:
    """All stay in the count, and all but failures in the speedup; the paper's way stands apart."""
    plan = Trace((span("plan", 0, 500), span("solve", 500, 1000)), "", (), 0, 1000 * MS, None)
    trials = [
        trial("a", "serial", 2, "serial"), Trial("a", 0, "schema", 0, plan),
        trial("b", "serial", 2, "serial"), trial("b", "schema", 4, "fallback"),
        trial("c", "serial", 2, "serial"), trial("c", "schema", 1, failure="no"),
    ]  # fmt: skip
    serial, row = shares.rows(run_of("a", "b", "c", "d"), trials, 0)
    assert (serial.method, serial.answered, serial.missing) == ("serial", 3, 1)
    assert (row.asked, row.answered, row.failed, row.fallbacks, row.declines, row.missing, row.split) == (4, 2, 1, 1, 0, 1, 1)
    estimates = [row.end_to_end, row.without_planning, row.survivors]
    assert [e and round(e.value, 6) for e in estimates] == [1.0, pytest.approx(2**0.5, abs=1e-6), 2.0]
    assert row.total_ratio == pytest.approx(4 / 5)
    assert row.planning_share == pytest.approx(0.1)
    assert len(tables.share_cells([serial, row])[1]) == len(tables.SHARE_HEADERS)


def test_a_run_without_any_answer_is_shown_and_not_divided_by() -> None:
    """No figure, no crash: dashes beside the counts."""
    failed = [trial("a", method, 1, failure="no") for method in ("serial", "schema")]
    rows = shares.rows(run_of("a"), failed, 0)
    assert [cells[3] for cells in tables.share_cells(rows)] == ["-", "-"]
    found = points.points(run_of("a"), {"a": 2}, failed, [])
    assert {fit.line for fit in points.fits(found, 0)} == {None}
    assert set(figures.vary_n(found, points.fits(found, 0), "t")) == set(figures.shares(rows, "t")) == {"svg", "png"}


# Figures and the page

HOSTILE = "_<b>&\"'$x_1$</svg><script>alert(1)</script>"


def test_figures_are_the_same_for_the_same_data_and_show_text_as_text() -> None:
    """SVG and PNG; markup and formulas in names are letters; no date and no address to fetch."""
    run = run_of(*ASKED, methods=("serial", HOSTILE))
    renamed = [Trial(t.item, 0, HOSTILE if t.decomposer == "schema" else "serial", t.try_, t.trace, t.failure) for t in TRIALS]
    found = points.points(run, ASKED, renamed, [])
    one, other = (figures.vary_n(found, points.fits(found, 0), HOSTILE) for _ in range(2))
    assert one["svg"] == other["svg"]
    assert one["png"].startswith(b"\x89PNG")
    text = one["svg"].decode()
    assert "<script" not in text
    assert "$x_1$&lt;/svg&gt;" in text
    assert "without an answer" in text


class Tags(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        values = dict(attrs)
        self.links += [str(values[name]) for name in ("src", "href", "xlink:href") if name in values]
        self.ids += [str(values["id"])] if "id" in values else []


def test_the_page_stands_alone_and_escapes_what_it_is_given() -> None:
    """No script, nothing to fetch, ids of its own for each figure; figures of the paper and their source are there."""
    found = points.points(run_of(*ASKED), ASKED, TRIALS, [])
    svg = figures.vary_n(found, points.fits(found, 0), "t")["svg"]
    part = page.Part([HOSTILE], [page.Table(["method"], [[HOSTILE]])], svg, "", [HOSTILE])
    text = page.render(page.Page(True, HOSTILE, HOSTILE, part, part, HOSTILE))
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.names
    assert "b" not in tags.names
    assert all(link.startswith("#") for link in tags.links)
    assert len(tags.ids) == len(set(tags.ids))
    assert {link[1:] for link in tags.links} <= set(tags.ids)
    assert "arXiv 2506.18728" in text
    assert "modelled" in text
    without = page.render(page.Page(False, "none", "", page.Part([], [], None, "no <figure>", []), part, ""))
    assert "no &lt;figure&gt;" in without
    assert "mock endpoint" not in without


@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
def test_a_browser_shows_the_page_as_text_and_figures(tmp_path: Path) -> None:
    """In headless Chromium: hostile text is text, no script ran, both figures have a size."""
    found = points.points(run_of(*ASKED), ASKED, TRIALS, [])
    svg = figures.vary_n(found, points.fits(found, 0), HOSTILE)["svg"]
    part = page.Part([HOSTILE], [page.Table(["method"], [[HOSTILE]])], svg, "", [HOSTILE])
    file = tmp_path / "index.html"
    file.write_text(page.render(page.Page(True, HOSTILE, HOSTILE, part, part, HOSTILE)), encoding="utf-8")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path}/profile",
    ]
    command = [BROWSER, *options, "--dump-dom", f"--screenshot={tmp_path}/page.png", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    tags = Tags()
    tags.feed(done.stdout)
    assert tags.names.count("svg") == 2
    assert {"script", "b"}.isdisjoint(tags.names)
    assert done.stdout.count("alert(1)") == text_count(file)
    assert (tmp_path / "page.png").stat().st_size > 10_000


def text_count(file: Path) -> int:
    return file.read_text(encoding="utf-8").count("alert(1)")
