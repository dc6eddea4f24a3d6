"""The conformance kit: every built-in conforms, and each kind of breach is found by the check that is for it."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import jsonschema
import pytest
from outside import distribution, method, ppbench_with

import ppbench
from ppbench.plugins import FILES, load
from ppbench.testing import assert_conforms, conformance, no_network

METHODS = ("serial", "schema", "schema:source=given", "schema:source=rules", "sot", "top", "dag", "serial:copy=1")
ADVERSARIES = ("constant", "truncator", "flatterer", "randomsplit")
JUDGES = ("structure", "reference", "pairwise:model=mock/quick")
SCHEMA = json.loads((Path(ppbench.__file__).parent / "schemas/conformance.schema.json").read_text())


@pytest.mark.parametrize("spec", METHODS)
def test_every_built_in_method_conforms(spec: str) -> None:
    assert_conforms("decomposer", spec)


@pytest.mark.parametrize("spec", ADVERSARIES)
def test_an_adversary_breaks_no_rule_but_that_nothing_is_lost(spec: str) -> None:
    """Which is what it is there for."""
    report = conformance("decomposer", spec)
    assert [check.name for check in report.failed] == ["nothing-lost"]


@pytest.mark.parametrize("spec", ["offline", "native", "openai", "anthropic"])
def test_every_built_in_executor_conforms(spec: str) -> None:
    """Those that need an endpoint get the mock one."""
    assert_conforms("executor", spec)


@pytest.mark.parametrize("spec", JUDGES)
def test_every_built_in_judge_conforms(spec: str) -> None:
    assert_conforms("judge", spec)


@pytest.mark.parametrize("name", sorted(load().of("category")))
def test_every_built_in_category_conforms(name: str) -> None:
    assert_conforms("category", name)


CALLS = "return Plan(tuple(Call(str(k), text) for k, text in enumerate(lines)))"
LINES = "lines = [x for x in prompt.text.splitlines() if x.strip()][:200] or ['nothing']\n"
HEAD = "head = prompt.text.split(chr(10))[0]\nlines = [head + chr(10) + x for x in lines[1:]] or [prompt.text]\n"
METHOD_BREACHES = {
    "prompt-empty": LINES.replace(" or ['nothing']", "") + "head = lines[0]\n" + CALLS,
    "prompt-hundred-items": "import socket\ntry: socket.create_connection(('127.0.0.1', 9))\nexcept Exception: pass\n"
    "return Plan.serial(prompt)",
    "prompt-right-to-left": "import subprocess, sys\ntry: subprocess.run([sys.executable, '-c', ''])\nexcept Exception: pass\n"
    "return Plan.serial(prompt)",
    "prompt-controls": "prompt.text.encode()\nreturn Plan.serial(prompt)",
    "prompt-injection": "return Plan((Call('a', prompt.text.format(0, data=1, context=2, n=3)),))",
    "text-is-data": "return Plan((Call('a', prompt.text.replace('{data}', 'x')),))",
    "same-plan-again": "import random\nreturn Plan((Call('a', prompt.text + str(random.random())),))",
    "same-plan-in-any-process": LINES + "lines = list(set(lines))\n" + CALLS,
    "prompt-blank": "def more(answer): return Plan((Call('b', prompt.text, expand=more),))\nreturn more('')",
    "nothing-lost": LINES + HEAD + "lines = lines[:-1] or [prompt.text]\n" + CALLS,
}


def find(kind: str, source: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *only: str) -> dict[str, str]:
    """What failed of some checks of a plugin in a file, and why."""
    path = folder / f"{only[0]}_{len(list(folder.iterdir()))}.py"  # a file is loaded once a process
    path.write_text(source)
    monkeypatch.setenv(FILES, str(path))
    return {check.name: check.why for check in conformance(kind, "mine", only=only).failed}


@pytest.mark.parametrize("check", sorted(METHOD_BREACHES))
def test_what_a_method_may_not_do_is_found(check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each breach by the check that is for it."""
    assert check in find("decomposer", method("mine", METHOD_BREACHES[check]), tmp_path, monkeypatch, check)


def test_what_a_method_reached_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it made of the error."""
    source = method("mine", METHOD_BREACHES["prompt-hundred-items"])
    found = find("decomposer", source, tmp_path, monkeypatch, "prompt-empty")
    assert "reached out by itself: socket.getaddrinfo" in found["prompt-empty"]


def test_a_method_that_knows_the_prompts_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their text: the same prompt with other items is not split. By their id: another id, another plan."""
    look = ("from ppbench import installed_categories, load_items\n"
            "known = {i.text for c in installed_categories() for i in load_items(c.prompts)[0]}\n"
            "if prompt.text not in known: return Plan.decline(prompt, 'unknown')\n")  # fmt: skip
    by_text = find("decomposer", method("mine", look + LINES + HEAD + CALLS), tmp_path, monkeypatch, "no-lookup")
    peek = method("mine", "return Plan((Call('a', prompt.text + prompt.id),))")
    by_id = find("decomposer", peek, tmp_path, monkeypatch, "same-plan-again")

    assert "is split otherwise with other items" in by_text["no-lookup"]
    assert "another plan under another id" in by_id["same-plan-again"]


