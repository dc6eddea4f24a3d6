"""`ppbench tasks import`: what it writes and where, what it says of rows, terms and options."""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ppbench import BrokenPlugin, InvalidData, UsageError, load_items
from ppbench.cli import main

ROWS = [
    {"prompt": "Translate into German:\n- tree\n- stone", "template": "Translate into German: {data}", "n": "",
     "data": json.dumps(["tree", "stone"]), "category": "Translation"},
    {"prompt": "Write 3 riddles.", "template": "Write a riddle.", "n": "3", "data": "", "category": "Repeated Generation"},
    {"prompt": "Compare a tree\nand a stone.", "template": "Describe {data}.", "n": "", "data": '["a tree", "stones"]',
     "category": "Comparative Analysis"},
    {"prompt": "Write 1 riddle.", "template": "Write a riddle.", "n": "1", "data": "", "category": "Repeated Generation"},
    {"prompt": "Write 9 riddles.", "template": "Write a riddle.", "n": "9", "data": "[", "category": "Repeated Generation"},
    {"prompt": "Write 0 riddles.", "template": "Write a riddle.", "n": "0", "data": "", "category": "Repeated Generation"},
]  # fmt: skip

Run = Callable[..., "tuple[str, str]"]


@pytest.fixture
def ppbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder that holds set.csv, and gives its stdout and stderr."""
    with (tmp_path / "set.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[str, str]:
        monkeypatch.setattr("sys.argv", ["ppbench", *words])
        main()
        said = capsys.readouterr()
        return said.out, said.err

    return run


def test_prompts_go_to_stdout_and_the_rest_to_stderr(ppbench: Run) -> None:
    """Terms once, each row that was left out with its position, and the counts, by reason."""
    out, err = ppbench("tasks", "import", "parallelprompt", "set.csv", "--language", "English")

    assert [json.loads(line)["id"] for line in out.splitlines()] == [f"parallelprompt-set-{place}" for place in (1, 2, 3)]
    assert {json.loads(line)["language"] for line in out.splitlines()} == {"en"}
    note, *said = err.splitlines()
    assert note.startswith("note: ParallelPrompt is tagged Apache-2.0; its prompts are those of LMSYS-Chat-1M, which may not")
    assert said == [
        "skipped set.csv: row 4 (line 8): n is 1, not 2 or more, up to 10000",
        "skipped set.csv: row 5 (line 9): data is not JSON text: Expecting value at character 1",
        "skipped set.csv: row 6 (line 10): n is 0, not 2 or more, up to 10000",
        "read 6 rows, wrote 3 prompts, skipped 3",
        "  skipped 2: n is ..., not ... or more, up to ...",
        "  skipped 1: data is not JSON text...",
        "  of those written, 1 in the category general",
        "  of those written, 1 with an item or a context that the text does not hold, which `ppbench tasks validate` refuses",
    ]


@pytest.mark.parametrize("source", ["lmsys", "wildchat"])
def test_the_terms_of_the_logs_are_said_once(ppbench: Run, tmp_path: Path, source: str) -> None:
    """LMSYS-Chat-1M may not be redistributed; WildChat-1M wants its source named."""
    (tmp_path / "log.jsonl").write_text('{"conversation": [{"role": "user", "content": "Why?"}]}\n' * 3)
    _, err = ppbench("tasks", "import", source, "log.jsonl")
    assert err.count("note: ") == 1
    assert ("it may be used, not redistributed" if source == "lmsys" else "ODC-BY") in err


def test_what_was_written_can_be_validated_and_run(ppbench: Run, tmp_path: Path) -> None:
    """By the commands that read prompts, with the schemas that came along."""
    ppbench("tasks", "import", "parallelprompt", "set.csv", "-o", "mine.jsonl", "-n", "2")

    assert ppbench("tasks", "validate", "mine.jsonl")[0] == "2 prompts in 1 file: valid, and each ran dry\n"
    out, _ = ppbench(*"run -e offline --prompts mine.jsonl -d schema:source=given --output-dir run --quiet".split())
    assert "schema:source=given (given)    2 " in out
    assert [item.category for item in load_items(tmp_path / "mine.jsonl")[0]] == ["translation", "repeated_generation"]


def test_a_limit_ends_the_reading(ppbench: Run) -> None:
    """After so many prompts, and it is said."""
    out, err = ppbench("tasks", "import", "csv", "set.csv", "--limit", "1")
    assert len(out.splitlines()) == 1
    assert err == "read 1 rows, wrote 1 prompts, skipped 0 (stopped at --limit 1)\n"


def test_a_mapping_and_a_template_say_what_a_row_does_not(ppbench: Run, tmp_path: Path) -> None:
    """A table of any columns; a set of problems whose prompts say nothing of one alone."""
    prompt = "Feelings of the 2 lines:\n1. nice\n2. awful"
    (tmp_path / "zempe.json").write_text(json.dumps([{"ask": prompt, "answer": ["good", "bad"]}], indent=4))
    out, _ = ppbench("tasks", "import", "multi-problem", "zempe.json", "--map", "text=ask", "--category", "Sentiment Analysis",
                     "--template", "Feeling: {data}")  # fmt: skip
    [row] = map(json.loads, out.splitlines())
    assert (row["text"], row["category"], row["reference"]) == (prompt, "sentiment_analysis", ["good", "bad"])
    assert row["schema"] == {"template": "Feeling: {data}", "context": None, "data": ["nice", "awful"], "n": None}

    out, _ = ppbench(
        "tasks", "import", "csv", "set.csv", "--map", "text=template, category=data", "--map", "id=prompt", "-n", "2"
    )
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["Translate into German: {data}", "Write a riddle."]


def fails(run: Run, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        run("tasks", "import", *words)
    return int(ended.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["nope", "set.csv"], UsageError.exit_code, "'nope' is not one of 'parallelprompt', 'lmsys', 'wildchat'"),
        (["csv", "none.csv"], InvalidData.exit_code, "error: cannot read none.csv: there is no such file"),
        (["csv", "set.csv", "--map", "txt=prompt"], UsageError.exit_code, "no FIELD=COLUMN; the fields of this source: id"),
        (["csv", "set.csv", "--map", "text"], UsageError.exit_code, "--map 'text' is no FIELD=COLUMN"),
        (["csv", "set.csv", "--map", "text=body"], InvalidData.exit_code, "set.csv has no column body; it has: prompt"),
        (["csv", "set.csv", "--category", "nope"], UsageError.exit_code, "unknown category 'nope'; have: general"),
        (["csv", "set.csv", "--language", "Klingon"], UsageError.exit_code, "unknown language 'Klingon'"),
        (["csv", "set.csv", "--template", "{data}"], UsageError.exit_code, "--template is for multi-problem"),
        (["multi-problem", "set.csv", "--template", "x"], UsageError.exit_code, "holds {data} where a problem goes"),
        (["lmsys", "set.csv"], InvalidData.exit_code, "has no column conversation"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_said(
    ppbench: Run, capsys: pytest.CaptureFixture[str], words: list[str], code: int, complaint: str
) -> None:
    """With the exit code of its kind, and what is known."""
    ended, said = fails(ppbench, capsys, *words)
    assert ended == code
    assert complaint in said


def test_a_set_without_a_prompt_writes_nothing(ppbench: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was there stays as it was: a new one takes its place only when it is whole."""
    (tmp_path / "bad.jsonl").write_text('{"text": ""}\n{\n')
    (tmp_path / "mine.jsonl").write_text("what was there")
    ended, said = fails(ppbench, capsys, "jsonl", "bad.jsonl", "-o", "mine.jsonl")

    assert ended == InvalidData.exit_code
    assert "error: bad.jsonl holds no prompt that this source can read; read 2 rows, wrote 0 prompts, skipped 2" in said
    assert (tmp_path / "mine.jsonl").read_text() == "what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "mine.jsonl", "set.csv"]


def test_a_pipe_is_written_to_and_not_replaced(ppbench: Run, tmp_path: Path) -> None:
    """Only a plain file is put in place of another."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        ppbench("tasks", "import", "csv", "set.csv", "-n", "1", "-o", "pipe")
        assert json.loads(os.read(reader, 10_000))["id"] == "csv-set-1"
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    finally:
        os.close(reader)


def test_parquet_without_its_library_says_what_to_install(
    ppbench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra is optional: all else works without it."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    ended, said = fails(ppbench, capsys, "parquet", "a.parquet")
    assert ended == BrokenPlugin.exit_code
    assert "pip install 'ppbench[data]'" in said
