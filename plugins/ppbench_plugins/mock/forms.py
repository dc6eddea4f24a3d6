"""What output a request asks for, told by the form it shows: JSON keys, numbers, placeholders, blocks.

Never by its wording: a request that says the same in other words, or in another language, is read alike. Where a
request shows two forms, the last one counts: what comes before may belong to the prompt that it carries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_OPEN = re.compile(r"<([A-Za-z_]+)(?:[ _-]?\w+)?>")
_FENCE = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)
_SLOT = re.compile(r"<[^<>/\n]{1,60}>")
_NUMBERED = re.compile(r"^\s*(\d+)\.\s*(.*)$")
_LAST_NUMBER = re.compile(r"[ _-](\d+)>\s*$")
_WORD = re.compile(r"\w{1,20}")
_TRIES = 100
"""Broken objects after which a text is no longer searched for one."""
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
class PlanForm:
    """A numbered plan is asked for, whose lines may refer to earlier ones by `$k`."""

    closing: str
    """The word on a line of its own that ends it."""


@dataclass(frozen=True)
class RunForm:
    """A run of numbered pieces is asked for: so many, each line of the form named by its number."""

    count: int


@dataclass(frozen=True)
class PartForm:
    """The answer to one numbered part of the request is asked for; whatever else stands there is beside it."""

    part: str


@dataclass(frozen=True)
class WholeForm:
    """One answer made of the parts in the request is asked for."""

    problem: str
    """What the parts are parts of, where the request says it."""
    parts: tuple[str, ...]


@dataclass(frozen=True)
class LetterForm:
    """One of some letters is asked for, each of which begins a line that says what it stands for."""

    letters: tuple[str, ...]


Form = JsonForm | OutlineForm | RunForm | PointForm | PlanForm | PartForm | WholeForm | LetterForm | None


def form_of(frame: str, prefix: str | None = None, json_schema: Mapping[str, Any] | None = None) -> Form:
    """The form that a request asks for. `frame` is its text without the prompt that it carries."""
    if prefix and (opened := _from_prefix(prefix)):
        return opened
    bare = _around(frame)
    at, shown = _json_shown(bare)
    if json_schema:
        asked = {key: _shown_value(rule) for key, rule in json_schema.get("properties", {}).items()}
        return JsonForm(shown if shown.keys() == asked.keys() else asked)
    line, form = _lines_shown(bare, frame)
    if form is not None and line > at:
        return form
    if shown:
        return JsonForm(shown)
    fenced = next((found for text in reversed(_FENCE.findall(frame)) if _is_form(found := _json_shown(text)[1])), {})
    return JsonForm(fenced) if fenced else None


def blocks(text: str) -> list[str]:
    """Contents of the marked parts of a text: <tag> ... </tag>, else fenced ones."""
    return [content for _, content in _tagged(text)]


def pair(part: str) -> tuple[str, str]:
    """What a part was asked and what it answered, if it is made of two blocks; else nothing and the part."""
    spans = list(_spans(part))
    if len(spans) != 2 or _around(part).strip():
        return "", part
    (one, end, _), (two, last, _) = spans
    return part[one.end() : end].strip(), part[two.end() : last].strip()


def choices(value: Any) -> list[str]:
    """The alternatives that a form shows for one key, if it shows any: "1 | 2 | tie"."""
    return [part.strip() for part in value.split("|")] if isinstance(value, str) and _CHOICE.match(value) else []


def _tagged(text: str) -> list[tuple[str, str]]:
    """(tag, content) of each block."""
    tagged = [(match[1], text[match.end() : end].strip()) for match, end, _ in _spans(text)]
    return tagged or [("", match[1].strip()) for match in _FENCE.finditer(text)]


def _around(text: str) -> str:
    """What stands outside of all blocks."""
    kept, at = [], 0
    for match, _, after in _spans(text):
        kept.append(text[at : match.start()])
        at = after
    return _FENCE.sub("", "".join([*kept, text[at:]]))


def _spans(text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """Each outermost <tag> or <tag 1> that is closed, where its content ends, and where it ends itself."""
    after, unclosed = 0, set()
    for match in _OPEN.finditer(text):
        for closing in (f"</{match[0][1:]}", f"</{match[1]}>"):
            if match.start() < after or closing in unclosed:
                continue
            end = text.find(closing, match.end())
            if end < 0:
                unclosed.add(closing)
            else:
                after = end + len(closing)
                yield match, end, after


def _from_prefix(prefix: str) -> Form:
    match = _NUMBERED.match(prefix)
    if not match:
        return None
    if not match[2].strip() and match[1] == "1":
        return OutlineForm(opened=True)
    return PointForm(int(match[1]), match[2].strip(), opened=True)


def _lines_shown(bare: str, frame: str) -> tuple[int, Form]:
    """The last form that lines with placeholders show, and where it stands: a numbered run from 1, one numbered
    line, a placeholder alone, or a numbered run that a single word closes."""
    at, run, last, form = 0, list[re.Match[str]](), -1, None
    for line in bare.splitlines(keepends=True):
        numbered = _NUMBERED.match(line) if _SLOT.search(line) else None
        closes = isinstance(form, OutlineForm) and run and _WORD.fullmatch(line.strip())
        run = run if numbered else []
        if numbered:
            run.append(numbered)
            last, form = at, _numbered_form(run)
        elif closes:
            last, form = at, PlanForm(line.strip())
        elif _SLOT.fullmatch(line.strip()):
            last, form = at, _named(frame, line) or _lettered(line, bare) or _whole(frame) or form
        at += len(line)
    return last, form


def _numbered_form(run: list[re.Match[str]]) -> Form:
    if len(run) > 1 and [_LAST_NUMBER.findall(line[2]) for line in run] == [[line[1]] for line in run]:
        return RunForm(int(run[-1][1]) - int(run[0][1]) + 1)
    if len(run) > 1 and run[0][1] == "1":
        return OutlineForm()
    return PointForm(int(run[-1][1]), _SLOT.sub("", run[-1][2]).strip())


def _lettered(slot: str, bare: str) -> Form:
    """The letters that a placeholder names, if each of them begins a line."""
    letters = tuple(re.findall(r"\b[A-Z]\b", slot))
    shown = len(letters) > 1 and all(re.search(rf"^[ \t]*{one}[.)][ \t]", bare, re.MULTILINE) for one in letters)
    return LetterForm(letters) if shown else None


def _named(frame: str, line: str) -> PartForm | None:
    """A placeholder that ends with a number asks for the block of that number alone."""
    number = _LAST_NUMBER.search(line)
    named = [frame[m.end() : end] for m, end, _ in _spans(frame) if number and _LAST_NUMBER.findall(m[0]) == [number[1]]]
    return PartForm(named[-1].strip()) if named else None


def _whole(frame: str) -> Form:
    """Blocks of one tag are the parts; a first or last block of another tag, else the text around, is the problem. A
    line in angle brackets without blocks is no form: somebody's heading."""
    tagged = _tagged(frame)
    if len(tagged) > 1 and tagged[-1][0] != tagged[-2][0] and tagged[0][0] == tagged[-2][0]:
        return WholeForm(tagged[-1][1], tuple(content for _, content in tagged[:-1]))
    if len(tagged) > 1 and tagged[0][0] != tagged[1][0]:
        return WholeForm(tagged[0][1], tuple(content for _, content in tagged[1:]))
    return WholeForm(_SLOT.sub("", _around(frame)).strip(), tuple(content for _, content in tagged)) if tagged else None


def _json_shown(text: str) -> tuple[int, dict[str, Any]]:
    """The last object of a text that parses as JSON and has keys, and where it stands."""
    decoder, last, shown, end, broken = json.JSONDecoder(), -1, dict[str, Any](), 0, 0
    for match in re.finditer(r"\{\s*+\"", text):
        if match.start() < end or broken > _TRIES:
            continue
        try:
            value, end = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            broken += 1
            continue
        last, shown = match.start(), value
    return last, shown


def _is_form(shown: Mapping[str, Any]) -> bool:
    """The values are placeholders or alternatives, so that this is a form and not somebody's data."""
    return any(value in ("...", ["..."], ["...", "..."]) or choices(value) for value in shown.values())


def _shown_value(rule: Any) -> Any:
    if not isinstance(rule, Mapping):
        return "..."
    if rule.get("enum"):
        return " | ".join(map(str, rule["enum"]))
    kinds = rule.get("type", "")
    if kinds == "boolean":
        return False
    return ["..."] * max(2, rule.get("minItems", 2)) if "array" in (kinds if isinstance(kinds, list) else [kinds]) else "..."
