"""Writes the same answers in the layouts in which models write them. Each layout is a function of items and answers; an
answer that is None was not given. Knows no judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

Answers = Sequence[str | None]
Layout = Callable[[Sequence[str], Answers], str]
Given = list[tuple[int, str, str]]


def given(items: Sequence[str], answers: Answers) -> Given:
    """Number, item and answer of what was answered."""
    return [(k, i, a) for k, (i, a) in enumerate(zip(items, answers, strict=True), 1) if a is not None]


def line(text: str) -> str:
    """An item as it is repeated within a line."""
    return " ".join(text.split())


def cell(text: str) -> str:
    """A text as a model writes it into a table."""
    return text.strip().replace("|", "\\|").replace("\n", "<br>")


def under(mark: str, text: str) -> str:
    """An entry whose further lines stand under its first one."""
    return mark + text.replace("\n", "\n" + " " * len(mark))


def numbered(items: Sequence[str], answers: Answers) -> str:
    return "\n".join(under(f"{k}. ", a) for k, _, a in given(items, answers))


def bulleted(items: Sequence[str], answers: Answers) -> str:
    """Bullets that say nothing of the item; one that was left empty stays empty."""
    return "\n".join(under("- ", a or "") for a in answers)


def bold(items: Sequence[str], answers: Answers) -> str:
    return "\n\n".join(f"**{line(i)}:** {a}" for _, i, a in given(items, answers))


def table(items: Sequence[str], answers: Answers) -> str:
    rows = [f"| {k} | {cell(i)} | {cell(a)} |" for k, i, a in given(items, answers)]
    return "\n".join(["| # | Item | Answer |", "|---|---|---|", *rows])


def json_array(items: Sequence[str], answers: Answers) -> str:
    return "```json\n" + json.dumps(list(answers), ensure_ascii=False, indent=2) + "\n```"


def prose(items: Sequence[str], answers: Answers) -> str:
    return " ".join(["Here is each of them in turn.", "; ".join(f"“{line(i)}” – {a}" for _, i, a in given(items, answers))])


def headings(items: Sequence[str], answers: Answers) -> str:
    return "\n\n".join(f"### {line(i)}\n\n{a}" for _, i, a in given(items, answers))


def turned(rows: Given) -> Given:
    """Another order: the second half before the first, each half backwards."""
    middle = len(rows) // 2
    return [*rows[middle:][::-1], *rows[:middle][::-1]]


def reordered(items: Sequence[str], answers: Answers) -> str:
    return "\n".join(under("- ", f"{line(i)}: {a}") for _, i, a in turned(given(items, answers)))


LAYOUTS: dict[str, Layout] = {
    "numbered": numbered, "bulleted": bulleted, "bold": bold, "table": table, "JSON": json_array, "prose": prose,
    "headings": headings, "reordered": reordered,
}  # fmt: skip
"""The eight that every gold set is written in."""


def echoed(items: Sequence[str], answers: Answers) -> str:
    return "\n".join(under(f"{k}) ", f"“{line(i)}” → {a}") for k, i, a in given(items, answers))


def numbered_headings(items: Sequence[str], answers: Answers) -> str:
    return "\n\n".join(f"## {k}. {line(i)}\n\n{a}" for k, i, a in given(items, answers))


def json_object(items: Sequence[str], answers: Answers) -> str:
    return json.dumps({i: a for _, i, a in given(items, answers)}, ensure_ascii=False)


def json_records(items: Sequence[str], answers: Answers) -> str:
    rows = [{"id": k, "input": i, "output": a} for k, i, a in given(items, answers)]
    return "Here you are:\n\n" + json.dumps({"answers": rows}, ensure_ascii=False, indent=1)


def bare_table(items: Sequence[str], answers: Answers) -> str:
    return "\n".join([f"{cell(i)} | {cell(a)}" for i, a in [("Item", "Answer"), ("---", "---")]]
                     + [f"{cell(i)} | {cell(a)}" for _, i, a in given(items, answers)])  # fmt: skip


def numbers_out_of_order(items: Sequence[str], answers: Answers) -> str:
    return "\n".join(under(f"**{k}.** ", a) for k, _, a in turned(given(items, answers)))


def counted_headings(items: Sequence[str], answers: Answers) -> str:
    return "\n\n".join(f"### Part {k}\n{a}" for k, _, a in given(items, answers))


def plain_lines(items: Sequence[str], answers: Answers) -> str:
    return "Here they are:\n" + "\n".join(a or "—" for a in answers)


def original_and_answer(items: Sequence[str], answers: Answers) -> str:
    return "\n\n".join(f"Original: {line(i)}\nResult: {a}" for _, i, a in given(items, answers))


def counted_words(items: Sequence[str], answers: Answers) -> str:
    return "\n".join(f"Sentence {k}: {a}" for k, _, a in turned(given(items, answers)))


def inline_numbers(items: Sequence[str], answers: Answers) -> str:
    return "Well: " + " ".join(f"({k}) {a or '—'}" for k, a in enumerate(answers, 1))


FURTHER: dict[str, Layout] = {
    "numbered, echoed": echoed, "numbered headings": numbered_headings, "JSON object": json_object,
    "JSON records": json_records, "table without edges": bare_table, "numbers out of order": numbers_out_of_order,
    "counted headings": counted_headings, "plain lines": plain_lines, "item and answer": original_and_answer,
    "counted words": counted_words, "inline numbers": inline_numbers,
}  # fmt: skip
"""Others that are as common."""

TURNED = {"reordered", "numbers out of order", "counted words"}
"""Those that keep another order."""