def test_a_method_with_a_memory_or_without_a_plan_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No frozen dataclass; something else than a Plan."""
    thawed = find("decomposer", method("mine").replace("(frozen=True)", ""), tmp_path, monkeypatch, "contract")
    planless = find("decomposer", method("mine", "return [prompt.text]"), tmp_path, monkeypatch, "contract")
    assert "is no frozen dataclass" in thawed["contract"]
    assert "which is no Plan" in planless["contract"]


def test_an_import_that_is_slow_or_reaches_out_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured in processes of their own."""
    checks = ("import-time", "import-is-quiet")
    slow = find("decomposer", "import time\ntime.sleep(0.6)\n" + method("mine"), tmp_path, monkeypatch, *checks)
    calls = "import socket\ntry: socket.getaddrinfo('localhost', 80)\nexcept Exception: pass\n"
    loud = find("decomposer", calls + method("mine"), tmp_path, monkeypatch, *checks)
    assert "its import takes" in slow["import-time"]
    assert "socket.getaddrinfo" in loud["import-is-quiet"]


EXECUTOR = """\
from dataclasses import dataclass, replace
from typing import ClassVar
from ppbench import Script, VirtualExecutor, hookimpl

@dataclass
class Odd(VirtualExecutor):
    name: ClassVar[str] = "mine"
    timing: ClassVar[str] = "modelled"
    endpoint: ClassVar[str] = "nobody"

    def __post_init__(self):
        super().__init__(lambda request, now: Script(((5, "ok "), (6, "so")), 7, tokens_in=1, tokens_out=2))

    BODY

@hookimpl
def ppbench_executors(): return [Odd]
"""
EXECUTOR_BREACHES = {
    "send-and-wait": "def send(self, requests): super().send(requests[:-1])",
    "stamps": "def _end(self, flight): return replace(super()._end(flight), done_ns=0)",
    "deadline": "def wait(self, until_ns=None): return super().wait(until_ns) if self._flights else None",
    "progress": "def send(self, requests): super().send([replace(r, watch=False) for r in requests])",
    "cancel": "def cancel(self, request_id): self._flights.pop(request_id)",
    "hard-texts": "def send(self, requests):\n        [r.text.encode() for r in requests]\n        super().send(requests)",
    "contract": "honours = ['system']",
}  # fmt: skip


@pytest.mark.parametrize("check", sorted(EXECUTOR_BREACHES))
def test_what_an_executor_may_not_do_is_found(check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = EXECUTOR.replace("BODY", EXECUTOR_BREACHES[check])
    assert check in find("executor", source, tmp_path, monkeypatch, check)


JUDGE = """\
from dataclasses import dataclass
from typing import ClassVar
from ppbench import Case, Call, Plan, Verdict, hookimpl

@dataclass(frozen=True)
class Odd:
    name: ClassVar[str] = "mine"
    compares: ClassVar[bool] = True

    def plan(self, case): PLAN
    def verdicts(self, case, replies): BODY

@hookimpl
def ppbench_judges(): return [Odd]
"""
JUDGE_BREACHES = {
    "same-verdict-twice": ("return None", "import random; return [Verdict('x', random.random())]"),
    "answer-empty": ("return None", "return [Verdict('x', 0.5 * len(case.trace.answer) / len(case.trace.answer))]"),
    "answer-long": ("return None", "return [Verdict('x', len(case.trace.answer) / 10_000)]"),
    "answer-nested": ("return None", "return [Verdict('x', 0.5)] * (1 + case.trace.answer.startswith('[['))"),
    "hostile-replies": ("return Plan((Call('a', 'Which?'),))", "return [Verdict('x', float(replies[0].text) / 2)]"),
    "parity": ("return None", "return [Verdict('x', 1.0)]"),
    "contract": ("return 'Which?'", "return []"),
}


@pytest.mark.parametrize("check", sorted(JUDGE_BREACHES))
def test_what_a_judge_may_not_do_is_found(check: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, body = JUDGE_BREACHES[check]
    source = JUDGE.replace("PLAN", plan).replace("BODY", body)
    assert check in find("judge", source, tmp_path, monkeypatch, check)


def test_the_record_obeys_its_schema_and_a_breach_is_exit_6(tmp_path: Path) -> None:
    """conformance.json of a package and of a file, passed and failed."""
    distribution(tmp_path, "good-one", "straight", method("good"))
    (tmp_path / "bad.py").write_text(method("bad", METHOD_BREACHES["text-is-data"]))
    good = ppbench_with(tmp_path, *"plugins test good".split())
    bad = ppbench_with(tmp_path, *"plugins test bad:size=4 --plugin bad.py -o bad.json".split())
    records = [json.loads((tmp_path / name).read_text()) for name in ("conformance.json", "bad.json")]

    assert (good.returncode, bad.returncode) == (0, 6)
    assert "decomposer bad:size=4: 1 of 17 checks failed; see bad.json" in bad.stderr
    for record in records:
        jsonschema.Draft202012Validator(SCHEMA).validate(record)
    assert [record["passed"] for record in records] == [True, False]
    assert records[0]["plugin"] == {"name": "straight", "distribution": "good-one", "version": "1.0"}
    assert records[1]["plugin"]["version"].startswith("sha256:")
    assert [c["name"] for r in records for c in r["checks"] if c["status"] == "fail"] == ["text-is-data"]


def _try(address: tuple[str, int]) -> None:
    with pytest.raises(RuntimeError):
        socket.create_connection(address)


def test_the_guard_stops_sockets_and_stands_no_longer_than_it_is_asked_to() -> None:
    """Threads too; after it, sockets work."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with no_network() as seen:
            thread = threading.Thread(target=_try, args=(address,))
            thread.start()
            thread.join()
        assert "socket.getaddrinfo" in seen
        socket.create_connection(address).close()
