"""What several commands need: the installed prompts, categories by name, checks of what was asked, and text
that is fit for a terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from ppbench.errors import InvalidData, UsageError
from ppbench.hookspecs import Decomposer
from ppbench.model import Category, Item
from ppbench.plugins import Plugins
from ppbench.specs import spec_of
from ppbench.tasks import Problem, load_items, refuse

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What could drive a terminal: C0 but for tab and newline, DEL, and C1, in which a single character opens a sequence."""


def plain(text: str, encoding: str | None = None) -> str:
    """Text of a prompt or a model, fit for a terminal: without control characters, what cannot be written as a mark."""
    encoding = encoding or sys.stdout.encoding or "utf-8"
    return _CONTROL.sub("", text).encode(encoding, "replace").decode(encoding)


def json_text(data: Any) -> str:
    """Data as JSON that any terminal may show: in its own letters where the stream knows them, control characters escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # half a surrogate pair from a model, or a stream that knows few letters
        text = json.dumps(data, indent=2)
    return _CONTROL.sub(lambda control: f"\\u{ord(control[0]):04x}", text)


def categories(plugins: Plugins) -> dict[str, Category]:
    """Category id -> value."""
    return {component.name: component.value for component in plugins.of("category").values()}


def known_names(plugins: Plugins) -> dict[str, str]:
    """Casefolded id or alias -> category id."""
    names: dict[str, str] = {}
    for category in categories(plugins).values():
        names |= {name.casefold(): category.id for name in (category.id, category.title, *category.aliases)}
    return names


def installed_items(plugins: Plugins, only: str | None = None) -> list[Item]:
    """The packaged prompts of all categories, or of one.

    A bad row of the one category that is asked for raises InvalidData; among all of them it is left out, and said.
    """
    items: list[Item] = []
    for category in categories(plugins).values():
        if category.prompts and only in (None, category.id):
            good, bad = _packaged(plugins, category)
            if bad and only:
                raise InvalidData("\n".join([f"prompts of {category.id} are broken:", *(f"  {problem}" for problem in bad)]))
            for problem in bad:
                click.echo(f"left out of {category.id}: {problem}", err=True)
            items += good
    return items


def _packaged(plugins: Plugins, category: Category) -> tuple[list[Item], list[Problem]]:
    try:
        return load_items(Path(category.prompts), categories=known_names(plugins), strict=True)
    except InvalidData as error:
        return [], [Problem(category.prompts, str(error))]


def user_items(plugins: Plugins, path: str, *, skip_bad: bool) -> tuple[list[Item], int]:
    """A user's JSONL: items and the number of rows left out. Raises InvalidData unless bad rows may be skipped."""
    items, problems = load_items(path, categories=known_names(plugins))
    if not skip_bad:
        refuse(problems)
    if not items:
        raise InvalidData(f"{path} holds no prompt; give JSONL rows with `text` or `prompt`")
    return items, len(problems)


def asked_item(plugins: Plugins, prompt: str) -> Item:
    """The prompt that an argument names: the id of a packaged one, a text, or - for standard input. Raises InvalidData."""
    if prompt == "-":
        prompt = sys.stdin.read()
    known = {item.id: item for item in installed_items(plugins)} if " " not in prompt.strip() else {}
    if not prompt.strip():
        raise InvalidData("the prompt is empty; give a text, the id of a packaged prompt, or - for standard input")
    return known.get(prompt) or Item(id="prompt", text=prompt, language="und")


def refuse_unlabelled(method: Decomposer, item: Item) -> None:
    """Raise InvalidData if a method is to be shown labels that the prompt does not have."""
    if "schema" in getattr(method, "given", ()) and item.schema is None:
        raise InvalidData(f"{spec_of(method)} is shown labels, and this prompt has none; give the id of a packaged prompt")


def refuse_empty_url(base_url: str | None) -> None:
    """Raise UsageError for an address that was given and is empty, as an unset variable of a shell makes it."""
    if base_url is not None and not base_url.strip():
        raise UsageError("--base-url is empty; give an address, e.g. http://127.0.0.1:8000/v1, or leave the option out")


def one_form(form: str, by: str | None = None, *, as_json: bool = False) -> str:
    """The form in which a table is asked for. Raises UsageError for two of them, of which one would be left out unsaid."""
    if as_json and form not in ("table", "json"):
        raise UsageError(f"give one of --json and --format {form}; ppbench report prints a stored run in another form")
    form = "json" if as_json else form
    if by and form not in ("table", "markdown", "latex"):
        raise UsageError(f"--by prints a table, markdown or latex, no {form}; leave --by out, or take one of these formats")
    return form
