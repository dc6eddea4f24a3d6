"""What a data set's reader is made of: which columns hold what, how a row becomes a prompt, under which terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]
"""What a row holds, by field: the first of a field's columns that is filled, or None."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One SOURCE. `build` takes a row's fields and the file's name, and raises ValueError."""

    title: str
    fields: Mapping[str, tuple[str, ...]]
    """Field -> columns that may hold it, the first that is filled counts."""
    build: Callable[[Fields, str], dict[str, Any]]
    required: tuple[str, ...] = ("text",)
    kind: str | None = None
    """The one kind of file that this source is, or None: by the ending."""
    terms: str = ""
    """Said once, before anything is written."""

    def columns(self, chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """The columns of each field, where a user's choice goes first of all and alone."""
        return {field: (chosen[field],) if field in chosen else names for field, names in self.fields.items()}
