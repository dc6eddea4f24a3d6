"""Tables from scores: for a terminal, Markdown, LaTeX, CSV and JSON. Renders and doubts; measures nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from types import MappingProxyType
from typing import Any

from tabulate import tabulate

from ppbench.health import Health
from ppbench.opinions import Opinions
from ppbench.score import Score
from ppbench.stats import Estimate

FORMATS = ("table", "markdown", "csv", "json", "latex", "paper")
_STYLES = {"markdown": "github", "latex": "latex_booktabs", "html": "html"}
"""Of the library that writes the tables; it escapes what its style needs escaped."""
MOCK_NOTE = "mock figures show that the tool works, not what a model does"
_HEADERS = (
    "decomposer", "n", "raw\nspeedup", "95 %\ninterval", "norma-\nlized", "TTFT\nratio", "token\nratio", "struc-\nture",
    "refer-\nence", "de-\nclined", "fell\nback", "failed",
)  # fmt: skip


def render(
    run: Mapping[str, Any], scores: Sequence[Score], client: Health, *, path: str, form: str = "table", spent: str = "",
    unfit: Mapping[str, str] = MappingProxyType({}), heard: Opinions | None = None,
) -> str:  # fmt: skip
    """One leaderboard table in one of `FORMATS`. `spent` is a line on money, `unfit` says of judges why they were not heard,
    `heard` what stands behind the preferences of the others."""
    if form == "json":
        return json.dumps(to_json(run, scores, client, path=path, unfit=unfit, heard=heard), ensure_ascii=False, indent=2)
    if form == "csv":
        return _csv(scores)
    tables, lines = parts(run, scores, client, path=path, form=form, spent=spent, unfit=unfit, heard=heard)
    mark = "% " if form == "latex" else ""
    below = ["\n".join(f"{mark}{line}" for line in said) for said in (*(said for _, said in tables), lines)]
    texts = [text for (table, _), said in zip(tables, below, strict=False) for text in (table, said)]
    return "\n\n".join(text for text in (*texts, below[-1]) if text)


def parts(
    run: Mapping[str, Any], scores: Sequence[Score], client: Health, *, path: str, form: str, spent: str = "",
    unfit: Mapping[str, str] = MappingProxyType({}), heard: Opinions | None = None,
) -> tuple[list[tuple[str, list[str]]], list[str]]:  # fmt: skip
    """The tables, each with the lines below it, and the lines at the foot, for a page of any form."""
    style = style_of(form)
    table = _table(scores, style, " (client-limited)" if client.limited else "")
    claims = _claims(scores, style)
    tables: list[tuple[str, list[str]]] = [(table, []), *([(claims, [])] if claims else [])]
    return [*tables, *([_opinions(heard, style)] if heard else [])], _footer(run, scores, client, path, spent, unfit)


def style_of(form: str) -> str:
    return _STYLES.get(form, "simple")


def render_by(groups: Mapping[str, Sequence[Score]], what: str, *, style: str = "simple") -> str:
    """A row for each method in each group of prompts: where a method gains, and where it does not."""
    rows = [[name, *_cells(row, ""), row.verdict] for name, scores in groups.items() for row in _ranked(scores)]
    headers = _headers((what, *_HEADERS, "verdict"), style)
    return tabulate(rows, headers=headers, tablefmt=style, disable_numparse=True,
                    colalign=("left", "left", *("right",) * (len(_HEADERS) - 1), "left"))  # fmt: skip


def to_json(
    run: Mapping[str, Any], scores: Sequence[Score], client: Health, *, path: str,
    unfit: Mapping[str, str] = MappingProxyType({}), heard: Opinions | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The rows as data, with the run's directory, its endpoint, and what it says of its own client."""
    return {"run": path, "endpoint": run["endpoint"], "timing": run["timing"], "clock": run["clock"],
            "client": client.to_json(), "rows": [row.to_json() for row in scores],
            "opinions": heard.to_json() if heard else None,
            "warnings": [*_unheard(unfit), *doubts(run, scores, client)]}  # fmt: skip


def _table(scores: Sequence[Score], style: str, mark: str) -> str:
    rows = [_cells(row, mark) for row in _ranked(scores)]
    headers = _headers(_HEADERS, style)
    return tabulate(rows, headers=headers, tablefmt=style, disable_numparse=True,
                    colalign=("left", *("right",) * (len(_HEADERS) - 1)))  # fmt: skip


