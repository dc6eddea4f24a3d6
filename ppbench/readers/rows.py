"""Rows of a file, one at a time: JSON lines, a JSON array, CSV, Parquet. Knows files, and no data set.

A row that cannot be read comes as a Problem with its position, and the next one follows. What is held is one row, or one
batch; a row beyond `LIMIT` is a Problem too, so that a missing quote or line end does not draw a whole file into memory.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppbench.errors import InvalidData
from ppbench.readers.arrays import elements
from ppbench.readers.parquet import parquet_rows
from ppbench.tasks import Problem, parse_row

LIMIT = 16 << 20
"""Characters that a row may have; the longest prompts of the public logs have about a million."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands, its number there from 1, and its cells by column."""

    where: str
    number: int
    cells: dict[str, Any]


Rows = Iterator[Row | Problem]
Choose = Callable[[Sequence[str]], Sequence[str]]
"""Of the columns that a file has, those to read; raises InvalidData if one is missing."""


def place(path: Path, number: int) -> str:
    """How a row is named, counted from 1; a header does not count."""
    return f"{path}: row {number}"


def files(path: Path, kind: str | None = None) -> list[Path]:
    """The file, or the files of a folder, in order of their names. Raises InvalidData."""
    if not path.is_dir():
        if not path.exists():
            raise InvalidData(f"cannot read {path}: there is no such file; name a file, or a folder of files of one kind")
        return [path]
    found = sorted(file for file in path.iterdir() if file.is_file() and (kind or file.suffix.lower() in _KINDS)
                   and not file.name.startswith("."))  # fmt: skip
    if not found or len({file.suffix.lower() for file in found}) > 1:
        held = f"files of several kinds ({', '.join(sorted({f.suffix for f in found}))})" if found else "no file to read"
        raise InvalidData(f"{path} holds {held}; name a file, or a folder of files of one kind: {', '.join(_KINDS)}")
    return found


def rows(path: Path, wanted: Collection[str], required: Sequence[Collection[str]], kind: str | None = None) -> Rows:
    """The rows of a file, of the kind given or that its ending says. Raises InvalidData if it is none of them.

    `wanted` are the columns that anybody will look at; a file with columns must have one of each of `required`.
    """
    suffix = f".{kind}" if kind else path.suffix.lower()
    if suffix not in _KINDS:
        raise InvalidData(f"cannot read {path}: its ending is none of {', '.join(_KINDS)}")
    try:
        yield from _KINDS[suffix](path, lambda have: _columns(path, have, wanted, required))
    except OSError as error:
        raise InvalidData(f"cannot read {path}: {error.strerror or error}") from None


def _columns(path: Path, have: Sequence[str], wanted: Collection[str], required: Sequence[Collection[str]]) -> list[str]:
    """Those of the columns that are wanted. Raises InvalidData if a required one is not there."""
    for names in required:
        if not set(names) & set(have):
            shown = ", ".join(have)[:300]
            raise InvalidData(f"{path} has no column {' or '.join(names)}; it has: {shown}; is it another SOURCE, or is a "
                              "--map FIELD=COLUMN missing?")  # fmt: skip
    return [name for name in have if name in wanted]


def _json_rows(path: Path, choose: Choose) -> Rows:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        head = file.read(1)
        while head.isspace():
            head = file.read(1)
    return _array_rows(path) if head == "[" else _line_rows(path, choose)


def _line_rows(path: Path, _: Choose) -> Rows:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LIMIT):
            number += 1
            where = place(path, number)
            if len(line) == LIMIT and not line.endswith(b"\n"):
                while (rest := file.readline(LIMIT)) and not rest.endswith(b"\n"):
                    pass
                yield Problem(where, _TOO_LONG)
                continue
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if line.strip():
                yield _parsed(where, number, line.decode("utf-8", errors="surrogateescape"))


def _array_rows(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, text in enumerate(elements(file.read, LIMIT), 1):
            where = place(path, number)
            if text is None:
                yield Problem(where, f"{_TOO_LONG}; nothing after it can be read")
            else:
                yield _parsed(where, number, text)


def _parsed(where: str, number: int, text: str) -> Row | Problem:
    try:
        return Row(where, number, parse_row(text))
    except RecursionError:
        return Problem(where, "is nested too deeply")
    except ValueError as error:
        return Problem(where, str(error))


def _csv_rows(path: Path, choose: Choose) -> Rows:
    """RFC 4180, header first: quotes are doubled, a cell may hold line ends. `strict` tells of quotes that do not fit."""
    csv.field_size_limit(LIMIT)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise InvalidData(f"cannot read {path}: its header is no CSV: {error}") from None
        if not header:
            raise InvalidData(f"cannot read {path}: it has no header; the first line names the columns")
        choose(header)
        if len(set(header)) < len(header):
            raise InvalidData(f"cannot read {path}: its header names a column twice: {', '.join(header)[:300]}")
        yield from _records(path, reader, header)


def _records(path: Path, reader: Any, header: list[str]) -> Rows:
    number = 0
    while True:
        line = reader.line_num + 1
        where = f"{place(path, number + 1)} (line {line})"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield Problem(where, f"is no CSV: {error}")
            continue
        if not cells:  # an empty line
            continue
        number += 1
        if len(cells) == len(header):
            yield Row(where, number, dict(zip(header, cells, strict=True)))
        else:
            yield Problem(where, f"has {len(cells)} cells, the header has {len(header)}")


def _parquet_rows(path: Path, choose: Choose) -> Rows:
    for number, cells in enumerate(parquet_rows(path, choose), 1):
        yield Row(place(path, number), number, cells)


_TOO_LONG = f"is longer than {LIMIT >> 20} MB"
_KINDS: dict[str, Callable[[Path, Choose], Rows]] = {
    ".jsonl": _line_rows,
    ".json": _json_rows,
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".parquet": _parquet_rows,
}
