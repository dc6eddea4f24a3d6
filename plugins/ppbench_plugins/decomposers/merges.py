"""How answers of branches become one answer: named, deterministic functions, chosen by the form that a prompt asks for.

Text of a model is data here. Tables and JSON in it are put together where an answer is nothing else, and nothing of it
would be lost; else it stands as it came.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

from ppbench import NUMBERED, Join

Merge = Callable[[Sequence[str]], str]
Name = Literal["auto", "numbered", "plain", "json", "object", "table", "distinct", "llm"]

PLAIN, LINES = Join("\n\n"), Join("\n")
_STYLES = ("{}.", "{})", "({})", "{}、", "{}．", "{}）", "（{}）", "{}:", "①", "-", "*", "•")
_OPENING = re.compile(
    r"^[ \t]*+(?:(?P<number>[(（]?\d{1,3}[.)．、）:](?!\d))|(?P<circled>[①-⑳])|(?P<bullet>[-*•])[ \t])[ \t]*+\S", re.MULTILINE
)
_FENCE = re.compile(r"\A\s*```[^\n]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_ROW = re.compile(r"^\s*\|(.*)\|\s*$")
_RULE = re.compile(r"[\s|:-]+")
_MARK = re.compile(r"^\s*(?:[(（]?\d{1,3}[.)．、）]\s+|[①-⑳]\s*|[-*•]\s+)")

_AS_JSON = re.compile(
    r"(?<!this )(?<!these )(?<!the )(?<!from )(?<!following )(?<!of )(?<!a )\bjson\b"
    r"(?!\s+(?:files?|schemas?|configs?|strings?|parsers?|librar\w+|documents?|data|errors?|blobs?|payloads?)\b)"
    r"|\b(?:a|the) json (?:array|list|object)\b|(?<![a-z])json(?=[格形数數列对對で으형배])",
    re.IGNORECASE,
)
_AS_OBJECT = re.compile(
    r"json\s?(?:object|dictionary|对象|對象)|\b(?:objeto|objet|objekt|oggetto) json\b|key[- ]value", re.IGNORECASE
)
_AS_TABLE = re.compile(
    r"\b(?:in|as|into|of|make|create|return|give me|output|draw|build|use|with)\s+(?:an?\s+|one\s+|the\s+)?"
    r"(?:(?:markdown|html|small|short|simple|[a-z]+-column)\s+)?table\b"
    r"(?!\s+(?:reservation|tennis|of contents|lamp|cloth|top|for))"
    r"|\b(?:table|tabular) (?:format|form)\b|\bmarkdown table\b"
    r"|\b(?:en|em|como)\s+(?:(?:una?|uma)\s+)?(?:tabla|tabela)\b|\b(?:dans|sous forme de|en) (?:un )?tableau\b"
    r"|\b(?:in einer|als|eine) tabelle\b|\b(?:in|come|in forma di)\s+(?:una )?tabella\b|в виде таблицы|в таблиц[еу]|таблицей"
    r"|(?:用|以|成|为|列)[^，。\n]{0,6}表格|表格(?:形式|呈现|展示)|表形式|表で|(?<![가-힣])표(?:로|\s?형식)"
    r"|في جدول|तालिका में|\b(?:dalam|berupa) (?:bentuk )?tabel\b",
    re.IGNORECASE,
)
_AS_DISTINCT = re.compile(
    r"\b(?:without|no|remove|avoid) (?:any )?(?:duplicates?|repeats?|repetitions?)\b|\bde-?duplicated?\b|\bsin duplicados\b"
    r"|\bsem duplicatas\b|\bsans doublons?\b|\bohne (?:duplikate|doppelte)\b|\bsenza duplicati\b|без повторов|去重|不重复"
    r"|重複なし|중복 없이|tanpa duplikat",
    re.IGNORECASE,
)


def merge_for(text: str, name: Name = "auto", items: Sequence[str] = ()) -> Merge:
    """The merge of that name; `auto` takes the form that the prompt asks for, else a list in the prompt's own style.

    `items` are what the answers belong to: what stands in them is asked of nobody; they are the keys of an object and the
    first column of a table. `llm` is no function, see `fanout`.
    """
    chosen = _asked(_frame(text, items), bool(items)) if name == "auto" else name
    if chosen == "json":
        return json_array
    if chosen == "object":
        return JsonObject(tuple(items)) if items else LINES
    if chosen == "table":
        return Table(tuple(items))
    if chosen == "distinct":
        return distinct
    return PLAIN if chosen == "plain" else listed(text)


def _frame(text: str, items: Sequence[str]) -> str:
    """What stands around the items."""
    return re.sub("|".join(map(_unit, sorted(items, key=len, reverse=True))), " ", text) if items else text


def _unit(item: str) -> str:
    """An item where it is not a part of a longer word, in scripts that part words."""
    left = r"(?<![A-Za-z])" if item[:1].isascii() and item[:1].isalpha() else ""
    return left + re.escape(item) + (r"(?![A-Za-z])" if item[-1:].isascii() and item[-1:].isalpha() else "")


def _asked(frame: str, of_items: bool) -> Name:
    """The form that the words around the items ask for. Open pieces without duplicates are different ones, and no list."""
    if _AS_JSON.search(frame):
        return "object" if _AS_OBJECT.search(frame) else "json"
    if _AS_TABLE.search(frame):
        return "table"
    return "distinct" if of_items and _AS_DISTINCT.search(frame) else "numbered"


@dataclass(frozen=True)
class Listed:
    """An ordered list whose marks are written in one of the styles in which people write them."""

    ordered: ClassVar[bool] = True
    style: str

    def __call__(self, texts: Sequence[str]) -> str:
        return "\n".join(self._entry(self._mark(k), text) for k, text in enumerate(texts, 1))

    def _mark(self, number: int) -> str:
        if self.style == "①":
            return chr(ord("①") + number - 1) if number <= 20 else f"({number})"
        return self.style.format(number)

    @staticmethod
    def _entry(mark: str, text: str) -> str:
        return f"{mark} " + text.strip().replace("\n", "\n" + " " * (len(mark) + 1))


def listed(text: str) -> Merge:
    """A list with the marks of the first list in the prompt; numbers with a full stop where it has none."""
    opening = _OPENING.search(text)
    if not opening:
        return NUMBERED
    style = opening["bullet"] or ("①" if opening["circled"] else re.sub(r"\d+", "{}", opening["number"]))
    return Listed(style) if style in _STYLES and style != "{}." else NUMBERED


def json_array(texts: Sequence[str]) -> str:
    """A JSON array of the answers; one that is JSON itself is taken over as a value, not as text."""
    return json.dumps([_value(text) for text in texts], ensure_ascii=False, indent=2)


@dataclass(frozen=True)
class JsonObject:
    """A JSON object: each answer under the item it belongs to."""

    keys: tuple[str, ...]

    def __call__(self, texts: Sequence[str]) -> str:
        values = {key: _value(text) for key, text in zip(self.keys, texts, strict=True)}
        return json.dumps(values, ensure_ascii=False, indent=2)


def json_values(text: str) -> list[str]:
    """The members of an answer that is a JSON array, as texts; none if it is something else."""
    value = _parsed(text)
    members = value if isinstance(value, list) else []
    return [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in members]


def _value(text: str) -> Any:
    """What an answer says if it is a JSON object or array, fenced or not, else its text: 1.10 is no number to be rounded."""
    value = _parsed(text)
    return text.strip() if value is None else value


def _parsed(text: str) -> Any:
    """The JSON object or array that a text is; None for anything else, and for one that would not survive as it is."""
    fenced = _FENCE.match(text)
    try:
        value = json.loads(
            fenced[1] if fenced else text, object_pairs_hook=_members, parse_constant=_refuse, parse_float=_exact
        )
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _exact(number: str) -> float:
    if repr(float(number)) != number:
        raise ValueError(f"{number} would be written otherwise")
    return float(number)


@dataclass(frozen=True)
class Table:
    """One table: the rows of the answers, if all of them are tables with the same head; else a row of item and answer."""

    items: tuple[str, ...]

    def __call__(self, texts: Sequence[str]) -> str:
        tables = [_rows(text) for text in texts]
        heads = {rows[0] for rows in tables if rows}
        if len(heads) == 1 and all(len(rows) > 1 for rows in tables):
            head = heads.pop()
            rows = [row for table in tables for row in table[1:]]
            return "\n".join([head, "|" + " --- |" * (head.replace("\\|", "").count("|") - 1), *rows])
        if any(tables):
            return PLAIN(texts)
        rows = [f"| {_cell(item)} | {_cell(text)} |" for item, text in zip(self._names(len(texts)), texts, strict=True)]
        return "\n".join(["| | |", "| --- | --- |", *rows])

    def _names(self, count: int) -> Sequence[str]:
        return self.items if len(self.items) == count else [str(k) for k in range(1, count + 1)]


def _rows(text: str) -> list[str]:
    """The rows of a text that is a table, without the rule under its head; none if anything else stands in it."""
    fenced = _FENCE.match(text)
    lines = [line.strip() for line in (fenced[1] if fenced else text).splitlines() if line.strip()]
    if not lines or not all(_ROW.match(line) for line in lines):
        return []
    return [line for line in lines if not _RULE.fullmatch(line)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def distinct(texts: Sequence[str]) -> str:
    """The entries of all answers as one numbered list, each once: case, width and list marks aside, the first one kept. An
    answer that is no list is one entry, whatever lines it has."""
    kept: dict[str, str] = {}
    for entry in (entry for text in texts for entry in entries_of(text)):
        kept.setdefault(unicodedata.normalize("NFKC", entry).casefold().rstrip(" .。;；,，"), entry)
    return NUMBERED(tuple(kept.values()))


def entries_of(text: str) -> list[str]:
    """The entries of a list, each with the lines that belong to it; a text that is no list is one entry."""
    lines, at = text.strip().splitlines(), list[int]()
    widths = [len(line) - len(line.lstrip()) for line in lines]
    for place, line in enumerate(lines):
        if _MARK.match(line) and (not at or widths[place] <= widths[at[0]] + 1):
            at.append(place)
    if len(at) < 2 or at[0] != 0:
        return [text.strip()] if text.strip() else []
    cuts = pairwise([*at, len(lines)])
    return ["\n".join([_MARK.sub("", lines[start]), *lines[start + 1 : end]]).strip() for start, end in cuts]
