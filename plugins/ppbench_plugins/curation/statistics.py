"""What a curation found, in figures: by stage, reason, category, tier and language, and the paper's own beside. Pure.

Shares stand with Wilson's 95 % intervals. Of validation: rows that a planner split, and how many of them were accepted. The
paper's figures are computed from the counts that it released (`published.json`), which hold no language and no tier.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import fill
from typing import Any

from tabulate import tabulate

from ppbench import wilson
from ppbench_plugins.curation.rows import STAGES

_PUBLISHED = Path(__file__).with_name("published.json")
_VARIABLE = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
_REASONS = 12
_FEW = 20
"""Rows that a planner split, below which a language's share says little."""


class Statistics:
    """Counts lines as they are written."""

    def __init__(self) -> None:
        self._stages: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._tiers: Counter[str] = Counter()
        self._cues: Counter[str] = Counter()
        self._categories: dict[str, Counter[bool]] = {}
        self._languages: dict[str, Counter[str]] = {}
        self._novel: Counter[str] = Counter()

    def add(self, record: Mapping[str, Any]) -> None:
        """One line of either set."""
        stage = record["stage"]
        self._stages[stage] += 1
        self._languages.setdefault(record["language"], Counter())[stage] += 1
        if stage == "accepted":
            self._tiers[record["tier"]] += 1
            self._cues.update(record["cues"])
            self._novel.update([record["label"]] if record["label"] else [])
        else:
            self._reasons[stage, _VARIABLE.sub("...", record["reason"].partition(": ")[0])] += 1
        if stage in ("accepted", "validation") and record.get("category"):
            self._categories.setdefault(record["category"], Counter())[stage == "accepted"] += 1

    def to_json(self) -> dict[str, Any]:
        """All of it as data; the same rows give the same text."""
        return {
            "rows": self._stages.total(),
            "stages": {stage: self._stages[stage] for stage in STAGES},
            "reached": self._reached(),
            "reasons": [{"stage": s, "reason": r, "rows": n} for (s, r), n in _most(self._reasons)],
            "tiers": dict(_most(self._tiers)),
            "cues": dict(_most(self._cues)),
            "categories": {name: _share(counts[True], counts.total()) for name, counts in sorted(self._categories.items())},
            "labels_of_no_category": dict(_most(self._novel)),
            "languages": {name: self._language(counts) for name, counts in _by_size(self._languages)},
            "published": published(),
        }

    def _reached(self) -> dict[str, int]:
        """Rows that came as far as each stage."""
        left, reached = self._stages.total(), {}
        for stage in STAGES:
            reached[stage] = left
            left -= self._stages[stage]
        return reached

    @staticmethod
    def _language(counts: Counter[str]) -> dict[str, Any]:
        split = counts["accepted"] + counts["validation"]
        ended = {stage: counts[stage] for stage in STAGES}
        return {"rows": counts.total(), **ended, "validated": _share(counts["accepted"], split)}


def published() -> dict[str, Any]:
    """The paper's figures, from the counts that it released."""
    found = json.loads(_PUBLISHED.read_text(encoding="utf-8"))
    categories = {}
    for name, sources in found["categories"].items():
        passed, failed = (sum(counts[place] for counts in sources.values()) for place in (0, 1))
        categories[name] = _share(passed, passed + failed)
    passed = sum(row["accepted"] for row in categories.values())
    return {"source": found["source"], "conversations": found["conversations"], "categories": categories,
            "all": _share(passed, sum(row["of"] for row in categories.values()))}  # fmt: skip


def _share(hits: int, of: int) -> dict[str, Any]:
    share = wilson(hits, of)
    if share is None:
        return {"accepted": hits, "of": of, "share": None, "interval": None}
    assert share.low is not None
    assert share.high is not None
    return {"accepted": hits, "of": of, "share": round(share.value, 4), "interval": [round(share.low, 4), round(share.high, 4)]}


def _most(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _by_size(languages: Mapping[str, Counter[str]]) -> list[tuple[str, Counter[str]]]:
    return sorted(languages.items(), key=lambda pair: (-pair[1].total(), pair[0]))


# As text


def text(found: Mapping[str, Any]) -> str:
    """The tables that are printed at the end."""
    return "\n\n".join([_stages(found), _reasons(found), _tiers(found), _categories(found), _languages(found)])


def _table(rows: Iterable[list[str]], headers: list[str]) -> str:
    return tabulate(list(rows), headers=headers, disable_numparse=True, colalign=("left", *("right",) * (len(headers) - 1)))


def _stages(found: Mapping[str, Any]) -> str:
    total = found["rows"] or 1
    rows = [[stage, f"{found['reached'][stage]:,}", f"{found['stages'][stage]:,}" if stage != "accepted" else "-",
             f"{100 * found['reached'][stage] / total:.1f} %"] for stage in STAGES]  # fmt: skip
    return _table(rows, ["stage", "rows that came to it", "ended there", "of all"])


def _reasons(found: Mapping[str, Any]) -> str:
    rows = [[f"{one['stage']}: {one['reason']}"[:70], f"{one['rows']:,}"] for one in found["reasons"][:_REASONS]]
    table, others = _table(rows, ["reason", "rows"]), found["reasons"][_REASONS:]
    if not others:
        return table
    reasons = "reason" if len(others) == 1 else "reasons"
    return f"{table}\nand {len(others)} other {reasons}: {sum(one['rows'] for one in others):,} rows"


def _tiers(found: Mapping[str, Any]) -> str:
    total = sum(found["tiers"].values()) or 1
    rows = [[tier, f"{count:,}", f"{100 * count / total:.1f} %"] for tier, count in found["tiers"].items()]
    return _table(rows, ["tier", "accepted", "of them"])


def _categories(found: Mapping[str, Any]) -> str:
    """Ours and the paper's, side by side."""
    theirs, ours = found["published"]["categories"], found["categories"]
    total = sum(row["accepted"] for row in ours.values()) or 1
    whole = found["published"]["all"]["accepted"]
    rows = []
    for name in theirs:
        pairs = ((ours.get(name) or _share(0, 0), total), (theirs[name], whole))
        rows.append([name, *(cell for one, of in pairs for cell in _accepted(one, of))])
    table = _table(rows, ["category", "accepted", "of split", "share", "paper: accepted", "of split", "share"])
    return f"{table}\n\n" + fill(f"The paper's columns: {found['published']['source']}", 100)


def _accepted(one: Mapping[str, Any], of: int) -> list[str]:
    return [f"{one['accepted']:,}", _percent(one), f"{100 * one['accepted'] / of:.1f} %"]


def _languages(found: Mapping[str, Any]) -> str:
    rows = [[name, f"{one['rows']:,}", f"{one['validated']['of']:,}", f"{one['accepted']:,}", _percent(one["validated"]),
             _interval(one["validated"]), f"{100 * one['accepted'] / one['rows']:.1f} %"]
            for name, one in found["languages"].items() if one["validated"]["of"] or one["rows"] >= _FEW]  # fmt: skip
    return _table(rows, ["language", "rows", "split", "accepted", "of split", "95 % interval", "of rows"])


def _percent(share: Mapping[str, Any]) -> str:
    return "-" if share["share"] is None else f"{100 * share['share']:.1f} %"


def _interval(share: Mapping[str, Any]) -> str:
    return "-" if share["interval"] is None else f"{100 * share['interval'][0]:.0f} - {100 * share['interval'][1]:.0f} %"
