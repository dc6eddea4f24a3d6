"""`ppbench curate` by rules: what it reads, writes, refuses and says; what is resumed; the same on processes and a cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ppbench import InvalidData, UsageError
from ppbench.cli import main
from ppbench_plugins.curation.synthetic import write

PROGRAM = [sys.executable, "-c", "from ppbench.cli import main; main()"]
SETS = ("accepted.jsonl", "rejected.jsonl", "statistics.json")
LIST = "Translate each sentence into German:\n1. The train is late.\n2. Where is the station?\n3. I lost my ticket."
TURNS: list[tuple[str, str]] = [
    (LIST, "English"),
    ("Hi", "English"),
    ("What is the capital of France and why did it become so important", "English"),
    (f" {LIST.upper()}", "English"),
    ("Write 4 short funny poems about NAME_1 and his cat.", "unknown"),
    ("", "English"),
    ("写5个关于猫的笑话。", "Chinese"),
]

Run = Callable[..., "tuple[str, str]"]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sets(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in SETS]


def without_lines(folder: Path) -> list[bytes]:
    """The sets of a folder, without the lines that rows of a text file stand in."""
    return [re.sub(rb'"line":\d+,', b"", data) for data in sets(folder)]


@pytest.fixture
def ppbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder with a log of seven conversations, and gives its stdout and stderr."""
    with (tmp_path / "log.jsonl").open("w", encoding="utf-8") as file:
        for number, (text, language) in enumerate(TURNS):
            turns = [{"role": "user", "content": text}, {"role": "assistant", "content": "1. one\n2. two"}]
            turns = [{"role": "system", "content": "List five things."}, *turns]
            row = {"conversation_id": f"c{number}", "conversation": turns, "language": language, "turn": 1}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.write("this is no row\n")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["ppbench", *words])
        main()
        said = capsys.readouterr()
        return said.out, said.err

    return run


def test_each_row_ends_in_one_of_two_sets(ppbench: Run, tmp_path: Path) -> None:
    """In the order of the source, with a schema or with the stage and the reason that it ended for."""
    out, _ = ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1", "-q")
    accepted, rejected = rows(tmp_path / "out/accepted.jsonl"), rows(tmp_path / "out/rejected.jsonl")

    assert [(row["row"], row["category"], row["language"]) for row in accepted] == [
        (1, "translation", "en"), (5, "repeated_generation", "en"), (7, "repeated_generation", "zh"),
    ]  # fmt: skip
    assert accepted[0]["schema"]["data"] == ["The train is late.", "Where is the station?", "I lost my ticket."]
    assert [row["schema"]["n"] for row in accepted[1:]] == [4, 5]
    assert "NAME_1" not in json.dumps(accepted)
    assert [(row["row"], row["stage"], row["reason"]) for row in rejected] == [
        (2, "pre-filter", "too short"), (3, "pre-filter", "no sign of several subtasks"), (4, "pre-filter", "a copy of row 1"),
        (6, "reading", "no text of a user"), (8, "reading", "is no JSON: Expecting value: line 1 column 1 (char 0)"),
    ]  # fmt: skip
    assert [row["line"] for row in rejected] == [2, 3, 4, 6, 8]
    assert "3 of 8 rows accepted, 5 refused: out" in out


def test_the_accepted_set_is_what_the_other_commands_read(ppbench: Run) -> None:
    """`tasks validate` finds nothing wrong, `tasks detect` scores it, `run --prompts` runs it."""
    ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1", "-q")

    assert "3 prompts in 1 file: valid" in ppbench("tasks", "validate", "out/accepted.jsonl")[0]
    assert "0 rows wrong" in ppbench("tasks", "detect", "out/accepted.jsonl")[0]
    said = ppbench("run", "-e", "offline", "-q", "--prompts", "out/accepted.jsonl", "-d", "schema:source=given", "-o", "run")
    assert "schema:source=given (given)    3" in said[0]


def test_the_tables_show_stages_languages_and_the_papers_figures(ppbench: Run, tmp_path: Path) -> None:
    """Counts of ours, with intervals, beside the paper's as computed from the counts that it released."""
    out, _ = ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1", "-q")
    found = json.loads((tmp_path / "out/statistics.json").read_text(encoding="utf-8"))

    assert found["stages"] == {"reading": 2, "pre-filter": 3, "planning": 0, "validation": 0, "accepted": 3}
    assert found["reached"]["planning"] == 3
    assert found["languages"]["en"]["validated"] == {"accepted": 2, "of": 2, "share": 1.0, "interval": [0.3424, 1.0]}
    assert found["published"]["all"]["accepted"] == 37_021
    assert found["published"]["all"]["of"] == 60_409
    assert found["published"]["categories"]["repeated_generation"]["share"] == 0.378
    assert "2506.18728" in out


