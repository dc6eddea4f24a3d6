"""`ppbench experiment` from the outside: what it runs, writes and prints; how it stops, goes on, and is scored again."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ppbench import BudgetReached, InvalidData, TooManyFailures, UsageError
from ppbench.commands.experiment import experiment
from ppbench.commands.report import report
from ppbench.store import RunDirectory

OFFLINE = ("-e", "offline", "-q")


def call(*words: str) -> Result:
    return CliRunner().invoke(experiment, list(words), catch_exceptions=False)


def said(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_vary_n_runs_an_ordinary_run_and_draws_lines_through_it(tmp_path: Path) -> None:
    """Serial rises with n and split does not; each point is in the CSV; the run can be reported like any other."""
    folder = tmp_path / "v"
    words = ("vary-n", *OFFLINE, "-n", "3", "--counts", "1-3,8", "-m", "mock/quick?budget_words=0", "-o", str(folder))
    data = said(call(*words, "--json"))
    serial, split = (fit["line"]["slope"] for fit in data["fits"])
    assert split["high"] < serial["low"]
    rows = list(csv.DictReader((folder / "vary-n.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 4 * 3 * 2
    assert {row["outcome"] for row in rows if row["n"] == "1"} == {"single"}
    assert {row["calls"] for row in rows if row["method"] != "serial" and row["n"] == "8"} == {"8"}
    assert {row["structure"] for row in rows if row["n"] != "1"} == {"1.0"}
    assert (folder / "vary-n.svg").read_bytes().startswith(b"<?xml")
    assert (folder / "vary-n.png").read_bytes().startswith(b"\x89PNG")
    assert "schema:source=given" in CliRunner().invoke(report, [str(folder / "run")], catch_exceptions=False).output


def test_a_list_goes_as_far_as_it_has_items(tmp_path: Path) -> None:
    """Of other categories each prompt is asked for as many items as it has, and no more; the table says how many took part."""
    words = ("vary-n", *OFFLINE, "-t", "reading_comprehension", "-n", "4", "--counts", "2,12,20", "-o", str(tmp_path / "v"))
    data = said(call(*words, "--json"))
    assert [(row["n"], row["prompts"]) for row in data["by_n"] if row["method"] == "serial"] == [(2, 4), (12, 3), (20, 1)]


def test_what_failed_is_counted_and_the_exit_code_says_so(tmp_path: Path) -> None:
    """Trials that cannot end in time leave points without a time, drawn as such, and the whole is still made."""
    folder = tmp_path / "v"
    words = ("vary-n", *OFFLINE, "-n", "2", "--counts", "1,20", "-o", str(folder), "--trial-timeout", "0.2")
    with pytest.raises(TooManyFailures):
        call(*words)
    rows = list(csv.DictReader((folder / "vary-n.csv").read_text(encoding="utf-8").splitlines()))
    lost = [row for row in rows if row["outcome"] == "failed"]
    assert {row["method"] for row in lost} == {"serial"}
    assert {row["latency_s"] for row in lost} == {""}
    shown = said(call("vary-n", "--rescore", str(folder), "--json"))
    assert shown["fits"][0]["outcomes"]["failed"] == len(lost) == 2


def test_a_stopped_experiment_is_scored_and_goes_on(tmp_path: Path) -> None:
    """Blocks that are not there are counted as never run; --resume runs them, with what was asked for first."""
    folder = tmp_path / "v"
    call("vary-n", *OFFLINE, "-n", "2", "--counts", "2,3", "-o", str(folder))
    trials = folder / "run" / "trials.jsonl"
    whole = trials.read_text(encoding="utf-8")
    trials.write_text("".join(whole.splitlines(keepends=True)[:4]), encoding="utf-8")
    (folder / "run" / "verdicts.jsonl").unlink()
    stopped = said(call("vary-n", "--rescore", str(folder), "--json"))
    assert [fit["outcomes"].get("missing") for fit in stopped["fits"]] == [2, 2]
    resumed = said(call("vary-n", "--resume", str(folder), "-q", "--json"))
    assert [fit["outcomes"].get("missing") for fit in resumed["fits"]] == [None, None]
    assert len(trials.read_text(encoding="utf-8").splitlines()) == len(whole.splitlines())


def test_a_budget_stops_an_experiment_resumably(tmp_path: Path) -> None:
    """The line to go on is printed, and a larger budget may be given with it; other options may not."""
    folder = str(tmp_path / "p")
    words = ("paper", "-e", "offline", "-n", "1", "--counts", "1,4", "-t", "translation", "-o", folder)
    stopped = CliRunner().invoke(experiment, [*words, "--max-total-tokens", "300"])
    assert isinstance(stopped.exception, BudgetReached)
    assert f"ppbench experiment paper --resume {folder}" in stopped.stderr
    with pytest.raises(UsageError, match="--seed belongs to a new experiment"):
        call("paper", "--resume", folder, "--seed", "1")
    gone_on = said(call("paper", "--resume", folder, "-q", "--json", "--max-total-tokens", "99999"))
    assert {fit["outcomes"].get("missing") for fit in gone_on["vary_n"]["fits"]} == {None}


def test_the_engine_and_the_embedded_endpoint_know_the_prompts_too(tmp_path: Path) -> None:
    """Over real sockets the mock answers each subtask of the prompts that were made."""
    data = said(call("vary-n", "-q", "-n", "1", "--counts", "1,3", "-o", str(tmp_path / "v"), "--json"))
    assert [row["structure"] for row in data["by_n"]] == [None, None, 1.0, 1.0]
    assert RunDirectory(tmp_path / "v" / "run").run["clock"] == "native"


def test_end_to_end_tells_what_planning_takes(tmp_path: Path) -> None:
    """A planning call is on the critical path of `schema` alone; with replies that cannot be read all fall back and stay."""
    words = ("end-to-end", *OFFLINE, "-n", "2", "-t", "keyword_extraction", "-t", "translation")
    rows = {row["method"]: row for row in said(call(*words, "-o", str(tmp_path / "e"), "--json"))["rows"]}
    assert [round(rows[name]["planning_share"], 1) for name in ("serial", "schema:source=given", "schema:source=rules")] == [
        0
    ] * 3
    assert rows["schema"]["planning_share"] > 0.5
    assert rows["schema"]["end_to_end"]["value"] < rows["schema"]["without_planning"]["value"]
    assert {row["asked"] for row in rows.values()} == {4}

    broken = said(call(*words, "-m", "mock/quick?planner_error=1", "-o", str(tmp_path / "b"), "--json"))
    [schema] = [row for row in broken["rows"] if row["method"] == "schema"]
    assert (schema["answered"], schema["fallbacks"], schema["split"], schema["survivors"]) == (4, 4, 0, None)
    assert schema["end_to_end"]["value"] < 1


def test_paper_writes_one_page_of_both(tmp_path: Path) -> None:
    """Both runs, the table by category with the paper's figures, and a page that says it was modelled."""
    folder = tmp_path / "p"
    result = call("paper", *OFFLINE, "-n", "1", "--counts", "1,4", "-o", str(folder))
    assert result.exit_code == 0
    assert {item["category"] for item in RunDirectory(folder / "end-to-end" / "run").run["items"]} >= {"translation"}
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "modelled, not measured" in page
    assert "10.27" in page  # reading comprehension, serial, as the paper has it
    assert page.count("<svg") == 2
    assert "By category" in result.stdout


