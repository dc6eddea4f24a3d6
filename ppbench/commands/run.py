"""`ppbench run`: methods x prompts x repeats on an endpoint, the run directory, and the table."""

from __future__ import annotations

import os
import platform
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from ppbench import plugins as loader
from ppbench.commands.budget import Budget, Guess, purse_of, say_estimate, setting_of
from ppbench.commands.common import categories, installed_items, one_form, refuse_empty_url, user_items
from ppbench.commands.outside import blame, plugin_option, plugin_options
from ppbench.commands.printing import print_run
from ppbench.commands.progress import Counts, Progress, warming_up
from ppbench.commands.resuming import refuse_other_run, resumed_options
from ppbench.commands.settings import Configured, to_toml
from ppbench.costs import model_of
from ppbench.errors import BudgetReached, EndpointUnusable, TooManyFailures, UsageError
from ppbench.health import health
from ppbench.hookspecs import Executor
from ppbench.judging import Bench, Hearing, judge_run, refuse_failures
from ppbench.model import Item
from ppbench.plugins import Plugins
from ppbench.report import FORMATS
from ppbench.run import Block, Conditions, Runner, remaining
from ppbench.score import GROUPS
from ppbench.specs import spec_of
from ppbench.store import RunDirectory
from ppbench.tally import AGAIN, SERIAL
from ppbench.tasks import digest, select

METHODS = ("serial", "schema:source=rules", "schema", "sot", "top", "dag")
JUDGES = ("structure", "reference")
_NOT_KEPT = {
    "resume",
    "output_dir",
    "form",
    "by",
    "as_json",
    "quiet",
    "dry_run",
    "max_failures",
    *asdict(Budget()),
    *asdict(Guess()),
}
_BOUNDS = {"max_failures", *asdict(Budget())}
"""They are no part of a run, since a resumed one may have others, but of the file that repeats it."""


@click.command(cls=Configured)
@click.option("-d", "--decomposer", "--method", "decomposers", multiple=True, metavar="SPEC", default=METHODS,
              help="A method, e.g. top:breadth=3; repeat for more. serial is always added.")  # fmt: skip
@click.option("-e", "--executor", default="native", metavar="SPEC", show_default=True, help="Who sends and keeps the clock.")
@click.option("-m", "--model", metavar="PROVIDER/NAME", help="Model, e.g. openai/gpt-5.5; without one, mock/quick.")
@click.option("--base-url", metavar="URL", help="Endpoint, e.g. http://127.0.0.1:8000/v1.")
@click.option("--judge", "judges", multiple=True, metavar="SPEC", default=JUDGES, help="A judge; repeat for more.")
@click.option("--suite", metavar="NAME", help="A named selection of prompts; smoke if nothing else is asked for.")
@click.option("-t", "--task", multiple=True, metavar="CATEGORY", help="All prompts of a category; repeat for more.")
@click.option("--prompts", type=click.Path(dir_okay=False), help="Your own JSONL with `prompt` or `text`.")
@click.option("--skip-bad", is_flag=True, help="Leave bad rows of --prompts out instead of refusing the file.")
@click.option("-n", "--limit", type=click.IntRange(1), help="Only the first N prompts.")
@click.option("--repeats", "--epochs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("-j", "--concurrency", type=click.IntRange(1), default=1, show_default=True,
              help="Blocks at the same time; 1 measures isolated latency.")  # fmt: skip
@click.option("--max-in-flight", type=click.IntRange(1), help="Requests in flight at most.")
@click.option("--system", type=click.Choice(["", "category"]), default="", help="System text of solve calls.")
@click.option("--cache", type=click.Choice(["trial", "shared"]), default="trial", show_default=True,
              help="Whether prompt caches may help across trials.")  # fmt: skip
@click.option("--max-rpm", type=click.IntRange(1), help="Requests a minute at most, of all methods together; judges apart.")
@click.option("--max-tpm", type=click.IntRange(1), help="Tokens a minute at most, read and written.")
@click.option("--max-total-tokens", type=click.IntRange(1), help="Stop, resumable, once more tokens than this were used.")
@click.option("--max-cost", type=click.FloatRange(min=0, max=1e9, min_open=True), metavar="USD",
              help="Stop, resumable, before more was spent on the whole run; judges apart.")  # fmt: skip
