"""Reads an answer that is a table or JSON into its records. Pure text; knows no reference.

Half of a JSON answer is read as far as it goes. Numbers stay as they were written. Nothing here raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jiter

from ppbench_plugins.judges.echoes import Names

_FENCED = re.compile(r"^[ \t]*+(```|~~~)[^\n`]*+\n(.*?)(?:^[ \t]*+\1[ \t]*+$|\Z)", re.DOTALL | re.MULTILINE)
_NUMBERED = re.compile(r"[#(]?(\d{1,5})[.)]?")
_RULE = re.compile(r"[\s|:+-]+")
_CELLS = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_COUNT = re.compile(r"\D{0,16}?(\d{1,5})\D{0,2}")
_OPENS = re.compile(r"#|[-*•][ \t]|[(（\[]?\d{1,3}[.)．）、:：]|\*\*|\|")
_REMARK = 400
"""Letters that may stand before and after JSON, or a fence around it."""


@dataclass(frozen=True)
class Piece:
    """A piece of an answer: its text, the number it carries, and the place of the item it names, if any."""

    text: str
    number: int | None = None
    place: int | None = None


def unfenced(text: str) -> str:
    """What a fence holds, where nothing but a line of introduction stands around it; else the text as it is."""
    match = _FENCED.search(text)
    if not match or "\n" in text[: match.start()].strip() or text[match.end() :].strip():
        return text
    return match[2].strip("\n")


def from_json(text: str, names: Names) -> list[Piece] | None:
    """The records of an answer that is a JSON array or object, fenced or not; None if it is none."""
    value = _parsed(text)
    while isinstance(value, _Members) and len(value) == 1 and isinstance(value[0][1], list) and value[0][1]:
        if names.whole(value[0][0]) is not None or _COUNT.fullmatch(value[0][0]):
            break
        value = value[0][1]
    if isinstance(value, _Members):
        return [_keyed(key, inner, names) for key, inner in value]
    if not isinstance(value, list):
        return None
    rows = [_row(one, names) if isinstance(one, _Members) else [one] for one in value if one != []]
    return _records(rows, names, len(rows)) if rows else None


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object in their order, a key that stands twice included."""


def _parsed(text: str) -> Any:
    """The JSON array or object that an answer is, or None. One that was cut off is read as far as it goes."""
    fence = _FENCED.search(text)
    body = fence[2] if fence else text
    if fence and not (_introduces(text[: fence.start()]) and _closes(text[fence.end() :])):
        return None
    start = min((at for at in (body.find("["), body.find("{")) if at >= 0), default=-1)
    if start < 0 or not _introduces(body[:start]):
        return None
    try:
        value, end = _DECODER.raw_decode(body, start)
    except (ValueError, RecursionError):
        value, end = _begun(body[start:]), len(body)
    whole = isinstance(value, list) and (value or isinstance(value, _Members)) and _closes(body[end:])
    return value if whole else None


_DECODER = json.JSONDecoder(object_pairs_hook=_Members, parse_float=str, parse_int=str, parse_constant=str)


def _introduces(text: str) -> bool:
    """Whether a text only leads to what comes after it: a line or two that open no list."""
    before = text.strip()
    led = text.rstrip(" \t").endswith("\n") or before.endswith((":", "："))
    return not before or (led and _closes(text) and not _OPENS.match(before))


def _closes(text: str) -> bool:
    """Whether a text is no more than a remark."""
    return len(text) <= _REMARK + 400 and len(text.strip()) <= _REMARK and text.strip().count("\n") < 3


def _begun(text: str) -> Any:
    """What is whole of JSON that was cut off; None for what is no JSON at all."""
    if not re.match(r'\[\s*+["{\[]|\{\s*+"', text):
        return None
    try:
        return _as_members(jiter.from_json(text.encode(), partial_mode="on", float_mode="lossless-float"), 0)
    except (ValueError, RecursionError):
        return None


def _as_members(value: Any, depth: int) -> Any:
    if depth > 100:
        return ""
    if isinstance(value, dict):
        return _Members((key, _as_members(inner, depth + 1)) for key, inner in value.items())
    if isinstance(value, list):
        return [_as_members(inner, depth + 1) for inner in value]
    return str(value) if value is not None and not isinstance(value, bool | str) else value


