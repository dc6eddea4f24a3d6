"""The command line: the table, the run directory, resume, and bad input, each as a user meets it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ppbench.cli import main
from ppbench.commands.run import METHODS

PROGRAM = [sys.executable, "-c", "from ppbench.cli import main; main()"]
ROW = {"decomposer", "n", "failures", "fallbacks", "declines", "raw_speedup", "raw_speedup_low", "raw_speedup_high",
       "normalized_speedup", "ttft_ratio", "token_ratio", "structure", "reference"}  # fmt: skip


@dataclass
class Done:
    stdout: str
    stderr: str


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line in this process, in an empty folder; the exit code is checked, and that no traceback shows."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 0, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["ppbench", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with contextlib.suppress(SystemExit) if code == 0 else pytest.raises(SystemExit) as ended:
            main()
        said = Done(*capsys.readouterr())
        assert code == 0 or ended.value.code == code, said.stderr
        assert "Traceback" not in said.stderr
        return said

    return run


def offline(*more: str) -> tuple[str, ...]:
    return ("run", "-e", "offline", *more)


def rows_of(done: Done) -> dict[str, dict[str, Any]]:
    return {row["decomposer"]: row for row in json.loads(done.stdout)["rows"]}


def test_an_offline_run_prints_the_table_and_keeps_the_run(cli: Any, tmp_path: Path) -> None:
    """Table on stdout, progress on stderr, run.json, trials and verdicts on disk."""
    done = cli(*offline("-o", "out"))

    for method in METHODS:
        assert f"\n{method} " in done.stdout
    assert "mock figures show that the tool works" in done.stdout
    assert "[14/14]" in done.stderr
    assert "[14/14]" not in done.stdout
    assert len((tmp_path / "out/trials.jsonl").read_text().splitlines()) == 14 * len(METHODS)


def test_json_holds_the_same_rows(cli: Any) -> None:
    """Run, endpoint and rows; serial's own speedup is 1.0; what cannot be known is null."""
    done = cli(*offline("--json", "-q"))
    data = json.loads(done.stdout)

    assert {"run", "endpoint", "rows"} <= set(data)
    assert all(set(row) >= ROW for row in data["rows"])
    assert [row["decomposer"] for row in data["rows"]] == list(METHODS)
    assert data["rows"][0]["raw_speedup"] == 1.0
    assert {row["n"] for row in data["rows"]} == {14}
    assert done.stderr == ""


def test_offline_is_deterministic(cli: Any) -> None:
    """The same seed gives the same rows and the same traces; another seed another order."""
    one, two = cli(*offline("-o", "a", "--json", "-q")), cli(*offline("-o", "b", "--json", "-q"))
    assert json.loads(one.stdout)["rows"] == json.loads(two.stdout)["rows"]


def test_report_prints_a_stored_run_in_every_format(cli: Any, tmp_path: Path) -> None:
    """Markdown, CSV and JSON come from the files alone, and agree."""
    cli(*offline("-o", "out", "-n", "4"))
    data = json.loads(cli("report", "out", "--format", "json").stdout)
    table = cli("report", "out", "--format", "csv").stdout.splitlines()

    assert cli("report", "out", "--format", "markdown").stdout.startswith("| decomposer")
    assert len(table) == 1 + len(data["rows"])
    assert table[0].startswith("decomposer,given,verdict,reason,n,")
    cli("report", "nowhere", code=5)


def test_judging_again_adds_nothing_twice(cli: Any, tmp_path: Path) -> None:
    """`ppbench judge` on a judged run leaves the verdicts as they are, and no timing changes."""
    cli(*offline("-o", "out", "-n", "2"))
    before = {name: (tmp_path / "out" / name).read_bytes() for name in ("trials.jsonl", "verdicts.jsonl")}
    cli("judge", "out")
    assert before == {name: (tmp_path / "out" / name).read_bytes() for name in before}


