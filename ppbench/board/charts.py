"""Figures of a board as SVG, drawn by altair when the page is built; the page needs no library to show them.

Names of methods are data of a figure, and its writer escapes them. Knows no file. The one place that knows altair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from ppbench.board.rows import Row, frontier, margin, measure_of, parity
from ppbench.errors import UsageError
from ppbench.tally import PREFERENCE, SERIAL

INSTALL = "altair and vl-convert draw the figures of the page and are not installed: pip install 'ppbench[board]'"
LONGEST = 40
"""Characters of a name in a figure."""
_ADVERSARY = "adversary, or serial again"
_SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]
_GREY, _RED = "#8a8a8a", "#d62728"
_CONFIG = {"background": "transparent", "font": "sans-serif", "view": {"stroke": None}, "axis": {"labelFontSize": 12,
           "titleFontSize": 13, "titleFontWeight": "normal"}, "legend": {"labelFontSize": 12, "labelLimit": 260,
           "orient": "bottom", "columns": 2, "columnPadding": 36, "titleFontWeight": "normal"}}  # fmt: skip
_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#a05d00", "#3b7d23", "#b10058"]


def need() -> None:
    """Raise UsageError if figures cannot be drawn here."""
    if find_spec("altair") is None or find_spec("vl_convert") is None:
        raise UsageError(INSTALL)


def named(measure: str) -> str:
    """Words for a measure of quality."""
    return "preference over serial (0.5: parity)" if measure == PREFERENCE else f"{measure}, less serial's"


def frontier_figure(rows: Sequence[Row]) -> str:
    """Speed against quality: each method with the rectangle of its two 95 % intervals, the frontier, the band of not worse."""
    measure = measure_of(rows)
    points = [
        _point(row, measure) for row in rows if row.score["raw_speedup"] and (row.spec == SERIAL or measure in row.quality)
    ]
    points.sort(key=lambda point: bool(point["kind"] == SERIAL))  # drawn last, so that nothing lies over it
    line = [_point(row, measure) for row in frontier(rows, measure)]
    return _frontier_svg(points, line, measure) if points and measure else ""


def _point(row: Row, measure: str) -> dict[str, Any]:
    even, score = parity(measure), row.score
    if row.spec == SERIAL:
        return {"method": SERIAL, "kind": "serial", "speed": 1.0, "low": 1.0, "high": 1.0, "quality": even, "worst": even,
                "best": even}  # fmt: skip
    quality = row.quality[measure]
    speed = score["raw_speedup"]
    return {"method": _short(row.label), "kind": _ADVERSARY if row.grey else _short(row.label), "speed": speed,
            "low": score["raw_speedup_low"] or speed, "high": score["raw_speedup_high"] or speed, "quality": quality.value,
            "worst": quality.low, "best": quality.high}  # fmt: skip


def _short(name: str) -> str:
    name = "".join(character if character.isprintable() else " " for character in name)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."


def _frontier_svg(points: Sequence[Mapping[str, Any]], line: Sequence[Mapping[str, Any]], measure: str) -> str:
    import altair as alt

    colour = _colours(alt, [point["kind"] for point in points], "method")
    x = alt.X("speed:Q", scale=alt.Scale(type="log", nice=False, padding=12), title="raw speedup, end to end (log scale)",
              axis=alt.Axis(values=_ticks(points), format="~g", grid=False))  # fmt: skip
    y = alt.Y("quality:Q", scale=alt.Scale(zero=False, padding=8), title=named(measure))
    data = _data(alt, points)
    band = alt.Chart(_data(alt, [{"from": margin(measure), "to": parity(measure)}])).mark_rect(opacity=0.18, color="#009e73")
    even = [alt.Chart(_data(alt, [{"at": at}])).mark_rule(strokeDash=[4, 4], color=_GREY).encode(**{axis: "at:Q"})
            for axis, at in (("x", 1.0), ("y", parity(measure)))]  # fmt: skip
    region = alt.Chart(data).mark_rect(opacity=0.13, aria=False).encode(
        alt.X("low:Q"), alt.X2("high:Q"), alt.Y("worst:Q"), alt.Y2("best:Q"), colour)  # fmt: skip
    best = alt.Chart(_data(alt, line)).mark_line(color=_GREY, strokeWidth=1.5).encode(x, y, alt.Order("speed:Q"))
    marks = alt.Chart(data).mark_point(size=110, filled=True, opacity=1).encode(
        x, y, colour, alt.Shape("kind:N", scale=_shapes(alt, points), title="method"), description=_words(alt))  # fmt: skip
    drawn = alt.layer(band.encode(alt.Y("from:Q"), alt.Y2("to:Q")), *even, region, best, marks)
    return _svg(alt, drawn.properties(width=640, height=380), "Speed against quality")


def _words(alt: Any) -> Any:
    """What is read aloud, and shown beside the pointer."""
    return alt.Description("words:N")


def _colours(alt: Any, kinds: Sequence[str], title: str) -> Any:
    """A method has the same colour in every figure of a board, where rows come in the same order."""
    names = list(dict.fromkeys(kinds))
    others = [name for name in names if name not in (_ADVERSARY, SERIAL)]
    colours = {name: _COLOURS[k % len(_COLOURS)] for k, name in enumerate(others)} | {_ADVERSARY: _GREY, SERIAL: _RED}
    scale = alt.Scale(domain=names, range=[colours[name] for name in names])
    return alt.Color("kind:N", scale=scale, title=title, legend=alt.Legend(symbolOpacity=1))


def _shapes(alt: Any, points: Sequence[Mapping[str, Any]]) -> Any:
    names = list(dict.fromkeys(point["kind"] for point in points))
    range_ = ["cross" if name == _ADVERSARY else _SHAPES[k % len(_SHAPES)] for k, name in enumerate(names)]
    return alt.Scale(domain=names, range=range_)


def _data(alt: Any, values: Sequence[Mapping[str, Any]]) -> Any:
    """Values with the words that are said of each; a marker for text that a reader of the data might take for anything else."""
    return alt.Data(values=[{**value, "words": _said(value)} for value in values])


def _said(value: Mapping[str, Any]) -> str:
    if "method" not in value:
        return ""
    group = f", {value['group']}" if "group" in value else ""
    quality = f", quality {value['quality']:.2f}" if value.get("quality") is not None else ""
    return f"{value['method']}{group}: speedup {value['speed']:.2f}{quality}"


def _ticks(points: Sequence[Mapping[str, Any]]) -> list[float]:
    low, high = min(point.get("low", point["speed"]) for point in points), max(p.get("high", p["speed"]) for p in points)
    return [
        tick for tick in (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50) if low * 0.8 <= tick <= high * 1.25
    ]


def tradeoff_figure(groups: Mapping[str, Sequence[tuple[Row, Mapping[str, Any]]]], measure: str) -> str:
    """The paper's: one point a method and category, speed against quality. `groups`: category -> row, its score there."""
    field = "preference" if measure == PREFERENCE else f"{measure}_difference"
    points = [{"method": _short(row.label), "kind": _ADVERSARY if row.grey else _short(row.label),
               "group": category.replace("_", " "), "speed": score["raw_speedup"], "quality": score[field]}
              for category, pairs in groups.items() for row, score in pairs
              if row.spec != SERIAL and score["raw_speedup"] and score.get(field) is not None]  # fmt: skip
    if not points:
        return ""
    import altair as alt

    groups_ = sorted({point["group"] for point in points})
    drawn = alt.Chart(_data(alt, points)).mark_point(size=75, filled=True, opacity=0.85).encode(
        alt.X("speed:Q", scale=alt.Scale(type="log", nice=False, padding=12), title="raw speedup (log scale)",
              axis=alt.Axis(values=_ticks(points), format="~g", grid=False)),
        alt.Y("quality:Q", scale=alt.Scale(zero=False, padding=8), title=named(measure)),
        _colours(alt, [point["kind"] for point in points], "method"),
        alt.Shape("group:N", scale=alt.Scale(domain=groups_, range=(_SHAPES * 9)[: len(groups_)]), title="category"),
        description=_words(alt))  # fmt: skip
    even = alt.Chart(_data(alt, [{"x": 1.0}])).mark_rule(strokeDash=[4, 4], color=_GREY).encode(x="x:Q")
    level = alt.Chart(_data(alt, [{"y": parity(measure)}])).mark_rule(strokeDash=[4, 4], color=_GREY).encode(y="y:Q")
    return _svg(alt, alt.layer(even, level, drawn).properties(width=640, height=380), "One point a method and category")


