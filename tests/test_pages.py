"""A stored run as a page, as rows and as trace events: nothing runs as markup, nothing is lost, the fan-out is there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from ppbench import Failure, Reply, Request, Span, Trace, Trial
from ppbench.cli import cli
from ppbench.errors import InvalidData, PpbenchError, UsageError
from ppbench.pages.gantt import gantt
from ppbench.pages.perfetto import text
from ppbench.pages.strips import strips
from ppbench.pages.svg import even_ticks, log_ticks, safe
from ppbench.pages.telling import choose, latencies, shown
from ppbench.store import RunDirectory

EVIL = "</pre></title></svg><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
TAGS = set(
    "html head meta title style body h1 h2 p dl dt dd ul li div table thead tbody tr th td svg text line rect path i details "
    "summary pre".split()
)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def trial(method: str, item: str, ms: int, *, try_: int = 0, failure: str | None = None, calls: int = 1) -> Trial:
    reply = Reply("r", queued_ns=1, sent_ns=2, first_ns=3, done_ns=ms * 1_000_000, tokens_in=1, tokens_out=1)
    spans = tuple(Span(Request(f"k@1/{place}", EVIL, ready_ns=1), reply) for place in range(calls))
    return Trial(item, 0, method, try_, Trace(spans, EVIL, (), 0, ms * 1_000_000, 3), failure)


def trace_of(one: Trial) -> Trace:
    assert one.trace is not None
    return one.trace


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of prompts that would like to be markup."""
    folder = tmp_path_factory.mktemp("pages")
    rows = [
        {"id": f"{EVIL}{place}", "text": f"Translate to French:\n1. {EVIL}\n2. dog\n3. hen\u202e", "language": "en"}
        for place in range(3)
    ]
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = 'constant:text="<script>document.title=1</script>"'
    done = call("run", "-e", "offline", "--prompts", str(folder / "p.jsonl"), "-d", "schema:source=rules", "-d", "sot",
                "-d", spec, "-q", "-o", str(folder / "run"))  # fmt: skip
    assert done.exception is None, done.exception
    return folder


class Tags(HTMLParser):
    """The tags of a page and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}


def html(folder: Path) -> str:
    done = call("report", str(folder / "run"), "--format", "html")
    assert done.exception is None, done.exception
    return done.stdout


def test_text_of_prompts_and_models_is_never_markup(folder: Path) -> None:
    """The page has our own tags alone, no attribute that loads or runs anything, and forbids both."""
    page = html(folder)
    tags = Tags(page)
    assert tags.found <= TAGS
    assert not {name for name in tags.attributes if name.startswith("on") or name in ("src", "href", "srcset", "action")}
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium is installed")
def test_a_browser_runs_nothing_of_it(folder: Path) -> None:
    """In a real browser the title stays ours."""
    (folder / "page.html").write_text(html(folder), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{folder / 'page.html'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "<title>ppbench: mock/quick (virtual clock)</title>" in done.stdout
    assert "owned</title>" not in done.stdout


def test_a_page_holds_table_spread_and_the_telling_trials(folder: Path) -> None:
    page = html(folder)
    for part in ("<h2>The table</h2>", "How it spreads", "The slowest", "beside serial", "Warnings", "mock figures show"):
        assert part in page
    assert page.count("<svg ") >= 4


def test_a_run_of_serial_alone_has_a_page(folder: Path) -> None:
    """No pair, no figure of speedups, no trial that tells more than others."""
    call("run", "-e", "offline", "-n", "2", "-d", "serial", "-q", "-o", str(folder / "alone"))
    done = call("report", str(folder / "alone"), "--format", "html")
    assert done.exception is None
    assert "Latency of each answered trial" in done.stdout
    assert "The slowest" not in done.stdout


def test_failed_trials_are_listed(folder: Path) -> None:
    """With the reason that was recorded, escaped."""
    copy = RunDirectory(folder / "failed")
    shutil.copytree(folder / "run", copy.path)
    lines = [json.loads(line) for line in (copy.path / "trials.jsonl").read_text().splitlines()]
    for line in lines:
        line["failure"] = f"broke <b>{line['decomposer']}</b>"
    (copy.path / "trials.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = call("report", str(copy.path), "--format", "html").stdout
    assert "Failed trials: 12" in page
    assert "broke &lt;b&gt;sot&lt;/b&gt;" in page
    assert "Nothing was answered." in page


def test_the_later_try_counts_and_the_telling_trials_are_chosen() -> None:
    """The slowest, the worst and the best beside serial; a trial chosen twice is shown once; copies of serial never."""
    trials = [
        trial("serial", "a", 100), trial("m", "a", 1), trial("serial:copy=1", "a", 900),
        trial("serial", "a", 100, try_=1), trial("m", "a", 50, try_=1),
        trial("serial", "b", 100), trial("m", "b", 400),
        trial("serial", "c", 100), trial("m", "c", 5, failure="no"),
    ]  # fmt: skip
    known = latencies(trials)
    assert known.speedups("m") == [2.0, 0.25]
    assert known.failures == (("m", "c", 0, "no"),)
    slowest, worst, best = choose(known).values()
    assert slowest == worst == (("b", 0), "m")
    assert best == (("a", 0), "m")
    found = shown(lambda: trials, known)
    assert [(one.why, one.item, one.speedup) for one in found] == [
        ("The slowest, and the worst beside serial", "b", 0.25), ("The best beside serial", "a", 2.0)]  # fmt: skip


def test_a_gantt_shows_so_many_calls_and_says_how_many_it_does_not() -> None:
    drawn = gantt(trace_of(trial("m", "a", 10, calls=70)), "t", 5_000_000)
    assert "and 10 more calls" in drawn
    assert drawn.count('class="solve"') == 60
    assert "<script" not in drawn


def test_attempts_that_failed_are_drawn_as_such() -> None:
    lost = Reply("r", sent_ns=1, done_ns=5, error=Failure("server", "busy", 500))
    span = Span(Request("k@1/x", "ask"), Reply("r", sent_ns=6, first_ns=8, done_ns=9), (lost,))
    drawn = gantt(Trace((span,), "", (), 0, 10, 8), "t")
    assert 'class="failed early"' in drawn
    assert "server: busy" in drawn


def test_axes_have_a_few_round_ticks() -> None:
    assert even_ticks(1e9)[-1] == 1e9
    assert all(4 <= len(even_ticks(end)) <= 11 for end in (1, 3.7, 99, 123456, 5e9))
    assert log_ticks(0.3, 3) == [0.5, 1, 2]
    assert "<svg" in strips({"one": [1.0], "many": [float(k) for k in range(1, 2000)]}, "t", str, 1.0)


def test_text_is_cut_cleaned_and_escaped() -> None:
    assert safe("a\x00b<\ud800>", 4) == "ab&lt;…"
    assert safe("a\x00b", 2) == "ab"
    assert safe("\ud800") == "?"


def test_trace_events_show_the_fan_out(folder: Path) -> None:
    """A process a method; calls that run at the same time lie on rows of their own; slices of a row never cross."""
    done = call("report", str(folder / "run"), "--trace")
    events = json.loads(done.stdout)["traceEvents"]
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert set(names.values()) == {m["spec"] for m in RunDirectory(folder / "run").run["methods"]}
    calls: dict[str, set[int]] = defaultdict(set)
    rows: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    for event in (event for event in events if event["ph"] == "X"):
        if event["cat"] != "phase":
            rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        if event["cat"] == "solve":
            calls[names[event["pid"]]].add(event["tid"])
    assert len(calls["schema:source=rules"]) == 3
    assert len(calls["serial"]) == 1
    for row in rows.values():
        ordered = sorted(row)
        assert all(one[1] <= two[0] + 1e-6 for one, two in pairwise(ordered))
    assert min(event["ts"] for event in events if event["ph"] == "X") == 0


def test_trace_events_of_nothing_are_whole() -> None:
    assert json.loads("".join(text(list)))["traceEvents"] == []


def test_parquet_has_a_row_a_trial(folder: Path) -> None:
    """Every stored trial, with the facts of its prompt, its latency, and the judges' values."""
    call("run", "-e", "offline", "-n", "3", "-d", "sot", "-q", "-o", str(folder / "plain"))
    done = call("report", str(folder / "plain"), "--format", "parquet", "-o", str(folder / "t.parquet"))
    assert done.exception is None, done.exception
    trials = list(RunDirectory(folder / "plain").trials())
    found = duckdb.sql(f"SELECT item, decomposer, latency_s, serial_latency_s, counts, answer, verdict_structure "
                       f"FROM '{folder / 't.parquet'}'").fetchall()  # fmt: skip
    assert [row[:3] for row in found] == [(t.item, t.decomposer, t.trace.latency_ns / 1e9) for t in trials if t.trace]
    assert all(row[3] is not None and row[4] and 0 <= row[6] <= 1 for row in found)
    assert {row[5] for row in found} == {t.trace.answer for t in trials if t.trace}
    assert not list(folder.glob("*.partial"))


