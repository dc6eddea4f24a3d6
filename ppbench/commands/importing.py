"""`ppbench tasks import`: prompts of the public data sets, or of a plain table, as rows that `ppbench run --prompts` reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ppbench import plugins as loader
from ppbench.commands.common import known_names
from ppbench.errors import InvalidData, UsageError
from ppbench.readers import DETECT, SOURCES, UNKNOWN, Counts, Imported, Importer, Layout, Wish, code, with_template

_HELP = "\n\n".join(
    [
        "Read the prompts of PATH, a file or a folder of files of one kind, and write them as JSON lines.",
        "\b\nSOURCE is one of\n" + "\n".join(f"  {name:16}{layout.title}" for name, layout in SOURCES.items()),
        "Files are Parquet, CSV, JSON lines or a JSON array, as their ending says. A row that cannot be read is named on "
        "stderr with its position, and left out; what became of the rows is said at the end.",
        "The text of a ParallelPrompt row is `serial`, from which its schema was taken; --map text=prompt takes the original. "
        "A category that is not installed becomes `general`, and its name stays in `source`.",
        f"Fields of a plain table: {', '.join(SOURCES['jsonl'].fields)}.",
    ]
)


@click.command("import", help=_HELP)
@click.argument("source", type=click.Choice(list(SOURCES)), metavar="SOURCE")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to write; standard output without it.")
@click.option("--map", "columns", metavar="FIELD=COLUMN,...", multiple=True, help="Which column holds a field: text=prompt.")
@click.option("--category", help="Category of rows that name none.")
@click.option("--language", default=UNKNOWN, help=f"Language of rows that name none; `{DETECT}` asks a small local model.")
@click.option("--template", help="multi-problem: how one problem is asked, with {data} where it goes.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="Stop after so many prompts.")
def import_(
    source: str,
    path: Path,
    output: str,
    columns: tuple[str, ...],
    category: str | None,
    language: str,
    template: str | None,
    limit: int | None,
) -> None:
    names = known_names(loader.load())
    layout = _layout(source, template)
    wish = Wish(_mapping(layout, columns), _category(names, category), _language(language))
    if layout.terms:
        click.echo(f"note: {layout.terms}", err=True)
    counts = _copy(Importer(source, layout, wish, names), path, output, limit)
    click.echo(_summary(counts, limit), err=True)


def _copy(importer: Importer, path: Path, output: str, limit: int | None) -> Counts:
    """Read and write row by row. Raises InvalidData if not one prompt comes of it."""
    counts = Counts()
    with _target(output) as target:
        for one in importer.read(path):
            counts.add(one)
            if isinstance(one, Imported):
                target.write(one.line + "\n")
            else:
                click.echo(f"skipped {one}", err=True)
            if counts.written == limit:
                break
        if not counts.written:
            raise InvalidData(f"{path} holds no prompt that this source can read; {_summary(counts, limit)}")
    return counts


@contextmanager
def _target(output: str) -> Iterator[IO[str]]:
    """Where to write. A file takes its place when it is whole; a device or a pipe is written to as it is."""
    path = Path(output)
    if output == "-" or (path.exists() and not path.is_file()):
        with click.open_file(output, "w", encoding="utf-8") as stream:
            yield stream
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _summary(counts: Counts, limit: int | None) -> str:
    stopped = f" (stopped at --limit {limit})" if counts.written == limit else ""
    lines = [f"read {counts.read} rows, wrote {counts.written} prompts, skipped {sum(counts.skipped.values())}{stopped}"]
    lines += [f"  skipped {number}: {reason}" for reason, number in counts.skipped.most_common()]
    notes = {
        "without a schema": counts.unlabelled,
        "in the category general": counts.general,
        "with an item or a context that the text does not hold, which `ppbench tasks validate` refuses": counts.ungrounded,
    }
    return "\n".join(lines + [f"  of those written, {number} {what}" for what, number in notes.items() if number])


def _layout(source: str, template: str | None) -> Layout:
    layout = SOURCES[source]
    if template is None:
        return layout
    if source != "multi-problem" or "{data}" not in template:
        raise UsageError("--template is for multi-problem, and holds {data} where a problem goes")
    return with_template(layout, template)


def _mapping(layout: Layout, given: tuple[str, ...]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for pair in (pair for part in given for pair in part.split(",")):
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not (equals and column) or field not in layout.fields:
            raise UsageError(f"--map {pair!r} is no FIELD=COLUMN; the fields of this source: {', '.join(layout.fields)}")
        chosen[field] = column
    return chosen


def _category(names: dict[str, str], given: str | None) -> str | None:
    if given is not None and given.casefold() not in names:
        raise UsageError(f"unknown category {given!r}; have: {', '.join(sorted(set(names.values())))}")
    return given


def _language(given: str) -> str:
    known = given if given in (DETECT, UNKNOWN) else code(given)
    if known == UNKNOWN != given:
        raise UsageError(f"unknown language {given!r}; give a code of ISO 639-1 (pt), its English name, or {DETECT}")
    return known
