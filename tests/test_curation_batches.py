"""`ppbench curate` by a batch executor: a batch that was submitted is collected after a stop, and not paid for again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from ppbench_plugins.endpoint.embedded import Embedded

PROGRAM = [sys.executable, "-c", "from ppbench.cli import main; main()", "curate"]
ROWS = 6
MODELS = {"openai-batch": ("lab/quick", "/v1"), "anthropic-batch": ("anthropic/quick", "")}

pytestmark = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="the mock endpoint needs the engine")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_API_KEY", "sk-test-1234567890abcdef")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    texts = [f"Translate into German: tree{number}, stone{number}, cloud{number}" for number in range(ROWS)]
    path.write_text("".join(json.dumps({"prompt": text, "lang": "en"}) + "\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture
def url() -> Iterator[str]:
    with Embedded("quick", batches="polls=1") as root:
        yield root


def sizes(executor: str, url: str) -> list[int]:
    """Rows of each batch that the endpoint was given, the oldest first."""
    if executor == "openai-batch":
        with openai.OpenAI(api_key="none", base_url=f"{url}/v1", max_retries=0) as client:
            return [batch.request_counts.total for batch in client.batches.list() if batch.request_counts][::-1]
    with anthropic.Anthropic(api_key="none", base_url=url, max_retries=0) as claude:
        return [sum(batch.request_counts.to_dict().values()) for batch in claude.messages.batches.list()][::-1]  # type: ignore[misc]


def begun(executor: str, log: Path, url: str, *, state: str = "") -> list[str]:
    model, path = MODELS[executor]
    spec = f"{executor}:base_url={url}{path},poll_s=2,gather_s=0.1{state}"
    return [*PROGRAM, str(log), "-o", str(log.parent / "out"), "-q", "-m", model, "-e", spec]


def replies(log: Path) -> list[dict[str, Any]]:
    path = log.parent / "out/replies.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def stopped(words: list[str], state: Path, how: signal.Signals) -> None:
    """Start, and stop as soon as a batch was made, long before it is looked at."""
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while not (state.exists() and state.stat().st_size):
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(how)


@pytest.mark.parametrize("executor", MODELS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_is_collected_after_a_stop(executor: str, how: signal.Signals, log: Path, url: str) -> None:
    """No reply was written down yet; the rows lie in one batch, whose answers the next sitting takes."""
    stopped(begun(executor, log, url), log.parent / "out/batches.jsonl", how)
    assert replies(log) == []
    done = subprocess.run([*PROGRAM, "--resume", str(log.parent / "out"), "-q"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    made, paid = sizes(executor, url), replies(log)
    assert made[0] == ROWS
    assert sum(made) == len(paid) == len({record["key"] for record in paid})
    assert sum(record["key"].endswith("/extract") for record in paid) == ROWS


def test_a_file_that_the_user_names_is_taken(log: Path, url: str) -> None:
    """And none is made beside it."""
    words = begun("openai-batch", log, url, state=f",state={log.parent / 'mine'}")
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    assert (log.parent / "mine").stat().st_size
    assert not (log.parent / "out/batches.jsonl").exists()
