"""Broken plugins cannot hurt: each is listed with its reason, all else works, and asked for by name it is exit 6."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from outside import distribution, method, ppbench_with

HANG = "import time\nfrom ppbench import hookimpl\n@hookimpl\ndef ppbench_judges():\n    while True: time.sleep(3600)\n"
HELD = "import time\ntry:\n    time.sleep(3600)\nexcept Exception:\n    pass\nfinally:\n    time.sleep(3600)\n"
BROKEN = {
    "hangs-in-a-hook": (HANG, "hangs: not done within 2 s"),
    "hangs-at-import": (HELD, "hangs: not done within 2 s"),
    "api": ("PPBENCH_API = 7\n" + method("m"), "is written for plugin API 7, this ppbench has 1"),
    "none": ("from ppbench import hookimpl\n@hookimpl\ndef ppbench_judges(): pass", "ppbench_judges gave None"),
    "annotation": (method("m").replace("size: int", "size: 'Nothing'"), "NameError"),
    "generator": ("from ppbench import hookimpl\n@hookimpl\ndef ppbench_judges():\n    yield 1/0", "ZeroDivisionError"),
    "base": ("class Gone(BaseException): pass\nraise Gone('for good')", "Gone: for good"),
    "keys": ("raise KeyError('nothing')", "KeyError"),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_each_is_listed_with_its_reason_and_asked_for_exit_6(kind: str, tmp_path: Path) -> None:
    """One line a plugin; the built-ins are there, a run with them works, no traceback is shown."""
    source, reason = BROKEN[kind]
    distribution(tmp_path, "bad-one", "crooked", source)
    brief = {"PPBENCH_PLUGIN_SECONDS": "2"} if "hangs" in kind else {}
    listed = ppbench_with(tmp_path, "plugins", "list", **brief)
    asked = ppbench_with(tmp_path, "run", "-d", "crooked", "-e", "offline", **brief)
    other = ppbench_with(tmp_path, *"run -d schema:source=rules -e offline -n 2 -q".split(), **brief)

    [line] = [line for line in listed.stdout.splitlines() if line.startswith("broken: crooked (bad-one 1.0): ")]
    assert reason in line
    assert re.search(r"^decomposer +serial ", listed.stdout, re.MULTILINE)
    assert (asked.returncode, other.returncode) == (6, 0)
    assert reason in asked.stderr
    assert "Traceback" not in asked.stderr + listed.stderr
    for option in ("--version", "--help"):
        assert ppbench_with(tmp_path, option).returncode == 0


def test_what_a_broken_plugin_would_have_offered_is_exit_6_too(tmp_path: Path) -> None:
    """As far as it came before it broke: the name of a method counts, not that of its entry point alone."""
    distribution(tmp_path, "bad-one", "crooked", method("halfway").replace("def decompose", "def compose"))
    for command in ("run -e offline -d halfway", "plan x -d halfway", "plugins show halfway", "plugins test halfway"):
        done = ppbench_with(tmp_path, *command.split())
        assert done.returncode == 6
        assert "decomposer Method lacks decompose" in done.stderr


def test_a_name_that_two_packages_claim_is_neithers(tmp_path: Path) -> None:
    """Both are named; one of them left out, the other one works."""
    for name in ("dist-one", "dist-two"):
        distribution(tmp_path, name, name, method("same"))
    listed = ppbench_with(tmp_path, "plugins", "list")
    asked = ppbench_with(tmp_path, *"plan x -d same".split())
    chosen = ppbench_with(tmp_path, *"plan x -d same".split(), PPBENCH_DISABLE_PLUGINS="Dist_Two")

    assert "left out: decomposer 'same' is offered by dist-one and dist-two" in listed.stdout
    assert (asked.returncode, chosen.returncode) == (6, 0)
    assert "PPBENCH_DISABLE_PLUGINS" in asked.stderr


@pytest.mark.parametrize("name", ["good-one", "straight", " other , GOOD.one"])
def test_a_plugin_can_be_left_out_by_its_name(name: str, tmp_path: Path) -> None:
    """By distribution or entry point; it is listed as such, and its code is never run."""
    distribution(tmp_path, "good-one", "straight", "open('ran', 'w').close()\n" + method("mine"))
    listed = ppbench_with(tmp_path, "plugins", "list", PPBENCH_DISABLE_PLUGINS=name)
    asked = ppbench_with(tmp_path, *"plan x -d straight".split(), PPBENCH_DISABLE_PLUGINS=name)

    assert "disabled: straight (good-one 1.0): named in PPBENCH_DISABLE_PLUGINS" in listed.stdout
    assert asked.returncode == 6
    assert not (tmp_path / "ran").exists()
    assert ppbench_with(tmp_path, *"plan x -d mine".split()).returncode == 0


def test_a_broken_command_hurts_nobody_else(tmp_path: Path) -> None:
    """Its name is in the help; called, it is exit 6; left out, it is gone."""
    distribution(tmp_path, "bad-one", "shiny", "raise SystemExit(0)", "ppbench.commands", ":command")
    assert "shiny" in ppbench_with(tmp_path, "--help").stdout
    assert ppbench_with(tmp_path, "shiny").returncode == 6
    assert "shiny" not in ppbench_with(tmp_path, "--help", PPBENCH_DISABLE_PLUGINS="bad-one").stdout


def test_what_a_plugin_prints_when_it_loads_stays_out_of_the_results(tmp_path: Path) -> None:
    distribution(tmp_path, "loud-one", "loud", "print('hello')\n" + method("mine"))
    done = ppbench_with(tmp_path, "plugins", "list", "--json")
    assert any(row["name"] == "mine" for row in json.loads(done.stdout)["components"])
    assert "hello" in done.stderr


def test_an_option_that_breaks_a_component_is_exit_6(tmp_path: Path) -> None:
    """Whatever making it raises, but for the ValueError with which it refuses a value, which is exit 2."""
    broken = "    def __post_init__(self):\n        raise ValueError('no') if self.size == 1 else KeyError('oh')\n"
    distribution(tmp_path, "bad-one", "m", method("m").replace("    def decompose", broken + "    def decompose"))
    assert ppbench_with(tmp_path, *"plan x -d m:size=1".split()).returncode == 2
    done = ppbench_with(tmp_path, *"plan x -d m".split())
    assert done.returncode == 6
    assert "decomposer 'm' cannot be made: KeyError" in done.stderr


def test_a_method_that_exits_fails_its_own_trials_alone(tmp_path: Path) -> None:
    """sys.exit in decompose, expand or the merge is a failure of that trial; serial beside it is measured."""
    for place, body in {
        "decompose": "raise SystemExit(0)",
        "expand": "return Plan((Call('a', prompt.text, expand=exit),))",
        "merge": "return Plan((Call('a', prompt.text),), merge=exit)",
    }.items():
        folder = tmp_path / place
        distribution(folder, "bad-one", "m", method("quits", body))
        done = ppbench_with(folder, *"run -e offline -d quits -n 2 -q --json --max-failures 1".split())
        rows = {row["decomposer"]: row for row in json.loads(done.stdout)["rows"]}
        assert done.returncode == 0
        assert (rows["serial"]["failures"], rows["quits"]["failures"]) == (0, 2)


EXECUTOR = """\
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from ppbench import Script, VirtualExecutor, hookimpl

