"""Reads conversation logs and plain tables with DuckDB: first user turn, language, and the cheap pre-filter in one query.

Parquet, JSON lines and CSV, in the layouts of LMSYS-Chat-1M and WildChat-1M, or with a column of prompts. Rows come in the
order of the source, batch by batch; answers, addresses and moderation columns are never read. Nothing is fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ppbench import BrokenPlugin, InvalidData
from ppbench_plugins.curation.signs import LONGEST, SHORTEST, pattern

_BATCH = 10_000
_TURNS = "STRUCT(content VARCHAR, role VARCHAR)[]"
_TEXTS = ("text", "prompt", "serial")
_LANGUAGES = ("language", "lang")
_SCHEMAS = ("schema", "annotation")
_CELLS = ("template", "context", "data", "n", "category")
_FLAGS = ("splittable", "parallelizable")
_NAMES = ("id", "conversation_id", "conversation_hash", "query_id")
_READERS = {".parquet": "read_parquet", ".jsonl": "read_json", ".ndjson": "read_json", ".csv": "read_csv", ".tsv": "read_csv"}
_LONGEST_ROW = 64 << 20
_CONFIG: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


class Read(NamedTuple):
    """One row as it comes from a file: `reason` says why it goes no further, and then there is no text."""

    number: int
    name: str
    text: str
    language: str
    reason: str
    given: str = ""
    """JSON of the row's own annotation, where it has one."""


@dataclass(frozen=True)
class Limits:
    """Letters that a prompt has at least and at most."""

    shortest: int = SHORTEST
    longest: int = LONGEST


def files(source: Path) -> list[Path]:
    """The file, or those of a folder and its folders, by name. Raises InvalidData."""
    if not source.exists():
        raise InvalidData(f"cannot read {source}: there is no such file; name a file, or a folder of files of one kind")
    found = sorted(file for file in source.rglob("*") if file.suffix.lower() in _READERS) if source.is_dir() else [source]
    kinds = {file.suffix.lower() for file in found}
    if not found or len(kinds) > 1 or not kinds <= _READERS.keys():
        held = f"files of several kinds ({', '.join(sorted(kinds))})" if len(kinds) > 1 else "no file that can be read"
        raise InvalidData(f"{source} is or holds {held}; have: {', '.join(_READERS)}")
    return found


def count(source: Path, threads: int = 2) -> int:
    """How many rows a source has."""
    with _connected(threads) as connection:
        return sum(_run(connection, file, f"SELECT count(*) FROM {_from(connection, file)[0]}", {"file": str(file)})[0][0]
                   for file in files(source))  # fmt: skip


def read(source: Path, limits: Limits = Limits(), *, threads: int = 2) -> Iterator[list[Read]]:
    """All rows in order, in batches. Raises InvalidData, BrokenPlugin."""
    number = 0
    for file in files(source):
        with _connected(threads) as connection:
            cursor = _query(connection, file, limits)
            while batch := _fetch(cursor, file, number):
                yield [Read(number + place, *row) for place, row in enumerate(batch, 1)]
                number += len(batch)


def _connected(threads: int) -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise BrokenPlugin(f"curate reads with duckdb ({error}); install it: pip install 'ppbench[data]'") from None
    return duckdb.connect(":memory:", config={**_CONFIG, "threads": threads})


def _query(connection: Any, file: Path, limits: Limits) -> Any:
    source, columns = _from(connection, file)
    text, language, name = _text(columns, file), _first(columns, _LANGUAGES), _first(columns, _NAMES)
    reason = f"""CASE WHEN {_conversation(columns)} IS NULL THEN 'cannot be read, or holds no turn'
        WHEN text IS NULL OR trim(text) = '' THEN 'no text of a user'
        WHEN length(text) < $shortest THEN 'too short'
        WHEN length(text) > $longest THEN 'too long'
        WHEN NOT regexp_matches(text, $signs) THEN 'no sign of several subtasks' ELSE '' END"""
    inner = (f"SELECT {text} AS text, {language} AS said, {name} AS name, "
             f"{_given(columns)} AS given, {_conversation(columns)} AS whole FROM {source}")  # fmt: skip
    outer = reason.replace(_conversation(columns), "whole")
    seen = "coalesce(name, ''), CASE WHEN reason = '' THEN text ELSE '' END, coalesce(said, ''), reason"
    given = "CASE WHEN reason = '' THEN coalesce(given, '') ELSE '' END"
    query = f"SELECT {seen}, {given} FROM (SELECT *, {outer} AS reason FROM ({inner}))"
    values = {"file": str(file), "shortest": limits.shortest, "longest": limits.longest, "signs": pattern()}
    return _do(connection, file, query, values)


