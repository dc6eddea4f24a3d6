"""How answers of branches become one answer: named, deterministic functions, chosen by the form that a prompt asks for.

Text of a model is data here: it is never read as markup or code; JSON in it is taken over only where it parses.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    r"(?:\b(?:in|as|into|to|valid|only|a|of|en|em|au|als|im|dalam|sebagai|sous forme de|(?:in|en|em) formato|в|في|में)"
    r"\s+(?:format[eo]?\s+|un\s+|einem?\s+|формат[еа]?\s+)?json\b(?!\s+(?:file|schema|config|string|parser|library)))"
    r"|json\s?(?:array|object|list|format|формат|格式|形式|数组|数組|列表|对象|で|形式で|배열|형식|으로|صيغة|प्रारूप)",
    re.IGNORECASE,
)
_AS_OBJECT = re.compile(
    r"json\s?(?:object|dictionary|对象)|\b(?:objeto|objet|objekt|oggetto) json\b|key[- ]value", re.IGNORECASE
)
_AS_TABLE = re.compile(
    r"\b(?:in|as|into|make|create|of) a (?:markdown )?table\b|\b(?:en|em) (?:una?|uma) (?:tabla|tabela)\b"
    r"|\b(?:dans|sous forme de|en) (?:un )?tableau\b|\bin einer tabelle\b|\bals tabelle\b|\b(?:in|come) (?:una )?tabella\b"
    r"|в виде таблицы|в таблиц[еу]|(?:用|以|成|为|列)[^，。\n]{0,6}表格|表格(?:形式|呈现|展示)|表形式|表で"
    r"|(?<![가-힣])표(?:로|\s?형식)|في جدول|तालिका में"
    r"|\b(?:dalam|berupa) (?:bentuk )?tabel\b",
    re.IGNORECASE,
)
_AS_DISTINCT = re.compile(
    r"\b(?:without|no|remove|avoid) (?:any )?duplicates?\b|\bde-?duplicated?\b|\bsin duplicados\b|\bsem duplicatas\b"
    r"|\bsans doublons?\b|\bohne duplikate\b|\bsenza duplicati\b|без повторов|去重|不重复|重複なし|중복 없이|tanpa duplikat",
    re.IGNORECASE,
)


def merge_for(text: str, name: Name = "auto", items: Sequence[str] = ()) -> Merge:
    """The merge of that name; `auto` takes the form that the prompt asks for, else a list in the prompt's own style.

    `items` are what the answers belong to: keys of an object, first column of a table. `llm` is no function, see
    `fanout`.
    """
    chosen = _asked(text) if name == "auto" else name
    if chosen == "json":
        return json_array
    if chosen == "object":
        return JsonObject(tuple(items)) if items else LINES
    if chosen == "table":
        return Table(tuple(items))
    if chosen == "distinct":
        return distinct
    return PLAIN if chosen == "plain" else listed(text)


def _asked(text: str) -> Name:
    if _AS_JSON.search(text):
        return "object" if _AS_OBJECT.search(text) else "json"
    if _AS_TABLE.search(text):
        return "table"
    return "distinct" if _AS_DISTINCT.search(text) else "numbered"


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


def _value(text: str) -> Any:
    """What an answer says if it is a JSON document, fenced or not, else its text. One answer in a list of one is itself."""
    fenced = _FENCE.match(text)
    try:
        value = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return text.strip()
    return value[0] if isinstance(value, list) and len(value) == 1 else value


@dataclass(frozen=True)
class Table:
    """One table: the rows of the answers that are tables, under the first one's head; a row of item and answer for others."""

    items: tuple[str, ...]

    def __call__(self, texts: Sequence[str]) -> str:
        tables = [_rows(text) for text in texts]
        head = next((rows[0] for rows in tables if len(rows) > 1), None)
        rows = [row for k, text in enumerate(texts) for row in (_body(tables[k]) if head else []) or [self._row(k, text)]]
        rule = "|" + " --- |" * (max(1, head.replace("\\|", "").count("|") - 1) if head else 2)
        return "\n".join([head or "| | |", rule, *rows])

    def _row(self, place: int, text: str) -> str:
        item = self.items[place] if place < len(self.items) else str(place + 1)
        return f"| {_cell(item)} | {_cell(text)} |"


def _rows(text: str) -> list[str]:
    """The rows of a table in a text, without the rule under its head."""
    return [line.strip() for line in text.splitlines() if _ROW.match(line) and not _RULE.fullmatch(line.strip())]


def _body(rows: Sequence[str]) -> Sequence[str]:
    return rows[1:]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def distinct(texts: Sequence[str]) -> str:
    """The entries of all answers as one numbered list, each once: case, width and list marks aside, the first one kept."""
    entries = [_MARK.sub("", line).strip() for text in texts for line in text.splitlines() if line.strip()]
    kept: dict[str, str] = {}
    for entry in entries:
        kept.setdefault(unicodedata.normalize("NFKC", entry).casefold().rstrip(" .。;；,，"), entry)
    return NUMBERED(tuple(kept.values()))
