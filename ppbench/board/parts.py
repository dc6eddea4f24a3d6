"""Pieces of a board's page as HTML: the table, heat maps, cards. Every text goes through `esc`; nothing else is trusted.

Renders what it is given. Knows no file and no script.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ppbench.board.charts import named
from ppbench.board.identity import OWN
from ppbench.board.rows import MEASURES, Row, parity
from ppbench.board.tables import estimate, rank, ratio
from ppbench.costs import usd
from ppbench.specs import split_spec
from ppbench.tally import PREFERENCE, SERIAL

Groups = Mapping[str, Sequence[tuple[Row, Mapping[str, Any]]]]


_ASKED = (("-m", "model"), ("--base-url", "base_url"), ("--max-in-flight", "max_in_flight"), ("--max-rpm", "max_rpm"),
          ("--max-tpm", "max_tpm"), ("--system", "system"))  # fmt: skip
_USUAL = (("--seed", "seed", 0), ("--repeats", "repeats", 1), ("-j", "concurrency", 1), ("--cache", "cache", "trial"))
"""Options of a command line, by their names in a run's record; the latter where they are not as usual."""


def esc(text: object) -> str:
    """Text as text, whatever it holds: no markup, no control characters, no half of a surrogate pair."""
    kept = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in str(text))
    return escape(kept, quote=True)


def name(text: object) -> str:
    """A name within other text, in its own direction."""
    return f"<bdi>{esc(text)}</bdi>"


def table(rows: Sequence[Row]) -> str:
    """Every row, with what sorts it; a script sorts and filters, and without one it is sorted by speed."""
    measures = [measure for measure in MEASURES if any(measure in row.quality for row in rows)]
    heads = [("method", "method"), ("speed", "raw speedup"), ("interval", "95 % interval"), ("rank", "rank"),
             *((measure, named(measure)) for measure in measures), ("verdict", "verdict"), ("norm", "normalized"),
             ("ttft", "TTFT ratio"), ("tokens", "token ratio"), ("matched", "at equal length"), ("pairs", "pairs"),
             ("declined", "declined"), ("failed", "failed"), ("usd", "USD"), ("entry", "entry")]  # fmt: skip
    head = "".join(f'<th scope="col" data-key="{key}"><button type="button">{esc(title)}</button></th>' for key, title in heads)
    body = "\n".join(_row(row, measures) for row in rows)
    caption = '<caption class="hidden">Methods, their speed and their quality</caption>'
    return _wide(f'<table id="rows">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>', "Table of methods")


def _wide(content: str, label: str) -> str:
    """Scrolls by itself where the screen is narrow, by keyboard too."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{esc(label)}">{content}</div>'


def _row(row: Row, measures: Sequence[str]) -> str:
    score, serial = row.score, row.spec == SERIAL
    interval = "-" if serial else f"{ratio(score['raw_speedup_low'])} - {ratio(score['raw_speedup_high'])}"
    cost = _usd(row)
    cells = [
        (ratio(score["raw_speedup"]), score["raw_speedup"]), (interval, score["raw_speedup_low"]),
        (rank(row), row.rank and row.rank[0]),
        *(("-", parity(m)) if serial else (estimate(row.quality.get(m), m), row.quality[m].value if m in row.quality else None)
          for m in measures),
        (score["verdict"], score["verdict"]), (ratio(score["normalized_speedup"]), score["normalized_speedup"]),
        (ratio(score["ttft_ratio"]), score["ttft_ratio"]), (ratio(score["token_ratio"]), score["token_ratio"]),
        (ratio(score["length_matched_speedup"]), score["length_matched_speedup"]),
        (f"{score['pairs']} of {score['n']}", score["pairs"]),
        (score["declines"], score["declines"]), (score["failures"], score["failures"]), (usd(cost), cost),
        (row.entry.name + (" (verified)" if row.entry.verified else ""), row.entry.name),
    ]  # fmt: skip
    tone = "grey" if row.grey else "given" if row.given else "serial" if serial else ""
    first = f'<th scope="row" data-v="{esc(row.label)}">{name(row.label)}</th>'
    rest = "".join(f'<td data-v="{esc("" if value is None else value)}">{esc(shown)}</td>' for shown, value in cells)
    return f'<tr class="{tone}">{first}{rest}</tr>'


def _usd(row: Row) -> float | None:
    mine = [line["usd"] for line in row.entry.said["costs"]["methods"] if line["decomposer"] == row.spec]
    return None if any(value is None for value in mine) else sum(mine)


def heat(groups: Groups, rows: Sequence[Row], title: str, measure: str) -> str:
    """Two maps, of speed and of quality: a row a method, a column a group. A cell's figure is in it; its colour only helps."""
    speed = _map(groups, rows, f"Raw speedup by {title}", "raw_speedup", _warmth_of_speed, "{:.2f}")
    field = {PREFERENCE: "preference", "": ""}.get(measure, f"{measure}_difference")
    if not field:
        return speed
    even = parity(measure)
    shown = "{:.2f}" if measure == PREFERENCE else "{:+.2f}"
    return speed + _map(groups, rows, f"{named(measure).capitalize()}, by {title}", field, lambda v: (v - even) * 6, shown)


