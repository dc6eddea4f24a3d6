"""`ppbench tasks detect`: how well a method finds what can be split, held against labels.

Only planning calls are sent, and only those of a method that asks a model: nothing is answered, and nothing is timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from tabulate import tabulate

from ppbench import plugins as loader
from ppbench.attempts import expect
from ppbench.commands.common import json_text, plain, refuse_empty_url
from ppbench.commands.planning import asked_first, planned
from ppbench.detect import Figures, Found, Label, by_language, figures, read_label
from ppbench.errors import BrokenPlugin, InvalidData, TooManyFailures, UsageError
from ppbench.hookspecs import Decomposer
from ppbench.model import Prompt
from ppbench.plan import Plan
from ppbench.plugins import Plugins
from ppbench.specs import spec_of
from ppbench.stats import Estimate
from ppbench.tasks import load_rows, refuse

_HEADERS = ["language", "rows", "precision", "95 % interval", "recall", "95 % interval", "items exact", "95 % interval"]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("-d", "--decomposer", "--method", "spec", default="schema:source=rules", show_default=True, metavar="SPEC")
@click.option("-e", "--executor", default="native", metavar="SPEC", show_default=True, help="Who sends planning calls, if any.")
@click.option("-m", "--model", metavar="PROVIDER/NAME", help="Model, e.g. openai/gpt-5.5; without one, mock/quick.")
@click.option("--base-url", metavar="URL", help="Endpoint, e.g. http://127.0.0.1:8000/v1.")
@click.option("-j", "--concurrency", type=click.IntRange(1), default=8, show_default=True, help="Rows asked about at a time.")
@click.option("--json", "as_json", is_flag=True, help="The figures and the wrong rows as data.")
@click.option("--explain", is_flag=True, help="Say for each wrong row what the method gave as its reason.")
def detect(file: str, spec: str, concurrency: int, as_json: bool, explain: bool, **where: Any) -> None:
    """Score what a method finds in the labelled prompts of FILE.

    JSONL rows with `prompt`, `parallelizable`, `data` or `n`, and `lang`; rows with `borderline` are left out, and a
    `shape` other than flat or repeat is no flat split. A method that plans with a model's reply asks the model, and only
    for its plans; one that does not, such as schema:source=rules, sends nothing.
    """
    refuse_empty_url(where["base_url"])
    plugins = loader.load()
    method = plugins.make("decomposer", spec)
    if getattr(method, "given", ()):
        raise UsageError(f"{spec_of(method)} is shown labels; score a method that finds the parts itself")
    labels, problems = load_rows(file, read_label)
    refuse(problems, "Mend them, or leave them out.")
    if not labels:
        raise InvalidData(f"{file} holds no row; give JSONL with `prompt`, `parallelizable`, `data` or `n`, and `lang`")
    plans = [_plan(method, label) for label in labels]
    asked, endpoint = sum(asked_first(plan) is not None for plan in plans), ""
    ends: Sequence[Plan | str] = plans
    if asked:
        endpoint, ends = _sent(plugins, {**where, "prompts": str(Path(file).resolve())}, method, labels, plans, concurrency)
    found = [_found(label, end) for label, end in zip(labels, ends, strict=True)]
    failed = [one for one in found if one.failed]
    if failed and len(failed) == asked:
        raise TooManyFailures(f"{endpoint}: no planning call was answered; the first: {failed[0].reason}")
    shown = _Shown(spec_of(method), found, asked, endpoint)
    click.echo(_as_json(shown, explain) if as_json else plain(_as_text(shown, explain)))


def _plan(method: Decomposer, label: Label) -> Plan:
    try:
        return expect(Plan, method.decompose(Prompt("prompt", label.prompt, label.language)), "decompose")
    except Exception as error:
        raise BrokenPlugin(plain(f"{spec_of(method)} on {label.where}: {type(error).__name__}: {error}")) from error


def _sent(plugins: Plugins, where: dict[str, Any], method: Decomposer, labels: Sequence[Label], plans: Sequence[Plan],
          concurrency: int) -> tuple[str, list[Plan | str]]:  # fmt: skip
    """The endpoint that was asked, and what became of the plans there."""
    name = where.pop("executor")
    names = [f"{spec_of(method)} on {label.where}" for label in labels]
    with plugins.make("executor", name, **where) as executor:
        click.echo(f"asking {executor.endpoint} for plans", err=True)
        return executor.endpoint, planned(executor, plans, names, concurrency)


def _found(label: Label, end: Plan | str) -> Found:
    if isinstance(end, str):
        return Found(label, None, end, failed=True)
    return Found(label, end.schema if end.status == "split" else None, end.reason)


@dataclass(frozen=True)
class _Shown:
    """What is printed."""

    spec: str
    found: Sequence[Found]
    asked: int
    endpoint: str

    @property
    def failed(self) -> int:
        return sum(one.failed for one in self.found)

    @property
    def mock(self) -> bool:
        return self.endpoint.startswith("mock/")


def _wrong(found: Sequence[Found]) -> list[Found]:
    return [one for one in found if one.fault and not one.label.borderline]


def _as_json(shown: _Shown, explain: bool) -> str:
    found = shown.found
    data: dict[str, Any] = {
        "decomposer": shown.spec,
        "endpoint": shown.endpoint or None,
        **figures(found).to_json(),
        "borderline": sum(one.label.borderline for one in found),
        "asked_a_model": shown.asked,
        "failed": shown.failed,
        "by_language": {name: part.to_json() for name, part in by_language(found).items()},
        "wrong": [_row(one, explain) for one in _wrong(found)],
    }
    return json_text(data)


def _row(one: Found, explain: bool) -> dict[str, Any]:
    label, schema = one.label, one.schema
    row = {
        "where": label.where,
        "fault": one.fault,
        "lang": label.language,
        "prompt": label.prompt,
        "expected": (list(label.data) if label.data else label.n) if label.parallelizable else None,
        "found": (list(schema.data) if schema.data else schema.n) if schema else None,
    }
    return {**row, "reason": one.reason} if explain else row


def _as_text(shown: _Shown, explain: bool) -> str:
    found = shown.found
    named = {"all": figures(found), **by_language(found)}
    table = tabulate([[name, *_cells(part)] for name, part in named.items()], headers=_HEADERS, disable_numparse=True,
                     colalign=("left", *("right",) * (len(_HEADERS) - 1)))  # fmt: skip
    wrong = _wrong(found)
    left = sum(one.label.borderline for one in found)
    lines = [table, "", f"{shown.spec}: {len(wrong)} rows wrong; {left} borderline rows left out. Items exact: of the "
             "parallelizable rows that were split."]  # fmt: skip
    if shown.asked:
        lines.append(f"{shown.endpoint} was asked about {shown.asked} rows; {shown.failed} got no answer, and count as not "
                     "split." + " Mock figures show that the tool works, not what a model does." * shown.mock)  # fmt: skip
    for one in wrong:
        reason = f" ({one.reason})" if explain and one.reason else ""
        lines.append(f"  {one.label.where}: {one.fault}{reason}: {' '.join(one.label.prompt.split())[:80]}")
    return "\n".join(lines)


def _cells(part: Figures) -> list[str]:
    cells = [str(part.n)]
    for share in (part.precision, part.recall, part.items_exact):
        cells += [_share(share), _range(share)]
    return cells


def _share(share: Estimate | None) -> str:
    return "-" if share is None else f"{share.value:.2f}"


def _range(share: Estimate | None) -> str:
    return "-" if share is None or share.low is None or share.high is None else f"{share.low:.2f} - {share.high:.2f}"