def test_without_a_plotting_library_tables_and_data_still_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is sent, and what is missing is named where the figure would stand."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    folder = tmp_path / "p"
    result = call("paper", *OFFLINE, "-n", "1", "--counts", "1,4", "-o", str(folder))
    assert "ppbench[figures]" in result.stderr
    assert (folder / "vary-n" / "vary-n.csv").exists()
    assert not (folder / "vary-n" / "vary-n.svg").exists()
    assert "ppbench[figures]" in (folder / "index.html").read_text(encoding="utf-8")


def test_a_dry_run_sends_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both runs are laid open, with what they would send."""
    monkeypatch.chdir(tmp_path)
    result = call("paper", "-e", "offline", "-n", "1", "--counts", "1,4", "--dry-run")
    assert result.stdout.count("Nothing was sent.") == 2
    assert list(tmp_path.iterdir()) == []


def test_options_of_run_are_passed_on_and_unknown_ones_refused(tmp_path: Path) -> None:
    """What is not listed is an option of `ppbench run`, and is recorded there."""
    words = ("vary-n", *OFFLINE, "-n", "2", "--counts", "1,2", "-o", str(tmp_path / "v"))
    assert call(*words, "--max-in-flight", "3", "--system", "category").exit_code == 0
    assert RunDirectory(tmp_path / "v" / "run").run["options"]["max_in_flight"] == 3
    refused = CliRunner().invoke(experiment, ["vary-n", *OFFLINE, "-o", str(tmp_path / "w"), "--max-flight", "3"])
    assert refused.exit_code == 2
    assert not (tmp_path / "w" / "run").exists()


@pytest.mark.parametrize("counts", ["", "0", "3-1", "a", "1,,2", "1-99999", "2;3"])
def test_counts_that_cannot_be_read_are_refused(counts: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--counts"):
        call("vary-n", *OFFLINE, "--counts", counts, "-o", str(tmp_path / "v"))
    assert list(tmp_path.iterdir()) == []


def test_folders_are_never_mixed_up(tmp_path: Path) -> None:
    """An experiment is not begun over another, and one of another kind or none at all is refused by name."""
    folder = str(tmp_path / "v")
    call("vary-n", *OFFLINE, "-n", "2", "--counts", "1,2", "-o", folder)
    with pytest.raises(InvalidData, match="--resume"):
        call("vary-n", *OFFLINE, "-o", folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "prompts.jsonl").write_text("precious")
    with pytest.raises(InvalidData, match="not empty"):
        call("vary-n", *OFFLINE, "-o", str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "prompts.jsonl").read_text() == "precious"
    with pytest.raises(InvalidData, match="'vary-n', not paper"):
        call("paper", "--rescore", folder)
    with pytest.raises(InvalidData, match="holds no experiment"):
        call("paper", "--resume", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="give one of"):
        call("paper", "--resume", folder, "--rescore", folder)
    (tmp_path / "v" / "prompts.jsonl").write_text("{}\n")
    with pytest.raises(InvalidData, match="were changed"):
        call("vary-n", "--rescore", folder)
    (tmp_path / "v" / "experiment.json").write_text('{"experiment": "vary-n", "options": {}}')
    with pytest.raises(InvalidData, match="lacks options"):
        call("vary-n", "--rescore", folder)


def test_own_prompts_take_part_and_those_that_cannot_are_counted(tmp_path: Path) -> None:
    """A file of the user's, in any language; nothing is left out in silence."""
    rows = [
        {"id": "u1", "text": "Nenne 4 Vögel.", "schema": {"template": "Nenne einen Vogel.", "n": 4}},
        {"id": "u2", "text": "Hallo"},
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = call("vary-n", "-e", "offline", "--prompts", str(file), "--counts", "1,3", "-o", str(tmp_path / "v"))
    assert "leaves out 1 of 2 prompts: each has no schema" in result.stderr
    assert result.exit_code == 0
