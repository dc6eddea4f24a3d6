"""Progress: what it counts, how it looks piped and on a terminal, and that it holds up nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ppbench import Reply, Request, Span, Trace, Trial
from ppbench.commands.progress import Counts, Progress, duration
from ppbench.plan import Status
from ppbench.prices import Price, Prices
from ppbench.run import Block

PRICES = Prices({"p/m": Price(1.0, 1.0, "2026-01-01", "a page")})
PROGRAM = [sys.executable, "-c", "from ppbench.cli import main; main()"]


def trial(method: str, item: str = "a", *, status: Status = "split", failure: str | None = None, tokens: int | None = 500_000,
          try_: int = 0) -> Trial:  # fmt: skip
    span = Span(Request("r", "x"), Reply("r", tokens_in=tokens, tokens_out=tokens))
    return Trial(item, 0, method, try_, Trace((span,), "", (), 0, 1, 1, status=status), failure)


def test_trials_are_counted_by_method_and_how_they_ended() -> None:
    """A method that declined or fell back has answered; what failed has not. Each reply costs what its tokens cost."""
    counts = Counts(["serial", "top"], "p/m", PRICES)
    for one in (trial("serial", status="serial"), trial("top", status="declined"), trial("top", status="fallback"),
                trial("top", failure="no")):  # fmt: skip
        counts.add(one)
    assert counts.table() == ["  serial  1 done", "  top     2 done  1 failed  1 declined  1 fell back"]
    assert counts.line("failed") == "failed 1 (top 1)"
    assert counts.cost == "cost $4.00"


def test_a_cost_that_is_not_known_is_not_zero() -> None:
    """A model without a price has none; a reply without usage makes the sum a least."""
    unpriced, partly = Counts(["serial"], "p/other", PRICES), Counts(["serial"], "p/m", PRICES)
    for counts in (unpriced, partly):
        counts.add(trial("serial"))
        counts.add(trial("serial", "b", tokens=None))
    assert unpriced.cost == "cost -"
    assert partly.cost == "cost at least $1.00"


def test_piped_progress_is_a_line_a_block(capsys: pytest.CaptureFixture[str]) -> None:
    """What was stored in an earlier sitting counts; a second try is one block more; at the end each method has a line."""
    counts = Counts(["serial", "top"], "p/m", PRICES)
    counts.add(trial("serial", "earlier"))
    progress = Progress(counts, 1, quiet=False)
    progress.block(Block("a", 0), [trial("serial"), trial("top", failure="no")])
    progress.block(Block("a", 0, 1), [trial("serial", try_=1), trial("top", try_=1)])
    progress.close()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("[2/2] a  done 2  failed 1 (top 1)  declined 0  fell back 0  ")
    assert lines[1].startswith("[3/3] a again  done 4  failed 1 (top 1)")
    assert re.search(r"trials/s .* left  cost \$5.00$", lines[1])
    assert lines[2:] == ["  serial  3 done", "  top     1 done  1 failed"]


def test_a_quiet_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Counts(["serial"], "p/m", PRICES), 1, quiet=True, apart=True)
    progress.block(Block("a", 0), [trial("serial")])
    progress.close()
    assert capsys.readouterr().err == ""


def test_a_name_does_not_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Ids of prompts are data: their control characters are left out."""
    progress = Progress(Counts(["serial"], "p/m", PRICES), 1, quiet=False)
    progress.block(Block("a\x1b[2J\r", 0), [trial("serial")])
    assert capsys.readouterr().err.startswith("[1/1] a[2J  done 1")


def test_a_pipe_that_stands_still_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more lanes than one a thread writes: more blocks are taken than a pipe holds before anybody reads it."""
    source, sink = os.pipe()
    read: list[bytes] = []
    with os.fdopen(sink, "w") as stderr, os.fdopen(source, "rb") as reader:
        monkeypatch.setattr(sys, "stderr", stderr)
        progress = Progress(Counts(["serial"], "p/m", PRICES), 2000, quiet=False, apart=True)
        for place in range(2000):
            progress.block(Block(f"item-{place}", 0), [trial("serial", f"item-{place}")])
        thread = threading.Thread(target=lambda: read.append(reader.read()))
        thread.start()
        progress.close()
        stderr.close()
        thread.join()
    assert len(read[0]) > 1 << 16
    assert read[0].endswith(b"serial  2000 done\n")


def test_a_terminal_has_one_table_that_stays_in_place(tmp_path: Path) -> None:
    """Each block goes back over the lines of the one before; nothing is wider than the terminal."""
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "run", "-e", "offline", "-n", "3", "-d", "sot", "-o", "out"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "60", "LINES": "24"}
    with subprocess.Popen(command, cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        said = b""
        while chunk := _read(ours):
            said += chunk
    os.close(ours)
    assert process.returncode == 0
    blocks = said.decode().replace("\r\n", "\n").split("\x1b[3A\r\x1b[J")
    assert [re.search(r"\[(\d)/3\]", block)[1] for block in blocks] == ["1", "2", "3"]  # type: ignore[index]
    assert blocks[-1].splitlines()[1:] == ["  serial  3 done", "  sot     3 done"]
    assert max(len(line) for block in blocks[1:] for line in block.splitlines()) < 60


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other side has closed
        return b""


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")])
def test_durations_have_two_figures(seconds: float, text: str) -> None:
    assert duration(seconds) == text