def _headers(names: Sequence[str], style: str) -> list[str]:
    """Broken over two lines on a terminal alone."""
    return [name if style == "simple" else name.replace("-\n", "").replace("\n", " ") for name in names]


def _claims(scores: Sequence[Score], style: str) -> str:
    """What may be said of each method, and why; every share with what it is a share of."""
    rows = [[row.decomposer + (" (given)" if row.given else ""), row.verdict, _range(row.rank_low, row.rank_high),
             f"{row.pairs} of {row.n}", _matched(row), _retained(row), row.reason]
            for row in _ranked(scores) if row.verdict != "baseline"]  # fmt: skip
    headers = _headers(("decomposer", "verdict", "rank", "pairs", "at equal\nlength", "as good\nas serial", "because"), style)
    widths = [None, None, None, None, None, None, 48] if style == "simple" else None
    return tabulate(rows, headers=headers, tablefmt=style, disable_numparse=True, maxcolwidths=widths,
                    colalign=("left", "left", "right", "right", "right", "right", "left")) if rows else ""  # fmt: skip


def _opinions(heard: Opinions, style: str) -> tuple[str, list[str]]:
    """The preference of each method, raw and controlled, and how far the judges behind it can be relied on."""
    rows = [[method, _of(found.raw), _of(found.value), found.reason] for method, found in heard.controlled.items()]
    headers = _headers(("preference over serial", "raw", "at equal length\nand looks", ""), style)
    lines = [f"{judge}: {habits.rulings} rulings, {_share(habits.flips)} of criteria flipped with the order, "
             f"{_share(habits.unusable)} of replies unusable." for judge, habits in heard.habits.items()]  # fmt: skip
    if len(heard.habits) > 1:
        taus = ", ".join(_x(tau) for tau in heard.jury.taus.values())
        lines.append(
            f"Jury of {len(heard.habits)}: Krippendorff's alpha {_x(heard.jury.alpha)}, Kendall's tau of rankings {taus}."
        )
    return tabulate(rows, headers=headers, tablefmt=style, disable_numparse=True), lines


