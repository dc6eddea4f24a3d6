"""`ppbench experiment`: the paper's experiments on any endpoint. `ppbench run` runs prompts made for them, the rest is derived.

An experiment's folder holds `experiment.json` (what was asked), `prompts.jsonl`, `run` (an ordinary run directory), and
what was made of it. Measures nothing itself.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ppbench import plugins as loader
from ppbench.commands import experiment_results as results
from ppbench.commands.common import installed_items, json_text, plain, user_items
from ppbench.commands.run import run as run_command
from ppbench.errors import BudgetReached, EndpointUnusable, InvalidData, TooManyFailures, UsageError
from ppbench.experiments import figures, resize
from ppbench.model import Item
from ppbench.plugins import Plugins

_COUNTS = "1,2,5,10,20,30,40,50"
_MOST = 1000
_TASKS = ("repeated_generation", "reading_comprehension", "named_entity_recognition", "keyword_extraction", "translation",
          "grammatical_correction", "sentiment_analysis")  # fmt: skip
_METHODS = {
    "vary-n": ("schema:source=given",),
    "end-to-end": ("schema:source=given", "schema", "schema:source=rules"),
}
_LIMITS = {"vary-n": 5, "end-to-end": 3}
_NOT_KEPT = {"output_dir", "resume", "rescore", "as_json", "dry_run", "quiet"}
_WITH_STORED = {"resume", "rescore", "as_json", "quiet", "output_dir", "dry_run"}
"""What may stand beside a stored experiment, or is refused beside it by its own message."""

Command = Callable[..., None]


def _common(command: Command) -> Command:
    """The options of all experiments, named as those of `ppbench run`."""
    for option in reversed((
        click.option("-m", "--model", metavar="PROVIDER/NAME", help="Model, e.g. openai/gpt-5.5; without one, mock/quick."),
        click.option("--base-url", metavar="URL", help="Endpoint, e.g. http://127.0.0.1:8000/v1."),
        click.option("-e", "--executor", default="native", metavar="SPEC", show_default=True,
                     help="Who sends and keeps the clock."),
        click.option("-d", "--decomposer", "--method", "decomposers", multiple=True, metavar="SPEC",
                     help="A method beside serial; repeat for more."),
        click.option("--prompts", type=click.Path(dir_okay=False), help="Your own JSONL with `text` and `schema`."),
        click.option("--language", metavar="CODE", help="Prompts in this language, or `any`; en of the packaged ones."),
        click.option("-n", "--limit", type=click.IntRange(1), help="Prompts of each category at most."),
        click.option("--repeats", "--epochs", type=click.IntRange(1), default=1, show_default=True),
        click.option("--seed", type=int, default=0, show_default=True),
        click.option("-o", "--output-dir", type=click.Path(file_okay=False), help="Folder; runs/<time>-<name> without one."),
        click.option("--resume", type=click.Path(file_okay=False), metavar="FOLDER", help="Go on with a stopped experiment."),
        click.option("--rescore", type=click.Path(file_okay=False), metavar="FOLDER",
                     help="Make tables and figures of a stored one again; sends nothing."),
        click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing."),
        click.option("--json", "as_json", is_flag=True, help="Print the results as JSON."),
        click.option("-q", "--quiet", is_flag=True, help="No progress on stderr."),
        click.pass_context,
    )):  # fmt: skip
        command = option(command)
    return command


@click.group()
def experiment() -> None:
    """The paper's experiments, mended. Options that are not listed are those of `ppbench run`, e.g. --max-rpm."""


_ANY = {"ignore_unknown_options": True, "allow_extra_args": True}
_counts = click.option("--counts", default=_COUNTS, show_default=True, metavar="N,N-N", help="Numbers of subtasks.")
_tasks = click.option("-t", "--task", "tasks", multiple=True, metavar="CATEGORY", default=_TASKS,
                      help="A category; repeat for more. All seven without it.")  # fmt: skip
_task = click.option("-t", "--task", default=_TASKS[0], metavar="CATEGORY", show_default=True, help="The category.")


@experiment.command("vary-n", context_settings=_ANY)
@_task
@_counts
@_common
def vary_n(ctx: click.Context, /, **options: Any) -> None:
    """Serial and split time against the number of subtasks: a line for each method, a figure, the data."""
    _conduct(ctx, "vary-n", ("vary-n",), options)


@experiment.command("end-to-end", context_settings=_ANY)
@_tasks
@_common
def end_to_end(ctx: click.Context, /, **options: Any) -> None:
    """What planning takes of the time, and the speedup with it and without; failures are counted."""
    _conduct(ctx, "end-to-end", ("end-to-end",), options)


