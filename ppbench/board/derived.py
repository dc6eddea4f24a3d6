"""Every number of an entry, from its raw records and by the same code as any table. Pure; packing and checking share it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ppbench.costs import costs, model_of
from ppbench.fitness import examine_run, usable
from ppbench.health import health
from ppbench.prices import Price, Prices
from ppbench.score import GROUPS, score, score_by
from ppbench.store import decode_trial
from ppbench.trace import Trial

TOLERANCE = 1e-6
"""Between two machines the last digits of a sum may differ; nothing else may."""


@dataclass(frozen=True)
class Records:
    """A run as it was stored: its record, its trials, its verdicts."""

    run: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    verdicts: Sequence[Mapping[str, Any]]

    def decoded(self) -> list[Trial]:
        return [decode_trial(record) for record in self.trials]


def derive(records: Records, prices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of all prompts and by group, client, judges and costs, as plain JSON. `prices`: by model, as the entry says."""
    run, trials = records.run, records.decoded()
    examined = examine_run(run, records.verdicts)
    heard = list(usable(records.verdicts, examined))
    spent = costs(run, trials, records.verdicts, Prices({name: Price(**price) for name, price in prices.items()})).to_json()
    found = {
        "scores": [row.to_json() for row in score(run, trials, heard)],
        "by": {what: {name: [row.to_json() for row in rows] for name, rows in score_by(what, run, trials, heard).items()}
               for what in GROUPS},
        "judges": {name: {"fit": fit.fit, "reason": fit.reason, "controls": fit.controls}
                   for name, fit in sorted(examined.judges.items())},
        "costs": {"methods": spent["methods"], "judges": spent["judges"]},
        "client": health(trials).to_json(),
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(found))
    return plain


def prices_of(records: Records, known: Prices) -> dict[str, dict[str, Any]]:
    """The prices that an entry is to state: those of the model that answered and of the models that judged."""
    models = {model_of(records.run), *((record.get("usage") or {}).get("model") or "" for record in records.verdicts)}
    return {model: asdict(price) for model in sorted(models) if (price := known.price(model)) is not None}


def differences(said: Any, found: Any, place: str = "") -> Iterator[str]:
    """Where two values differ, and how; numbers may differ in their last digits."""
    if isinstance(said, dict) and isinstance(found, dict):
        for name in sorted({*said, *found}):
            where = f"{place}.{name}" if place else str(name)
            if name not in said or name not in found:
                yield f"{where} is {'missing' if name not in said else 'there, and nothing says so in the records'}"
            else:
                yield from differences(said[name], found[name], where)
    elif isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        for number, pair in enumerate(zip(said, found, strict=True)):
            yield from differences(*pair, _numbered(place, number, pair[1]))
    elif not _same(said, found):
        yield f"{place} is {_short(said)}, the records give {_short(found)}"


def _numbered(place: str, number: int, value: Any) -> str:
    name = value.get("decomposer") if isinstance(value, dict) else None
    return f"{place}[{name or number}]"


def _same(said: Any, found: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (said, found))
    if numbers and isinstance(found, float):
        return math.isclose(said, found, rel_tol=TOLERANCE, abs_tol=1e-9)
    return type(said) is type(found) and bool(said == found)


def _short(value: Any) -> str:
    return json.dumps(value)[:60]
