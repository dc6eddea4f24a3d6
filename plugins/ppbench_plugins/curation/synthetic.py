"""Synthetic conversations in the layouts of LMSYS-Chat-1M and WildChat-1M, to measure with: `python -m ... --help`.

Made from the packaged prompts and a seed, the same each time. Languages are mixed about as in the public logs, lengths from a
few words to pages; about one row in ten can be split, with items drawn anew from those of the same language and category, and
a few rows are copies or empty. They measure speed and memory; what share of them is accepted says nothing of real logs.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ppbench import Item, installed_categories, load_items

LAYOUTS = ("lmsys", "wildchat")
_NAMES = {
    "en": "English", "zh": "Chinese", "ru": "Russian", "es": "Spanish", "fr": "French", "de": "German", "pt": "Portuguese",
    "it": "Italian", "ja": "Japanese", "ko": "Korean", "ar": "Arabic", "hi": "Hindi", "id": "Indonesian",
}  # fmt: skip
_WEIGHTS = {
    "en": 62,
    "zh": 9,
    "ru": 7,
    "es": 4,
    "fr": 4,
    "de": 3,
    "pt": 3,
    "it": 2,
    "ja": 2,
    "ko": 1,
    "ar": 1,
    "hi": 1,
    "id": 1,
}
_UNSPACED = ("zh", "ja")
_SPLIT, _COPY, _EMPTY = 0.10, 0.02, 0.002
_FOLLOW_UPS = (0, 0, 0, 1, 2, 4)
_CHUNK = 20_000


class Material:
    """The packaged prompts as what others are made from, by language."""

    def __init__(self) -> None:
        items = [item for c in installed_categories() if c.prompts for item in load_items(c.prompts)[0]]
        self.whole = _by_language([item for item in items if item.schema is None])
        lists = [item for item in items if item.schema and item.schema.data and item.splittable is not False]
        self.split = _by_language(lists)
        self.parts: dict[tuple[str, str], list[str]] = {}
        for item in lists:
            assert item.schema is not None
            self.parts.setdefault((item.language, item.category), []).extend(item.schema.data or ())
        texts = {code: " ".join(item.text for item in items if item.language == code).split() for code in _WEIGHTS}
        self.words = {code: _pieces(words) if code in _UNSPACED else words for code, words in texts.items()}


def _pieces(words: Sequence[str]) -> list[str]:
    """Two letters each, of scripts that put no space between words."""
    text = "".join(words)
    return [text[at : at + 2] for at in range(0, len(text), 2)]


def _by_language(items: Sequence[Item]) -> dict[str, list[Item]]:
    return {code: [item for item in items if item.language == code] for code in _WEIGHTS}


def prompts(seed: int, material: Material) -> Iterator[tuple[str, str]]:
    """(language, prompt), without end. A prompt may be empty."""
    draw = random.Random(seed)
    codes, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    before = ("en", "")
    while True:
        chance = draw.random()
        if chance < _COPY:
            yield before
            continue
        code = draw.choices(codes, weights)[0]
        if chance < _COPY + _EMPTY:
            yield code, ""
            continue
        made = _splittable(draw, code, material) if chance > 1 - _SPLIT else _single(draw, code, material)
        before = (code, made)
        yield before


def _splittable(draw: random.Random, code: str, material: Material) -> str:
    """A packaged prompt with other items of its kind in place of its own."""
    item = draw.choice(material.split[code])
    assert item.schema is not None
    pool, text = material.parts[code, item.category], item.text
    for part, other in zip(item.schema.data or (), draw.sample(pool, min(len(pool), item.schema.size)), strict=False):
        text = text.replace(part, other, 1)
    return text


def _single(draw: random.Random, code: str, material: Material) -> str:
    """A request for one thing: short, or with a text to work on, or a long one."""
    words = material.words[code]
    length = int(min(1500, draw.lognormvariate(2.6, 1.1))) + 2
    start = draw.randrange(max(1, len(words) - length))
    said = ("" if code in _UNSPACED else " ").join(words[start : start + length])
    if draw.random() < 0.5 and material.whole[code]:
        return f"{draw.choice(material.whole[code]).text} {said}"
    return said


def rows(layout: str, seed: int, material: Material) -> Iterator[dict[str, Any]]:
    """Conversations of a layout, without end."""
    draw = random.Random(f"{seed}/{layout}")
    fillers = [" ".join(draw.choices(material.words["en"], k=draw.randrange(20, 180))) for _ in range(4000)]
    for number, (code, text) in enumerate(prompts(seed, material), 1):
        turns = [("user", text), ("assistant", draw.choice(fillers))]
        for _ in range(draw.choice(_FOLLOW_UPS)):
            turns += [("user", draw.choice(fillers)[:80]), ("assistant", draw.choice(fillers))]
        made = _lmsys if layout == "lmsys" else _wildchat
        yield made(f"{draw.getrandbits(128):032x}", number, code, turns)


def _lmsys(name: str, number: int, code: str, turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "conversation_id": name,
        "model": "synthetic",
        "conversation": [{"content": text, "role": role} for role, text in turns],
        "turn": len(turns) // 2,
        "language": _NAMES[code],
        "openai_moderation": [{"categories": {"hate": False, "violence": False}, "flagged": False} for _ in turns],
        "redacted": False,
    }


def _wildchat(name: str, number: int, code: str, turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "conversation_hash": name,
        "model": "synthetic",
        "timestamp": "2024-01-01T00:00:00Z",
        "conversation": [
            {"content": text, "role": role, "language": _NAMES[code], "country": None, "hashed_ip": None, "redacted": False,
             "toxic": False, "turn_identifier": number * 100 + place}
            for place, (role, text) in enumerate(turns)
        ],
        "turn": len(turns) // 2,
        "language": _NAMES[code],
        "toxic": False,
        "redacted": False,
    }  # fmt: skip


def write(folder: Path, layout: str, count: int, seed: int = 0, *, parquet: bool = True) -> Path:
    """A file of so many conversations: Parquet, or JSON lines. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / f"{layout}.jsonl"
    made = rows(layout, seed, Material())
    with lines.open("w", encoding="utf-8") as file:
        for start in range(0, count, _CHUNK):
            chunk = islice(made, min(_CHUNK, count - start))
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chunk))
    return _to_parquet(lines) if parquet else lines


def _to_parquet(lines: Path) -> Path:
    import duckdb

    path = lines.with_suffix(".parquet")
    with duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GB"}) as connection:
        options = "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 50000)"
        relation = connection.read_json(str(lines), format="newline_delimited", sample_size=1000)
        relation.create_view("made")
        target = str(path).replace("'", "''")
        connection.execute(f"COPY (SELECT * FROM made) TO '{target}' {options}")
    lines.unlink()
    return path


def main() -> None:
    """Write a set, and say where."""
    options = argparse.ArgumentParser(prog="python -m ppbench_plugins.curation.synthetic", description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--layout", choices=LAYOUTS, default="lmsys")
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--jsonl", action="store_true", help="JSON lines instead of Parquet")
    chosen = options.parse_args()
    print(write(chosen.folder, chosen.layout, chosen.rows, chosen.seed, parquet=not chosen.jsonl))


if __name__ == "__main__":
    main()
