"""The stages behind the pre-filter, as pure functions of rows: language, planning by rules, validation, tiers.

The same functions run in this process, in others, and on other machines. A row goes in, what became of it comes out; nothing
is read, kept or asked here. A model's plan enters at `validated`, like the rules' own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache

from ppbench import Schema, detected_language, installed_categories, language_code
from ppbench_plugins.curation.categories import category_of
from ppbench_plugins.curation.logs import Read
from ppbench_plugins.curation.mending import mended
from ppbench_plugins.curation.rows import Planned, Row, Settled, placed, refused
from ppbench_plugins.curation.validation import judge
from ppbench_plugins.decomposers.extraction import schema_of
from ppbench_plugins.decomposers.names import Names
from ppbench_plugins.decomposers.reading import MOST_PARTS
from ppbench_plugins.decomposers.rules import find

UNKNOWN = "und"
DETECT = "detect"


def filtered(read: Read) -> Settled:
    """A row that the pre-filter refused."""
    stage = "pre-filter" if read.reason.startswith(("too", "no sign", "a copy")) else "reading"
    return Settled(read.number, stage, language_code(read.language), {"id": read.name, **placed(read.file, read.line),
                                                                            "reason": read.reason})  # fmt: skip


def named(read: Read, language: str = "") -> Row:
    """A row with its language: as the log says; else, or if `detect` is asked for, as a small local model says."""
    said = UNKNOWN if language == DETECT else language_code(read.language)
    if said == UNKNOWN:
        said = detected_language(read.text[:2000]) if language in ("", DETECT) else language
    return Row(read.number, read.name, read.text, said, read.given, read.line, read.file)


def settle(reads: Iterable[Read], language: str = "", planner: str = "rules") -> list[Settled]:
    """Everything behind the pre-filter, without a model, for a batch: what a worker does."""
    plan = as_given if planner == "given" else by_rules
    return [validated(row, plan(row)) for row in (named(read, language) for read in reads)]


def shown(row: Row) -> str:
    """The prompt with invented names in place of NAME_1 and the like, as the paper asks its model to write it."""
    return Names.of(row.text).replace(row.text)


def by_rules(row: Row) -> Planned:
    """What the rules find."""
    text = shown(row)
    found = find(text, row.language)
    if found.schema is None:
        return Planned(rule=found.rule, reason=found.reason, text=text)
    return Planned(found.schema, rule=found.rule, text=text)


def as_given(row: Row) -> Planned:
    """The annotation that the row brings, with the same invented names as its prompt."""
    if not row.given:
        return Planned(reason="the row brings no annotation")
    names = Names.of(row.text)
    try:
        cells = json.loads(row.given)
        for key in ("data", "n"):  # the published table holds JSON text, and "5.0"
            cells[key] = json.loads(cells[key]) if isinstance(cells.get(key), str) and cells[key] else cells.get(key)
        if cells["data"] is None and cells["n"] is None:
            return Planned(reason="neither items nor a count are given", broken=True, rule="given")
        schema = schema_of(cells)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return Planned(reason=f"annotation: {error}", broken=True, rule="given")
    return Planned(named_anew(schema, names), str(cells.get("category") or ""), rule="given", text=names.replace(row.text))


def named_anew(schema: Schema, names: Names) -> Schema:
    """A schema with invented names in its texts."""
    data = tuple(map(names.replace, schema.data)) if schema.data is not None else None
    return Schema(names.replace(schema.template), names.replace(schema.context) if schema.context else None, data, schema.n)


def validated(row: Row, planned: Planned) -> Settled:
    """What becomes of a row: its line in the accepted set, or the reason why it has none."""
    text = planned.text or row.text
    if planned.schema is None:
        stage = "validation" if planned.broken else "planning"
        return refused(row, stage, planned.reason, rule=planned.rule, text=row.text)
    schema = mended(text, planned.schema)
    if schema.size > MOST_PARTS:
        return refused(row, "validation", f"more than {MOST_PARTS} parts", rule=planned.rule, text=row.text)
    judged = judge(text, row.language, schema)
    category, label = _category(planned, schema, text, row.language)
    if not judged.passed:
        fields = {"rule": planned.rule, "category": category, "tier": judged.tier, "schema": schema.to_json()}
        return refused(row, "validation", judged.problem, text=row.text, **fields)
    return Settled(row.number, "accepted", row.language, {
        "id": f"row-{row.number}", "text": text, "category": category, "schema": schema.to_json(), "splittable": True,
        "parallelizable": True, "data": list(schema.data) if schema.data else None, "n": schema.n, "tier": judged.tier,
        "cues": list(judged.cues), "rule": planned.rule, "label": label, "source": row.name,
    })  # fmt: skip


def _category(planned: Planned, schema: Schema, text: str, language: str) -> tuple[str, str]:
    """An installed category, and what the planner called it where that is none of them."""
    if not planned.category:
        return category_of(schema, text, language), ""
    known = _known().get(planned.category.replace("_", " ").strip().casefold(), "")
    return (known, "") if known else ("general", planned.category[:80])


@cache
def _known() -> Mapping[str, str]:
    known: dict[str, str] = {}
    for category in installed_categories():
        for name in (category.id.replace("_", " "), category.title, *category.aliases):
            known[name.casefold()] = category.id
    return known
