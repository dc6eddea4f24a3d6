"""Reads prompts: the packaged tasks, the suites, and a user's own JSONL. Every complaint names file and line.

Turns rows into items; knows no category by name and never guesses what a bad row meant.
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ppbench.errors import InvalidData, UsageError
from ppbench.model import Item, Schema

_SHOWN = 20
_T = TypeVar("_T")


def data_dir(name: str) -> Path:
    """Folder of packaged data (`tasks`, `leaderboard`): in the package, or in a checkout beside it."""
    packaged = Path(__file__).parent / "data" / name
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / name


@dataclass(frozen=True)
class Problem:
    """One bad row: where, and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


Placed = tuple[str, Item]
"""An item and where its row stands, file and line."""


def load_items(
    path: str | Path, *, categories: Mapping[str, str] | None = None, strict: bool = False
) -> tuple[list[Item], list[Problem]]:
    """Read a JSONL file of prompts, or all those of a folder: the good rows as items, the bad ones as problems.

    A row holds `text` (or `prompt`); it may hold `id`, `language` (or `lang`), `category`, `schema` (or
    `annotation`), `reference`, `family`, `splittable`, `dependency`, `edges`, `constraints`, `source`. Other keys
    are ignored, unless `strict`, when each row must obey `prompt.schema.json`. `categories` maps casefolded names
    and aliases to ids; without it any category passes. Raises InvalidData if the file cannot be read.
    """
    placed, problems = load_placed(path, categories=categories, strict=strict)
    return [item for _, item in placed], problems


def load_placed(
    path: str | Path, *, categories: Mapping[str, str] | None = None, strict: bool = False
) -> tuple[list[Placed], list[Problem]]:
    """The same, each item with its place, for whoever looks further and has to name a row."""
    items: list[Placed] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for where, line in _lines(Path(path)):
        try:
            row = parse_row(line)
            if strict:
                _obey_schema(row)
            item = read_item(row, categories, default_id="line-" + where.rpartition(":")[2])
            if item.id in seen:
                raise ValueError(f"id {item.id!r} stands already at {seen[item.id]}")
        except RecursionError:
            problems.append(Problem(where, "is nested too deeply"))
        except (ValueError, TypeError) as error:
            problems.append(Problem(where, str(error)))
        else:
            seen[item.id] = where
            items.append((where, item))
    return items, problems


def load_rows(path: str | Path, read: Callable[[str, Mapping[str, Any]], _T]) -> tuple[list[_T], list[Problem]]:
    """Read a JSONL file of other rows: `read(where, row)` turns each into a value, or raises ValueError."""
    values: list[_T] = []
    problems: list[Problem] = []
    for where, line in _lines(Path(path)):
        try:
            values.append(read(where, parse_row(line)))
        except RecursionError:
            problems.append(Problem(where, "is nested too deeply"))
        except ValueError as error:
            problems.append(Problem(where, str(error)))
    return values, problems


def refuse(problems: Sequence[Problem], advice: str = "Mend them, or leave them out with --skip-bad.") -> None:
    """Raise InvalidData that names all bad rows at once."""
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        rows = "1 row is bad" if len(problems) == 1 else f"{len(problems)} rows are bad"
        raise InvalidData(f"{rows}:\n{shown}{more}\n{advice}")


def digest(item: Item) -> str:
    """Fingerprint of an item's whole content."""
    return hashlib.sha256(repr(item).encode()).hexdigest()[:16]


@cache
def suites() -> dict[str, dict[str, Any]]:
    """The named selections: name -> {version, description, digest, items}."""
    loaded: dict[str, dict[str, Any]] = json.loads((data_dir("tasks") / "suites.json").read_text(encoding="utf-8"))
    return loaded


def select(items: Sequence[Item], suite: str) -> list[Item]:
    """The items of a suite, in its order. Raises UsageError for an unknown suite or a suite that lacks an item."""
    if suite not in suites():
        raise UsageError(f"unknown suite {suite!r}; have: {', '.join(suites())}")
    by_id = {item.id: item for item in items}
    wanted = suites()[suite]["items"]
    missing = [name for name in wanted if name not in by_id]
    if missing:
        raise UsageError(f"suite {suite!r} names prompts that are not installed: {', '.join(missing)}")
    return [by_id[name] for name in wanted]


