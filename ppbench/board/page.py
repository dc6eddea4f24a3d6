"""The site: a page for each board, a script of samples for each entry; opens from the disk, fetches nothing from anywhere.

All text is escaped where it becomes HTML, and the page allows itself no script but its own. Writes no file.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ppbench.board import charts, parts, samples
from ppbench.board.identity import OWN, Board
from ppbench.board.parts import Groups, esc, name
from ppbench.board.rows import Loaded, Row, measure_of
from ppbench.errors import InvalidData
from ppbench.report import MOCK_NOTE
from ppbench.tally import SERIAL

LARGEST = 1_500_000
"""Bytes of a page."""
_HERE = Path(__file__).parent


def site(boards: Mapping[Board, Sequence[Row]]) -> dict[str, bytes]:
    """Path -> content. The first board is `index.html`. Raises InvalidData for a page that would be too large."""
    charts.need()
    entries = list({id(row.entry): row.entry for rows in boards.values() for row in rows}.values())
    numbers = {id(entry): number for number, entry in enumerate(entries)}
    names = {board: "index.html" if k == 0 else f"board-{k + 1}.html" for k, board in enumerate(boards)}
    pages = {names[board]: _page(board, rows, names, numbers).encode() for board, rows in boards.items()}
    for path, page in pages.items():
        if len(page) > LARGEST:
            raise InvalidData(f"{path} would have {len(page):,} bytes, more than {LARGEST:,}; build it of fewer entries")
    return {**pages, **{f"samples/{number}.js": samples.script(entry, number) for number, entry in enumerate(entries)}}


def _page(board: Board, rows: Sequence[Row], names: Mapping[Board, str], numbers: Mapping[int, int]) -> str:
    style, program = ((_HERE / file).read_text(encoding="utf-8") for file in ("page.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    policy = (f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
              "base-uri 'none'; form-action 'none'")  # fmt: skip
    title = f"ppbench: {board.title}{' (mock)' if board.mock else ''}"
    head = (f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{esc(title)}</title><style>{style}</style>")  # fmt: skip
    body = "\n".join([_header(board, names), '<main id="main">', *_sections(board, rows, numbers), "</main>", _FOOTER])
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n<script>{program}</script></body></html>\n'


def _header(board: Board, names: Mapping[Board, str]) -> str:
    links = "".join(
        f'<li><a href="{file}"{" aria-current=page" if one == board else ""}>{name(one.title)}{" (mock)" if one.mock else ""}'
        f'<span class="small">{esc(one.load)}; {esc(one.clock)} clock</span></a></li>'
        for one, file in names.items()
    )  # fmt: skip
    return ('<a class="skip" href="#main">To the board</a><header><p class="brand">ppbench leaderboard</p>'
            f'<nav aria-label="Boards"><ul>{links}</ul></nav>'
            '<button type="button" id="theme">Light or dark</button></header>')  # fmt: skip


def _sections(board: Board, rows: Sequence[Row], numbers: Mapping[int, int]) -> list[str]:
    measure = measure_of(rows)
    by = {what: _groups(rows, what) for what in ("category", "language", "n")}
    note = f'<p class="note">{esc(MOCK_NOTE.capitalize())}.</p>' if board.mock else ""
    return [
        f"<h1>{name(board.title)}{' (mock)' if board.mock else ''}</h1>{note}",
        f'<p class="small">{esc(board.load)}; {esc(board.clock)} clock; {_entries(rows)}. Rows of other models, suites or load '
        "levels stand on other boards.</p>",
        _section("frontier", "Speed against quality", _frontier(rows, measure)),
        _section("table", "Every method", _controls() + parts.table(rows) + _TABLE),
        _section("tradeoff", "The trade-off, by category",
                 _figure(charts.tradeoff_figure(by["category"], measure)) + _TRADEOFF),
        _section("heat", "Where a method gains", parts.heat(by["category"], rows, "category", measure)
                 + parts.heat(by["language"], rows, "language", measure) + _HEAT),
        _section("size", "Speed against the number of subtasks", _figure(charts.size_figure(by["n"])) + _SIZE),
        _section("cards", "Methods", "".join(parts.card(row) for row in rows if row.spec != SERIAL)),
        _section("samples", "Samples", _explorer(rows, numbers)),
    ]  # fmt: skip


def _entries(rows: Sequence[Row]) -> str:
    entries = {id(row.entry): row.entry for row in rows}.values()
    return f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}, {sum(bool(e.verified) for e in entries)} verified"


def _groups(rows: Sequence[Row], what: str) -> Groups:
    """Group -> each row with its score there, in the order of the entry that has the most groups."""
    order = max((list(row.entry.said["by"][what]) for row in rows), key=len)
    found: dict[str, list[tuple[Row, Mapping[str, Any]]]] = {group: [] for group in order}
    for row in rows:
        for group, scores in row.entry.said["by"][what].items():
            mine = next((score for score in scores if score["decomposer"] == row.spec), None)
            if mine is not None:
                found.setdefault(group, []).append((row, mine))
    return found


def _section(key: str, title: str, content: str) -> str:
    return f'<section id="{key}" aria-labelledby="{key}-title"><h2 id="{key}-title">{title}</h2>{content}</section>'


def _figure(svg: str) -> str:
    return f'<div class="figure">{svg}</div>' if svg else '<p class="note">Nothing is known to draw.</p>'


def _frontier(rows: Sequence[Row], measure: str) -> str:
    return _figure(charts.frontier_figure(rows) if measure else "") + _FRONTIER


def _controls() -> str:
    return (
        '<div class="controls"><label>Filter <input type="search" id="filter" autocomplete="off"></label>'
        '<label>Verdict <select id="verdict"><option value="">all</option></select></label>'
        '<label><input type="checkbox" id="greys" checked> adversaries</label>'
        '<label><input type="checkbox" id="givens" checked> shown labels</label>'
        '<span id="count" role="status"></span></div>'
    )


def _explorer(rows: Sequence[Row], numbers: Mapping[int, int]) -> str:
    entries: dict[int, Loaded] = {numbers[id(row.entry)]: row.entry for row in rows}
    choice = "".join(f'<option value="{number}">{esc(entry.name)}'
                     f"{' (no texts: own prompts)' if entry.said['board']['suite'] == OWN else ''}</option>"
                     for number, entry in entries.items())  # fmt: skip
    return (
        f'<div class="controls"><label>Entry <select id="entry">{choice}</select></label>'
        '<label>Prompt <select id="prompt" disabled></select></label>'
        '<label>Method <select id="method" disabled></select></label>'
        '<button type="button" id="show">Show</button></div>'
        '<p class="small">Samples are loaded when asked for. Texts are shown as they came.</p>'
        '<p id="told" class="small" role="status"></p><div id="sample" role="region" aria-label="Sample"></div>'
        "<noscript><p>Samples, sorting and filtering need this page's own script.</p></noscript>"
    )


_FOOTER = (
    '<footer class="small"><p>Every figure was computed again from the raw records of its entry when this page was built. '
    "That shows that figures and records agree, not that they were measured: an entry is verified only where a maintainer "
    "has run it again.</p></footer>"
)
_FRONTIER = (
    '<p class="small">Right is faster, up is better. Rectangles are the two 95 % intervals of a method; the green band is '
    "what still counts as not worse; serial stands where the dashed lines cross, at 1 and parity. Adversaries, which try "
    "to win without answering, are grey. The line joins the methods that none beats in both; it is no scale of worth.</p>"
)
_TABLE = (
    '<p class="small">Raw speedup: serial latency / method latency, end to end, geometric mean over families of prompts. '
    "Verdicts are those of a row's own run, among its rows; ranks are of this whole board, in 95 % of the resamples. "
    "Normalized is the paper's, raw x token ratio; it rewards longer answers.</p>"
)
_TRADEOFF = '<p class="small">The paper\'s figure: speed against quality, one point a method and category.</p>'
_HEAT = '<p class="small">Few pairs are in a cell; how many is said when it is pointed at.</p>'
_SIZE = '<p class="small">Bars are 95 % intervals.</p>'