@experiment.command("paper", context_settings=_ANY)
@_tasks
@click.option("--vary-task", "task", default=_TASKS[0], metavar="CATEGORY", show_default=True, help="The category of vary-n.")
@_counts
@_common
def paper(ctx: click.Context, /, **options: Any) -> None:
    """Both experiments and the table by category, on one page beside the paper's figures."""
    _conduct(ctx, "paper", ("vary-n", "end-to-end"), options)


def _conduct(ctx: click.Context, name: str, parts: Sequence[str], options: dict[str, Any]) -> None:
    """Begin an experiment, go on with one, or only score it again; then show it."""
    given = [key for key in ("output_dir", "resume", "rescore", "dry_run") if options[key]]
    if len(given) > 1:
        raise UsageError(f"give one of {', '.join('--' + key.replace('_', '-') for key in given)}")
    known = options["resume"] or options["rescore"]
    if known:
        _refuse_other_options(ctx)
    asked = {**{key: value for key, value in options.items() if key not in _NOT_KEPT}, "extra": list(ctx.args)}
    if options["dry_run"]:
        _dry_run(parts, asked)
        return
    folder = Path(known) if known else _new_folder(options["output_dir"], name)
    if known:  # what is passed on may be said anew, as a budget is: `ppbench run` refuses what must not differ
        stored = _stored(folder, name, set(asked))
        asked = {**stored, "extra": [*stored["extra"], *ctx.args]}
    failed = None
    if not options["rescore"]:
        failed = _run_parts(folder, name, parts, asked, quiet=options["quiet"], begin=not known)
    shown = results.make(folder, name, asked)
    click.echo(json_text(shown.data) if options["as_json"] else plain(shown.text))
    if failed is not None:
        raise failed


def _refuse_other_options(ctx: click.Context) -> None:
    """A stored experiment has its options. Raises UsageError for one that is given now."""
    given = [parameter for parameter in ctx.command.params if parameter.name not in _WITH_STORED
             and ctx.get_parameter_source(parameter.name or "") == ParameterSource.COMMANDLINE]  # fmt: skip
    if given:
        raise UsageError(f"{given[0].opts[-1]} belongs to a new experiment; a stored one keeps what it was asked for")


def _run_parts(
    folder: Path, name: str, parts: Sequence[str], asked: dict[str, Any], *, quiet: bool, begin: bool
) -> TooManyFailures | None:
    """Run what remains of each part. Whatever stops it, what was stored stays, and the line to go on is printed."""
    if not figures.available():
        click.echo(f"{figures.INSTALL}; --rescore draws it later", err=True)
    rows = {part: _rows(part, asked) for part in parts if not _begun(folder, name, part)}  # refused before anything is sent
    if begin:
        _write(folder / "experiment.json", json.dumps({"experiment": name, "options": asked}, ensure_ascii=False, indent=1))
    failed = None
    try:
        for part in parts:
            failed = _run_part(results.part_folder(folder, name, part), part, rows.get(part), asked, quiet=quiet) or failed
    except (KeyboardInterrupt, click.Abort, BudgetReached, EndpointUnusable):
        click.echo(f"The whole experiment: ppbench experiment {name} --resume {folder}", err=True)
        raise
    return failed


def _begun(folder: Path, name: str, part: str) -> bool:
    return (results.part_folder(folder, name, part) / "run" / "run.json").exists()


def _run_part(
    folder: Path, part: str, rows: Sequence[dict[str, Any]] | None, asked: dict[str, Any], *, quiet: bool
) -> TooManyFailures | None:
    """One ordinary run, begun with these rows or gone on with; its own table is not shown."""
    arguments = ["--resume", str(folder / "run")]
    if rows is not None:
        _write_rows(folder / "prompts.jsonl", rows)
        arguments = ["-o", str(folder / "run"), *_arguments(part, folder / "prompts.jsonl", asked)]
    try:
        with redirect_stdout(io.StringIO()):
            _ppbench_run([*arguments, *asked["extra"], *(["-q"] if quiet else [])])
    except TooManyFailures as error:  # they are shown with the rest; the exit code stays
        return error
    return None


def _ppbench_run(arguments: Sequence[str]) -> None:
    run_command.main(list(arguments), prog_name="ppbench run", standalone_mode=False)