def suite_digest(items: Sequence[Item]) -> str:
    """Fingerprint of a suite's prompts in their order: another one is another version."""
    return hashlib.sha256("".join(digest(item) for item in items).encode()).hexdigest()[:16]


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_dir():
        for file in sorted(path.glob("*.jsonl")):
            yield from _lines(file)
        return
    try:
        raw = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise InvalidData(f"cannot read {path}: {error.strerror}; give a JSONL file, one prompt a line") from None
    for number, line in enumerate(raw.split(b"\n"), 1):
        if line.strip():
            yield f"{path}:{number}", line.decode("utf-8", errors="surrogateescape")


def parse_row(line: str) -> dict[str, Any]:
    """One line of JSON lines as a row. Raises ValueError."""
    try:
        line.encode()
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8, or holds half of a character (a lone surrogate)") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg.removesuffix(' at')} at column {error.colno}") from None
    if not isinstance(row, dict):
        raise ValueError(f"a row is a JSON object, this is {type(row).__name__}")
    return row


def read_item(row: Mapping[str, Any], categories: Mapping[str, str] | None, *, default_id: str) -> Item:
    """A row as an item; `load_items` says which keys count. Raises ValueError, TypeError."""
    text = row.get("text", row.get("prompt"))
    if not isinstance(text, str):
        raise ValueError(f"has no text; give `text` or `prompt`, have: {', '.join(map(str, row)) or 'nothing'}")
    annotation = row.get("schema", row.get("annotation"))
    schema = Schema.from_json(annotation) if annotation is not None else None
    category = row.get("category") or (annotation or {}).get("category") or "general"
    name = str(row.get("id", default_id))
    return Item(
        id=name,
        text=text,
        language=str(row.get("language", row.get("lang")) or "und"),
        category=_category(category, categories),
        schema=schema,
        reference=_reference(row.get("reference")),
        splittable=_one_of(row, "splittable", (None, True, False)),
        dependency=_dependency(row),
        edges=_edges(row.get("edges", [])),
        constraints=tuple(map(str, _list(row, "constraints"))),
        family=str(row.get("family", name)),
        source=str(row.get("source", "")),
    )


_DEPENDENCIES = ("none", "partial", "sequential")


def _dependency(row: Mapping[str, Any]) -> Any:
    """One of ours; what other sets write there in words of their own says nothing here."""
    foreign = isinstance(row.get("dependency"), str) and row["dependency"] not in _DEPENDENCIES
    return "none" if foreign else _one_of(row, "dependency", _DEPENDENCIES)


def _one_of(row: Mapping[str, Any], name: str, allowed: tuple[Any, ...]) -> Any:
    value = row.get(name, allowed[0])
    if not any(value is option or (isinstance(option, str) and value == option) for option in allowed):
        raise ValueError(f"{name} is one of {', '.join(map(json.dumps, allowed))}, this is {json.dumps(value)[:40]}")
    return value


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name, [])
    if not isinstance(value, list):
        raise ValueError(f"{name} is a list, this is {type(value).__name__}")
    return value


def _category(name: object, known: Mapping[str, str] | None) -> str:
    if not isinstance(name, str):
        raise ValueError(f"category is a string, this is {type(name).__name__}")
    if known is None:
        return name
    if name.casefold() not in known:
        raise ValueError(f"unknown category {name!r}; have: {', '.join(sorted(set(known.values())))}")
    return known[name.casefold()]


def _reference(value: object) -> tuple[tuple[str, ...], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise ValueError("reference is a list with one entry a subtask, or null")
    entries = [[entry] if isinstance(entry, str) else entry for entry in value]
    if not all(isinstance(entry, list) and all(isinstance(text, str) for text in entry) for entry in entries):
        raise ValueError("a reference entry is a string or a list of strings")
    return tuple(tuple(entry) for entry in entries)


def _edges(value: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list) or not all(isinstance(e, list) and len(e) == 2 for e in value):
        raise ValueError("edges is a list of pairs of item numbers")
    if not all(isinstance(number, int) for edge in value for number in edge):
        raise ValueError("edges is a list of pairs of item numbers")
    return tuple((a, b) for a, b in value)


@cache
def _validator() -> Any:
    import jsonschema  # slow to import, and needed for packaged tasks alone

    rules = json.loads((data_dir("tasks") / "prompt.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(rules)


def _obey_schema(row: Mapping[str, Any]) -> None:
    error = next(iter(sorted(_validator().iter_errors(row), key=lambda e: e.json_path)), None)
    if error:
        raise ValueError(f"{error.json_path}: {error.message}")
