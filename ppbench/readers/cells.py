"""Cells as the files hold them, to plain values: JSON text to lists, 5.0 to 5, NaN and empty to nothing.

Raises ValueError for what is none of these; guesses at nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def filled(value: Any) -> Any:
    """The value, or None where a cell is empty in the way of its format: null, an empty text, NaN."""
    return None if value is None or value == "" or (isinstance(value, float) and math.isnan(value)) else value


def text(value: Any, name: str) -> str | None:
    """A text, or None."""
    value = filled(value)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is a text, this is {type(value).__name__}")
    return value


def label(value: Any, name: str) -> str | None:
    """A text, or what a column may hold in its place, a number or a UUID, as text: an id, the name of a source."""
    value = filled(value)
    if isinstance(value, (list, dict)):
        raise ValueError(f"{name} is a text or a number, this is {type(value).__name__}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)


def parsed(value: Any, name: str) -> Any:
    """A list or an object; or what JSON text of one says."""
    value = filled(value)
    if not isinstance(value, str):
        return value
    try:
        return filled(json.loads(value))
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is not JSON text: {error.msg} at character {error.pos}") from None


def listed(value: Any, name: str) -> list[Any] | None:
    """A list, or JSON text of one, or None."""
    value = parsed(value, name)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{name} is a list, this is {type(value).__name__}")
    return value


def number(value: Any, name: str) -> int | float | None:
    """A number, whole where it is: 5, 5.0 and "5" are 5."""
    value = filled(value)
    if isinstance(value, str):
        try:
            value = filled(float(value))
        except ValueError:
            raise ValueError(f"{name} is a number, this is {value[:20]!r}") from None
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise ValueError(f"{name} is a number, this is {type(value).__name__}")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def truth(value: Any, name: str) -> bool | None:
    """True, False or None; "True" and 1 are True."""
    value = filled(value)
    if value is None or isinstance(value, bool):
        return value
    said = label(value, name) or ""
    if said.casefold() not in _TRUTH:
        raise ValueError(f"{name} is true or false, this is {said[:20]!r}")
    return _TRUTH[said.casefold()]


def schema(cells: Mapping[str, Any]) -> dict[str, Any] | None:
    """An annotation from the cells template, context, data and n, or None where all are empty. Schema checks it."""
    made = {"template": text(cells.get("template"), "template"), "context": text(cells.get("context"), "context"),
            "data": listed(cells.get("data"), "data"), "n": number(cells.get("n"), "n")}  # fmt: skip
    if all(value is None for value in made.values()):
        return None
    return {**made, "template": made["template"] or ""}
