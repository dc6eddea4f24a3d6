"""A stored run as one file: a page, rows as Parquet, a trace for Perfetto. Writes what it was told to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import click

from ppbench.commands.printing import derived
from ppbench.errors import BrokenPlugin, InvalidData, UsageError
from ppbench.pages import rows
from ppbench.pages.run_page import Page, render
from ppbench.pages.telling import latencies, shown
from ppbench.report import doubts, parts
from ppbench.store import RunDirectory

_RECORDS = ("run.json", "trials.jsonl", "verdicts.jsonl", "config.toml")
_BATCH = 200


def page_of(directory: RunDirectory) -> str:
    """The run as one HTML page."""
    found, known = derived(directory), latencies(directory.trials())
    beside = found.beside(directory)
    tables, notes = parts(found.run, found.scores, path=str(directory.path), form="html", **beside)
    unheard = [f"judge {judge} is unfit and was not heard: {reason}" for judge, reason in found.examined.unheard.items()]
    warnings = [*unheard, *doubts(found.run, found.scores, beside["client"])]
    kept = [note for note in notes if not note.startswith(("Warning: ", "Run: "))]
    return render(Page(found.run, str(directory.path), tables, kept, warnings, known, shown(directory.trials, known)))


def refuse_record(directory: RunDirectory, file: Path) -> None:
    """Raise UsageError for a file that is part of the run itself: it could not be made again."""
    if file.resolve().parent == directory.path.resolve() and file.name in _RECORDS:
        raise UsageError(f"{file} is a record of the run; choose another -o")


def write(file: Path, pieces: Iterable[str]) -> None:
    """Write a text, whole or not at all, over what was there."""
    partial = _partial(file)
    with partial.open("w", encoding="utf-8", errors="replace") as out:
        out.writelines(pieces)
    partial.replace(file)


def _partial(file: Path) -> Path:
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise InvalidData(f"cannot write to {file}: {'it is a folder' if file.is_dir() else 'its folder does not exist'}")
    return file.with_name(f"{file.name}.partial")


def write_parquet(directory: RunDirectory, file: Path) -> None:
    """One row a trial. Raises BrokenPlugin where duckdb is not installed."""
    try:
        import duckdb
    except ImportError as error:
        raise BrokenPlugin(f"writing Parquet needs duckdb ({error}); install it: pip install 'ppbench[data]'") from None
    columns, verdicts = rows.columns(directory.verdicts())
    partial = _partial(file)
    with duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
        connection.execute(f"CREATE TABLE trials ({', '.join(f'{_quoted(name)} {kind}' for name, kind in columns.items())})")
        for many, values in _inserts(columns, rows.rows(directory.run, directory.trials, verdicts)):
            marks = ", ".join(["(" + ", ".join("?" * len(columns)) + ")"] * many)
            connection.execute(f"INSERT INTO trials VALUES {marks}", values)
        target = str(partial).replace("'", "''")
        connection.execute(f"COPY trials TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    partial.replace(file)
    click.echo(f"wrote {file}: one row a trial", err=True)


def _inserts(columns: Mapping[str, str], records: Iterator[dict[str, Any]]) -> Iterator[tuple[int, list[Any]]]:
    while batch := list(islice(records, _BATCH)):
        yield len(batch), [_value(record.get(name)) for record in batch for name in columns]


def _value(value: Any) -> Any:
    """Half a surrogate pair from a model has no place in a column of UTF-8."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
