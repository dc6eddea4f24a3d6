"""What output a request asks for, told by the form it shows: JSON keys, numbers, placeholders, blocks.

Never by its wording: a request that says the same in other words, or in another language, is read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BLOCK = re.compile(r"<([A-Za-z_]+)(?:[ _-]?(\w+))?>\n?(.*?)\n?</\1(?:[ _-]?\2)?>", re.DOTALL)
_FENCE = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)
_SLOT = re.compile(r"<[^<>/\n]{1,60}>")
_NUMBERED = re.compile(r"^\s*(\d+)\.\s*(.*)$")
_CHOICE = re.compile(r"^[^|]+(\|[^|]+)+$")


@dataclass(frozen=True)
class JsonForm:
    """A JSON object is asked for; `shown` holds its keys with the values that stand in the form."""

    shown: dict[str, Any]


@dataclass(frozen=True)
class OutlineForm:
    """A numbered list from 1 on is asked for; `opened` if its first number is already written."""

    opened: bool = False


@dataclass(frozen=True)
class PointForm:
    """One point of a list is asked for: its number, and the words that it begins with."""

    number: int
    opening: str
    opened: bool = False


@dataclass(frozen=True)
class WholeForm:
    """One answer made of the parts in the request is asked for."""

    parts: tuple[str, ...]


Form = JsonForm | OutlineForm | PointForm | WholeForm | None


def form_of(frame: str, prefix: str | None = None, json_schema: Mapping[str, Any] | None = None) -> Form:
    """The form that a request asks for. `frame` is its text without the prompt that it carries."""
    if prefix:
        return _from_prefix(prefix)
    if json_schema:
        return JsonForm({key: _shown_value(rule) for key, rule in json_schema.get("properties", {}).items()})
    shown = _json_shown(_FENCE.sub("", _BLOCK.sub("", frame)))
    if shown:
        return JsonForm(shown)
    lines = _BLOCK.sub("", frame).splitlines()
    numbered = [match for line in lines if _SLOT.search(line) and (match := _NUMBERED.match(line))]
    if len(numbered) > 1 and numbered[0][1] == "1":
        return OutlineForm()
    if len(numbered) == 1:
        return PointForm(int(numbered[0][1]), _SLOT.sub("", numbered[0][2]).strip())
    if any(_SLOT.fullmatch(line.strip()) for line in lines):
        return WholeForm(tuple(blocks(frame)))
    return None


def blocks(text: str) -> list[str]:
    """Contents of the marked parts of a text: <tag> ... </tag>, else fenced ones."""
    tagged = [match[3].strip() for match in _BLOCK.finditer(text)]
    return tagged or [match[1].strip() for match in _FENCE.finditer(text)]


def choices(value: Any) -> list[str]:
    """The alternatives that a form shows for one key, if it shows any: "1 | 2 | tie"."""
    return [part.strip() for part in value.split("|")] if isinstance(value, str) and _CHOICE.match(value) else []


def _from_prefix(prefix: str) -> Form:
    match = _NUMBERED.match(prefix)
    if not match:
        return None
    if not match[2].strip() and match[1] == "1":
        return OutlineForm(opened=True)
    return PointForm(int(match[1]), match[2].strip(), opened=True)


def _json_shown(text: str) -> dict[str, Any]:
    """The first object of a text that parses as JSON and has keys."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r"\{\s*\"", text):
        try:
            value, _ = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return {}


def _shown_value(rule: Any) -> Any:
    options = rule.get("enum") if isinstance(rule, dict) else None
    return " | ".join(map(str, options)) if options else "..."
