"""A stored run with answers of the test's choice, and a desk or a page over it: for tests of people's verdicts."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ppbench.commands.common import categories, installed_items
from ppbench.human.cases import Material, gather
from ppbench.human.desk import Desk
from ppbench.judging import Bench
from ppbench.plugins import load
from ppbench.store import RunDirectory
from ppbench.trace import Trial

CRITERIA = ("accuracy", "grammar", "detail", "preference")
COMMAND = [sys.executable, "-c", "from ppbench.cli import main; main()"]
Answer = Callable[[Trial], str]


def ppbench(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def stored(folder: Path, answer: Answer | None = None, *, prompts: int = 6) -> RunDirectory:
    """A run of two methods and serial on a few prompts, `out`; every answer as `answer` says."""
    methods = ["-d", "schema:source=rules", "-d", "sot"]
    ppbench(folder, "run", "-e", "offline", "-q", "-n", str(prompts), *methods, "--judge", "structure", "-o", "out")
    directory = RunDirectory(folder / "out")
    if answer is not None:
        trials = list(directory.trials())
        (directory.path / "trials.jsonl").unlink()
        directory.append_block([replace(t, trace=replace(t.trace, answer=answer(t))) for t in trials if t.trace])
    return directory


def told_apart(trial: Trial) -> str:
    """An answer that is nobody else's, long enough for controls."""
    return f"An answer to {trial.item} by number {len(trial.decomposer)}. " * 3


def bench() -> Bench:
    return Bench({item.id: item for item in installed_items(load())}, categories(load()), load())


def material(directory: RunDirectory, limit: int | None = None) -> Material:
    return gather(bench().items, directory.trials(), directory.run["seed"], limit)


def desk(directory: RunDirectory, limit: int | None = None, only: str | None = None) -> Desk:
    def make(name: str) -> Any:
        return load().make("judge", "human", annotator=name)

    return Desk(bench(), directory, material(directory, limit), make, only)


def verdicts(directory: RunDirectory, annotator: str = "") -> list[dict[str, Any]]:
    return [record for record in directory.verdicts() if record["judge"].startswith(f"human:annotator={annotator}")]


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as people run it, and the address that it prints."""
    command = [*COMMAND, "judge", "out", "--human", *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        lines = iter(process.stderr.readline, "")
        url = next(line.strip() for line in lines if re.search("http://127.0.0.1:[0-9]+/", line))
        yield process, url
    finally:
        process.kill()
        process.communicate()


def literal(text: str) -> str:
    """A text as JavaScript, half surrogate pairs and all."""
    return json.dumps(text)


def ask(url: str, path: str = "", body: bytes | None = None, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """One request over a real socket; the headers that a browser would send unless others are given."""
    parts = urlsplit(url)
    assert parts.hostname
    line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    usual = {"Host": parts.netloc, "Origin": f"http://{parts.netloc}", "Content-Type": "application/json"}
    sent = {name: value for name, value in {**usual, **{n.replace("_", "-"): v for n, v in headers.items()}}.items() if value}
    line.putrequest("GET" if body is None else "POST", path if path.startswith("/") else parts.path + path, skip_host=True)
    for name, value in {**sent, **({} if body is None else {"Content-Length": headers.get("Length", str(len(body)))})}.items():
        line.putheader(name, value)
    line.endheaders(body)
    answer = line.getresponse()
    found = (answer.status, answer.headers, answer.read())
    line.close()
    return found