def test_progress_is_said_on_stderr_alone(ppbench: Run) -> None:
    """Rows done of all, rate and time; nothing of it with -q."""
    assert "[8/8] accepted 3" in ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1")[1]
    assert ppbench("curate", "log.jsonl", "-o", "other", "--workers", "1", "-q")[1] == ""


def test_annotations_that_rows_bring_are_validated(ppbench: Run, tmp_path: Path) -> None:
    """Those of the published table as well, whose items are JSON text; what has both or neither is refused."""
    cells = [
        ({"data": '["one man", "two men"]', "n": None}, "accepted"), ({"data": '["one man"]', "n": None}, "validation"),
        ({"data": None, "n": None}, "validation"), ({"data": '["one man", "two men"]', "n": 5.0}, "validation"),
        ({"data": '["one man", "One man!"]', "n": None}, "validation"), ({"data": None, "n": 2.5}, "validation"),
    ]  # fmt: skip
    with (tmp_path / "set.jsonl").open("w", encoding="utf-8") as file:
        for place, (cell, _) in enumerate(cells):
            text = f"{place}. Put into Dutch: one man, two men"
            file.write(json.dumps({"prompt": text, "template": "Put into Dutch: {data}", "context": None, **cell}) + "\n")
    ppbench("curate", "set.jsonl", "-o", "out", "--planner", "given", "--workers", "1", "-q")
    ended = {row["row"]: row["stage"] for name in SETS[:2] for row in rows(tmp_path / "out" / name)}

    assert [ended[place] for place in range(1, 7)] == [stage for _, stage in cells]


def test_parquet_gives_what_json_lines_give(ppbench: Run, tmp_path: Path) -> None:
    """The layouts of both public logs, whichever file they come in."""
    for layout in ("lmsys", "wildchat"):
        write(tmp_path / "lines", layout, 300, parquet=False)
        write(tmp_path / "tables", layout, 300)
        for kind in ("lines", "tables"):
            file = next((tmp_path / kind).glob(f"{layout}.*"))
            ppbench("curate", str(file), "-o", f"{kind}-{layout}", "--workers", "1", "-q")
        lines, tables = (without_lines(tmp_path / f"{kind}-{layout}") for kind in ("lines", "tables"))
        assert lines == tables
        assert len(rows(tmp_path / f"lines-{layout}/accepted.jsonl")) > 10


def test_a_finished_curation_is_written_again_as_it_was(ppbench: Run, tmp_path: Path) -> None:
    """Resuming it adds nothing."""
    ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1", "-q")
    before, kept = sets(tmp_path / "out"), (tmp_path / "out/settled.jsonl").read_bytes()
    ppbench("curate", "--resume", "out", "--workers", "1", "-q")

    assert sets(tmp_path / "out") == before
    assert (tmp_path / "out/settled.jsonl").read_bytes() == kept


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_journal_that_was_cut_is_gone_on_with(ppbench: Run, tmp_path: Path, share: float) -> None:
    """A torn line is dropped, its row is settled again, and the sets are the same to the byte."""
    ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1", "-q")
    before, journal = sets(tmp_path / "out"), tmp_path / "out/settled.jsonl"
    journal.write_bytes(journal.read_bytes()[: int(journal.stat().st_size * share)])
    ppbench("curate", "--resume", "out", "--workers", "1", "-q")

    assert sets(tmp_path / "out") == before


