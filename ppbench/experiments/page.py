"""The report of the paper's experiments: one HTML page that stands alone, no script and nothing to fetch.

All text is escaped, that of figures by matplotlib; the page forbids itself scripts and the network besides. Renders what
it is given, writes no file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ppbench.experiments.published import DIFFERENCES, MODELLED, SHOWS, SOURCE
from ppbench.experiments.tables import SHARE_NOTES, VARY_NOTES

_STYLE = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-bottom: 1px solid #ddd }
.wide { overflow-x: auto; margin: 1rem 0 } table { border-collapse: collapse; font-size: .85rem }
td { white-space: nowrap } .text td { white-space: normal; min-width: 9rem }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #e5e5e5; text-align: right; vertical-align: top }
th { background: #f6f6f6 } td:first-child, th:first-child, .text td, .text th { text-align: left }
.table td:nth-child(2), .table th:nth-child(2) { text-align: left }
.note { border-left: 4px solid #e69f00; background: #fff8e8; padding: .5rem 1rem }
.small { color: #555; font-size: .9rem } svg { max-width: 100%; height: auto } code { background: #f3f3f3; padding: 0 .2rem }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Table:
    headers: Sequence[str]
    cells: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Part:
    """One experiment: where its figures come from, its tables, its figure (SVG) or why there is none."""

    provenance: Sequence[str]
    tables: Sequence[Table]
    figure: bytes | None
    no_figure: str
    files: Sequence[str]


@dataclass(frozen=True)
class Page:
    modelled: bool
    category_table: str
    """HTML of the table by category, made by a renderer that escapes, or a sentence that there is none."""
    category_notes: str
    vary_n: Part
    end_to_end: Part
    command: str


def render(page: Page) -> str:
    body = [
        "<h1>The ParallelPrompt experiments, run again</h1>",
        _paragraph("small", f"The paper: {SOURCE}."),
        _paragraph("note", MODELLED) if page.modelled else "",
        _paragraph("small", f"Made by: {page.command}"),
        "<h2>By category, beside the paper's figures</h2>",
        f'<div class="wide table">{page.category_table}</div>' if page.category_table.startswith("<table")
        else _paragraph("", page.category_table),
        _paragraph("small", page.category_notes),
        "<h2>Time against the number of subtasks</h2>",
        _paragraph("", "The paper says that serial time grows linearly with n and that split time stays about constant; "
                       "it publishes no data for it, so none stand beside."),
        *_part(page.vary_n, VARY_NOTES, "v"),
        "<h2>End to end: where the time goes</h2>",
        _paragraph("", "The paper, repeated generation with extraction counted: 9.51 s serial, 4.88 s split, printed as "
                       "1.70x raw and 3.41x normalized; 9.51 / 4.88 is 1.95."),
        *_part(page.end_to_end, SHARE_NOTES, "e"),
        "<h2>What differs from the paper, and why</h2>",
        _differences(),
        "<h2>What the comparison shows, and what it does not</h2>",
        _paragraph("", SHOWS),
    ]  # fmt: skip
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>The ParallelPrompt experiments, run again</title><style>{_STYLE}</style>"
    )
    lines = "\n".join(part for part in body if part)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{lines}\n</body></html>\n'


def _part(part: Part, notes: Sequence[str], prefix: str) -> list[str]:
    drawn = f'<div class="wide">{_inline(part.figure, prefix)}</div>' if part.figure else _paragraph("note", part.no_figure)
    tables = [_table(table, "wide table" if "method" in table.headers[1:2] else "wide") for table in part.tables]
    files = _paragraph("small", f"Data: {', '.join(part.files)}")
    return [
        *(_paragraph("small", line) for line in part.provenance),
        drawn,
        *tables,
        _paragraph("small", " ".join(notes)),
        files,
    ]


def _paragraph(kind: str, text: str) -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def _table(table: Table, kind: str) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.headers)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in table.cells)
    return f'<div class="{kind}"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>'


def _differences() -> str:
    cells = [[one.what, one.paper, one.here, one.why] for one in DIFFERENCES]
    return _table(Table(("", "the paper", "here", "why"), cells), "wide text")


def _inline(svg: bytes, prefix: str) -> str:
    """A figure as part of the page: without its prologue, and with ids of its own where a page has several figures."""
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
