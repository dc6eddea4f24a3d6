"""`ppbench curate`: from conversation logs to validated schemas. It comes in by entry point, as a stranger's would."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ppbench import (
    BrokenPlugin,
    BudgetReached,
    EndpointUnusable,
    InvalidData,
    PpbenchError,
    UsageError,
    data_dir,
    language_code,
)
from ppbench_plugins.curation.journal import Journal
from ppbench_plugins.curation.logs import Limits, files
from ppbench_plugins.curation.session import Asked, Session
from ppbench_plugins.curation.signs import LONGEST, SHORTEST
from ppbench_plugins.curation.spending import Budget
from ppbench_plugins.curation.stages import DETECT

PACKAGED = "packaged"
_FREE = frozenset(("resume", "max_cost", "max_total_tokens", "prices", "workers", "cluster", "quiet", "max_failures"))
"""Options that may differ from one sitting to the next, for they change nothing that is written."""
_STOPS = (KeyboardInterrupt, BudgetReached, EndpointUnusable, BrokenPlugin)
"""After which the same command can go on."""
_EDGE = 64 << 10
"""Bytes at each end of a file that its fingerprint is of."""


@click.command()
@click.argument("source", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--output-dir", type=click.Path(file_okay=False, path_type=Path), help="Where to write.")
@click.option("--resume", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Go on with a stopped one.")
@click.option("--planner", type=click.Choice(["rules", "llm", "given"]),
              help="Who splits: rules; if one is named, a model; given: the rows bring their annotations.")  # fmt: skip
@click.option("-m", "--model", metavar="PROVIDER/NAME", help="Model that splits, e.g. openai/gpt-5.5.")
@click.option("-e", "--executor", default="native", metavar="SPEC", show_default=True, help="Who sends.")
@click.option("--base-url", metavar="URL", help="Endpoint, e.g. http://127.0.0.1:8000/v1.")
@click.option("-j", "--concurrency", type=click.IntRange(1), default=16, show_default=True, help="Rows asked about at a time.")
@click.option("--max-rpm", type=click.IntRange(1), help="Requests a minute at most.")
@click.option("--max-tpm", type=click.IntRange(1), help="Tokens a minute at most, read and written.")
@click.option("--max-tries", type=click.IntRange(1), default=3, show_default=True, help="Attempts a request.")
@click.option("--max-tokens", type=click.IntRange(1), default=4096, show_default=True, help="Tokens of a reply at most.")
@click.option("--trial-timeout", type=click.FloatRange(min=0, max=1e6, min_open=True), default=600.0, show_default=True,
              help="Seconds that a reply may take, all attempts together.")  # fmt: skip
@click.option("--max-cost", type=click.FloatRange(min=0, max=1e9, min_open=True), metavar="USD",
              help="Stop, resumable, before more is spent, all sittings together.")  # fmt: skip
@click.option("--max-total-tokens", type=click.IntRange(1), help="Stop, resumable, before more tokens are used.")
@click.option("--prices", type=click.Path(dir_okay=False), default="", help="Your own prices, a JSON file.")
@click.option("--max-failures", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="Share of rows without an answer above which it exits with 3.")  # fmt: skip
@click.option("--language", default="", metavar="CODE", help=f"Language of rows that name none; {DETECT}: of all rows, by a "
              "small local model, which is asked where a row names none, too.")  # fmt: skip
@click.option("--shortest", type=click.IntRange(1), default=SHORTEST, show_default=True, help="Letters of a prompt at least.")
@click.option("--longest", type=click.IntRange(1), default=LONGEST, show_default=True, help="Letters of a prompt at most.")
@click.option("-n", "--limit", type=click.IntRange(1), help="Only the first N rows.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as there are cores without it.")
@click.option("--cluster", default="", metavar="ADDRESS", help="Run the stages on a Dask cluster, e.g. tcp://10.0.0.1:8786.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_context
def curate(ctx: click.Context, /, **options: Any) -> None:
    """Find the prompts of SOURCE that can be split, with a checked schema each.

    SOURCE is a file or a folder: Parquet, JSON lines or CSV, in the layout of LMSYS-Chat-1M or WildChat-1M, or with a column
    text or prompt; "packaged" names the packaged prompts. DIR gets accepted.jsonl (for ppbench run --prompts), rejected.jsonl
    with reasons, and statistics.json.
    """
    asked, journal = _asked(ctx, options)
    try:
        session = Session(asked, journal, _budget(options), quiet=options["quiet"])
        found = session.run(options["workers"] or os.cpu_count() or 1, options["cluster"])
    except (KeyboardInterrupt, PpbenchError) as stop:
        if journal.drop():
            raise
        if isinstance(stop, _STOPS):
            line = _resume_line(journal, options, more=isinstance(stop, BudgetReached))
            click.echo(f"\nWhat was settled and paid for is kept. Go on with: {line}", err=True)
        raise
    click.echo(found)
    session.refuse_failures(options["max_failures"], _resume_line(journal, options))


def _asked(ctx: click.Context, options: dict[str, Any]) -> tuple[Asked, Journal]:
    """What is to be done, and where it is kept: as asked now, or as it was when it began."""
    resumed, source, out = options["resume"], options["source"], options["output_dir"]
    if resumed is not None:
        journal = Journal(resumed)
        stored = Asked(**journal.settings["asked"])
        _refuse_other(ctx, options, stored)
        return stored, journal
    if source is None or out is None:
        raise UsageError("give a SOURCE and -o DIR, or --resume DIR")
    asked = _fresh(options)
    return asked, Journal.create(out, {"asked": asdict(asked)})


def _fresh(options: dict[str, Any]) -> Asked:
    planner = options["planner"] or ("llm" if options["model"] else "rules")
    if planner != "llm" and options["model"]:
        raise UsageError(f"--planner {planner} asks no model; leave -m out, or take --planner llm")
    if planner == "llm" and not options["model"]:
        raise UsageError("--planner llm needs a model: -m provider/name, e.g. -m mock/quick -e offline")
    if options["base_url"] is not None and not options["base_url"].strip():
        raise UsageError("--base-url is empty; give an address, e.g. http://127.0.0.1:8000/v1, or leave the option out")
    language = options["language"]
    if language and language != DETECT and language_code(language) == "und":
        raise UsageError(f"unknown language {language!r}; give a code of ISO 639-1 (pt), its English name, or {DETECT}")
    source = _source(options["source"])
    limits = Limits(options["shortest"], options["longest"])
    return Asked(
        source=str(source), files=fingerprint(source), planner=planner, model=options["model"] or "",
        executor=options["executor"], base_url=options["base_url"] or "", language=language if language in ("", DETECT) else
        language_code(language), shortest=limits.shortest, longest=limits.longest, limit=options["limit"] or 0,
        concurrency=options["concurrency"], max_rpm=options["max_rpm"], max_tpm=options["max_tpm"],
        max_tries=options["max_tries"], max_tokens=options["max_tokens"],
        timeout_s=options["trial_timeout"],
    )  # fmt: skip


def _source(given: Path) -> Path:
    """Where the logs are; `packaged` names the packaged prompts, unless there is a file of that name."""
    return data_dir("tasks") if str(given) == PACKAGED and not given.exists() else given.absolute()


def fingerprint(source: Path) -> list[list[Any]]:
    """Path, size, time of change and a digest of both ends of each of a source's files: another source is another curation."""
    return [_print(file, source) for file in files(source)]