def _of(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return _x(estimate.value) + ("" if estimate.low is None else f" ({_x(estimate.low)} - {_x(estimate.high)})")


def _range(low: int | None, high: int | None) -> str:
    return "-" if low is None else str(low) if low == high else f"{low}-{high}"


def _matched(row: Score) -> str:
    value = row.length_matched_speedup
    return _of(None if value is None else Estimate(value, row.length_matched_low, row.length_matched_high))


def _retained(row: Score) -> str:
    return f"{_share(row.retention)} of {row.preference_n}" if row.preference_n else "-"


def _ranked(scores: Sequence[Score]) -> list[Score]:
    return sorted(scores, key=lambda s: (s.given, s.decomposer != "serial", -(s.raw_speedup or 0.0)))


def _cells(row: Score, mark: str) -> list[str]:
    name = row.decomposer + (" (given)" if row.given else "") + mark
    interval = f"{_x(row.raw_speedup_low)} - {_x(row.raw_speedup_high)}" if row.raw_speedup_low is not None else "-"
    return [name, str(row.n), _x(row.raw_speedup), interval if row.decomposer != "serial" else "-",
            _x(row.normalized_speedup), _x(row.ttft_ratio), _x(row.token_ratio), _share(row.structure),
            _share(row.reference), str(row.declines), str(row.fallbacks), str(row.failures)]  # fmt: skip


def _x(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def _csv(scores: Sequence[Score]) -> str:
    out = io.StringIO()
    names = [f.name for f in fields(Score)]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.to_json() for row in scores)
    return out.getvalue().rstrip("\n")


def _unheard(unfit: Mapping[str, str]) -> list[str]:
    return [f"judge {judge} is unfit and was not heard: {reason}" for judge, reason in unfit.items()]


def _footer(
    run: Mapping[str, Any], scores: Sequence[Score], client: Health, path: str, spent: str, unfit: Mapping[str, str]
) -> list[str]:
    clock = {"native": "the native engine's clock", "python": "a Python clock: not for a timing board",
             "virtual": "a virtual clock: modelled, nothing was waited for"}[run["clock"]]  # fmt: skip
    lines = [
        "Raw speedup: serial latency / method latency, end to end, geometric mean over prompts (higher is faster).",
        "Normalized: the paper's, raw x token ratio; it rewards longer answers. Structure: subtasks answered once, in",
        "order. Reference: answers that agree with the gold. A row that was shown labels is marked (given).",
        f"{run['executor'].partition(':')[0]} on {run['endpoint']}; {clock}; -j {run['conditions']['concurrency']}.",
    ]
    if run["clock"] != "virtual":
        lines.append(_client_line(client))
    noise = next((row for row in scores if row.noise_low is not None), None)
    if noise is not None:
        lines.append(f"Noise floor: serial against itself gains {_x(noise.noise_low)} - {_x(noise.noise_high)}.")
    if run["timing"] == "modelled":
        lines.append(f"Note: {MOCK_NOTE}.")
    warnings = [*_unheard(unfit), *doubts(run, scores, client)]
    return [*lines, *([spent] if spent else []), *(f"Warning: {doubt}" for doubt in warnings), f"Run: {path}"]


def _client_line(client: Health) -> str:
    lag = "lag unknown, no kernel stamps"
    if client.lag_p50_us is not None and client.lag_p99_us is not None:
        lag = f"chunks read {_us(client.lag_p50_us)} after the kernel had them, p99 {_us(client.lag_p99_us)}"
    flight = f"{client.concurrency_peak} in flight at most, {client.concurrency_mean:.1f} on average"
    spoken = f"HTTP {' and '.join(client.http_versions)}; " if client.http_versions else ""
    return f"Client: {lag}; {spoken}{flight}; {client.handshakes} handshakes."


def _us(value: float) -> str:
    return f"{value:.0f} us" if value < 1000 else f"{value / 1000:.1f} ms"


def _client_doubts(client: Health) -> list[str]:
    found = []
    if client.limited and client.lag_p99_us and client.gap_p50_us:
        found.append(f"client-limited: one chunk in a hundred was read {_us(client.lag_p99_us)} late or more, over a tenth of "
                     f"the gap between chunks ({_us(client.gap_p50_us)}); the figures are this machine's too; free it, "
                     "or lower -j")  # fmt: skip
    if client.clock_steps:
        found.append(f"the wall clock was set during {client.clock_steps} requests; their chunks have the engine's stamps")
    if client.held:
        found.append(f"{client.held} calls were held back by --max-rpm or --max-tpm, or by an endpoint that asked to wait; "
                     "their waiting is inside the latency")  # fmt: skip
    return found


def doubts(run: Mapping[str, Any], scores: Sequence[Score], client: Health) -> list[str]:
    """What a reader should know before believing the table."""
    found = _client_doubts(client)
    if not any(row.raw_speedup for row in scores):
        found.append("no pair was answered by both a method and serial; no speedup can be known")
    for row in scores:
        if row.decomposer == "serial" or row.raw_speedup is None:
            continue
        low, high = row.raw_speedup_low, row.raw_speedup_high
        if low is None or high is None:
            found.append(f"{row.decomposer}: one family of prompts is too few for an interval")
        elif row.noise_low is not None and row.noise_high is not None and low <= row.noise_high and high >= row.noise_low:
            found.append(f"{row.decomposer}: the interval meets the noise floor, so no gain or loss is shown; run more prompts")
        elif low <= 1.0 <= high:
            found.append(f"{row.decomposer}: the interval holds 1.0, so no gain or loss is shown; run more prompts")
        if row.token_ratio and not 0.5 <= row.token_ratio <= 2.0:
            found.append(f"{row.decomposer}: answers are {row.token_ratio:.2f} times as long as serial's; "
                         "raw speedup compares unlike lengths")  # fmt: skip
        if abs((row.length_share or 0.0) - (_of_serial(scores, "length_share") or 0.0)) > 0.05:
            found.append(f"{row.decomposer}: {_share(row.length_share)} of replies ended at a token limit, and "
                         f"{_share(_of_serial(scores, 'length_share'))} of serial's; a cut answer is a fast one")  # fmt: skip
        if (row.unclean_share or 0.0) > (_of_serial(scores, "unclean_share") or 0.0) + 0.05:
            found.append(f"{row.decomposer}: {_share(row.unclean_share)} of first tries needed a retry or a new connection, "
                         "more than serial; "
                         "it cannot be called faster")  # fmt: skip
    return found


def _of_serial(scores: Sequence[Score], name: str) -> float | None:
    return next((getattr(row, name) for row in scores if row.decomposer == "serial"), None)
