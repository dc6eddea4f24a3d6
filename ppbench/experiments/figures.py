"""Figures by matplotlib, as SVG and PNG: bytes from values. Writes no file, and is the one place that knows matplotlib.

The same data give the same bytes of SVG with the same matplotlib. Text of prompts and names of methods are text, never
markup and never a formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from ppbench.critical import PARTS
from ppbench.experiments.points import Fit, Point, methods
from ppbench.experiments.shares import Row

INSTALL = "matplotlib is not installed, so there is no figure: pip install 'ppbench[figures]'"
_COLOURS = ("#444444", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Told apart by people who see few colours (Okabe and Ito); serial is grey."""
_OF_PART = {"plan": "#e69f00", "solve": "#0072b2", "merge": "#009e73", "other": "#bbbbbb"}

_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
"""No date, so that the same data give the same file, and no addresses in a page that fetches nothing."""


def available() -> bool:
    return find_spec("matplotlib") is not None


def vary_n(found: Sequence[Point], fits: Sequence[Fit], title: str) -> dict[str, bytes]:
    """Seconds against n: each point, the line of each method, and crosses on the axis where there is no answer."""
    figure, axes = _axes(7.0, 4.2)
    lines = {fit.method: fit.line for fit in fits}
    for k, method in enumerate(methods(found)):
        colour = _COLOURS[k % len(_COLOURS)]
        mine = [point for point in found if point.method == method]
        seen = [(point.n, point.latency_s) for point in mine if point.latency_s is not None]
        lost = [point.n for point in mine if point.latency_s is None]
        axes.scatter([n for n, _ in seen], [s for _, s in seen], s=14, color=colour, alpha=0.45, linewidths=0)
        if lost:
            axes.scatter(lost, [0] * len(lost), s=36, color=colour, marker="x", clip_on=False, zorder=3)
        drawn = lines[method]
        ends = [min(p.n for p in mine), max(p.n for p in mine)]
        heights = [drawn.at(n) for n in ends] if drawn else [float("nan")] * 2
        axes.plot(ends, heights, color=colour, label=_label(method, len(lost)))
    axes.set_xlabel("n, subtasks asked for in one prompt")
    axes.set_ylabel("seconds to the whole answer")
    axes.set_ylim(bottom=0)
    return _drawn(figure, axes, title)


def _label(method: str, lost: int) -> str:
    return f" {method}" + (f" (x: {lost} without an answer)" if lost else "")  # a leading _ would hide it


def shares(rows: Sequence[Row], title: str) -> dict[str, bytes]:
    """Mean seconds of each method, by what the critical path was spent on."""
    figure, axes = _axes(7.0, 1.4 + 0.45 * len(rows))
    left = [0.0] * len(rows)
    for part in PARTS:
        wide = [row.seconds[part] for row in rows]
        axes.barh(range(len(rows)), wide, left=left, color=_OF_PART[part], label=part, height=0.6)
        left = [a + b for a, b in zip(left, wide, strict=True)]
    axes.set_yticks(range(len(rows)), [f"{row.method} ({row.answered} of {row.asked})" for row in rows], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("mean seconds of the answered prompts, along the critical path")
    axes.set_xlim(0, 1.05 * max(left, default=0.0) or 1.0)
    return _drawn(figure, axes, title, below=True)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # not pyplot: no global state, no display

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="both", color="#e8e8e8", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _drawn(figure: Any, axes: Any, title: str, *, below: bool = False) -> dict[str, bytes]:
    axes.set_title(title, parse_math=False, fontsize=10, loc="left")
    style = {"frameon": False, "fontsize": 8}
    legend = figure.legend(loc="outside lower center", ncols=len(PARTS), **style) if below else axes.legend(**style)
    for text in legend.get_texts():
        text.set_parse_math(False)
    return {"svg": _bytes(figure, "svg", _NO_METADATA), "png": _bytes(figure, "png", {"Software": None})}


def _bytes(figure: Any, form: str, metadata: Mapping[str, Any]) -> bytes:
    import matplotlib

    out = io.BytesIO()
    # Letters stay letters, so that the file is small and can be searched; ids do not change from run to run.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ppbench", "font.family": "sans-serif"}):
        figure.savefig(out, format=form, dpi=150, metadata=metadata)
    return out.getvalue()
