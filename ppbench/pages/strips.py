"""How a figure spreads, method by method, as SVG: a dot a trial, the middle half, the median. Knows numbers and names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles

from ppbench.pages.svg import LABELS, RIGHT, WIDTH, bar, figure, line, log_ticks, name, spread, words

DOTS = 600
"""Of a row; of more, as many are drawn that lie evenly among them in order of size."""
_ROW, _TOP = 30, 10


def strips(rows: Mapping[str, Sequence[float]], title: str, label: Callable[[float], str], mark: float | None = None) -> str:
    """Positive values by name over a logarithmic axis; `mark` is drawn as a line."""
    values = [value for row in rows.values() for value in row]
    low, high = min([*values, *([mark] if mark else [])]) / 1.15, max([*values, *([mark] if mark else [])]) * 1.15
    scale = (WIDTH - LABELS - RIGHT) / math.log(high / low)
    bottom = _TOP + _ROW * len(rows)

    def x(value: float) -> float:
        return LABELS + math.log(value / low) * scale

    parts = []
    for tick in log_ticks(low, high):
        parts.append(line(x(tick), _TOP, bottom, "grid"))
        parts.append(words(x(tick), bottom + 15, label(tick), anchor="middle", kind="tick"))
    if mark:
        parts.append(line(x(mark), _TOP, bottom, "serial"))
    for place, (method, row) in enumerate(rows.items()):
        parts += _row(method, sorted(row), x, _TOP + _ROW * place, label)
    return figure(bottom + 24, parts, title)


def _row(
    method: str, row: Sequence[float], x: Callable[[float], float], top: float, label: Callable[[float], str]
) -> list[str]:
    middle = top + _ROW / 2
    parts = [name(middle + 4, f"{method} ({len(row)})")]
    if len(row) > 1:
        low, half, high = quantiles(row, n=4, method="inclusive")
        told = f"{method}: median {label(half)}, middle half {label(low)} to {label(high)}, "
        told += f"all {label(row[0])} to {label(row[-1])}"
        parts.append(bar(x(low), top + 6, x(high) - x(low), _ROW - 12, "half", told))
    dots = row if len(row) <= DOTS else [row[k * (len(row) - 1) // (DOTS - 1)] for k in range(DOTS)]
    at = [f"M{x(value):.1f} {middle + 8 * off:.1f}h0" for value, off in zip(dots, spread(len(dots)), strict=True)]
    parts.append(f'<path d="{"".join(at)}" class="dots"/>')
    if row:
        parts.append(line(x(median(row)), top + 4, top + _ROW - 4, "median"))
    return parts
