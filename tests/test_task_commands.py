"""`ppbench tasks`: what there is, a new category in minutes, and what validation finds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ppbench import Category, Item, Schema
from ppbench.balance import languages, sizes
from ppbench.commands.tasks import tasks
from ppbench.dry import category_problems, doubles, text_problems

MAIN = "from ppbench.cli import main; main()"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(tasks, arguments, catch_exceptions=True)


def test_the_list_shows_how_prompts_are_spread() -> None:
    """Counts by category, language and size add up; the suites stand below."""
    data = json.loads(call("list", "--json").output)
    for row in data["categories"]:
        assert sum(row["languages"].values()) == row["prompts"] == sum(row["sizes"].values())
    assert {"core-v1", "mixed-traffic"} <= data["suites"].keys()
    assert "mixed-traffic" in call("list").output


def test_the_taxonomy_names_a_hundred_categories_under_six() -> None:
    """Each name once; the frequent novel ones of the paper are among them."""
    meta = json.loads(call("list", "--taxonomy", "--json").output)["meta"]
    names = [name for under in meta.values() for name in under]
    assert set(meta) == {"comparative", "generative", "analytical", "transformative", "organizational", "computational"}
    assert len(names) == len(set(names)) >= 100
    assert {"Comparative Analysis", "Character Generation", "Reaction Generation", "Statistical Analysis"} <= set(names)
    assert "comparative (" in call("list", "--taxonomy").output


def test_a_suite_is_shown_by_counts_and_samples() -> None:
    """Counts first, then as many samples as asked for, with subtasks, dependences and conditions."""
    said = call("show", "constraints", "-n", "2").output
    assert re.match(r"constraints v\d+ \([0-9a-f]{16}\): 45 prompts, ", said)
    assert said.count("\nsc-") == 2
    assert "  of the whole set: " in said
    assert "dependency: partial" in call("show", "dp-001").output
    assert len(json.loads(call("show", "traps", "--json").output)) >= 60


def test_a_sample_shows_what_tells_its_subtasks_apart() -> None:
    """A context stands once, in the prompt; of a long subtask the beginning and the end are shown."""
    for name in ("rc-001", "ke-002"):
        [row] = json.loads(call("show", name, "--json").output)
        said = call("show", name).output
        assert said.count(row["schema"]["context"].splitlines()[0]) == 1
        assert all(said.count(piece) == 2 for piece in row["schema"]["data"])


def item(text: str, **more: Any) -> Item:
    return Item("x", text, **more)


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (item("Translate {{word}}"), "template variable: {{word}}"),
        (item("Translate {data}"), "template variable: {data}"),
        (item("say a, b", schema=Schema("say {data} in {tone}", data=("a", "b"))), "unknown variable: {tone}"),
        (item("say a, b to NAME_1", schema=Schema("say {data}", data=("a", "b"))), "left anonymous: NAME_1"),
        (item("say a", schema=Schema("say {data}", data=("a", "b"))), "does not stand in the text: 'b'"),
        (item("say a, b", schema=Schema("{context} {data}", context="c", data=("a", "b"))), "does not stand in the text: 'c'"),
    ],
)
def test_what_was_left_in_a_prompt_is_found(bad: Item, complaint: str) -> None:
    """Variables, anonymous names, parts that the text does not hold."""
    assert any(complaint in problem for problem in text_problems(bad))


def test_what_only_looks_like_a_leftover_is_none() -> None:
    """Braces of code and longer names are text."""
    assert text_problems(item("function f() { return {a: 1}; } // FILENAME_1, {name}")) == []


def test_the_same_prompt_twice_is_found() -> None:
    """White space and case make no other prompt."""
    rows = [("x:1", Item("a", "Say it.")), ("x:2", Item("c", "Say it!")), ("x:3", Item("b", "say  IT.\n"))]
    assert list(map(str, doubles(rows))) == ["x:3: b says the same as a (x:1)"]


def test_an_undefined_metric_or_kind_is_found() -> None:
    """A category says how it is scored in words that are defined."""
    wrong = Category("c", "C", kind="list", metric="bleu")  # type: ignore[arg-type]
    said = "; ".join(category_problems(wrong))
    assert "metric 'bleu' is not defined; have: exact" in said
    assert "kind 'list' is not defined" in said


@pytest.mark.parametrize(
    ("criteria", "complaint"),
    [
        (("good", "good"), "a criterion stands twice"),
        (("good", " "), "a criterion is empty"),
        (("good", 5), "a criterion is empty or no text"),
        ("good", "criteria is a tuple of texts, this is str"),
        (None, "criteria is a tuple of texts, this is NoneType"),
    ],
)
def test_an_undefined_criterion_is_found(criteria: Any, complaint: str) -> None:
    """Each is a text, and stands once."""
    [said] = category_problems(Category("c", "C", kind="data", metric="exact", criteria=criteria))
    assert complaint in said


def test_bad_rows_are_refused_with_their_place(tmp_path: Path) -> None:
    """Exit 5 and one line a problem; what is good is called so."""
    path = tmp_path / "mine.jsonl"
    rows = ['{"id": "a", "prompt": "Say {data}"}', "", '{"id": "b", "prompt": "Say it"}', '{"id": "c", "prompt": "say it "}',
            '{"id": "d", "prompt": "p", "schema": {"template": "{data}", "data": ["p", "q NAME_1"]}}', "{"]  # fmt: skip
    path.write_text("\n".join(rows))
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "tasks", "validate", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 5
    for complaint in (
        ":1: a: the text holds a template variable: {data}\n",
        f":4: c says the same as b ({path}:3)\n",
        ":5: d: a name was left anonymous: NAME_1\n",
        ":5: d: does not stand in the text: 'q NAME_1'\n",
        ":6: is not JSON",
    ):
        assert f"  {path}{complaint}" in done.stderr
    path.write_text("\n")
    assert f"{path}: holds no prompt" in str(call("validate", str(path)).exception)
    path.write_text('{"id": "b", "prompt": "Say it"}\n')
    assert "1 prompt in 1 file: valid, and each ran dry" in call("validate", str(path)).output


def test_sizes_and_languages_are_counted() -> None:
    """In groups; prompts without a schema apart."""
    two = Schema("say {data}", data=("a", "b"))
    found = [item("x", schema=two, language="de"), item("y", language="de"), item("z", schema=Schema("say", n=60))]
    assert sizes(found) == {"-": 1, "2-3": 1, "51+": 1}
    assert languages(found) == {"de": 2, "en": 1}


def test_a_new_category_is_installed_and_run_in_minutes(tmp_path: Path) -> None:
    """What `tasks new` writes is a package: installed, it is listed, valid, and a run prints a row with its reference filled;
    its own test passes."""
    here = tmp_path / "work"
    assert "next: pip install" in call("new", "opposites", "-o", str(here)).output
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(site), str(here)]
    subprocess.run(pip, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def ppbench(*arguments: str) -> str:
        command = [sys.executable, "-c", MAIN, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    assert "opposites" in ppbench("tasks", "list")
    assert ": valid, and each ran dry" in ppbench("tasks", "validate")
    rows = json.loads(ppbench("run", "-t", "opposites", "-e", "offline", "-d", "schema:source=given", "-q", "--json"))["rows"]
    assert [(row["n"], row["reference"]) for row in rows] == [(2, 1.0), (2, 1.0)]
    own = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(here / "tests")]
    subprocess.run(own, cwd=here, env=environment, check=True, capture_output=True)


def test_a_format_is_text_in_what_is_written(tmp_path: Path) -> None:
    """Quotes, backslashes and line ends of an option do not become code."""
    call("new", "lists", "--format", '"one"\\\n, x="', "-o", str(tmp_path))
    names: dict[str, Any] = {"__file__": str(tmp_path / "ppbench_lists/__init__.py")}
    exec((tmp_path / "ppbench_lists/__init__.py").read_text(encoding="utf-8"), names)
    assert names["CATEGORY"].format == '"one"\\\n, x="'


def test_a_new_category_needs_a_name_and_room(tmp_path: Path) -> None:
    """A name that cannot be one, and a folder that is taken, are refused; nothing is overwritten."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("mine")
    for name in ("My Task", "a__b", "a_", "1a", "a-b"):
        assert "cannot name a category" in str(call("new", name, "-o", str(tmp_path / "new")).exception)
    assert "names an installed category" in str(call("new", "translation", "-o", str(tmp_path / "new")).exception)
    assert not (tmp_path / "new").exists()
    assert "is there and not empty" in str(call("new", "mine", "-o", str(tmp_path / "full")).exception)
