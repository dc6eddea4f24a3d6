"""The page of one run: one HTML file that stands alone, no script and nothing to fetch, light and dark.

All text is escaped, that of prompts and models above all; the page forbids itself scripts and the network besides. Renders
what it is given, writes no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ppbench.pages.gantt import gantt
from ppbench.pages.strips import strips
from ppbench.pages.svg import plain_number, safe, seconds
from ppbench.pages.telling import Latencies, Shown
from ppbench.report import MOCK_NOTE
from ppbench.tally import SERIAL
from ppbench.trace import Trace

_FAILURES = 20
_PROMPT, _ANSWER = 4000, 8000
"""Characters that are shown of a prompt and of an answer."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1c; --faint: #5c5c5c; --paper: #fff; --soft: #f4f4f2; --rule: #dcdcd8;
  --plan: #8a5fc7; --solve: #2b6cb0; --merge: #2f855a; --failed: #c53030; --waiting: #b8b8b0; --mark: #b45309;
  --note: #fff7e6 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e4; --faint: #a8a8a2; --paper: #161618; --soft: #232326;
  --rule: #3a3a3e; --plan: #b79aeb; --solve: #6fb1f0; --merge: #68c795; --failed: #f08080; --waiting: #66666a;
  --mark: #f0b35a; --note: #33290f } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
h1 { line-height: 1.2; overflow-wrap: anywhere } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule) }
.wide { overflow-x: auto; margin: 1rem 0 } .wide svg { min-width: 44rem; width: 100%; height: auto; font-size: 12px }
table { border-collapse: collapse; font-size: .85rem }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--rule); vertical-align: top; white-space: nowrap }
td:last-child:not([style]) { white-space: normal; min-width: 16rem } th { background: var(--soft) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem } dt { color: var(--faint) }
dd { margin: 0; overflow-wrap: anywhere }
.note { border-left: 4px solid var(--mark); background: var(--note); padding: .5rem 1rem } .small { color: var(--faint);
  font-size: .9rem } pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere;
  max-height: 24rem; overflow-y: auto; font-size: .8rem } summary { cursor: pointer }