def size_figure(groups: Mapping[str, Sequence[tuple[Row, Mapping[str, Any]]]]) -> str:
    """Speed against the number of subtasks, with 95 % intervals; ranges of numbers in their order."""
    order = [name for name in groups if name != "unknown"]
    points = [{"method": _short(row.label), "kind": _ADVERSARY if row.grey else _short(row.label), "group": name,
               "speed": score["raw_speedup"], "low": score["raw_speedup_low"] or score["raw_speedup"],
               "high": score["raw_speedup_high"] or score["raw_speedup"], "which": f"{row.entry.name} {row.spec}"}
              for name in order for row, score in groups[name] if row.spec != SERIAL and score["raw_speedup"]]  # fmt: skip
    if not points:
        return ""
    import altair as alt

    colour = _colours(alt, [point["kind"] for point in points], "method")
    base = alt.Chart(_data(alt, points)).encode(
        alt.X("group:N", sort=order, title="subtasks of the prompt", axis=alt.Axis(labelAngle=0)),
        alt.Y("speed:Q", scale=alt.Scale(type="log", nice=False, padding=10), title="raw speedup (log scale)",
              axis=alt.Axis(values=_ticks(points), format="~g")), colour, detail="which:N")  # fmt: skip
    marks = base.mark_point(size=60, filled=True).encode(description=_words(alt))
    spread = base.mark_rule(opacity=0.4, aria=False).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    even = alt.Chart(_data(alt, [{"y": 1.0}])).mark_rule(strokeDash=[4, 4], color=_GREY).encode(y="y:Q")
    drawn = alt.layer(even, spread, base.mark_line(aria=False), marks)
    return _svg(alt, drawn.properties(width=640, height=320), "Speed against the number of subtasks")


def _svg(alt: Any, chart: Any, label: str) -> str:
    """Scales with the page; its text takes the page's colour; a reader of screens is told what it is."""
    import vl_convert

    spec = chart.configure(**_CONFIG).to_dict()
    spec["config"]["legend"]["layout"] = {"bottom": {"direction": "vertical", "anchor": "start"}}  # altair knows no such field
    svg: str = vl_convert.vegalite_to_svg(spec)
    svg = svg[svg.index("<svg") :]
    head, rest = svg.split(">", 1)
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    return f'{head} role="figure" aria-label="{label}">{rest}'