def _fetch(cursor: Any, file: Path, number: int) -> list[tuple[str, str, str, str, str]]:
    import duckdb

    try:
        found: list[tuple[str, str, str, str, str]] = cursor.fetchmany(_BATCH)
    except duckdb.Error as error:
        raise InvalidData(f"{file} is damaged after row {number}: {_line(error)}") from None
    return found


def _do(connection: Any, file: Path, query: str, values: Any) -> Any:
    import duckdb

    try:
        return connection.execute(query, values)
    except duckdb.Error as error:
        raise InvalidData(f"cannot read {file}: {_line(error)}") from None


def _run(connection: Any, file: Path, query: str, values: Any) -> list[Any]:
    found: list[Any] = _do(connection, file, query, values).fetchall()
    return found


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]


def _from(connection: Any, file: Path) -> tuple[str, list[str]]:
    """The call that reads a file, with $file for its name, and the columns that it has."""
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise InvalidData(f"cannot read {file}: its ending is none of {', '.join(_READERS)}")
    if reader == "read_json":
        columns = _keys(file)
        kinds = ", ".join(f"{_quoted(name)}: '{_TURNS if name == 'conversation' else 'VARCHAR'}'" for name in _known(columns))
        options = f"format='newline_delimited', ignore_errors=true, maximum_object_size={_LONGEST_ROW}"
        return f"read_json($file, columns={{{kinds or 'text: VARCHAR'}}}, {options})", columns
    options = "all_varchar=true, header=true" if reader == "read_csv" else "hive_partitioning=false"
    made = f"{reader}($file, {options})"
    return made, [row[0] for row in _run(connection, file, f"DESCRIBE SELECT * FROM {made}", {"file": str(file)})]


def _known(columns: Sequence[str]) -> list[str]:
    return [name for name in columns if name in ("conversation", *_TEXTS, *_LANGUAGES, *_NAMES, *_SCHEMAS, *_CELLS, *_FLAGS)]


def _keys(file: Path) -> list[str]:
    """The keys of the first rows of JSON lines."""
    found: dict[str, None] = {}
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in islice(lines, 20):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            found |= dict.fromkeys(row) if isinstance(row, dict) else {}
    return list(found)


def _conversation(columns: Sequence[str]) -> str:
    return "conversation" if "conversation" in columns else _quoted(next((n for n in _TEXTS if n in columns), "text"))


def _text(columns: Sequence[str], file: Path) -> str:
    if "conversation" in columns:
        return "[one_turn.content FOR one_turn IN conversation IF one_turn.role = 'user'][1]"
    if not set(_TEXTS) & set(columns):
        raise InvalidData(f"{file} has neither a conversation nor {' or '.join(_TEXTS)}; it has: {', '.join(columns)[:300]}")
    return _conversation(columns)


def _given(columns: Sequence[str]) -> str:
    """The row's own annotation as JSON: of one column, or of ParallelPrompt's cells; none where it says that it has none."""
    made = next((_quoted(name) for name in _SCHEMAS if name in columns), "")
    if not made and {"template", "data", "n"} <= set(columns):
        cells = ", ".join(f"{name} := CAST({_quoted(name)} AS VARCHAR)" for name in _CELLS if name in columns)
        made = f"to_json(struct_pack({cells}))"
    refused = " OR ".join(f"lower(CAST({_quoted(name)} AS VARCHAR)) = 'false'" for name in _FLAGS if name in columns)
    return f"CASE WHEN {refused or 'false'} THEN NULL ELSE CAST({made} AS VARCHAR) END" if made else "NULL"


def _first(columns: Sequence[str], names: Sequence[str]) -> str:
    found = next((name for name in names if name in columns), None)
    return f"CAST({_quoted(found)} AS VARCHAR)" if found else "NULL"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
