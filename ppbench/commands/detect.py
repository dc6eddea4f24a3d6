"""`ppbench tasks detect`: how well a method finds what can be split, held against labels. Sends nothing."""

from __future__ import annotations

from typing import Any

import click
from tabulate import tabulate

from ppbench import plugins as loader
from ppbench.attempts import expect
from ppbench.commands.common import json_text, plain
from ppbench.detect import Figures, Found, Label, by_language, figures, read_label
from ppbench.errors import BrokenPlugin, InvalidData, UsageError
from ppbench.hookspecs import Decomposer
from ppbench.model import Prompt
from ppbench.plan import Plan
from ppbench.specs import spec_of
from ppbench.stats import Estimate
from ppbench.tasks import load_rows, refuse

_HEADERS = ["language", "rows", "precision", "95 % interval", "recall", "95 % interval", "items exact", "95 % interval"]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("-d", "--decomposer", "--method", "spec", default="schema:source=rules", show_default=True, metavar="SPEC")
@click.option("--json", "as_json", is_flag=True, help="The figures and the wrong rows as data.")
@click.option("--explain", is_flag=True, help="Say for each wrong row what the method gave as its reason.")
def detect(file: str, spec: str, as_json: bool, explain: bool) -> None:
    """Score what a method finds in the labelled prompts of FILE.

    JSONL rows with `prompt`, `parallelizable`, `data` or `n`, and `lang`; rows with `borderline` are left out, and a
    `shape` other than flat or repeat is no flat split. Nothing is sent: what a method would ask a model about counts as not
    split, and one that asks about all of them cannot be scored here.
    """
    method = loader.load().make("decomposer", spec)
    if getattr(method, "given", ()):
        raise UsageError(f"{spec_of(method)} is shown labels; score a method that finds the parts itself")
    labels, problems = load_rows(file, read_label)
    refuse(problems, "Mend them, or leave them out.")
    if not labels:
        raise InvalidData(f"{file} holds no row; give JSONL with `prompt`, `parallelizable`, `data` or `n`, and `lang`")
    found = [_found(method, label) for label in labels]
    if any(one.left for one in found) and not any(one.schema for one in found):
        raise UsageError(f"{spec_of(method)} plans with a model's reply, and detect sends nothing; score a method that finds "
                         "the parts itself, such as schema:source=rules")  # fmt: skip
    click.echo(_as_json(method, found, explain) if as_json else plain(_as_text(method, found, explain)))


def _found(method: Decomposer, label: Label) -> Found:
    try:
        plan = expect(Plan, method.decompose(Prompt("prompt", label.prompt, label.language)), "decompose")
    except Exception as error:
        raise BrokenPlugin(plain(f"{spec_of(method)} on {label.where}: {type(error).__name__}: {error}")) from error
    if any(call.expand for call in plan.calls):
        return Found(label, None, "left to a model", left=True)
    return Found(label, plan.schema if plan.status == "split" else None, plan.reason)


def _left(found: list[Found]) -> int:
    return sum(one.left and not one.label.borderline for one in found)


def _wrong(found: list[Found]) -> list[Found]:
    return [one for one in found if one.fault and not one.label.borderline]


def _as_json(method: Decomposer, found: list[Found], explain: bool) -> str:
    shown: dict[str, Any] = {
        "decomposer": spec_of(method),
        **figures(found).to_json(),
        "borderline": sum(one.label.borderline for one in found),
        "left_to_a_model": _left(found),
        "by_language": {name: part.to_json() for name, part in by_language(found).items()},
        "wrong": [_row(one, explain) for one in _wrong(found)],
    }
    return json_text(shown)


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


def _as_text(method: Decomposer, found: list[Found], explain: bool) -> str:
    named = {"all": figures(found), **by_language(found)}
    table = tabulate([[name, *_cells(part)] for name, part in named.items()], headers=_HEADERS, disable_numparse=True,
                     colalign=("left", *("right",) * (len(_HEADERS) - 1)))  # fmt: skip
    wrong = _wrong(found)
    left = sum(one.label.borderline for one in found)
    lines = [table, "", f"{spec_of(method)}: {len(wrong)} rows wrong; {left} borderline rows left out. Items exact: of the "
             "parallelizable rows that were split."]  # fmt: skip
    if asked := _left(found):
        lines[-1] += f" {asked} rows would be left to a model, and count as not split."
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