def _row(members: _Members, names: Names) -> list[Any]:
    """The cells of a record; where its only key is an item, that is a cell too."""
    if len(members) == 1 and names.whole(members[0][0]) is not None:
        return [members[0][0], members[0][1]]
    return [value for _, value in members]


def _keyed(key: str, value: Any, names: Names) -> Piece:
    count = _COUNT.fullmatch(key)
    place = names.whole(key)
    if isinstance(value, _Members) and value:
        value = _row(value, names)[-1]
    return Piece(_written(value), int(count[1]) if count and place is None else None, place)


def _written(value: Any, depth: int = 0) -> str:
    """A value as an answer in words: the members of a list on lines of their own."""
    if value is None or depth > 20:
        return ""
    if isinstance(value, _Members):
        return "\n".join(f"{key}: {_written(inner, depth + 1)}" for key, inner in value)
    if isinstance(value, list):
        return "\n".join(_written(inner, depth + 1) for inner in value)
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def from_table(lines: Sequence[str], names: Names, expected: int) -> list[Piece] | None:
    """The records of the table that an answer is; None where its rows are in several tables, one an item."""
    tables = list(_tables(lines))
    rows = [row for table in tables for row in table]
    if not rows or (len(tables) == expected > 1 and len(rows) != expected):
        return None
    return _records(rows, names, expected)


def first_row(lines: Sequence[str]) -> int | None:
    """The line in which the first table begins."""
    return next((at for at, line in enumerate(lines) if _is_row(line) or _is_head(lines, at)), None)


def _tables(lines: Sequence[str]) -> Iterator[list[list[str]]]:
    """The rows of each table, without its head."""
    at = 0
    while at < len(lines):
        if not (_is_row(lines[at]) or _is_head(lines, at)):
            at += 1
            continue
        end = at
        while end < len(lines) and "|" in lines[end] and lines[end].strip():
            end += 1
        head = 2 if _is_head(lines, at) else 0
        yield [_cells(line) for line in lines[at + head : end] if not _RULE.fullmatch(line)]
        at = max(end, at + 1)


def _is_row(line: str) -> bool:
    line = line.strip()
    return len(line) > 2 and line[0] == line[-1] == "|"


def _is_head(lines: Sequence[str], at: int) -> bool:
    rule = lines[at + 1] if at + 1 < len(lines) else ""
    return "|" in lines[at] and "|" in rule and "--" in rule and _RULE.fullmatch(rule) is not None


def _cells(line: str) -> list[Any]:
    line = line.strip()
    inner = line[1:] if line.startswith("|") else line
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [_BREAK.sub("\n", cell).replace("\\|", "|").strip() for cell in _CELLS.split(inner)]


def _records(rows: Sequence[Sequence[Any]], names: Names, expected: int) -> list[Piece]:
    """Rows as pieces. A column of items or of numbers names them; the answer stands in the column after, or in the last."""
    width = max(map(len, rows), default=0)
    if width < 2:
        return [Piece(_written(row[0] if row else "")) for row in rows]
    at, places = _naming([[_whole(row, k, names) for row in rows] for k in range(min(width, 6))])
    nobody: list[int | None] = [None] * len(rows)
    counted = _counts([row[0] if row else "" for row in rows], expected) or nobody
    answer = at + 1 if places and at + 1 < width else width - 1
    texts = [_written(row[answer]) if answer < len(row) else "" for row in rows]
    return [Piece(*about) for about in zip(texts, counted, places or nobody, strict=True)]


def _whole(row: Sequence[Any], k: int, names: Names) -> int | None:
    return names.whole(row[k]) if k < len(row) and isinstance(row[k], str) else None


def _naming(columns: Sequence[list[int | None]]) -> tuple[int, list[int | None] | None]:
    """The column that names most items, and the items it names; None if that is not most of its rows."""
    named = [sum(place is not None for place in column) for column in columns]
    at = max(range(len(columns)), key=named.__getitem__)
    return at, columns[at] if 2 * named[at] > len(columns[at]) else None


def _counts(cells: Sequence[Any], expected: int) -> list[int] | None:
    """The numbers of a column that does nothing but count."""
    found = [_NUMBERED.fullmatch(cell.strip("* ")) if isinstance(cell, str) else None for cell in cells]
    numbers = [int(match[1]) for match in found if match]
    distinct = len(set(numbers)) > 1 or len(cells) == 1
    counts = len(numbers) == len(cells) and distinct and min(numbers) >= 1 and max(numbers) <= max(expected, len(cells))
    return numbers if counts else None
