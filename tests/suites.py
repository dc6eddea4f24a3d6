"""Writes `tasks/suites.json` anew: `make suites`. A suite whose prompts changed gets its next version."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import chain
from typing import Any

from ppbench import Item, data_dir, load_items
from ppbench.tasks import suite_digest

SEVEN = (
    "repeated_generation/open", "reading_comprehension", "named_entity_recognition", "keyword_extraction", "translation",
    "grammatical_correction", "sentiment_analysis",
)  # fmt: skip
TRAFFIC = {"single": 215, "traps": 25, "dependencies": 30}
"""Prompts of mixed traffic that are not to be split; 30 of the seven categories are added to them."""
SPLITTABLE = 30
OF_EACH_LANGUAGE = 2
"""Prompts of each language and category in the multilingual suite."""


def rows(name: str) -> list[Item]:
    return load_items(data_dir("tasks") / f"{name}.jsonl", strict=True)[0]


def chosen() -> dict[str, tuple[str, list[Item]]]:
    """Name -> description and prompts, but for `smoke`, which is chosen by hand."""
    seven = [rows(name) for name in SEVEN]
    general = {name: rows(f"general/{name}") for name in ("dependencies", "traps", "single")}
    return {
        "core-v1": ("All plain prompts of the seven categories; the suite to report.", list(chain(*seven))),
        "dependencies": ("Subtasks that need each other: some (a graph, with gold edges), or all.", general["dependencies"]),
        "traps": ("Prompts that look like lists and must not be split.", general["traps"]),
        "constraints": ("Open pieces with conditions on the whole set: quotas, differences, order.",
                        rows("repeated_generation/constraints")),
        "mixed-traffic": ("300 prompts as they come; about one in ten can be split.", traffic(seven, general)),
        "multilingual": ("Two prompts of each of the seven categories in each of thirteen languages.", multilingual(seven)),
    }  # fmt: skip


def traffic(seven: Sequence[Sequence[Item]], general: dict[str, list[Item]]) -> list[Item]:
    dice = random.Random(300)
    found = dice.sample(list(chain(*seven)), SPLITTABLE)
    for name, count in TRAFFIC.items():
        found += dice.sample(general[name], count)
    dice.shuffle(found)
    return found


def multilingual(seven: Sequence[Sequence[Item]]) -> list[Item]:
    found: list[Item] = []
    for items in seven:
        languages = sorted({item.language for item in items})
        found += [item for code in languages for item in [i for i in items if i.language == code][:OF_EACH_LANGUAGE]]
    return found


def main() -> None:
    path = data_dir("tasks") / "suites.json"
    old: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    everything = {item.id: item for name in SEVEN for item in rows(name)}
    smoke = [everything[name] for name in old["smoke"]["items"]]
    new = {}
    for name, (description, items) in {"smoke": (old["smoke"]["description"], smoke), **chosen()}.items():
        before, digest = old.get(name, {"version": 0, "digest": ""}), suite_digest(items)
        version = before["version"] + (before.get("digest") != digest)
        new[name] = {"version": version, "description": description, "digest": digest, "items": [item.id for item in items]}
    path.write_text(json.dumps(new, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
