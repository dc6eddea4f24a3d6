"""How tests ask a server through an executor: every executor that has sockets, one trial, a process of its own.

Knows nothing of what the server does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ppbench import Call, Failure, Plan, Reply
from ppbench.execute import Loop
from ppbench.jobs import Job, Outcome, Policy
from ppbench_plugins.executors.native import Native
from ppbench_plugins.executors.providers import Anthropic, OpenAI

needs_engine = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="PPBENCH_NO_NATIVE is set")


@dataclass(frozen=True)
class Make:
    """Makes an executor for the address of a server, with any options."""

    component: Any
    model: str
    path: str = ""

    def __call__(self, url: str, **options: Any) -> Any:
        return self.component(model=self.model, base_url=url + self.path, **{"max_in_flight": 3, **options})


NATIVE = Make(Native, "lab/m", "/v1")
OPENAI, ANTHROPIC = Make(OpenAI, "lab/m", "/v1"), Make(Anthropic, "anthropic/m")
everywhere = pytest.mark.parametrize(
    "make", [pytest.param(NATIVE, id="native", marks=needs_engine), pytest.param(OPENAI, id="openai"),
             pytest.param(ANTHROPIC, id="anthropic")],
)  # fmt: skip


def run(executor: Any, plan: Plan | None = None, **policy: Any) -> Outcome:
    """One trial, without a fallback."""
    [outcome] = Loop(executor, Policy(**policy)).run([[Job("job", lambda: plan or flat("a"))]])
    return outcome


def flat(*texts: str) -> Plan:
    return Plan(tuple(Call(text, text) for text in texts))


def only(outcome: Outcome) -> Reply:
    [span] = outcome.trace.spans
    return span.reply


def failed(outcome: Outcome) -> Failure:
    assert outcome.last_error is not None
    return outcome.last_error


def measured(what: str, make: Make, url: str, **options: Any) -> dict[str, Any]:
    """What measured.py finds in a process of its own."""
    place = f"{make.component.__module__}.{make.component.__name__}"
    given = json.dumps({"model": make.model, "base_url": url + make.path, **options})
    command = [sys.executable, str(Path(__file__).with_name("measured.py")), what, place, given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