def _arguments(part: str, prompts: Path, asked: dict[str, Any]) -> list[str]:
    methods = asked["decomposers"] or _METHODS[part]
    named = {"-m": asked["model"], "--base-url": asked["base_url"], "-e": asked["executor"],
             "--repeats": str(asked["repeats"]), "--seed": str(asked["seed"]), "--prompts": str(prompts)}  # fmt: skip
    chosen = [word for name, value in named.items() if value is not None for word in (name, value)]
    return [*chosen, *(word for spec in methods for word in ("-d", spec))]


def _dry_run(parts: Sequence[str], asked: dict[str, Any]) -> None:
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            prompts = Path(folder) / "prompts.jsonl"
            rows = _rows(part, asked)
            _write_rows(prompts, rows)
            click.echo(f"{part}: {len(rows)} prompts\n")
            _ppbench_run([*_arguments(part, prompts, asked), *asked["extra"], "--dry-run"])


# Prompts


def _rows(part: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    plugins = loader.load()
    limit = asked["limit"] or _LIMITS[part]
    if part == "end-to-end":
        chosen = [item for pool in _pools(plugins, asked) for item in pool[:limit]]
        if not chosen:
            raise UsageError("no prompts to run; see ppbench tasks list, or give another --language")
        return [resize.to_row(item) for item in chosen]
    return [
        resize.to_row(one.item, one.n) for one in resize.sized(_resizable(plugins, asked, limit), _numbers(asked["counts"]))
    ]


def _pools(plugins: Plugins, asked: dict[str, Any]) -> list[list[Item]]:
    """The prompts of each category, or of the user's file; those with labels, in the language asked for."""
    if asked["prompts"]:
        return [_spoken(user_items(plugins, asked["prompts"], skip_bad=False)[0], asked)]
    names = dict.fromkeys(plugins.category(name).id for name in asked["tasks"])
    return [[item for item in _spoken(installed_items(plugins, only=name), asked) if item.schema] for name in names]


def _spoken(items: Sequence[Item], asked: dict[str, Any]) -> list[Item]:
    language = asked["language"] or ("any" if asked["prompts"] else "en")
    return [item for item in items if language in ("any", item.language)]


def _resizable(plugins: Plugins, asked: dict[str, Any], limit: int) -> list[Item]:
    """Prompts that can be asked for other numbers, one of each family, the longest lists first; of the rest it is said how
    many and why."""
    items = user_items(plugins, asked["prompts"], skip_bad=False)[0] if asked["prompts"] else installed_items(
        plugins, only=plugins.category(asked["task"]).id)  # fmt: skip
    spoken = _spoken(items, asked)
    reasons = Counter(reason for item in spoken if (reason := resize.refusal(item)))
    usable = [item for item in spoken if not resize.refusal(item)]
    for reason, count in reasons.items():
        click.echo(f"vary-n leaves out {count} of {len(spoken)} prompts: each {reason}", err=True)
    if not usable:
        raise UsageError("no prompt can be asked for another number of subtasks; take another -t, --language or --prompts")
    usable.sort(key=lambda item: -(resize.largest(item) or 0))
    first = {item.family or item.id: item for item in reversed(usable)}  # translations of one prompt are no second prompt
    return [item for item in usable if first[item.family or item.id] is item][:limit]


def _numbers(text: str) -> list[int]:
    """`1,2,5-8` as numbers in order, each once. Raises UsageError."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,4})(?:\s*-\s*(\d{1,4}))?\s*", part)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= low <= high <= _MOST:
            raise UsageError(f"--counts {text!r}: give numbers from 1 to {_MOST} and ranges, e.g. {_COUNTS} or 1-50")
        found |= set(range(low, high + 1))
    return sorted(found)


# Files


def _new_folder(output_dir: str | None, name: str) -> Path:
    folder = Path(output_dir) if output_dir else Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    if (folder / "experiment.json").exists():
        raise InvalidData(f"{folder} holds an experiment already; go on with --resume {folder}, or choose another -o")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidData(f"{folder} is there already, and not empty; choose another -o")
    return folder


def _stored(folder: Path, name: str, needed: set[str]) -> dict[str, Any]:
    """What a stored experiment was asked for. Raises InvalidData if there is none of this name."""
    try:
        record = json.loads((folder / "experiment.json").read_text(encoding="utf-8"))
        found, options = record["experiment"], record["options"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidData(f"{folder} holds no experiment: experiment.json: {error}") from None
    if found != name:
        raise InvalidData(f"{folder} holds an experiment {found!r}, not {name}")
    if not isinstance(options, dict) or not needed <= options.keys():
        raise InvalidData(f"{folder}/experiment.json lacks options that ppbench {version('ppbench')} knows; start a new one")
    return options


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    _write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