@dataclass
class Tired(VirtualExecutor):
    name: ClassVar[str] = "tired"
    timing: ClassVar[str] = "modelled"
    endpoint: ClassVar[str] = "nobody"

    def __post_init__(self):
        super().__init__(lambda request, now: Script(((5, "ok"),), 5, tokens_in=1, tokens_out=1))
        self.count = 0

    def PLACE(self, *arguments):
        self.count += 1
        if self.count > 5 and not Path("rested").exists():
            raise ERROR
        return super().PLACE(*arguments)

@hookimpl
def ppbench_executors(): return [Tired]
"""


@pytest.mark.parametrize(
    ("place", "error"), [("send", "OSError(5, 'gone')"), ("wait", "SystemExit(0)"), ("now", "KeyError(1)")]
)
def test_an_executor_that_breaks_down_leaves_a_run_that_goes_on(place: str, error: str, tmp_path: Path) -> None:
    """Exit 6, which method of it raised what, and the line that resumes; what was answered is kept and not asked again."""
    source = EXECUTOR.replace("PLACE", place).replace("ERROR", error).replace("> 5", "> 200" if place == "now" else "> 20")
    distribution(tmp_path, "bad-one", "t", source)
    done = ppbench_with(tmp_path, *"run -e tired -d schema:source=given -o out -q".split())
    assert done.returncode == 6
    assert f"executor tired broke down in {place}: {error.partition('(')[0]}" in done.stderr
    assert "Traceback" not in done.stderr
    [line] = re.findall(r"Go on with: ppbench (.*)", done.stderr)

    (tmp_path / "rested").touch()
    kept = (tmp_path / "out/trials.jsonl").read_text().splitlines() if (tmp_path / "out/trials.jsonl").exists() else []
    again = ppbench_with(tmp_path, *line.split(), "-q")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "out/trials.jsonl").read_text().splitlines()[: len(kept)] == kept


def test_an_executor_that_breaks_down_under_ask_or_plan_is_exit_6(tmp_path: Path) -> None:
    distribution(
        tmp_path, "bad-one", "t", EXECUTOR.replace("PLACE", "send").replace("ERROR", "KeyError(1)").replace("> 5", "> 0")
    )
    for command in ("ask hello -d serial -e tired", "plan hello -d sot --send -e tired"):
        done = ppbench_with(tmp_path, *command.split())
        assert done.returncode == 6
        assert "executor tired broke down in send: KeyError" in done.stderr
