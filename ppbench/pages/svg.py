"""What figures are made of: escaped text, axes, ticks. Knows no run; colours are classes, which the page has."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
RIGHT = 40
"""Room at the right, for half of the last figure of an axis."""
LABELS = 200
"""Width of the names at the left."""
WIDTH = 900


def safe(text: str, limit: int | None = None) -> str:
    """Text as data: escaped, without control characters and halves of pairs, cut where it is too long."""
    text = _CONTROL.sub("", text)
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return escape(text.encode("utf-8", "replace").decode("utf-8"))


def figure(height: float, parts: Sequence[str], title: str) -> str:
    """An image that says to a screen reader what it shows."""
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{safe(title)}">'
            f"<title>{safe(title)}</title>\n" + "\n".join(parts) + "\n</svg>")  # fmt: skip


def words(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{safe(text)}</text>'


def name(y: float, text: str) -> str:
    """A row's name at the left, cut to its place, whole when pointed at."""
    return f'<text x="{LABELS - 8}" y="{y:.1f}" text-anchor="end">{safe(text, 27)}<title>{safe(text)}</title></text>'


def bar(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    inside = f"<title>{safe(title, 600)}</title>" if title else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.6):.1f}" height="{height:.1f}" class="{kind}">{inside}</rect>'


def line(x: float, top: float, bottom: float, kind: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" class="{kind}"/>'


def even_ticks(end: float) -> list[float]:
    """From 0 to an end, four to ten of them, at 1, 2 or 5 times a power of ten."""
    if end <= 0:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(end))
    step = next(step for step in (power / 5, power / 2, power, 2 * power) if end / step <= 8)
    return [k * step for k in range(int(end / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within a range; powers alone where those would be many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(decades) <= 5 else (1,)
    return [tick for k in decades for factor in factors if low <= (tick := factor * 10.0**k) <= high]


def seconds(ns: float) -> str:
    """A duration for a reader."""
    s = ns / 1e9
    return f"{s:.1f} s" if s >= 10 else f"{s:.2f} s" if s >= 1 else f"{s * 1e3:.0f} ms" if s >= 0.01 else f"{s * 1e3:.2g} ms"


def plain_number(value: float) -> str:
    return f"{value:.10g}"


def spread(count: int) -> Iterator[float]:
    """Offsets between -1 and 1, without pattern and the same each time, so that dots do not hide one another."""
    return ((k * 0.618033988749895 % 1.0) * 2 - 1 for k in range(count))