def test_parquet_without_its_library_says_what_to_install(folder: Path) -> None:
    program = "import sys; sys.modules['duckdb'] = None; from ppbench.cli import main; main()"
    command = [sys.executable, "-c", program, "report", str(folder / "run"), "--format", "parquet", "-o", "x.parquet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 6
    assert "pip install 'ppbench[data]'" in done.stderr


def test_latex_escapes_and_comments(folder: Path) -> None:
    """Tables by booktabs; what a terminal has below them is comment."""
    lines = call("report", str(folder / "run"), "--format", "latex").stdout.splitlines()
    assert lines[0].startswith("\\begin{tabular}")
    last = max(place for place, line in enumerate(lines) if line == "\\end{tabular}")
    assert all(line.startswith("% ") for line in lines[last + 2 :])
    assert call("report", str(folder / "run"), "--format", "latex", "--by", "language").stdout.startswith("\\begin{tabular}")


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json", "latex", "paper", "html"])
def test_what_goes_to_a_file_is_what_is_printed(folder: Path, form: str) -> None:
    printed = call("report", str(folder / "run"), "--format", form).stdout
    assert call("report", str(folder / "run"), "--format", form, "-o", str(folder / "out")).stdout == ""
    assert (folder / "out").read_text(encoding="utf-8") == printed


@pytest.mark.parametrize(
    ("arguments", "kind", "complaint"),
    [
        (["--format", "parquet"], UsageError, "give -o FILE"),
        (["-o", "{run}/trials.jsonl"], UsageError, "is a record of the run"),
        (["-o", "{run}/no/such"], InvalidData, "its folder does not exist"),
        (["--trace", "--format", "csv"], UsageError, "--trace is all calls"),
        (["--format", "html", "--by", "language"], UsageError, "--by prints"),
    ],
)
def test_what_cannot_be_written_is_said(
    folder: Path, arguments: list[str], kind: type[PpbenchError], complaint: str
) -> None:  # fmt: skip
    done: Any = call("report", str(folder / "run"), *(one.format(run=folder / "run") for one in arguments))
    assert isinstance(done.exception, kind)
    assert complaint in str(done.exception)
