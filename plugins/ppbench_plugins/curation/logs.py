"""Reads conversation logs and plain tables: first user turn, language, and the cheap pre-filter, a query of DuckDB.

Parquet, JSON lines and CSV, in the layouts of LMSYS-Chat-1M and WildChat-1M, or with a column of prompts. Rows come in the
order of the source, batch by batch; answers, addresses and moderation columns are never read. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ppbench import BrokenPlugin, InvalidData
from ppbench_plugins.curation.cells import (
    CELLS,
    FLAGS,
    LANGUAGES,
    NAMES,
    SCHEMAS,
    TEXTS,
    Cells,
    count_csv,
    count_json,
    csv_rows,
    has_text,
    json_rows,
    unknown,
)
from ppbench_plugins.curation.signs import LONGEST, SHORTEST, pattern

_BATCH = 10_000
_LETTERS = 32 << 20
"""Of a batch of a text file, beyond which no row is added to it."""
_PARQUET = ".parquet"
_TEXT_FILES = {".jsonl": (json_rows, count_json), ".ndjson": (json_rows, count_json),
               ".csv": (csv_rows, count_csv), ".tsv": (csv_rows, count_csv)}  # fmt: skip
_ENDINGS = (_PARQUET, *_TEXT_FILES)
_SOURCE = "read_parquet($file, hive_partitioning=false)"
_REASON = """CASE WHEN text IS NULL OR trim(text) = '' THEN 'no text of a user'
    WHEN length(text) < $shortest THEN 'too short'
    WHEN length(text) > $longest THEN 'too long'
    WHEN NOT regexp_matches(text, $signs) THEN 'no sign of several subtasks' ELSE '' END"""
_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
_Found = tuple[str, str, str, str, str, int]


class Read(NamedTuple):
    """One row as it comes from a file: `reason` says why it goes no further, and then there is no text."""

    number: int
    name: str
    text: str
    language: str
    reason: str
    given: str = ""
    """JSON of the row's own annotation, where it has one."""
    line: int = 0
    """Of its file, from 1, where a row begins in one."""
    file: str = ""
    """Where the source has several: its path in there."""


@dataclass(frozen=True)
class Limits:
    """Letters that a prompt has at least and at most."""

    shortest: int = SHORTEST
    longest: int = LONGEST


def files(source: Path) -> list[Path]:
    """The file, or those of a folder and its folders, by name. Raises InvalidData."""
    if not source.exists():
        raise InvalidData(f"cannot read {source}: there is no such file; name a file, or a folder of files of one kind")
    found = sorted(file for file in source.rglob("*") if file.suffix.lower() in _ENDINGS) if source.is_dir() else [source]
    kinds = {file.suffix.lower() for file in found}
    if not found or len(kinds) > 1 or not kinds <= set(_ENDINGS):
        held = f"files of several kinds ({', '.join(sorted(kinds))})" if len(kinds) > 1 else "no file that can be read"
        raise InvalidData(f"{source} is or holds {held}; have: {', '.join(_ENDINGS)}")
    return found


def count(source: Path, threads: int = 2) -> int:
    """How many rows a source has. Raises InvalidData, BrokenPlugin."""
    return sum(_count(file, threads) for file in files(source))


def _count(file: Path, threads: int) -> int:
    if file.suffix.lower() != _PARQUET:
        with _readable(file):
            return _TEXT_FILES[file.suffix.lower()][1](file)
    with _connected(threads) as connection:
        found: int = _do(connection, file, f"SELECT count(*) FROM {_SOURCE}", {"file": str(file)}).fetchone()[0]
        return found


def read(source: Path, limits: Limits = Limits(), *, threads: int = 2) -> Iterator[list[Read]]:
    """All rows in order, in batches. Raises InvalidData, BrokenPlugin."""
    number, several = 0, source.is_dir()
    for file in files(source):
        name = str(file.relative_to(source)) if several else ""
        with _connected(threads) as connection:
            batches = _of_parquet if file.suffix.lower() == _PARQUET else _of_text
            for batch in batches(connection, file, limits):
                yield [Read(number + place, *row, name) for place, row in enumerate(batch, 1)]
                number += len(batch)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidData(f"cannot read {file}: {error.strerror or error}") from None


def _connected(threads: int) -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise BrokenPlugin(f"curate reads with duckdb ({error}); install it: pip install 'ppbench[data]'") from None
    return duckdb.connect(":memory:", config={**_CONFIG, "threads": threads})


# JSON lines, CSV


def _of_text(connection: Any, file: Path, limits: Limits) -> Iterator[list[_Found]]:
    with _readable(file):
        rows = _TEXT_FILES[file.suffix.lower()][0](file)
        while batch := list(_some(rows)):
            texts = [row.text for row in batch if not row.reason]
            query = f"SELECT {_REASON} FROM (SELECT unnest($texts::VARCHAR[]) AS text)"
            reasons = (one for (one,) in _do(connection, file, query, {"texts": texts, **_values(limits)}).fetchall())
            yield [_found(row, row.reason or next(reasons)) for row in batch]


