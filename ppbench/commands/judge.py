"""`ppbench judge`: verdicts on the stored answers of a run, now or again, by any judge; no timing is touched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from ppbench import plugins as loader
from ppbench.commands.common import categories, installed_items, user_items
from ppbench.commands.human import print_summary, refuse_stray, serve
from ppbench.commands.outside import plugin_option
from ppbench.commands.printing import print_run
from ppbench.commands.run import JUDGES
from ppbench.errors import BrokenPlugin, InvalidData, UsageError
from ppbench.fitness import examine_run
from ppbench.judging import Bench, judge_run, prompt_hash, refuse_failures
from ppbench.model import Item
from ppbench.plugins import Plugins
from ppbench.report import FORMATS
from ppbench.specs import spec_of
from ppbench.store import RunDirectory
from ppbench.tasks import digest


@click.command()
@click.argument("run", type=click.Path(file_okay=False))
@click.option("--judge", "judges", multiple=True, metavar="SPEC",
              help=f"A judge; repeat for more.  [default: {', '.join(JUDGES)}]")  # fmt: skip
@click.option("--human", is_flag=True, help="Ask people instead: serve a page on this machine until they are done.")
@click.option("--annotator", metavar="NAME", help="With --human: who judges; without it the page asks.")
@click.option("--port", type=click.IntRange(0, 65535), help="With --human: the port of the page; any that is free.")
@click.option("-n", "--limit", type=click.IntRange(1), help="With --human: draw so many comparisons by the run's seed.")
@click.option("--again", is_flag=True, help="Ask for verdicts that are there, too; what is said last counts.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True, help="Of the table.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON, as --format json does.")
@plugin_option
def judge(
    run: str, judges: tuple[str, ...], human: bool, annotator: str | None, port: int | None, limit: int | None, again: bool,
    form: str, as_json: bool,
) -> None:  # fmt: skip
    """Judge the stored answers of RUN and print its table. Timings are never touched.

    What is judged already is not asked again; what a judge failed on is.
    """
    refuse_stray(human, annotator=annotator, port=port, limit=limit, judges=judges, again=again)
    plugins = loader.load()
    directory = RunDirectory(Path(run))
    made = list({spec_of(one): one for one in (plugins.make("judge", spec) for spec in judges or JUDGES)}.values())
    bench = Bench({item.id: item for item in _gold(plugins, directory)}, categories(plugins), plugins)
    with directory.lock():
        dropped = directory.drop_tail("verdicts.jsonl", directory.verdict_ends())
    if dropped:
        click.echo(f"dropped {dropped} bytes of an incomplete verdict from verdicts.jsonl; it is asked for again", err=True)
    if human:
        serve(bench, directory, annotator=annotator, port=port or 0, limit=limit)
    hearings = [] if human else judge_run(bench, made, directory, again=again)
    form = "json" if as_json else form
    print_run(directory, form)
    if human:
        print_summary(bench, directory, err=form != "table")
    for hearing in hearings:
        if hearing.silent:
            click.echo(f"judge {hearing.judge} asked a model and said nothing on {hearing.silent} cases", err=True)
    for line in (*_stale(bench, directory), *_unfit(directory)):
        click.echo(line, err=True)
    refuse_failures(hearings, directory.path)


def _stale(bench: Bench, directory: RunDirectory) -> list[str]:
    """A line for each judge whose verdicts stand though it is gone, or is another one by now."""
    counts = Counter((r["judge"], r.get("version", ""), r.get("prompt", "")) for r in directory.verdicts())
    lines = []
    for (spec, version, prompt), count in sorted(counts.items()):
        then = version or "an unknown version"
        try:
            made = bench.plugins.make("judge", spec)
        except (UsageError, BrokenPlugin) as error:
            lines.append(f"judge {spec} is retired ({error}); {count} records by {then} stay")
            continue
        if (version, prompt) != (bench.version_of(made), prompt_hash(made)):
            which = "another prompt of it" if version == bench.version_of(made) else then
            lines.append(f"judge {spec}: {count} records are by {which}, not by what is installed now; --again asks anew")
    return lines


def _unfit(directory: RunDirectory) -> list[str]:
    examined = examine_run(directory.run, directory.verdicts())
    return [f"judge {spec} is unfit: {reason}" for spec, reason in sorted(examined.unheard.items())]


def _gold(plugins: Plugins, directory: RunDirectory) -> list[Item]:
    """The items of a run from where its options say, unchanged since. Raises InvalidData otherwise."""
    record = directory.run
    path = record["options"]["prompts"]
    items = user_items(plugins, path, skip_bad=True)[0] if path else installed_items(plugins)
    known = {item.id: item for item in items}
    where = path or "the installed prompts"
    for entry in record["items"]:
        if entry["id"] not in known:
            raise InvalidData(f"{directory.path} was run on prompt {entry['id']}, which {where} no longer hold; "
                              "put it back, or run anew")  # fmt: skip
        if digest(known[entry["id"]]) != entry["digest"]:
            raise InvalidData(f"prompt {entry['id']} of {where} has changed since {directory.path} was run; its answers cannot "
                              "be judged by another text; put it back, or run anew")  # fmt: skip
    return [known[entry["id"]] for entry in record["items"]]
