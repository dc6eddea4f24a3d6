"""Rows of JSON lines and CSV, one at a time, each by its own keys: what of it is looked at, or why it cannot be read.

A row that is wrong comes with its reason and its line, and the next one follows. Knows files and keys, and no pre-filter.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ppbench import InvalidData

TEXTS = ("text", "prompt", "serial")
LANGUAGES = ("language", "lang")
SCHEMAS = ("schema", "annotation")
CELLS = ("template", "context", "data", "n", "category")
FLAGS = ("splittable", "parallelizable")
NAMES = ("id", "conversation_id", "conversation_hash", "query_id")
NOTHING_KNOWN = f"has neither a conversation nor {' or '.join(TEXTS)}"
_LONGEST_LINE = 64 << 20
"""Bytes of a line of JSON that are read."""
_LONGEST_CELL = 16 << 20
"""Characters of a cell of CSV: a quote that is not closed takes in no more."""
_MARKS = (",", ";", "\t", "|")


class Cells(NamedTuple):
    """A row of a text file: the line that it begins in, from 1; its cells as text, or why it goes no further."""

    line: int
    text: str | None = None
    language: str = ""
    name: str = ""
    given: str = ""
    reason: str = ""


def json_rows(file: Path) -> Iterator[Cells]:
    """One for each line that is not blank. Raises InvalidData for a file without any, or with none that has a text."""
    _expect_text(file)
    for line, data in _written(file):
        yield _clean(_json_row(line, data))


def count_json(file: Path) -> int:
    return sum(1 for _ in _written(file))


def _expect_text(file: Path) -> None:
    """Looks no further than the first row that has one."""
    keys: dict[str, None] = {}
    written = False
    for _, data in _written(file):
        written = True
        try:
            row = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            if has_text(row):
                return
            keys |= dict.fromkeys(list(row)[:20]) if len(keys) < 50 else {}
    if keys:
        raise unknown(file, keys)
    if not written:
        raise InvalidData(f"{file} is empty; it has no row")


def has_text(columns: Iterable[str]) -> bool:
    return not {"conversation", *TEXTS}.isdisjoint(columns)


def unknown(file: Path, columns: Iterable[str]) -> InvalidData:
    return InvalidData(f"{file} {NOTHING_KNOWN}; it has: {', '.join(columns)[:300]}")


def _written(file: Path) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of the lines that are not blank; of one that is too long, its beginning."""
    number = 0
    with file.open("rb") as lines:
        while line := lines.readline(_LONGEST_LINE):
            number += 1
            rest = line
            while len(rest) == _LONGEST_LINE and not rest.endswith(b"\n"):
                rest = lines.readline(_LONGEST_LINE)
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if line.strip():
                yield number, line


def _json_row(line: int, data: bytes) -> Cells:
    try:
        row = json.loads(data)
    except RecursionError:
        return Cells(line, reason="is nested too deeply")
    except UnicodeDecodeError:
        return Cells(line, reason="is no UTF-8")
    except ValueError as error:
        return Cells(line, reason=f"is no JSON: {error}")
    return _row(line, row) if isinstance(row, dict) else Cells(line, reason="is no JSON object")


# CSV


class _Lines:
    """Lines of a file, of which the last ones can be read once more."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._again = lines, deque[str]()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        """All but the first of those that were taken: they stand for themselves."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


def csv_rows(file: Path) -> Iterator[Cells]:
    """RFC 4180 with a header. A quote that does not fit costs the line that its row begins in, not those it takes in."""
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        mark, columns = _header(file, lines.readline())
        for line, cells in _records(_Lines(iter(lines)), mark):
            if isinstance(cells, str):
                yield Cells(line, reason=cells)
            elif len(cells) != len(columns):
                yield Cells(line, reason=f"has {len(cells)} cells, the header has {len(columns)}")
            else:
                full = {name: cell or None for name, cell in zip(columns, cells, strict=True)}
                yield _clean(_row(line, full))


def count_csv(file: Path) -> int:
    return sum(1 for _ in csv_rows(file))


def _header(file: Path, line: str) -> tuple[str, list[str]]:
    """What parts cells, and the columns. Raises InvalidData."""
    if not line.strip():
        raise InvalidData(f"{file} is empty, or has no header; its first line names the columns")
    found: dict[str, list[str]] = {}
    for mark in _MARKS:
        try:
            found[mark] = next(csv.reader([line], strict=True, delimiter=mark))
        except csv.Error as error:
            raise InvalidData(f"cannot read {file}: its header is no CSV: {error}") from None
    mark = next((mark for mark, columns in found.items() if has_text(columns)), "")
    if not mark:
        raise unknown(file, found[max(found, key=lambda mark: len(found[mark]))])
    if len(set(found[mark])) < len(found[mark]):
        raise InvalidData(f"cannot read {file}: its header names a column twice: {', '.join(found[mark])[:300]}")
    return mark, found[mark]


def _records(lines: _Lines, mark: str) -> Iterator[tuple[int, list[str] | str]]:
    """The line that a record begins in, from 1 with the header, and its cells, or what is wrong with it."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(lines, strict=True, delimiter=mark)
    while True:
        lines.taken.clear()
        line = lines.number + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back()
            reader = csv.reader(lines, strict=True, delimiter=mark)
            yield line, f"is no CSV: {error}"
            continue
        if cells and any(text.strip() for text in lines.taken):
            yield line, cells


# Either


def _row(line: int, row: Mapping[str, Any]) -> Cells:
    """What is looked at of a row, wherever it stands in it."""
    if not has_text(row):
        return Cells(line, reason=NOTHING_KNOWN)
    name, language = _said(row, NAMES) or "", _said(row, LANGUAGES) or ""
    try:
        turns = row.get("conversation")
        text = _asked(turns) if turns is not None else _said(row, TEXTS)
    except ValueError as error:
        return Cells(line, name=name, language=language, reason=str(error))
    return Cells(line, text, language, name, _given(row) or "")


def _asked(turns: Any) -> str | None:
    """The first turn of the user. A table may hold the turns as JSON."""
    try:
        turns = json.loads(turns) if isinstance(turns, str) else turns
    except (ValueError, RecursionError):
        turns = None
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise ValueError("its conversation is no list of turns")
    return next((_text(turn.get("content")) for turn in turns if turn.get("role") == "user"), None)


def _given(row: Mapping[str, Any]) -> str | None:
    """The row's own annotation as JSON: of one cell, or of ParallelPrompt's; none where it says that it has none."""
    if any((_text(row.get(name)) or "").casefold() == "false" for name in FLAGS):
        return None
    made = _said(row, SCHEMAS)
    if made is None and row.get("template") is not None and not {"data", "n"}.isdisjoint(row):
        made = json.dumps({name: _text(row.get(name)) for name in CELLS}, ensure_ascii=False)
    return made


def _said(row: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of these cells that holds anything, as text."""
    return next((text for name in names if (text := _text(row.get(name))) is not None), None)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _clean(row: Cells) -> Cells:
    """The row; or, if it holds what no text is made of, only that it does."""
    try:
        "".join((row.text or "", row.language, row.name, row.given)).encode()
    except UnicodeEncodeError:
        return Cells(row.line, reason="holds what is no UTF-8")
    return row
