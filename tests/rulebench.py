"""How many prompts a second the rule extractor reads on one core: `make bench-rules`. A benchmark, not a test.

Without `--prompts FILE` (JSONL with `prompt` or `text`) it reads the prompts of the rule tests.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import time
from pathlib import Path

from ppbench_plugins.decomposers.rules import find

OWN = Path(__file__).with_name("rule_examples.jsonl")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--prompts", type=Path, default=OWN, help="JSONL with `prompt` or `text`")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--profile", action="store_true", help="say where the time goes")
    chosen = options.parse_args()
    texts = _read(chosen.prompts)
    for text in texts[:50]:
        find(text)  # loads the words and the language model
    if chosen.profile:
        with cProfile.Profile() as profile:
            _round(texts)
        pstats.Stats(profile).sort_stats("tottime").print_stats(18)
    seconds = min(_round(texts) for _ in range(chosen.rounds))
    letters = sum(map(len, texts)) / len(texts)
    print(f"{len(texts)} prompts of {letters:.0f} characters on average: {len(texts) / seconds:,.0f} a second on one core, "
          f"best of {chosen.rounds} rounds")  # fmt: skip


def _round(texts: list[str]) -> float:
    start = time.process_time()
    for text in texts:
        find(text)
    return time.process_time() - start


def _read(path: Path) -> list[str]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    return [row.get("prompt", row.get("text")) for row in rows]


if __name__ == "__main__":
    main()