def test_what_cannot_be_gone_on_with_is_refused(ppbench: Run, tmp_path: Path) -> None:
    """A folder that is taken, a source that changed, an option that would make another set of it."""
    ppbench("curate", "log.jsonl", "-o", "out", "--workers", "1", "-q")
    monkey = tmp_path / "log.jsonl"
    for error, words in (
        (InvalidData, ("log.jsonl", "-o", "out")), (InvalidData, ("--resume", "out", "--language", "de")),
        (InvalidData, ("--resume", "nothing")), (UsageError, ("log.jsonl",)), (InvalidData, ("nothing.jsonl", "-o", "new")),
        (UsageError, ("log.jsonl", "-o", "new", "--planner", "llm")),
        (UsageError, ("log.jsonl", "-o", "new", "--language", "x")),
        (UsageError, ("log.jsonl", "-o", "new", "--planner", "rules", "-m", "mock/quick")),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            ppbench("curate", *words)
        assert ended.value.code == error.exit_code, words
    monkey.write_text(monkey.read_text(encoding="utf-8") + "\n{}\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        ppbench("curate", "--resume", "out")


# In processes of their own


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conversations enough to be in the middle of."""
    return write(tmp_path_factory.mktemp("log"), "lmsys", 4000, parquet=False)


@pytest.fixture(scope="module")
def expected(log: Path) -> list[bytes]:
    """The sets that one process makes of them in one go."""
    curate(log, "-o", str(log.parent / "alone"), "--workers", "1")
    return sets(log.parent / "alone")


def curate(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*PROGRAM, "curate", *map(str, words), "-q"], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def until_begun(process: subprocess.Popen[str], journal: Path) -> None:
    """Until some rows are settled, and not all of them."""
    while not journal.exists() or not journal.stat().st_size:
        time.sleep(0.01)
        assert process.poll() is None


def unique_rows(journal: Path) -> bool:
    found = [json.loads(line)["row"] for line in journal.read_bytes().splitlines()]
    return len(found) == len(set(found))


def test_several_processes_write_what_one_writes(log: Path, expected: list[bytes], tmp_path: Path) -> None:
    """Byte for byte."""
    curate(log, "-o", tmp_path / "out", "--workers", "2")

    assert sets(tmp_path / "out") == expected


def test_after_a_kill_nothing_is_lost_and_nothing_done_twice(log: Path, expected: list[bytes], tmp_path: Path) -> None:
    """kill -9 in the middle; what was settled stays, the rest follows, and the sets are those of one go."""
    journal = tmp_path / "out/settled.jsonl"
    words = [*PROGRAM, "curate", str(log), "-o", str(tmp_path / "out"), "--workers", "1", "-q"]
    with subprocess.Popen(words, text=True) as process:
        until_begun(process, journal)
        process.send_signal(signal.SIGKILL)
    survived = journal.read_bytes()
    curate("--resume", tmp_path / "out", "--workers", "1")

    assert len(survived) < journal.stat().st_size
    assert journal.read_bytes().startswith(survived[: survived.rfind(b"\n") + 1])
    assert unique_rows(journal)
    assert sets(tmp_path / "out") == expected


def test_an_interrupt_prints_the_line_that_goes_on(log: Path, expected: list[bytes], tmp_path: Path) -> None:
    """Ctrl-C ends with 130; the line that was printed finishes the work."""
    words = [*PROGRAM, "curate", str(log), "-o", str(tmp_path / "out"), "--workers", "2", "-q"]
    with subprocess.Popen(words, text=True, stderr=subprocess.PIPE, start_new_session=True) as process:
        until_begun(process, tmp_path / "out/settled.jsonl")
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    line = said.partition("Go on with: ppbench curate ")[2].splitlines()[0]
    curate(*line.split(), "--workers", "1")

    assert "Traceback" not in said
    assert sets(tmp_path / "out") == expected


_CLUSTER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster:
        print(cluster.scheduler_address, *(worker.pid for worker in cluster.workers.values()), flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[str]]:
    """The address of a scheduler on the loopback address, and the process ids of its two workers."""
    script = tmp_path / "cluster.py"
    script.write_text(_CLUSTER, encoding="utf-8")
    words = [sys.executable, str(script)]
    with subprocess.Popen(
        words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()
        process.communicate()


def test_a_cluster_that_loses_a_worker_writes_what_one_process_writes(
    log: Path, expected: list[bytes], tmp_path: Path, cluster: list[str]
) -> None:
    """One of two workers is killed in the middle; the sets are the same to the byte, and no row is settled twice."""
    address, victim, _ = cluster
    words = [*PROGRAM, "curate", str(log), "-o", str(tmp_path / "out"), "--cluster", address, "-q"]
    with subprocess.Popen(words, text=True, stderr=subprocess.PIPE) as process:
        until_begun(process, tmp_path / "out/settled.jsonl")
        before = (tmp_path / "out/settled.jsonl").read_bytes()
        os.kill(int(victim), signal.SIGKILL)
        _, said = process.communicate()

    assert process.returncode == 0, said
    assert len(before) < (tmp_path / "out/settled.jsonl").stat().st_size
    assert unique_rows(tmp_path / "out/settled.jsonl")
    assert sets(tmp_path / "out") == expected


@pytest.mark.parametrize("address", ["nowhere", "tcp://127.0.0.1:9"])
def test_a_scheduler_that_does_not_answer_is_named(log: Path, tmp_path: Path, address: str) -> None:
    """The exit code is that of an endpoint that cannot be used."""
    said = curate(log, "-o", tmp_path / "out", "--cluster", address, code=7).stderr
    assert f"no Dask scheduler answers at {address}" in said
    assert "kept" not in said
    assert not (tmp_path / "out").exists()