text { fill: var(--ink) } .tick { fill: var(--faint) } line { stroke-width: 1 } .grid { stroke: var(--rule) }
.end { stroke: var(--ink); stroke-width: 1.5 } .serial { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 5 4 }
.plan { fill: var(--plan) } .solve, .judge { fill: var(--solve) } .merge { fill: var(--merge) } .failed { fill: var(--failed) }
.waiting { fill: var(--waiting) } .early { opacity: .45 } .half { fill: var(--solve); opacity: .22 }
.dots { stroke: var(--solve); stroke-width: 4; stroke-linecap: round; opacity: .6; fill: none }
.median { stroke: var(--ink); stroke-width: 2.5 }
.key i { display: inline-block; width: .9em; height: .7em; margin: 0 .3em 0 1em }
i.plan { background: var(--plan) } i.solve { background: var(--solve) } i.merge { background: var(--merge) }
i.failed { background: var(--failed) } i.waiting { background: var(--waiting) }
"""
_SPEEDUPS = (
    "Speedup of each prompt and repeat, serial latency / method latency; right of the dashed line the method was faster. "
    "The box is the middle half, the thick line the median."
)
_KEY = (
    '<p class="small key">A row a call.<i class="plan"></i>plan<i class="solve"></i>solve<i class="merge"></i>merge'
    '<i class="failed"></i>failed<i class="waiting"></i>waiting in our own queue. Pale until the first token. The black '
    "line is the answer, the dashed one when serial had its own.</p>"
)


@dataclass(frozen=True)
class Page:
    """What the page of a run is made from."""

    run: Mapping[str, Any]
    path: str
    tables: Sequence[tuple[str, Sequence[str]]]
    """HTML tables, made by a renderer that escapes, each with lines of text below it."""
    notes: Sequence[str]
    """Plain text: what the columns mean, the endpoint, the client, what it cost."""
    warnings: Sequence[str]
    known: Latencies
    shown: Sequence[Shown]


def render(page: Page) -> str:
    title = f"ppbench: {page.run['endpoint']}"
    body = [
        f"<h1>{safe(title)}</h1>",
        _paragraph(f"A mock model: {MOCK_NOTE}.", "note") if page.run["timing"] == "modelled" else "",
        _facts(page),
        _warnings(page.warnings),
        "<h2>The table</h2>",
        *(part for table, lines in page.tables for part in (_wide(table), *(_paragraph(line, "small") for line in lines))),
        _paragraph(" ".join(page.notes), "small"),
        *_spreads(page),
        *(part for one in page.shown for part in _trial(one)),
        *_failures(page.known.failures),
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)}</title><style>{_STYLE}</style>"
    )
    lines = "\n".join(part for part in body if part)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{lines}\n</body></html>\n'


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{safe(text)}</p>' if kind else f"<p>{safe(text)}</p>"


def _wide(html: str) -> str:
    """Scrolls by itself where the page is narrow; reachable by keyboard."""
    return f'<div class="wide" tabindex="0">{html}</div>'


def _facts(page: Page) -> str:
    run, conditions = page.run, page.run["conditions"]
    facts = {
        "Run": page.path, "Created": run.get("created", "-"), "Executor": run["executor"],
        "Clock": run["clock"], "Prompts": f"{len(run['items'])}, {conditions.get('repeats', 1)} times each",
        "Load": f"-j {conditions.get('concurrency', 1)}", "Seed": str(run["seed"]),
        "Judges": ", ".join(run["judges"]) or "none",
        "Versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
    }  # fmt: skip
    return "<dl>" + "".join(f"<dt>{safe(name)}</dt><dd>{safe(text)}</dd>" for name, text in facts.items()) + "</dl>"


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return _paragraph("No warnings.", "small")
    return "<h2>Warnings</h2><ul>" + "".join(f"<li>{safe(warning)}</li>" for warning in warnings) + "</ul>"


def _spreads(page: Page) -> list[str]:
    methods = [method["spec"] for method in page.run["methods"]]
    speedups = {method: page.known.speedups(method) for method in methods if method != SERIAL}
    took = {method: page.known.of(method) for method in methods}
    parts = ["<h2>How it spreads</h2>"]
    if any(speedups.values()):
        parts.append(_paragraph(_SPEEDUPS))
        parts.append(_wide(strips(_some(speedups), "Speedup by method", lambda x: f"{plain_number(round(x, 4))}x", 1.0)))
    if any(took.values()):
        parts.append(_paragraph("Latency of each answered trial, end to end."))
        parts.append(_wide(strips(_some(took), "Latency by method", seconds)))
    return parts if len(parts) > 1 else [*parts, _paragraph("Nothing was answered.")]


def _some(rows: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {name: row for name, row in rows.items() if row}


def _trial(one: Shown) -> list[str]:
    speedup = f"{one.speedup:.2f}x serial's speed, " if one.speedup is not None else ""
    told = f"{one.decomposer} on {one.item}, repeat {one.repeat}: {speedup}{_told(one.trace)}"
    serial = [_details("Serial's answer", one.serial.answer, _ANSWER)] if one.serial else []
    return [
        f"<h2>{safe(one.why)}</h2>",
        _paragraph(told),
        _KEY,
        _wide(gantt(one.trace, f"{one.why}: {one.decomposer} on {one.item}", one.serial.latency_ns if one.serial else None)),
        *([_details("The prompt, as serial sent it", one.serial.spans[0].request.text, _PROMPT)]
          if one.serial and one.serial.spans else []),
        _details("The answer", one.trace.answer, _ANSWER),
        *serial,
    ]  # fmt: skip


def _told(trace: Trace) -> str:
    ttft = f", first token after {seconds(trace.ttft_ns)}" if trace.ttft_ns is not None else ""
    why = f"; {trace.status}: {trace.reason}" if trace.reason else ""
    return f"{seconds(trace.latency_ns)}{ttft}, {len(trace.spans)} calls{why}."


def _details(summary: str, text: str, limit: int) -> str:
    return f'<details><summary>{safe(summary)}</summary><pre dir="auto">{safe(text, limit)}</pre></details>'


def _failures(failures: Sequence[tuple[str, str, int, str]]) -> list[str]:
    if not failures:
        return []
    rows = "".join(f"<tr><td>{safe(method)}</td><td>{safe(item)}</td><td>{repeat}</td><td>{safe(why, 300)}</td></tr>\n"
                   for method, item, repeat, why in failures[:_FAILURES])  # fmt: skip
    head = "<thead><tr><th>method</th><th>prompt</th><th>repeat</th><th>why</th></tr></thead>"
    more = len(failures) - _FAILURES
    return [
        f"<h2>Failed trials: {len(failures)}</h2>",
        _wide(f"<table>{head}\n<tbody>{rows}</tbody></table>"),
        _paragraph(f"and {more} more", "small") if more > 0 else "",
    ]
