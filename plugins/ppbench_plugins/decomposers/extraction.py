"""What an extraction call is asked for, and what its reply says: whole, or as far as it has come. Pure text.

The fields are those of ParallelPrompt (arXiv 2506.18728, section 3 and its curation prompt), without `serial`. Its code takes
the whole reply, a fenced block, or what lies between the first and the last brace, and waits for the end of it.
The fields stand in an order that lets a plan begin early: template, context and count before the items. A reply is read
leniently: prose and fences around the object, trailing commas, line breaks within strings, NaN. Where a key stands twice the
first one counts, so that what was read of the beginning of a reply holds for the whole. Knows no prompt and no plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from json import JSONDecoder
from typing import Any, NamedTuple

from ppbench import Schema
from ppbench_plugins.decomposers.reading import MOST_PARTS, OPENING, TRIES

_TEXT, _MAYBE_TEXT = {"type": "string"}, {"type": ["string", "null"]}
_LEAN: dict[str, Any] = {
    "template": _MAYBE_TEXT,
    "context": _MAYBE_TEXT,
    "n": {"type": ["integer", "null"]},
    "data": {"type": ["array", "null"], "items": _TEXT},
}
_PAPER: dict[str, Any] = {
    "parallelizable": {"type": "boolean"},
    "category": _MAYBE_TEXT,
    "is_novel_category": {"type": "boolean"},
    "category_description": _MAYBE_TEXT,
    **_LEAN,
}
_KEYS = {"template", "data", "n"}
"""An object without any of these is not what was asked for."""

_SPACE = re.compile(r"[ \t\n\r]*+")
_LONE = re.compile(r"[\ud800-\udfff]")
_FEW_TRIES = 5
"""Opening braces tried while a reply streams, when it is searched again at each of its marks."""
_value = JSONDecoder(strict=False).raw_decode


class Read(NamedTuple):
    """An object of a reply: the fields that are complete, of `data` the items that are, and whether it was closed."""

    fields: dict[str, Any]
    whole: bool


def answer_schema(prompt: str) -> dict[str, Any]:
    """The JSON Schema of the reply, closed, for endpoints with structured outputs; `prompt` is own or paper."""
    fields = dict(_PAPER if prompt == "paper" else _LEAN)
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def begun(reply: str) -> dict[str, Any]:
    """The fields that are complete in a reply that may still be streaming, up to the one that says what is to be split:
    what follows that one may come too late. None, if no template is among them."""
    fields: dict[str, Any] = {}
    ours = (read.fields for read in _objects(reply, _FEW_TRIES) if _PAPER.keys() & read.fields.keys())
    for key, value in next(ours, fields).items():
        fields[key] = value
        if key == "data" or (key == "n" and value is not None):
            break
    return fields if "template" in fields else {}


def finished(reply: str) -> dict[str, Any]:
    """The fields of a whole reply. Raises ValueError with a reason fit for a record."""
    for read in _objects(reply):
        data = read.fields.get("data")
        if isinstance(data, list) and len(data) > MOST_PARTS:
            raise ValueError(f"more than {MOST_PARTS} parts")
        if read.whole and _KEYS & read.fields.keys():
            return read.fields
    raise ValueError("the reply holds no whole JSON object with template, data and n")


def schema_of(fields: dict[str, Any]) -> Schema:
    """The schema that the fields give. A context that the template has no place for comes first, as the paper lays it out;
    an empty list beside a count, and the number of the items beside them, say nothing. Raises ValueError."""
    template, context, n, data = (fields.get(key) for key in ("template", "context", "n", "data"))
    items = data if isinstance(data, list) else []
    if any(isinstance(text, str) and _LONE.search(text) for text in (template, context, *items)):
        raise ValueError("half of a character stands alone")
    if isinstance(template, str) and isinstance(context, str) and context.strip() and "{context}" not in template:
        fields = {**fields, "template": "{context}\n\n" + template}
    if n is not None and data == []:
        return Schema.from_json({**fields, "data": None})
    return Schema.from_json({**fields, "n": None} if items and n == len(items) else fields)


def is_empty(fields: dict[str, Any]) -> bool:
    """The reply says that there is nothing to split."""
    n, data = fields.get("n"), fields.get("data")
    return fields.get("parallelizable") is False or (n is None and data is None) or not (fields.get("template") or n or data)


def is_item(value: object) -> bool:
    """Text that can be sent: half of a surrogate pair, which a model may write as an escape, cannot."""
    return isinstance(value, str) and bool(value.strip()) and not _LONE.search(value)


def _objects(text: str, tries: int = TRIES) -> Iterator[Read]:
    for match in islice(OPENING.finditer(text), tries):
        fields: dict[str, Any] = {}
        try:
            yield Read(fields, _fields(text, match.start(), fields))
        except (ValueError, RecursionError):
            yield Read(fields, False)


def _fields(text: str, at: int, fields: dict[str, Any]) -> bool:
    """Read an object into `fields`, each when the mark behind it is there; True if the object is closed."""
    while True:
        at = _skip(text, at + 1)
        if text[at : at + 1] == "}":
            return True
        key, at = _value(text, at)
        at = _skip(text, at)
        if not isinstance(key, str) or text[at : at + 1] != ":":
            return False
        at = _skip(text, at + 1)
        if key == "data" and text[at : at + 1] == "[":
            at = _items(text, at, fields.setdefault(key, []) if key not in fields else [])
        else:
            value, at = _value(text, at)
            at = _skip(text, at)
            if text[at : at + 1] in (",", "}"):
                fields.setdefault(key, value)
        if at < 0 or text[at : at + 1] not in (",", "}"):
            return False
        if text[at] == "}":
            return True


def _items(text: str, at: int, items: list[Any]) -> int:
    """Read a list into `items`; where it ends, or -1 if it does not or is too long. An item counts when the mark behind it
    is there: a quote within an item that was not escaped does not look like its end then."""
    while True:
        at = _skip(text, at + 1)
        if text[at : at + 1] == "]":
            return _skip(text, at + 1)
        value, at = _value(text, at)
        at = _skip(text, at)
        if text[at : at + 1] not in (",", "]"):
            return -1
        items.append(value)
        if len(items) > MOST_PARTS:
            return -1
        if text[at] == "]":
            return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