@click.option("--prices", type=click.Path(dir_okay=False), metavar="FILE", help="Your own prices, over the packaged ones.")
@click.option("--max-tries", type=click.IntRange(1), default=3, show_default=True, help="Attempts a call.")
@click.option(
    "--trial-timeout", type=click.FloatRange(min=0, max=1e6, min_open=True), default=600.0, show_default=True, help="Seconds."
)
@click.option("--max-failures", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="Share of failed trials above which the run exits with 3.")  # fmt: skip
@click.option("-o", "--output-dir", type=click.Path(file_okay=False), help="Run directory; runs/<time> without one.")
@click.option("--resume", type=click.Path(file_okay=False), metavar="RUN_DIRECTORY", help="Go on with a stopped run.")
@click.option("--noise", is_flag=True, help="Serial twice: what it gains over itself is the noise floor.")
@click.option("--dry-run", is_flag=True, help="Estimate calls, tokens, cost and time; send nothing.")
@click.option("--like", type=click.Path(file_okay=False), metavar="RUN_DIRECTORY", help="Estimate by an earlier run.")
@click.option("--ttft", type=click.FloatRange(min=0, max=1e6), help="Seconds to a first token, for the estimate.")
@click.option("--tok", type=click.FloatRange(min=0, max=1e6), help="Seconds between tokens, for the estimate.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Of the table.")
@click.option("--by", type=click.Choice(GROUPS), help="A table with a row for each method in each of them.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON, as --format json does.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@plugin_option
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> None:
    """Run methods on prompts and print the leaderboard table.

    Without arguments: the smoke suite on the embedded mock endpoint, which needs no network, in under a minute.
    """
    asked = {name: value for name, value in options.items() if name not in _NOT_KEPT}
    form, directory = one_form(options["form"], options["by"], as_json=options["as_json"]), None
    if options["resume"]:
        directory = RunDirectory(Path(options["resume"]))
        asked = resumed_options(ctx, directory, asked)
    asked = {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}
    budget = Budget(options["max_total_tokens"], options["max_cost"], options["prices"])
    config = _config({**options, **asked, "prompts": _absolute(asked["prompts"])})
    session = _Session(loader.load(), asked, budget, quiet=options["quiet"], config=config)
    if options["dry_run"]:
        guess = Guess(options["like"], options["ttft"], options["tok"])
        session.dry_run(guess, as_json=options["as_json"] or options["form"] == "json")
        return
    try:
        directory = session.execute(directory, options["output_dir"])
    except (KeyboardInterrupt, BudgetReached) as stop:
        session.say_how_to_go_on(more="--max-cost" in str(stop))
        raise
    session.finish(directory, form, options["by"], max_failures=options["max_failures"])


class _Session:
    """One invocation: what was asked, made into components, run and printed."""

    def __init__(self, plugins: Plugins, asked: dict[str, Any], budget: Budget, *, quiet: bool, config: str) -> None:
        self._plugins, self._asked, self._quiet, self._config = plugins, asked, quiet, config
        self._budget = budget
        self._methods = [plugins.make("decomposer", spec) for spec in _with_serial(asked["decomposers"], noise=asked["noise"])]
        self._judges = [plugins.make("judge", spec) for spec in asked["judges"]]
        self._executor: Executor = plugins.make(
            "executor", asked["executor"], model=asked["model"], base_url=asked["base_url"],
            max_in_flight=asked["max_in_flight"], prompts=_absolute(asked["prompts"]),
        )  # fmt: skip
        self._categories = categories(plugins)
        self._items = self._load()
        self._directory: RunDirectory | None = None
        self._hearings: list[Hearing] = []
        self._methods = list({spec_of(method): method for method in self._methods}.values())

    def _load(self) -> list[Item]:
        refuse_empty_url(self._asked["base_url"])
        chosen = [name for name in ("suite", "task", "prompts") if self._asked[name]]
        if len(chosen) > 1:
            raise UsageError(f"give one of --suite, --task and --prompts, not {' and '.join('--' + c for c in chosen)}")
        if self._asked["prompts"]:
            items, skipped = user_items(self._plugins, self._asked["prompts"], skip_bad=self._asked["skip_bad"])
            if skipped:
                click.echo(f"left out {skipped} bad rows of {self._asked['prompts']}", err=True)
        elif self._asked["task"]:
            names = dict.fromkeys(self._plugins.category(name).id for name in self._asked["task"])
            items = [item for name in names for item in installed_items(self._plugins, only=name)]
        else:
            items = select(installed_items(self._plugins), self._asked["suite"] or "smoke")
        if not items:
            raise UsageError("no prompts to run; see ppbench tasks list")
        return items[: self._asked["limit"]]

    def dry_run(self, guess: Guess, *, as_json: bool) -> None:
        systems = {name: category.system for name, category in self._categories.items()}
        setting = setting_of(self._executor, self._conditions(None), systems, self._budget, guess)
        say_estimate(self._methods, self._items, setting, self._budget, as_json=as_json)

    def execute(self, directory: RunDirectory | None, output_dir: str | None) -> RunDirectory:
        """Run what remains. Whatever happens, stored blocks stay, and the resume line is printed."""
        purse = purse_of(self._budget, self._executor, directory)
        with blame(self._executor, self._kept), self._executor as executor:
            conditions = self._conditions(directory)
            runner = Runner(
                executor, self._methods, self._items, self._categories, conditions, self._budget.max_total_tokens, purse
            )  # fmt: skip
            runner.check()
            record = self._record(runner, conditions)
            if directory is None:
                path = _new_directory(output_dir)
                RunDirectory.refuse_taken(path)
                self._warm_up(runner)
                directory = RunDirectory.create(path, record)
                directory.keep("config.toml", self._config)
                todo = runner.blocks()
            else:
                refuse_other_run(directory, record)
                self._directory = directory
                directory.lock().close()  # before anything is cut off
                self._drop_torn(directory, runner.specs)
                todo = remaining(runner.blocks(), directory.trials())
                if todo:
                    self._warm_up(runner)
            self._directory = directory
            with directory.lock():
                try:
                    self._run_blocks(runner, todo, directory)
                finally:
                    directory.conclude(health(directory.trials()).to_json())
        self._judge(directory)
        return directory

    def _warm_up(self, runner: Runner) -> None:
        if not self._quiet:
            warming_up(self._executor)
        runner.warm_up()

    def _run_blocks(self, runner: Runner, todo: Sequence[Block], directory: RunDirectory) -> None:
        counts = Counts(runner.specs, model_of(directory.run), self._budget.load())
        for trial in directory.trials():
            counts.add(trial)
        progress = Progress(counts, len(todo), quiet=self._quiet, apart=self._asked["concurrency"] > 1)
        try:
            runner.run(todo, directory, progress.block)
        except EndpointUnusable as error:
            raise EndpointUnusable(f"{error}\n{self._kept()}") from error
        finally:
            progress.close()

    def _kept(self) -> str:
        """After a breakdown: what stays, if anything was begun."""
        return f"What was answered is kept. {self._resume_line(self._directory)}" if self._directory else ""

    def say_how_to_go_on(self, *, more: bool) -> None:
        """After an interrupt: the line that resumes the run, if there is anything to resume; `more`: with more money."""
        if self._directory is not None:
            click.echo(f"\n{self._resume_line(self._directory, more=more)}", err=True)

    def _resume_line(self, directory: RunDirectory, *, more: bool = False) -> str:
        options = self._budget.options(more=more) + plugin_options(self._plugins)
        return f"Go on with: ppbench run --resume {shlex.quote(str(directory.path))}{options}"

    def _conditions(self, directory: RunDirectory | None) -> Conditions:
        secret = f"seed {self._asked['seed']}" if self._executor.clock == "virtual" else secrets.token_hex(8)
        if directory is not None:  # prompts that were sent before must not be warm in anybody's cache
            stored = directory.run["conditions"]
            return Conditions(**{**stored, "nonce": stored["nonce"] and secret})
        return Conditions(
            repeats=self._asked["repeats"], seed=self._asked["seed"], concurrency=self._asked["concurrency"],
            system=self._asked["system"], nonce="" if self._asked["cache"] == "shared" else secret,
            max_tries=self._asked["max_tries"], trial_timeout_s=self._asked["trial_timeout"],
            max_rpm=self._asked["max_rpm"], max_tpm=self._asked["max_tpm"],
        )  # fmt: skip

    def _record(self, runner: Runner, conditions: Conditions) -> dict[str, Any]:
        """`run.json`: what was asked and where."""
        items = [{"id": item.id, "digest": digest(item), "family": item.family, "category": item.category,
                  "language": item.language, "splittable": item.splittable,
                  "n": item.schema.size if item.schema else None} for item in self._items]  # fmt: skip
        methods = [{"spec": spec_of(m), "given": bool(getattr(m, "given", ()))} for m in self._methods]
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds"), "options": {**self._asked,
            "prompts": _absolute(self._asked["prompts"])}, "items": items, "methods": methods,
            "judges": [spec_of(judge) for judge in self._judges], "executor": spec_of(self._executor),
            "clock": self._executor.clock, "endpoint": self._executor.endpoint, "timing": self._executor.timing,
            "seed": conditions.seed, "conditions": asdict(conditions), "versions": {"ppbench": version("ppbench"),
            **self._plugins.versions()}, "environment": {"python": platform.python_version(),
            "platform": platform.platform(), "cpus": os.cpu_count(), **getattr(self._executor, "details", {})},
        }  # fmt: skip

    def _drop_torn(self, directory: RunDirectory, specs: Sequence[str]) -> None:
        for name, ends in (("trials.jsonl", directory.block_ends(specs)), ("verdicts.jsonl", directory.verdict_ends())):
            dropped = directory.drop_tail(name, ends)
            if dropped:
                click.echo(f"dropped {dropped} bytes of an incomplete block from {name}; it is run again", err=True)

    def _judge(self, directory: RunDirectory) -> None:
        bench = Bench({item.id: item for item in self._items}, self._categories, self._plugins)
        self._hearings = judge_run(bench, self._judges, directory)

    def finish(self, directory: RunDirectory, form: str, by: str | None, *, max_failures: float) -> None:
        """Print the table, then refuse a run in which a judge, or too much, failed."""
        rows = print_run(directory, form, by)
        refuse_failures(self._hearings, directory.path)
        failed, asked = sum(row.failures for row in rows), sum(row.n for row in rows)
        if failed > max_failures * asked:
            first = next(trial.failure for trial in directory.trials() if trial.failure)
            raise TooManyFailures(f"{failed} of {asked} trials failed; the first: {first}")


def _config(options: dict[str, Any]) -> str:
    """What a run was asked, as a file for -c: all that decides what is sent, and when it stops."""
    kept = {name: value for name, value in options.items() if name not in _NOT_KEPT or name in _BOUNDS}
    if kept["prices"]:
        kept["prices"] = _absolute(kept["prices"])
    return to_toml(run, kept, f"ppbench {version('ppbench')}; run it again with: ppbench run -c THIS_FILE")


def _with_serial(specs: Sequence[str], *, noise: bool) -> list[str]:
    return list(dict.fromkeys([SERIAL, *([AGAIN] if noise else []), *specs]))


def _absolute(path: str | None) -> str | None:
    return str(Path(path).resolve()) if path else None


def _new_directory(output_dir: str | None) -> Path:
    if output_dir:
        return Path(output_dir)
    stem = Path("runs") / datetime.now().strftime("%Y%m%d-%H%M%S")
    return next(path for k in range(1000) if not (path := Path(f"{stem}-{k}" if k else stem)).exists())