@pytest.mark.parametrize("share", [0.2, 0.55, 0.9])
def test_a_run_that_was_cut_is_resumed_without_loss(cli: Any, tmp_path: Path, share: float) -> None:
    """Wherever the file was cut, the resumed run has each trial once and the finished blocks untouched."""
    cli(*offline("-o", "out", "-q"))
    file = tmp_path / "out/trials.jsonl"
    whole = file.read_bytes()
    kept = whole[: int(len(whole) * share)]
    file.write_bytes(kept)
    (tmp_path / "out/verdicts.jsonl").unlink()
    resumed = cli("run", "--resume", "out", "--json", "-q")
    keys = [(r["item"], r["repeat"], r["decomposer"], r["try"]) for r in map(json.loads, file.read_bytes().splitlines())]

    assert len(keys) == len(set(keys)) == 14 * len(METHODS)
    assert file.read_bytes().startswith(kept[: kept.rfind(b"\n", 0, len(kept) // 2)])
    assert "incomplete block" in resumed.stderr
    assert all(row["n"] == 14 for row in rows_of(resumed).values())


def test_a_killed_run_is_resumed(cli: Any, tmp_path: Path) -> None:
    """After kill -9 in mid-run, no finished block is lost or run twice, and no pair is split."""
    command = [*PROGRAM, *offline("-o", "out", "-q", "--repeats", "20")]
    file = tmp_path / "out/trials.jsonl"
    with subprocess.Popen(command, cwd=tmp_path) as process:
        while not file.exists() or file.stat().st_size < 300_000:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    survived = file.read_bytes()
    done = cli("run", "--resume", "out", "--json", "-q")
    keys = [(r["item"], r["repeat"], r["decomposer"], r["try"]) for r in map(json.loads, file.read_bytes().splitlines())]

    assert file.read_bytes().startswith(survived[: survived[: len(survived) // 2].rfind(b"\n")])
    assert len(keys) == len(set(keys)) == 14 * 20 * len(METHODS)
    assert all(row["n"] == 14 * 20 for row in rows_of(done).values())


def test_a_finished_run_can_be_resumed_and_runs_nothing(cli: Any, tmp_path: Path) -> None:
    cli(*offline("-o", "out", "-n", "2", "-q"))
    before = (tmp_path / "out/trials.jsonl").read_bytes()
    cli("run", "--resume", "out", "-q")
    assert (tmp_path / "out/trials.jsonl").read_bytes() == before


def test_a_run_that_differs_is_not_resumed(cli: Any, tmp_path: Path) -> None:
    """The message names the field that differs, and nothing is written."""
    cli(*offline("-o", "out", "-n", "2", "-q"))
    assert "started with seed = 0, not 1" in cli("run", "--resume", "out", "--seed", "1", code=5).stderr
    record = json.loads((tmp_path / "out/run.json").read_text())
    record["items"][1]["digest"] = "other"
    (tmp_path / "out/run.json").write_text(json.dumps(record))
    assert "its items differ" in cli("run", "--resume", "out", code=5).stderr
    others = {"executor": "other", "endpoint": "other", "judges": ["other"], "clock": "native",
              "methods": [{"spec": "other", "given": False}]}  # fmt: skip
    for name, other in others.items():
        cli(*offline("-o", name, "-n", "2", "-q"))
        record = json.loads((tmp_path / name / "run.json").read_text())
        (tmp_path / name / "run.json").write_text(json.dumps({**record, name: other}))
        assert f"its {name} differ" in cli("run", "--resume", name, code=5).stderr


def test_an_output_directory_is_not_overwritten(cli: Any, tmp_path: Path) -> None:
    cli(*offline("-o", "out", "-n", "1", "-q"))
    before = (tmp_path / "out/trials.jsonl").read_bytes()
    assert "holds a run already; resume it" in cli(*offline("-o", "out"), code=5).stderr
    assert (tmp_path / "out/trials.jsonl").read_bytes() == before


def test_an_output_folder_that_cannot_be_made_is_said(cli: Any, tmp_path: Path) -> None:
    """Before anything is sent; a file in the way is named."""
    (tmp_path / "file").write_text("")
    assert "cannot write to file/out" in cli(*offline("-o", "file/out"), code=5).stderr
    assert "No such file or directory: /proc/none" in cli(*offline("-n", "1", "-o", "/proc/none"), code=1).stderr


def test_a_dry_run_sends_nothing(cli: Any, tmp_path: Path) -> None:
    """It shows calls and tokens a method, and writes no run."""
    done = cli(*offline("--dry-run", "-d", "schema:source=given"))
    assert "Nothing was sent" in done.stdout
    assert [line.split()[:3] for line in done.stdout.splitlines()[3:5]] == [
        ["serial", "14", "14"],
        ["schema:source=given", "14", "61"],
    ]
    assert list(tmp_path.iterdir()) == []


def test_own_prompts_are_taken(cli: Any, tmp_path: Path) -> None:
    """Annotated or not, known category or none; bad rows are refused at once, or left out and counted."""
    annotation = {"template": "Translate into French: {data}", "data": ["one", "two"], "category": "Translation"}
    rows: list[Any] = [{"prompt": "Translate into French: one; two", "lang": "en", "annotation": annotation},
                       {"text": "Why is the sky blue?"}, {"text": "List:\n1. a\n2. b"}]  # fmt: skip
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"prompt": 3}\nnot json\n')
    refused = cli(*offline("--prompts", "mine.jsonl"), code=5)
    done = cli(*offline("--prompts", "mine.jsonl", "--skip-bad", "--json"))

    assert "mine.jsonl:4: has no text" in refused.stderr
    assert "mine.jsonl:5: is not JSON" in refused.stderr
    assert "left out 2 bad rows" in done.stderr
    assert {row["n"] for row in rows_of(done).values()} == {3}
    assert rows_of(done)["schema"]["declines"] == 1
    assert rows_of(done)["serial"]["reference"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["run", "-d", "nope"], 2, "unknown decomposer 'nope'; have: constant, dag, flatterer, randomsplit, schema, serial"),
        (["run", "-d", "top:breath=3"], 2, "top has no option 'breath'; have: breadth, depth"),
        (["run", "-d", "top:breadth=0"], 2, "breadth is 1 or more"),
        (["run", "-e", "nope"], 2, "unknown executor 'nope'; have:"),
        (["run", "--judge", "nope"], 2, "unknown judge 'nope'; have: human, pairwise, reference, similarity, structure"),
        (["run", "-t", "nope"], 2, "unknown category 'nope'; have:"),
        (["run", "--suite", "nope"], 2, "unknown suite 'nope'; have: smoke"),
        (["run", "--nope"], 2, "No such option"),
        (["run", "--base-url", "", "-m", "openai/m"], 2, "--base-url is empty"),
        (["run", "-e", "offline:max_in_flight=0"], 2, "give more than 0"),
        (["run", "-e", "native:timeout=nan"], 2, "timeout is nan"),
        (["run", "--json", "--format", "paper"], 2, "give one of --json and --format paper"),
        (["run", "--json", "--by", "category"], 2, "--by prints a table, markdown or latex, no json"),
        (["report", "runs/x", "--format", "paper", "--by", "language"], 2, "--by prints a table, markdown or latex, no paper"),
        (["run", "-d", "top:breadth=1000000"], 2, "breadth is 100 or less"),
        (["run", "-t", "translation", "--suite", "smoke"], 2, "give one of"),
        (["run", "-e", "offline", "-m", "mock/nope"], 2, "unknown mock model 'mock/nope'; have: mock/"),
        (["run", "-e", "offline", "-m", "mock/quick?tokn_ms=3"], 2, "unknown knob 'tokn_ms'; have:"),
        (["run", "-e", "offline", "-m", "openai/gpt"], 2, "runs mock models alone"),
        (["run", "-e", "offline", "--prompts", "none.jsonl"], 5, "cannot read none.jsonl"),
        (["run", "--resume", "none"], 5, "is not a run directory"),
        (["plan", ""], 5, "the prompt is empty"),
        (["plan", "two words", "-d", "schema:source=given"], 5, "is shown labels"),
        (["tasks", "show", "nope"], 2, "no prompt, category or suite 'nope'; have"),
        (["nope"], 2, "No such command 'nope'"),
    ],
)
def test_bad_input_gets_one_clear_message(cli: Any, tmp_path: Path, arguments: list[str], code: int, complaint: str) -> None:
    """What, where, what is known; the designed exit code; no traceback; nothing written."""
    done = cli(*arguments, code=code)
    assert complaint in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_too_many_failures_end_in_exit_3_after_the_table(cli: Any, tmp_path: Path) -> None:
    """Where serial is answered in time and the others are not, the table is printed, then the first failure."""
    done = cli(*offline("--trial-timeout", "0.4", "-n", "2"), code=3)
    assert "decomposer" in done.stdout
    assert f"of {2 * len(METHODS)} trials failed; the first: not answered within 0.4 s" in done.stderr


def test_a_plan_is_shown_before_it_is_paid_for(cli: Any) -> None:
    """As a tree, as data and as Mermaid; --send shows what planning calls expand into."""
    assert "expands into a plan" in cli("plan", "tr-001", "-d", "sot").stdout
    given = json.loads(cli("plan", "tr-001", "-d", "schema:source=given", "--json").stdout)["plan"]
    sent = json.loads(cli("plan", "tr-001", "-d", "schema", "--send", "-e", "offline", "--json").stdout)["plan"]

    assert [call["role"] for call in given["calls"]] == ["solve"] * 4
    assert sent["calls"][0]["plan"]["schema"] == given["schema"]
    assert cli("plan", "-", "-d", "serial", "--mermaid", stdin='x"]; click').stdout == 'graph TD\n  c0["serial: solve"]\n'


def test_a_plan_does_not_drive_the_terminal(cli: Any) -> None:
    """Control characters of a prompt are left out of the tree and escaped in JSON."""
    nasty = "a\x9b2J\x1b]0;x\x07b"
    tree, data = (cli("plan", "-", "-d", "serial", *form, stdin=nasty).stdout for form in ((), ("--json",)))

    assert "a2J]0;xb" in tree
    assert not {"\x1b", "\x9b", "\x07"} & set(tree + data)
    assert json.loads(data)["plan"]["calls"][0]["text"] == nasty


def test_tasks_are_listed_shown_and_valid(cli: Any, tmp_path: Path) -> None:
    """Seven categories with counts; a prompt by id, category or suite; a bad file is exit 5 with its line."""
    listed = json.loads(cli("tasks", "list", "--json").stdout)
    (tmp_path / "bad.jsonl").write_text('{"text": "x", "schema": {"template": "t", "data": ["a", "b"]}}\n')

    assert len([row for row in listed["categories"] if row["prompts"] >= 60]) == 8
    assert listed["suites"]["smoke"]["prompts"] == 14
    assert "pharmacie" in cli("tasks", "show", "tr-001").stdout
    assert "tr-001" in cli("tasks", "show", "Translation").stdout
    assert len(json.loads(cli("tasks", "show", "smoke", "--json").stdout)) == 14
    assert "valid, and each ran dry" in cli("tasks", "validate").stdout
    assert "bad.jsonl:1: template lacks {data}" in cli("tasks", "validate", "bad.jsonl", code=5).stderr


def test_help_of_every_command_works(cli: Any) -> None:
    for command in ("run", "ask", "plan", "report", "judge", "tasks", "plugins", "endpoint"):
        assert "Usage:" in cli(command, "--help").stdout


def test_an_interrupted_run_can_be_resumed(tmp_path: Path) -> None:
    """Ctrl-C ends with 130 and prints the resume line."""
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ppbench.cli import main; main()"
    command = [sys.executable, "-c", program, *offline("-o", "out", "--repeats", "200")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[20/"):
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert "ppbench run --resume out" in said


def test_a_budget_ends_a_run_that_can_be_resumed(cli: Any) -> None:
    """Exit 4, what was finished is kept, the line to go on is printed; with another budget it goes on to the end."""
    done = cli(*offline("-n", "3", "-d", "serial", "-o", "out", "--max-total-tokens", "400"), code=4)
    assert "--max-total-tokens allows 400" in done.stderr
    assert "ppbench run --resume out" in done.stderr
    before = Path("out/trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert 0 < len(before) < 3

    done = cli("run", "--resume", "out", "--json")
    assert rows_of(done)["serial"]["n"] == 3
    assert Path("out/trials.jsonl").read_text(encoding="utf-8").splitlines()[: len(before)] == before


def test_limits_a_minute_hold_calls_back_and_say_so(cli: Any) -> None:
    """Their waiting is in the latency, in the record and in the warnings."""
    done = cli(*offline("-n", "2", "-d", "schema:source=given", "-o", "out", "--max-rpm", "4", "--json"))
    told = json.loads(done.stdout)
    assert told["client"]["held"] > 0
    assert any("held back by --max-rpm" in warning for warning in told["warnings"])
    assert json.loads(Path("out/run.json").read_text(encoding="utf-8"))["conditions"]["max_rpm"] == 4
