"""How `ppbench curate` starts and goes on: a start that settles nothing leaves nothing, a source that changed is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ppbench import InvalidData
from ppbench.cli import main
from ppbench_plugins.curation.statistics import Statistics, text

LINES = [f"Translate into German: tree{number}, stone, cloud" for number in range(9000)]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def ppbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `ppbench curate` in a folder with a log, and gives its exit code and stderr."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "log.jsonl", LINES[:20])

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["ppbench", "curate", *words, "-q", "--workers", "1"])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


def write(path: Path, texts: list[str]) -> None:
    path.write_text("".join(json.dumps({"text": one}) + "\n" for one in texts), encoding="utf-8")


@pytest.mark.parametrize("content", ["", '{"other": 1}\n'])
def test_a_start_that_settles_nothing_leaves_nothing(ppbench: Run, tmp_path: Path, content: str) -> None:
    """So the same command works once its source is mended; nothing is said to be kept."""
    source = tmp_path / "log.jsonl"
    before = source.read_text(encoding="utf-8")
    source.write_text(content, encoding="utf-8")
    code, said = ppbench("log.jsonl", "-o", "deep/out")
    assert code == InvalidData.exit_code
    assert "kept" not in said
    assert not (tmp_path / "deep").exists()
    source.write_text(before, encoding="utf-8")

    assert ppbench("log.jsonl", "-o", "deep/out") == (0, "")


def test_what_was_in_the_folder_before_stays(ppbench: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes").write_text("mine", encoding="utf-8")
    (tmp_path / "log.jsonl").write_text("", encoding="utf-8")
    assert ppbench("log.jsonl", "-o", "out")[0]
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["notes"]


def test_what_was_settled_stays_when_a_later_sitting_cannot_start(ppbench: Run, tmp_path: Path) -> None:
    assert ppbench("log.jsonl", "-o", "out") == (0, "")
    code, said = ppbench("--resume", "out", "--cluster", "tcp://127.0.0.1:9")
    assert (code, "Go on with: ppbench curate --resume out" in said) == (7, True)
    assert (tmp_path / "out/settled.jsonl").stat().st_size


@pytest.mark.parametrize("place", [0, 8999])
def test_another_content_of_the_same_size_is_seen(ppbench: Run, tmp_path: Path, place: int) -> None:
    """At either end of a file, though its time is as it was; the message says what is another."""
    source = tmp_path / "log.jsonl"
    write(source, LINES)
    about = source.stat()
    assert ppbench("log.jsonl", "-o", "out", "-n", "5")[0] == 0
    write(source, [one.replace("cloud", "snail") if number == place else one for number, one in enumerate(LINES)])
    os.utime(source, ns=(about.st_atime_ns, about.st_mtime_ns))
    code, said = ppbench("--resume", "out")

    assert source.stat().st_size == about.st_size
    assert code != 0
    assert "of log.jsonl its content changed" in said


def test_another_time_or_another_file_is_seen(ppbench: Run, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    write(tmp_path / "logs/a.jsonl", LINES[:3])
    assert ppbench("logs", "-o", "out")[0] == 0
    os.utime(tmp_path / "logs/a.jsonl", ns=(1, 1))
    assert "of a.jsonl the time of its last change changed" in ppbench("--resume", "out")[1]
    (tmp_path / "logs/a.jsonl").rename(tmp_path / "logs/b.jsonl")
    assert "a.jsonl is gone" in ppbench("--resume", "out")[1]


def test_reasons_that_are_not_shown_are_counted() -> None:
    """Twelve are; the others stand in one line."""
    found = Statistics()
    for number in range(15):
        for _ in range(20 - number):
            found.add({"stage": "planning", "language": "en", "reason": f"reason {'abcdefghijklmno'[number]}"})
    assert "and 3 other reasons: 21 rows" in text(found.to_json())
