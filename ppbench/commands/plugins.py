"""`ppbench plugins`: what is installed and works, what is broken and why; show, write and test one."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import click
from tabulate import tabulate

from ppbench import plugins as loader
from ppbench.commands.common import plain
from ppbench.commands.new_plugin import new
from ppbench.commands.outside import plugin_option
from ppbench.errors import BrokenPlugin, UsageError
from ppbench.plugins import KINDS, Component, Plugin, Plugins
from ppbench.specs import options_of, split_spec


@click.group()
def plugins() -> None:
    """List, show, write and test plugins."""


plugins.add_command(new)


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same as data.")
@plugin_option
def list_(as_json: bool) -> None:
    """All components by kind, with their options, and the broken plugins with their reasons."""
    found = loader.load()
    rows = [_row(component) for kind in KINDS for component in found.of(kind).values()]
    if as_json:
        left_out = {name: [_left_out(p) for p in found.found if p.broken and p.disabled == off]
                    for name, off in (("broken", False), ("disabled", True))}  # fmt: skip
        click.echo(json.dumps({"components": rows, **left_out, "duplicates": found.duplicates()}, ensure_ascii=False, indent=2))
        return
    click.echo(tabulate(rows, headers="keys"))
    for plugin in found.found:
        if plugin.broken:
            what = "disabled" if plugin.disabled else "broken"
            click.echo(plain(f"{what}: {plugin.name} ({plugin.distribution} {plugin.version}): {plugin.broken}"))
    for line in found.duplicates():
        click.echo(f"left out: {line}")


def _left_out(plugin: Plugin) -> dict[str, str]:
    return {"plugin": plugin.name, "distribution": plugin.distribution, "version": plugin.version, "reason": plugin.broken}


def _row(component: Component) -> dict[str, Any]:
    options = ""
    if is_dataclass(component.value) and isinstance(component.value, type):
        options = " ".join(f.name for f in fields(component.value) if f.init)
    return {"kind": component.kind, "name": component.name, "options": options,
            "distribution": component.plugin.distribution, "version": component.plugin.version}  # fmt: skip


@plugins.command()
@click.argument("name")
@plugin_option
def show(name: str) -> None:
    """What NAME is: a component, or a plugin with all that it offers; its description, its options, where it comes from."""
    found = loader.load()
    chosen = [component for kind in KINDS for component in found.of(kind).values() if name in _names(component)]
    if not chosen:
        _refuse(found, name)
    click.echo(plain("\n\n".join("\n".join(_about(component)) for component in chosen)))


def _names(component: Component) -> tuple[str, str, str]:
    return component.name, component.plugin.name, component.plugin.distribution


def _refuse(found: Plugins, name: str) -> None:
    """Raise what fits a name that nothing usable has."""
    for line in found.duplicates():
        if line.split("'")[1] == name:
            raise BrokenPlugin(line)
    found.refuse_broken(name)
    raise UsageError(f"no component and no plugin {name!r}; `ppbench plugins list` shows what there is")


def _about(component: Component) -> Iterator[str]:
    plugin, value = component.plugin, component.value
    yield f"{component.kind} {component.name}"
    yield f"  of {plugin.distribution} {plugin.version}, entry point {plugin.name}"
    if component.kind == "category":
        yield from (f"  {f.name}: {getattr(value, f.name)}" for f in fields(value) if f.name not in ("id", "system"))
        return
    text = value.__doc__ or ""
    if text and not text.startswith(f"{value.__name__}("):  # what dataclasses write where there is none
        yield from ("  " + line for line in inspect.cleandoc(text).splitlines())
    known = options_of(value)
    rows = [(f.name, _type(known[f.name]), _default(f)) for f in fields(value) if f.init]
    table = tabulate(rows, headers=["option", "type", "default"], disable_numparse=True) if rows else "no options"
    yield from ("", *("  " + line for line in table.splitlines()))


def _type(kind: Any) -> str:
    """A type as a user reads it."""
    if isinstance(kind, type):
        return "None" if kind is NoneType else kind.__name__
    choices = get_args(kind)
    return " | ".join(_type(one) if isinstance(one, type) else repr(one) for one in choices) if choices else str(kind)


def _default(field: Any) -> str:
    if field.default is not MISSING:
        return repr(field.default)
    return "(none: give it)" if field.default_factory is MISSING else repr(field.default_factory())


@plugins.command()
@click.argument("spec")
@click.option("--kind", type=click.Choice(KINDS), help="Where the name stands for several things.")
@click.option("-m", "--model", metavar="PROVIDER/NAME", help="For an executor; without one, the mock model.")
@click.option("--base-url", metavar="URL", help="For an executor; without one, the mock endpoint.")
@click.option("-o", "--output", default="conformance.json", show_default=True, type=click.Path(dir_okay=False),
              help="File to write.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print what is written instead of the table.")
@plugin_option
def test(spec: str, kind: str | None, model: str | None, base_url: str | None, output: str, as_json: bool) -> None:
    """Hold SPEC (a decomposer, executor, judge or category) against its contract, and write conformance.json.

    Nothing is paid for: the mock model answers. Exits with 6 if a check fails.
    """
    from ppbench.testing.kit import conformance

    report = conformance(kind or _kind_of(loader.load(), split_spec(spec)[0]), spec, model=model, base_url=base_url)
    text = json.dumps(report.to_json(), ensure_ascii=False, indent=1)
    Path(output).write_text(text + "\n", encoding="utf-8")
    if as_json:
        click.echo(text)
    else:
        rows = [(check.name, check.status, check.why or " ".join(f"{k}={v}" for k, v in check.figures.items() if v != ""))
                for check in report.checks]  # fmt: skip
        click.echo(plain(tabulate(rows, headers=["check", "status", "figures, or why"], maxcolwidths=[None, None, 90])))
    if not report.passed:
        raise BrokenPlugin(f"{report.kind} {spec}: {len(report.failed)} of {len(report.checks)} checks failed; see {output}")
    if not as_json:
        click.echo(f"\n{report.kind} {spec} conforms: {len(report.checks)} checks, {report.seconds:.1f} s; wrote {output}")


def _kind_of(found: Plugins, name: str) -> str:
    kinds = [kind for kind in KINDS if name in found.of(kind)]
    if len(kinds) > 1:
        raise UsageError(f"{name!r} names {' and '.join('a ' + kind for kind in kinds)}; say which with --kind")
    if not kinds:
        _refuse(found, name)
    return kinds[0]
