"""Rows of any source to the project's own rows, one after the other, and what became of them. Reads; never writes.

Each row that leaves here is one that `load_items` reads: it is made into an item first. A label that is no known category
becomes `general` and stays in `source`, for it is the data set's word and not ours. Prompts of one text share a family, so
that the many copies in the public logs count once where statistics resample.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppbench.errors import InvalidData
from ppbench.model import Item
from ppbench.readers.cells import filled
from ppbench.readers.languages import UNKNOWN, code, detected
from ppbench.readers.layout import Layout
from ppbench.readers.rows import Row, Rows, files, rows
from ppbench.tasks import Problem, read_item

PATIENCE = 1000
"""Rows after which a file of which none could be read is taken for another source."""

DETECT = "detect"
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?|: .*")


@dataclass(frozen=True, slots=True)
class Imported:
    """One prompt: the line to write, and what it will be read as."""

    line: str
    item: Item


@dataclass(frozen=True)
class Wish:
    """What the user asked of a source: columns, and what is said of rows that do not say it themselves."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Field -> column."""
    category: str | None = None
    language: str = UNKNOWN
    """A code; or `detect`."""


@dataclass
class Counts:
    """What became of the rows."""

    read: int = 0
    written: int = 0
    unlabelled: int = 0
    general: int = 0
    ungrounded: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def add(self, one: Imported | Problem) -> None:
        self.read += 1
        if isinstance(one, Problem):
            self.skipped[_VARIABLE.sub("...", one.what)] += 1
            return
        schema = one.item.schema
        self.written += 1
        self.unlabelled += schema is None
        self.general += one.item.category == "general"
        parts = [*(schema.data or ()), schema.context or ""] if schema else []
        self.ungrounded += any(part not in one.item.text for part in parts)


class Importer:
    """Reads one source as the user wishes. `categories` maps casefolded names to ids."""

    def __init__(self, source: str, layout: Layout, wish: Wish, categories: Mapping[str, str]) -> None:
        self._source, self._layout, self._wish, self._categories = source, layout, wish, categories
        self._columns = layout.columns(wish.columns)
        self._seen: set[int] = set()  # of a source's own ids alone: a hash each, not the text

    def read(self, path: Path) -> Iterator[Imported | Problem]:
        """The prompts of a file, or of a folder's files, in order, and a Problem for each row that is none.

        Raises InvalidData if a file cannot be read, or is no such source.
        """
        wanted = {column for names in self._columns.values() for column in names}
        required = [self._columns[name] for name in self._layout.required]
        for file in files(path, self._layout.kind):
            yield from self.convert(rows(file, wanted, required, self._layout.kind), file)

    def convert(self, found: Rows, file: Path) -> Iterator[Imported | Problem]:
        """The same for rows that are at hand: one is taken for each that is given back."""
        good = False
        for count, row in enumerate(found, 1):
            one = row if isinstance(row, Problem) else self._one(row, file.stem)
            good = good or isinstance(one, Imported)
            yield one
            if not good and count == PATIENCE:
                raise InvalidData(f"none of the first {PATIENCE} rows of {file} could be read; is it another SOURCE?")

    def _one(self, row: Row, name: str) -> Imported | Problem:
        try:
            return self._prompt(self._layout.build(self._fields(row.cells), name), f"{self._source}-{name}-{row.number}")
        except RecursionError:
            return Problem(row.where, "is nested too deeply")
        except UnicodeEncodeError:
            return Problem(row.where, "is not UTF-8, or holds half of a character (a lone surrogate)")
        except (ValueError, TypeError) as error:
            return Problem(row.where, str(error))

    def _fields(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Field -> the first of its columns that is filled."""
        for name in self._layout.required:
            if not any(column in cells for column in self._columns[name]):
                raise ValueError(f"has no {' or '.join(self._columns[name])}: it has {', '.join(map(str, cells))[:200]}")
        return {
            name: next((cells[column] for column in columns if filled(cells.get(column)) is not None), None)
            for name, columns in self._columns.items()
        }

    def _prompt(self, built: dict[str, Any], name: str) -> Imported:
        text, own = built["text"], built.pop("id", None)
        if not text or not text.strip():
            raise ValueError("the prompt's text is empty")
        category, source = self._named(built.get("category"), built["source"])
        row = {
            "id": own or name,
            "text": text,
            "language": self._language(built.get("language"), text),
            "category": category,
            "schema": built.get("schema"),
            "reference": built.get("reference"),
            "family": built.get("family") or "text-" + hashlib.sha256(text.encode()).hexdigest()[:12],
            "splittable": built.get("splittable"),
        }
        row |= {key: value for key, value in built.items() if key not in row and value not in (None, [])} | {"source": source}
        item = read_item(row, self._categories, default_id="")
        row["schema"] = item.schema.to_json() if item.schema else None
        line = json.dumps(row, ensure_ascii=False)
        line.encode()
        if own:
            self._refuse_twice(own)
        return Imported(line, item)

    def _named(self, label: str | None, source: str) -> tuple[str, str]:
        """The category's id, and the source with the label that is none of ours."""
        category = self._categories.get((label or self._wish.category or "general").casefold())
        return (category, source) if category else ("general", f"{source} [{label}]")

    def _language(self, said: Any, text: str) -> str:
        known = code(said)
        if known != UNKNOWN or self._wish.language == UNKNOWN:
            return known
        return detected(text) if self._wish.language == DETECT else self._wish.language

    def _refuse_twice(self, name: str) -> None:
        if hash(name) in self._seen:
            raise ValueError(f"id {name!r} stands already in an earlier row")
        self._seen.add(hash(name))
