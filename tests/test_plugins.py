"""Plugins: a stranger's package beside the built-ins, and broken ones that cannot hurt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from outside import distribution, ppbench_with

import ppbench
from ppbench import BrokenPlugin, Plan, Prompt, UsageError, hookimpl
from ppbench.plugins import Component, Plugin, Plugins, _load_one, load

STRANGER = Path(__file__).parent / "stranger"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary environment into which the stranger's package was installed by pip."""
    site = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    subprocess.run(["cp", "-r", f"{STRANGER}/.", source], check=True)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return site


def test_a_stranger_adds_one_of_each_kind(stranger: Path) -> None:
    """Installed by pip, its components are listed beside the built-ins, with their distribution."""
    listed = json.loads(ppbench_with(stranger, "plugins", "list", "--json").stdout)["components"]
    mine = {(row["kind"], row["name"], row["version"]) for row in listed if row["distribution"] == "ppbench-stranger"}

    assert mine == {("decomposer", "by-line", "7.1"), ("executor", "shout", "7.1"), ("judge", "loud", "7.1"),
                    ("category", "rhymes", "7.1")}  # fmt: skip
    assert any(row["name"] == "serial" for row in listed)


def test_a_stranger_takes_part_in_a_run(stranger: Path) -> None:
    """Its executor, method, judge and category make rows like any other's."""
    done = ppbench_with(
        stranger,
        *"run -t rhymes -e shout -d by-line -d schema:source=given --judge structure --judge loud -o r --json -q".split(),
    )
    rows = {row["decomposer"]: row for row in json.loads(done.stdout)["rows"]}

    assert list(rows) == ["serial", "by-line", "schema:source=given"]
    assert rows["by-line"]["structure"] == 1.0
    assert rows["by-line"]["raw_speedup"] > 1.0
    assert [rows[name]["given"] for name in rows] == [False, False, True]
    said = [json.loads(line) for line in (stranger / "r/verdicts.jsonl").read_text().splitlines()]
    assert {verdict["version"] for verdict in said if verdict["judge"] == "loud"} == {"ppbench-stranger 7.1"}


def test_the_mock_model_knows_a_strangers_prompts(stranger: Path) -> None:
    """A category that a plugin brings is answered by the oracle, so that its rows have a reference."""
    done = ppbench_with(stranger, *"run -t Rhyming -e offline -d by-line --json -q".split())
    assert {row["decomposer"]: row["reference"] for row in json.loads(done.stdout)["rows"]} == {"serial": 1.0, "by-line": 1.0}


BROKEN = {
    "import": ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    "syntax": ("def :", "SyntaxError"),
    "misspelt": ("from ppbench import hookimpl\n@hookimpl\ndef ppbench_decomposer(): return []", "ppbench_decomposer"),
    "no-hook": ("x = 1", "implements no hook"),
    "raises": ("from ppbench import hookimpl\n@hookimpl\ndef ppbench_judges(): raise RuntimeError('at work')", "at work"),
    "exits": ("raise SystemExit(3)", "SystemExit"),
    "lacks": (
        "from dataclasses import dataclass\nfrom ppbench import hookimpl\n@dataclass(frozen=True)\nclass A:\n    name = 'a'\n"
        "@hookimpl\ndef ppbench_decomposers(): return [A]",
        "decomposer A lacks decompose",
    ),
    "name": (
        "from dataclasses import dataclass\nfrom ppbench import hookimpl\n@dataclass(frozen=True)\nclass A:\n    name = 5\n"
        "    def decompose(self, p): ...\n@hookimpl\ndef ppbench_decomposers(): return [A]",
        "has a name that is no text",
    ),
    "no-dataclass": (
        "from ppbench import hookimpl\nclass A:\n    name = 'a'\n    def decompose(self, p): ...\n"
        "@hookimpl\ndef ppbench_decomposers(): return [A]",
        "is not a dataclass",
    ),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
def test_a_broken_plugin_is_reported_and_left_out(kind: str, tmp_path: Path) -> None:
    """It is listed with its reason in one line, the rest works, and asking for it is exit 6 with the reason."""
    source, reason = BROKEN[kind]
    distribution(tmp_path, "bad-one", "crooked", source)
    listed = ppbench_with(tmp_path, "plugins", "list")
    asked = ppbench_with(tmp_path, "run", "-d", "crooked", "-e", "offline")

    [line] = [line for line in listed.stdout.splitlines() if line.startswith("broken: crooked (bad-one 1.0): ")]
    assert reason in line
    assert "serial" in listed.stdout
    assert asked.returncode == 6
    assert reason in asked.stderr
    assert "Traceback" not in asked.stderr


def test_version_and_help_work_whatever_is_installed(tmp_path: Path) -> None:
    distribution(tmp_path, "bad-one", "crooked", "raise RuntimeError")
    for option in ("--version", "--help"):
        assert ppbench_with(tmp_path, option).returncode == 0


def test_a_name_claimed_twice_is_an_error_that_names_both() -> None:
    """Neither takes over silently; everything else of both works."""
    plugins = [Plugin("x", "dist-one", "1"), Plugin("y", "dist-two", "2")]
    components = [Component("decomposer", "same", object, plugin) for plugin in plugins]
    other = Component("decomposer", "other", object, plugins[0])
    both = Plugins(plugins, [*components, other])

    assert list(both.of("decomposer")) == ["other"]
    with pytest.raises(BrokenPlugin, match="'same' is offered by dist-one and dist-two"):
        both.get("decomposer", "same")


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="unknown decomposer 'sto'; have: constant, dag, flatterer, randomsplit, schema"):
        load().get("decomposer", "sto")


def test_builtins_come_in_by_entry_points_alone() -> None:
    """Nothing is registered before entry points are read."""
    assert {c.plugin.distribution for c in load().components} >= {"ppbench"}
    assert Plugins([], []).of("decomposer") == {}


def test_a_hook_is_called_once_when_plugins_load() -> None:
    """Two runs in one process do not call hooks again."""
    calls: list[int] = []
    module = ModuleType("counting")

    @hookimpl
    def ppbench_decomposers() -> list[Any]:
        calls.append(1)
        return []

    module.ppbench_decomposers = ppbench_decomposers  # type: ignore[attr-defined]

    class Point:
        name, dist = "counting", None

        @staticmethod
        def load() -> ModuleType:
            return module

    _load_one(Point)  # type: ignore[arg-type]
    assert calls == [1]


def test_given_is_what_a_method_may_see() -> None:
    """A method that does not declare `given` sees text and language alone."""
    schema = ppbench.Schema("{data}", data=("a", "b"))
    item = ppbench.Item("i", "a b", "en", "translation", schema, (("x",), ("y",)))

    assert item.prompt() == Prompt(item.prompt().id, "a b", "en")
    assert item.prompt().id == ppbench.Item("another", "a b").prompt().id != "i"
    assert item.prompt(("schema",)).schema == schema
    assert Plan.decline(item.prompt(), "why").status == "declined"
