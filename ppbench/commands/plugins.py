"""`ppbench plugins`: what is installed and works, and what is broken and why."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any

import click
from tabulate import tabulate

from ppbench import plugins as loader
from ppbench.plugins import KINDS, Component


@click.group()
def plugins() -> None:
    """List what is installed, broken plugins included."""


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same as data.")
def list_(as_json: bool) -> None:
    """All components by kind, with their options, and the broken plugins with their reasons."""
    found = loader.load()
    rows = [_row(component) for kind in KINDS for component in found.of(kind).values()]
    broken = [{"plugin": p.name, "distribution": p.distribution, "version": p.version, "reason": p.broken}
              for p in found.found if p.broken]  # fmt: skip
    if as_json:
        data = {"components": rows, "broken": broken, "duplicates": found.duplicates()}
        click.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    click.echo(tabulate(rows, headers="keys"))
    for entry in broken:
        click.echo(f"broken: {entry['plugin']} ({entry['distribution']} {entry['version']}): {entry['reason']}")
    for line in found.duplicates():
        click.echo(f"left out: {line}")


def _row(component: Component) -> dict[str, Any]:
    options = ""
    if is_dataclass(component.value) and isinstance(component.value, type):
        options = " ".join(f.name for f in fields(component.value) if f.init)
    return {"kind": component.kind, "name": component.name, "options": options,
            "distribution": component.plugin.distribution, "version": component.plugin.version}  # fmt: skip
