"""Boards as Markdown tables, for a README. Text of methods and authors is text, never markup."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ppbench.board.identity import Board
from ppbench.board.rows import MEASURES, Row
from ppbench.report import MOCK_NOTE
from ppbench.stats import Estimate
from ppbench.tally import PREFERENCE, SERIAL

BEGIN, END = "<!-- made by `ppbench leaderboard tables` -->", "<!-- end -->"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|<>&~@])")


def markdown(boards: Mapping[Board, Sequence[Row]]) -> str:
    """A table for each board."""
    return "\n\n".join(_board(board, rows) for board, rows in boards.items())


def _board(board: Board, rows: Sequence[Row]) -> str:
    measures = [measure for measure in MEASURES if any(measure in row.quality for row in rows)]
    names = {PREFERENCE: "preference (0.5 is parity)"}
    head = ["method", "raw speedup", "95 %", "rank", *(names.get(m, f"{m}, less serial's") for m in measures), "verdict",
            "pairs", "failed", "verified", "entry"]  # fmt: skip
    lines = [f"### {text(board.title)}{' (mock)' if board.mock else ''}", ""]
    lines += [f"{MOCK_NOTE.capitalize()}.", ""] if board.mock else []
    lines += [f"{text(board.load)}; {board.clock} clock. Adversaries and serial against itself are in italics.", ""]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(_cells(row, measures)) + " |" for row in rows)])


def _cells(row: Row, measures: Sequence[str]) -> list[str]:
    score, mark = row.score, "*" if row.grey else ""
    serial = row.spec == SERIAL
    interval = f"{ratio(score['raw_speedup_low'])} - {ratio(score['raw_speedup_high'])}"
    return [f"{mark}{text(row.label)}{mark}", ratio(score["raw_speedup"]), "-" if serial else interval, rank(row),
            *("-" if serial else estimate(row.quality.get(measure), measure) for measure in measures),
            score["verdict"], f"{score['pairs']} of {score['n']}", str(score["failures"]), text(row.entry.verified or "no"),
            text("" if serial else row.entry.name)]  # fmt: skip


def text(value: str) -> str:
    """As it is, on one line, and nothing of it is markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(value.split()))


def ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def rank(row: Row) -> str:
    if row.rank is None:
        return "-"
    low, high = row.rank
    return str(low) if low == high else f"{low}-{high}"


def estimate(value: Estimate | None, measure: str) -> str:
    """A value with its interval; differences with their sign."""
    if value is None:
        return "-"
    sign = "" if measure == PREFERENCE else "+"
    low, high = (format(bound if bound is not None else float("nan"), f"{sign}.2f") for bound in (value.low, value.high))
    return f"{value.value:{sign}.2f} ({low} to {high})"


def put_between(page: str, made: str) -> str | None:
    """The page with what stands between its two marks replaced; None without them."""
    begin, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    return f"{begin}{BEGIN}\n\n{made}\n\n{END}{after}" if mark else None
