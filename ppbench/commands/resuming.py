"""Whether a stored run can go on: what it was asked then, held against what is asked and installed now."""

from __future__ import annotations

from typing import Any

import click

from ppbench.commands.settings import given_now
from ppbench.errors import InvalidData
from ppbench.store import RunDirectory


def resumed_options(ctx: click.Context, directory: RunDirectory, asked: dict[str, Any]) -> dict[str, Any]:
    """The options the run was started with. Raises InvalidData for one that is given now and differs."""
    stored: dict[str, Any] = directory.run["options"]
    for name, value in asked.items():
        value = list(value) if isinstance(value, tuple) else value
        if given_now(ctx, name) and value != stored.get(name):
            raise InvalidData(f"{directory.path} was started with {name} = {stored.get(name)!r}, not {value!r}; "
                              "resume it without that option, or start a new run")  # fmt: skip
    defaults = {option.name: _default(ctx, option) for option in ctx.command.params if option.name in asked}
    return {**defaults, **stored}  # a run that is older than an option did without it


def _default(ctx: click.Context, option: click.Parameter) -> Any:
    value = option.process_value(ctx, option.get_default(ctx))
    return value if isinstance(value, str | int | float | tuple) else None  # click marks what has none, by no public name


def refuse_other_run(directory: RunDirectory, record: dict[str, Any]) -> None:
    """Raise InvalidData, naming the field, if the stored run asked for something else."""
    stored = directory.run
    for name in ("items", "methods", "judges", "executor", "clock", "endpoint", "versions"):
        if stored[name] != record[name]:
            raise InvalidData(f"{directory.path} cannot be resumed: its {name} differ from what is installed or asked now "
                              f"({_first_difference(stored[name], record[name])}); start a new run")  # fmt: skip


def _first_difference(old: Any, new: Any) -> str:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        old, new = next((a, b) for a, b in zip(old, new, strict=True) if a != b)
    if isinstance(old, dict) and isinstance(new, dict):
        changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
        old, new = ({key: side[key] for key in changed if key in side} or "nothing" for side in (old, new))
    return f"was {str(old)[:120]}, is {str(new)[:120]}"
