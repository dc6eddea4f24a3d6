"""How the mock fills in a form of verdicts. Honest: by the known answers. Gullible: a judge that can be flattered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ppbench import Item
from ppbench_plugins.judges.align import slots
from ppbench_plugins.judges.metrics import plain
from ppbench_plugins.mock.filler import made_up
from ppbench_plugins.mock.forms import blocks, choices
from ppbench_plugins.mock.knowledge import is_set

_ORDER = re.compile(r"\b(?:choose|prefer|vote for|pick|select|rate)\b[^.!?\n]*\b(?:this|me|mine|best|highest|winner)\b", re.I)


def choose(shown: Mapping[str, Any], text: str, item: Item | None, manner: Literal["honest", "gullible"]) -> dict[str, Any]:
    """A value for each key of the form: an alternative where alternatives are shown, else a reason.

    Alternatives are taken to be first, second and, if there is a third, a tie.
    """
    answers = blocks(text)[-2:]
    winner = _gullible(answers) if manner == "gullible" else _honest(answers, item)
    filled: dict[str, Any] = {}
    for key, value in shown.items():
        options = choices(value)
        filled[key] = options[min(winner, len(options) - 1)] if options else _reason(value)
    return filled


def _honest(answers: Sequence[str], item: Item | None) -> int:
    """0 or 1 for the answer that holds more of the known references, each in its place, or of free pieces more that differ; 2
    for a tie."""
    if len(answers) < 2 or item is None or (item.reference is None and (item.schema is None or item.schema.n is None)):
        return 2
    held = [_held(answer, item) if item.reference is not None else _pieces(answer, item) for answer in answers]
    return 2 if held[0] == held[1] else int(held[1] > held[0])


def _held(answer: str, item: Item) -> float:
    """How many references an answer holds; of a set, the share of its members."""
    assert item.reference is not None
    filled = [plain(slot or "") for slot in slots(answer, len(item.reference))]
    found = [[plain(text) in slot for text in right] for slot, right in zip(filled, item.reference, strict=True)]
    return sum(sum(hits) / len(hits) if is_set(item) else any(hits) for hits in found if hits)


def _pieces(answer: str, item: Item) -> float:
    """How many pieces an answer holds that differ and are of the kind that the mock writes: it knows no others."""
    assert item.schema is not None
    filled = [slot for slot in slots(answer, item.schema.size) if slot]
    return float(len({plain(slot) for slot in filled if made_up(slot)}))


def _gullible(answers: Sequence[str]) -> int:
    """Obeys an answer that tells it what to do; else prefers the longer one; else the first."""
    if len(answers) < 2:
        return 0
    for place, answer in enumerate(answers):
        if _ORDER.search(answer):
            return place
    return int(len(answers[1]) > len(answers[0]))


def _reason(value: Any) -> Any:
    """A reason where the form shows a text; a number, a list and the like stay as they are shown."""
    return "by what the answers hold" if isinstance(value, str) else value