def _print(file: Path, source: Path) -> list[Any]:
    try:
        with file.open("rb") as data:
            about = os.fstat(data.fileno())
            ends = data.read(_EDGE)
            data.seek(max(len(ends), about.st_size - _EDGE))
            digest = hashlib.blake2b(ends + data.read(_EDGE), digest_size=16).hexdigest()
    except OSError as error:
        raise InvalidData(f"cannot read {file}: {error.strerror or error}") from None
    name = str(file.relative_to(source)) if file != source else file.name
    return [name, about.st_size, about.st_mtime_ns, digest]


def _refuse_other(ctx: click.Context, options: dict[str, Any], stored: Asked) -> None:
    """Raise InvalidData for a source that changed since, and for an option that would make other sets of it."""
    if changed := _changed(stored.files, fingerprint(Path(stored.source))):
        raise InvalidData(f"{stored.source} is not what it was when the curation began: {changed}; start a new one with "
                          "another -o")  # fmt: skip
    given = {name for name in options if (origin := ctx.get_parameter_source(name)) and origin.name == "COMMANDLINE"}
    if other := sorted(given - _FREE):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in other)
        raise InvalidData(f"--resume goes on as the curation began; leave out {names}")


def _changed(before: list[list[Any]], now: list[list[Any]]) -> str:
    """What is another of the first file that is; nothing, if all are as they were."""
    old, new = ({one[0]: one[1:] for one in found} for found in (before, now))
    for name in sorted(old.keys() | new.keys()):
        if name not in new or name not in old:
            return f"{name} is {'new' if name in new else 'gone'}"
        if old[name] != new[name]:
            parts = zip(("its size", "the time of its last change", "its content"), old[name], new[name], strict=True)
            return f"of {name} {' and '.join(part for part, one, other in parts if one != other)} changed"
    return ""


def _budget(options: dict[str, Any]) -> Budget:
    return Budget(options["max_cost"], options["max_total_tokens"], options["prices"])


def _resume_line(journal: Journal, options: dict[str, Any], *, more: bool = False) -> str:
    """The command that goes on; with twice the budget, if it was used up."""
    factor = 2 if more else 1
    kept = {name: options[name] for name in ("cluster", "prices") if options[name]}
    kept |= {name: options[name] * factor for name in ("max_cost", "max_total_tokens") if options[name]}
    said = "".join(f" --{name.replace('_', '-')} {value}" for name, value in kept.items())
    return f"ppbench curate --resume {journal.path}{said}"
