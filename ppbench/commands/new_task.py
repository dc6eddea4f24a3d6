"""`ppbench tasks new`: a category as a package of its own, ready to install. Writes files, nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import click

from ppbench import plugins as loader
from ppbench.commands.common import known_names
from ppbench.errors import UsageError
from ppbench.model import Metric

_PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "ppbench-@dashed@"
version = "0.1.0"
description = "A task category for ppbench: @title@"
requires-python = ">=3.11"
dependencies = ["ppbench"]

[project.entry-points.ppbench]
@name@ = "ppbench_@name@"

[tool.setuptools]
packages = ["ppbench_@name@"]

[tool.setuptools.package-data]
ppbench_@name@ = ["*.jsonl"]
"""
_MODULE = '''\
"""The task category `@name@`."""

from pathlib import Path

from ppbench import Category, hookimpl

CATEGORY = Category(
    id="@name@",
    title="@title@",
    kind="data",
    metric="@metric@",  # how one answer is scored: @metrics@
    format=@form@,  # the form in which a serial answer is expected
    system="",  # system text of solve calls under --system category
    criteria=("right", "complete"),  # what a model judge is asked about
    prompts=str(Path(__file__).parent / "prompts.jsonl"),
)


@hookimpl
def ppbench_categories():
    return [CATEGORY]
'''
_TEST = '''\
"""The category is found, and its prompts split and are judged."""

from ppbench import installed_categories, load_items
from ppbench_@name@ import CATEGORY


def test_the_category_is_installed():
    assert CATEGORY in installed_categories()


def test_its_prompts_are_good():
    items, problems = load_items(CATEGORY.prompts, strict=True)
    assert not problems
    assert len(items) >= 2
    assert all(item.reference and len(item.reference) == item.schema.size for item in items)
'''
_README = """\
# ppbench-@dashed@

A task category for ppbench. Two example prompts stand in `ppbench_@name@/prompts.jsonl`: exchange them for yours.

    pip install -e .
    ppbench tasks validate
    ppbench run -t @name@
    pytest
"""
_EXAMPLES = (
    ("Name the opposite of each word: hot, early, full", "Name the opposite of this word: {data}",
     {"hot": ["cold"], "early": ["late"], "full": ["empty"]}),
    ("opposites pls\n- loud\n- wide", "Give the opposite of this word, please.\n{data}",
     {"loud": ["quiet", "silent"], "wide": ["narrow"]}),
)  # fmt: skip


@click.command("new")
@click.argument("name")
@click.option("--metric", type=click.Choice(get_args(Metric)), default="exact", show_default=True,
              help="How one answer is scored against its reference.")  # fmt: skip
@click.option("--format", "form", default="numbered", show_default=True, help="The form in which a serial answer is expected.")
@click.option("-o", "--output-dir", type=click.Path(file_okay=False), help="Folder to write; ppbench-NAME without one.")
def new(name: str, metric: str, form: str, output_dir: str | None) -> None:
    """Write a package with the task category NAME: its value, two example prompts with references, a test."""
    if not re.fullmatch(r"[a-z](_?[a-z0-9])*", name):
        raise UsageError(f"{name!r} cannot name a category; use small letters, digits and single _, and begin with a letter")
    if name in known_names(loader.load()):
        raise UsageError(f"{name!r} names an installed category; `ppbench tasks list` shows them all")
    folder = Path(output_dir or f"ppbench-{name.replace('_', '-')}")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is there and not empty; give another folder with -o")
    words = {"name": name, "dashed": name.replace("_", "-"), "title": name.replace("_", " ").capitalize(), "metric": metric,
             "metrics": ", ".join(get_args(Metric)), "form": json.dumps(form, ensure_ascii=False)}  # fmt: skip
    files = {"pyproject.toml": _PROJECT, "README.md": _README, f"ppbench_{name}/__init__.py": _MODULE,
             f"tests/test_{name}.py": _TEST}  # fmt: skip
    for path, text in files.items():
        _write(folder / path, re.sub(r"@(\w+)@", lambda match: words[match[1]], text))
    _write(folder / f"ppbench_{name}/prompts.jsonl", "".join(_example(name, k) for k in range(len(_EXAMPLES))))
    click.echo(f"wrote {folder}; next: pip install -e {folder} && ppbench run -t {name}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _example(name: str, place: int) -> str:
    text, template, answers = _EXAMPLES[place]
    row = {"id": f"{name.replace('_', '-')}-{place + 1:03}", "text": text, "language": "en", "category": name,
           "schema": {"template": template, "context": None, "data": list(answers)}, "reference": list(answers.values()),
           "family": f"{name.replace('_', '-')}-{place + 1:03}", "splittable": True, "source": "example"}  # fmt: skip
    return json.dumps(row, ensure_ascii=False) + "\n"
