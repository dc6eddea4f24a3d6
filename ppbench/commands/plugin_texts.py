"""The files that `ppbench plugins new` writes, with slots between @ and @. Text alone."""

from __future__ import annotations

PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "ppbench-@name@"
version = "0.1.0"
description = "@a@ @kind@ for ppbench"
requires-python = ">=3.11"
dependencies = ["ppbench"]

[project.entry-points.ppbench]
@name@ = "@module@"

[tool.setuptools]
py-modules = ["@module@"]
"""
README = """\
# ppbench-@name@

The @kind@ `@name@` for ppbench, in `@module@.py`.

    pip install -e .
    ppbench plugins show @name@
    ppbench plugins test @name@
    @use@
    pytest
"""
USES = {
    "decomposer": "ppbench run -e offline -d @name@",
    "executor": "ppbench run -e @name@",
    "judge": "ppbench run -e offline --judge structure --judge @name@",
}
TEST = '''\
"""The plugin keeps its contract."""

from ppbench.testing import assert_conforms


def test_it_conforms():
    assert_conforms("@kind@", "@name@")
'''
_DECOMPOSER = '''\
"""The decomposer `@name@`: one call for each line of a list."""

import re
from dataclasses import dataclass
from typing import ClassVar

from ppbench import NUMBERED, Call, Plan, Prompt, hookimpl

PPBENCH_API = @api@
_ITEM = re.compile(r"(?:\\d+[.)]|[-*])\\s+(.*\\S)\\s*")


@dataclass(frozen=True)
class @class@:
    """One call for each line of a list, under what stands before the list."""

    name: ClassVar[str] = "@name@"
    most: int = 500  # an option: -d @name@:most=20

    def decompose(self, prompt: Prompt) -> Plan:
        return @function@(prompt, self.most)


def @function@(prompt: Prompt, most: int) -> Plan:
    """The plan for a prompt. No network, no clock, no memory: what it asks a model is a Call of the plan."""
    head, *lines = prompt.text.split("\\n")
    items = [match[1] for line in lines if (match := _ITEM.fullmatch(line))]
    if not 2 <= len(items) <= most or len(items) < sum(bool(line.strip()) for line in lines):
        return Plan.decline(prompt, "is no plain list")
    return Plan(tuple(Call(str(k), f"{head}\\n{item}") for k, item in enumerate(items, 1)), NUMBERED)


@hookimpl
def ppbench_decomposers():
    return [@class@]
'''
_EXECUTOR = '''\
"""The executor `@name@`: answers every request with its last line, on a virtual clock.

Where a real one differs: `send` hands requests to a thread or a library and returns at once, `wait` gives what comes back,
in any order, and `now` is the clock that stamps it. `ppbench.Executor` says what is asked of each.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from ppbench import Request, Script, VirtualExecutor, hookimpl

PPBENCH_API = @api@


@dataclass
class @class@(VirtualExecutor):
    """Gives the last line of a request back, a word a millisecond."""

    name: ClassVar[str] = "@name@"
    timing: ClassVar[Literal["modelled"]] = "modelled"
    endpoint: ClassVar[str] = "nobody"
    word_ms: float = 1.0  # an option: -e @name@:word_ms=5
    max_in_flight: int = 64  # filled from the command line

    def __post_init__(self) -> None:
        super().__init__(self.@function@, self.max_in_flight)

    def @function@(self, request: Request, now_ns: int) -> Script:
        """How one request is answered: pieces with the nanoseconds after which they come."""
        words = (request.text.strip().splitlines() or [""])[-1].split(" ")
        step = int(self.word_ms * 1e6)
        chunks = tuple((k * step, word + " " * (k < len(words))) for k, word in enumerate(words, 1))
        return Script(chunks, len(words) * step, tokens_in=len(request.text.split()), tokens_out=len(words))


@hookimpl
def ppbench_executors():
    return [@class@]
'''
_JUDGE = '''\
"""The judge `@name@`: how much of serial's vocabulary an answer holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ppbench import Case, Plan, Reply, Verdict, hookimpl

PPBENCH_API = @api@


@dataclass(frozen=True)
class @class@:
    """Share of the words of serial's answer that the method's answer holds."""

    name: ClassVar[str] = "@name@"

    def plan(self, case: Case) -> Plan | None:
        return None  # asks no model; a Plan here is sent, and its replies come to `verdicts`

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        return [Verdict("@name@", @function@(case))] if case.serial else []


def @function@(case: Case) -> float:
    """A value in [0, 1]. `case` holds the item with its gold, its category, and both traces."""
    wanted = set(case.serial.answer.casefold().split())
    return len(wanted & set(case.trace.answer.casefold().split())) / len(wanted) if wanted else 1.0


@hookimpl
def ppbench_judges():
    return [@class@]
'''
MODULES = {"decomposer": _DECOMPOSER, "executor": _EXECUTOR, "judge": _JUDGE}
