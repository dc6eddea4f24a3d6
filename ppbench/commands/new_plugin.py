"""`ppbench plugins new`: a plugin as a package of its own, ready to install, that does something small and passes its kit.

Writes files, nothing else. A category is written by `tasks new`.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from ppbench import plugins as loader
from ppbench.commands import new_task
from ppbench.commands.plugin_texts import MODULES, PROJECT, README, TEST, USES
from ppbench.errors import UsageError
from ppbench.hookspecs import API
from ppbench.plugins import KINDS


@click.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="decomposer", show_default=True, help="What it shall be.")
@click.option("-o", "--output-dir", type=click.Path(file_okay=False), help="Folder to write; ppbench-NAME without one.")
@click.pass_context
def new(ctx: click.Context, name: str, kind: str, output_dir: str | None) -> None:
    """Write a package with the plugin NAME: one component that works, a test that runs the conformance kit, a README."""
    if kind == "category":
        ctx.invoke(new_task.new, name=name.replace("-", "_"), output_dir=output_dir)
        return
    if not re.fullmatch(r"[a-z](-?[a-z0-9])*", name):
        raise UsageError(f"{name!r} cannot name a plugin; use small letters, digits and single -, and begin with a letter")
    if name in loader.load().of(kind):
        raise UsageError(f"{name!r} names an installed {kind}; `ppbench plugins show {name}` says whose")
    folder = Path(output_dir or f"ppbench-{name}")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is there and not empty; give another folder with -o")
    plain = name.replace("-", "_")
    words = {"name": name, "kind": kind, "a": "an" if kind == "executor" else "a", "module": f"ppbench_{plain}",
             "function": plain, "class": "".join(part.capitalize() for part in name.split("-")), "api": str(API),
             "use": USES[kind].replace("@name@", name)}  # fmt: skip
    files = {"pyproject.toml": PROJECT, "README.md": README, f"{words['module']}.py": MODULES[kind],
             f"tests/test_{words['function']}.py": TEST}  # fmt: skip
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(re.sub(r"@(\w+)@", lambda match: words[match[1]], text), encoding="utf-8")
    click.echo(f"wrote {folder}; next: pip install -e {folder} && ppbench plugins test {name}")
