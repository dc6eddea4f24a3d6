"""`ppbench config show`: each setting of `ppbench run`, its value, and where that came from. Runs nothing."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Any

import click
from tabulate import tabulate

from ppbench.commands.common import json_text, plain
from ppbench.commands.run import run
from ppbench.commands.settings import PREFIX, Configured, hidden_by, key_of, masked, options_of, source_of


@click.group()
def config() -> None:
    """What a run would be asked, and where each value comes from."""


@click.pass_context
def _show(ctx: click.Context, /, **options: Any) -> None:
    """Show the settings of a run that is started now, with these options; secrets are masked.

    Takes the options of `ppbench run`, --json to print JSON.
    """
    rows = [_row(ctx, option) for option in options_of(run) if option.name in ctx.params]
    others = _others()
    if options["as_json"]:
        click.echo(json_text({"settings": rows, "environment": others}))
        return
    table = [[row["name"], _text(row["value"]), plain(row["source"])] for row in rows]
    click.echo(tabulate(table, headers=("setting", "value", "from"), disable_numparse=True, maxcolwidths=[None, 60, None]))
    lines = [f"{name}: {plain(text)}" for name, text in others.items()]
    click.echo("\n".join(["", "Other variables:", *(f"  {line}" for line in lines)]) if lines else "", nl=bool(lines))


config.add_command(Configured("show", callback=_show, params=list(run.params), help=_show.__doc__))


def _row(ctx: click.Context, option: click.Option) -> dict[str, Any]:
    hidden = hidden_by(ctx, option)
    source = source_of(ctx, option) + (f", hidden by {hidden}" if hidden else "")
    return {"name": key_of(option), "value": _masked(ctx.params[option.name or ""]), "source": masked(source)}


def _masked(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_masked(one) for one in value]
    return masked(value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(_text, value)) if isinstance(value, list) else plain(str(value))


def _others() -> dict[str, str]:
    """Variables that are set and are no option: keys, and what may be an option that was misspelt."""
    known = [f"{PREFIX}{key_of(option).upper()}" for option in options_of(run)]
    found = {name: "set (masked)" for name, value in sorted(os.environ.items()) if name.endswith("_API_KEY") and value}
    for name in sorted(set(os.environ) - set(known)):
        if name.startswith(PREFIX) and name not in found:
            near = get_close_matches(name, known, 1, 0.8)
            found[name] = "not an option of `ppbench run`" + (f"; did you mean {near[0]}?" if near else "")
    return found