def _some(rows: Iterator[Cells]) -> Iterator[Cells]:
    letters = 0
    for _, row in zip(range(_BATCH), rows, strict=False):
        yield row
        letters += len(row.text or "")
        if letters > _LETTERS:
            return


def _found(row: Cells, reason: str) -> _Found:
    text, given = ("", "") if reason else (row.text or "", row.given)
    return row.name, text, row.language, reason, given, row.line


def _values(limits: Limits) -> dict[str, Any]:
    return {"shortest": limits.shortest, "longest": limits.longest, "signs": pattern()}


# Parquet


def _of_parquet(connection: Any, file: Path, limits: Limits) -> Iterator[list[_Found]]:
    cursor, number = _query(connection, file, limits), 0
    while batch := _fetch(cursor, file, number):
        yield batch
        number += len(batch)


def _query(connection: Any, file: Path, limits: Limits) -> Any:
    columns = _columns(connection, file)
    text, language, name = _text(connection, file, columns), _first(columns, LANGUAGES), _first(columns, NAMES)
    reason = f"CASE WHEN whole IS NULL THEN 'cannot be read, or holds no turn' ELSE {_REASON} END"
    inner = (f"SELECT {text} AS text, {language} AS said, {name} AS name, "
             f"{_given(columns)} AS given, {_whole(columns)} AS whole FROM {_SOURCE}")  # fmt: skip
    seen = "coalesce(name, ''), CASE WHEN reason = '' THEN text ELSE '' END, coalesce(said, ''), reason"
    given = "CASE WHEN reason = '' THEN coalesce(given, '') ELSE '' END"
    query = f"SELECT {seen}, {given}, 0 FROM (SELECT *, {reason} AS reason FROM ({inner}))"
    return _do(connection, file, query, {"file": str(file), **_values(limits)})


def _fetch(cursor: Any, file: Path, number: int) -> list[_Found]:
    import duckdb

    try:
        found: list[_Found] = cursor.fetchmany(_BATCH)
    except duckdb.Error as error:
        raise InvalidData(f"{file} is damaged after row {number}: {_line(error)}") from None
    return found


def _do(connection: Any, file: Path, query: str, values: Any) -> Any:
    import duckdb

    try:
        return connection.execute(query, values)
    except duckdb.Error as error:
        raise InvalidData(f"cannot read {file}: {_line(error)}") from None


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]


def _columns(connection: Any, file: Path) -> dict[str, str]:
    """Name and type of each. Raises InvalidData if none holds a text."""
    found = _do(connection, file, f"DESCRIBE SELECT * FROM {_SOURCE}", {"file": str(file)}).fetchall()
    columns = {row[0]: row[1] for row in found}
    if not has_text(columns):
        raise unknown(file, columns)
    return columns


def _whole(columns: Collection[str]) -> str:
    return "conversation" if "conversation" in columns else _quoted(next(name for name in TEXTS if name in columns))


def _text(connection: Any, file: Path, columns: Mapping[str, str]) -> str:
    """The text of a row. Raises InvalidData if its column is of a type that holds none."""
    import duckdb

    whole = _whole(columns)
    text = "[one_turn.content FOR one_turn IN conversation IF one_turn.role = 'user'][1]" if whole == "conversation" else whole
    try:
        [[_, kind, *_]] = connection.execute(f"DESCRIBE SELECT {text} FROM {_SOURCE}", {"file": str(file)}).fetchall()
    except duckdb.BinderException:
        kind = ""
    if kind != "VARCHAR":
        name = whole.strip('"')
        known = f"a conversation that is a list of STRUCT(content VARCHAR, role VARCHAR), or {' or '.join(TEXTS)} as VARCHAR"
        raise InvalidData(f"cannot read {file}: its column {name} is {columns[name][:120]}; known are {known}")
    return text


def _given(columns: Collection[str]) -> str:
    """The row's own annotation as JSON: of one column, or of ParallelPrompt's cells; none where it says that it has none."""
    made = next((_quoted(name) for name in SCHEMAS if name in columns), "")
    if not made and {"template", "data", "n"} <= set(columns):
        cells = ", ".join(f"{name} := CAST({_quoted(name)} AS VARCHAR)" for name in CELLS if name in columns)
        made = f"to_json(struct_pack({cells}))"
    refused = " OR ".join(f"lower(CAST({_quoted(name)} AS VARCHAR)) = 'false'" for name in FLAGS if name in columns)
    return f"CASE WHEN {refused or 'false'} THEN NULL ELSE CAST({made} AS VARCHAR) END" if made else "NULL"


def _first(columns: Collection[str], names: Sequence[str]) -> str:
    found = next((name for name in names if name in columns), None)
    return f"CAST({_quoted(found)} AS VARCHAR)" if found else "NULL"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