def _warmth_of_speed(value: float) -> float:
    return 3 * math.log(value) / math.log(4) if value > 0 else -3


def _map(groups: Groups, rows: Sequence[Row], caption: str, field: str, warmth: Any, shown: str) -> str:
    found = {(group, id(row)): score for group, pairs in groups.items() for row, score in pairs}
    head = "".join(f'<th scope="col">{name(group.replace("_", " "))}</th>' for group in groups)
    lines = []
    for row in rows:
        if row.spec == SERIAL:
            continue
        cells = []
        for group in groups:
            score = found.get((group, id(row)))
            value = score and score.get(field)
            step = 0 if value is None else max(-3, min(3, round(warmth(value))))
            text = "-" if value is None else shown.format(value)
            cells.append(f'<td class="h{step}" title="{esc(score["pairs"] if score else 0)} pairs">{text}</td>')
        lines.append(f'<tr class="{"grey" if row.grey else ""}"><th scope="row">{name(row.label)}</th>{"".join(cells)}</tr>')
    top = f"<caption>{esc(caption)}</caption><thead><tr><td></td>{head}</tr></thead>"
    return _wide(f'<table class="heat">{top}<tbody>{"".join(lines)}</tbody></table>', caption)


def card(row: Row) -> str:
    """What a method is, how to run it again, what it cost, what its authors say."""
    said, method = row.entry.said, split_spec(row.spec)
    options = ", ".join(f"{key}={value}" for key, value in method[1].items()) or "all as they are by default"
    facts = [("Verdict", f"{row.score['verdict']}: {row.score['reason']}"), ("Options", options), ("Entry", row.entry.name),
             ("Authors", ", ".join(said["authors"])), ("Licence", said["licence"]), ("Note", said["note"] or "-"),
             ("Verified", row.entry.verified or "no: nobody but its authors has run it"),
             ("Endpoint", row.entry.records.run["endpoint"]), ("Measured", row.entry.records.run["created"]),
             ("Judges", _judges(row)), ("Conformance", _conformance(row)), ("Cost", _cost(row))]  # fmt: skip
    links = "".join(f'<li><a href="{esc(link)}" rel="noopener noreferrer nofollow">{esc(link)}</a></li>'
                    for link in said["links"] if link.startswith(("https://", "http://")))  # fmt: skip
    body = "".join(f"<dt>{esc(term)}</dt><dd>{name(words)}</dd>" for term, words in facts)
    run = f'<p class="small">Run it again:</p><pre tabindex="0"><code>{esc(command(row))}</code></pre>'
    more = f"<ul>{links}</ul>" if links else ""
    tone = " grey" if row.grey else ""
    return f'<details class="card{tone}"><summary>{name(row.label)}</summary><dl>{body}</dl>{run}{more}</details>'


def command(row: Row) -> str:
    """The command line that asks the same of the same endpoint."""
    record = row.entry.records.run
    options = record["options"]
    words = ["ppbench", "run", "-d", row.spec, "-e", options["executor"]]
    for flag, key in _ASKED:
        words += [flag, str(options[key])] if options.get(key) else []
    suite = row.entry.said["board"]["suite"]
    words += ["--prompts", "YOURS.jsonl"] if suite == OWN else ["--suite", suite]
    for flag, key, usual in _USUAL:
        words += [flag, str(options[key])] if options.get(key, usual) != usual else []
    words += [word for judge in record["judges"] for word in ("--judge", judge)]
    return shlex.join(words)


def _judges(row: Row) -> str:
    """Those whose verdicts count, and those that were shown controls and missed them."""
    found = row.entry.said["judges"]
    return ", ".join(f"{judge}{'' if fit['fit'] else ' (unfit, not heard)'}" for judge, fit in found.items()) or "none"


def _conformance(row: Row) -> str:
    """What the kit found, if it was this method that it tested."""
    found = row.entry.conformance
    if found is None or str(found.get("spec", row.spec)).partition(":")[0] != split_spec(row.spec)[0]:
        return "not tested"
    passed = next((found[key] for key in ("passed", "ok", "conforms") if isinstance(found.get(key), bool)), None)
    return {True: "passed", False: "failed", None: "its report is in the entry"}[passed]


def _cost(row: Row) -> str:
    lines = [line for line in row.entry.said["costs"]["methods"] if line["decomposer"] == row.spec]
    return "; ".join(f"{line['role']}: {line['attempts']} calls, {line['tokens_in']:,} tokens in, {line['tokens_out']:,} out, "
                     f"{usd(line['usd'])}" for line in lines) or "-"  # fmt: skip
