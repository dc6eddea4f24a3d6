"""An entry as files of bytes: its form, packing and unpacking. Pure; believes nothing, computes nothing.

`entry.json` holds what its authors say and every figure; `run.json` the record; the raw records are compressed.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ppbench.board.derived import Records
from ppbench.errors import InvalidData
from ppbench.tasks import data_dir

FORMAT = 1
ENTRY, RUN, TRIALS, VERDICTS, CONFORMANCE = "entry.json", "run.json", "trials.jsonl.xz", "verdicts.jsonl.xz", "conformance.json"
NEEDED = (ENTRY, RUN, TRIALS, VERDICTS)
NAMES = (*NEEDED, CONFORMANCE)
LARGEST = 1 << 30
"""Bytes that compressed records may unpack to."""


@dataclass(frozen=True)
class About:
    """What authors say of their entry."""

    licence: str
    authors: tuple[str, ...]
    links: tuple[str, ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "authors": list(self.authors), "links": list(self.links)}


def written(said: Mapping[str, Any], records: Records, conformance: Mapping[str, Any] | None) -> dict[str, bytes]:
    """The files of an entry. The same values give the same bytes."""
    made = {ENTRY: _json(said, None), RUN: _json(records.run)}
    made |= {TRIALS: _lines(records.trials), VERDICTS: _lines(records.verdicts)}
    return {**made, CONFORMANCE: _json(conformance)} if conformance is not None else made


def _json(value: Any, indent: int | None = 1) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=indent) + "\n").encode("utf-8", "surrogatepass")


def _lines(records: Sequence[Mapping[str, Any]]) -> bytes:
    text = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
    return lzma.compress(text.encode("utf-8", "surrogatepass"), preset=9)


def document(contents: Mapping[str, bytes], name: str) -> dict[str, Any]:
    """One of the JSON files. Raises InvalidData."""
    return _object(contents[name].decode("utf-8", "surrogatepass"), name)


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidData(f"{where}: is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidData(f"{where}: holds no object")
    return value


def text_of(contents: Mapping[str, bytes], name: str) -> str:
    """A file's text, unpacked; raises InvalidData for one that is broken or unpacks to more than is allowed."""
    raw = contents[name]
    try:
        if name.endswith(".xz"):
            unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=1 << 28)
            raw = unpacker.decompress(raw, LARGEST)
            if not unpacker.eof or unpacker.unused_data:
                raise InvalidData(f"{name}: is cut off, unpacks to more than {LARGEST >> 20} MiB, or has something behind it")
        return raw.decode("utf-8", "surrogatepass")
    except (lzma.LZMAError, UnicodeError) as error:
        raise InvalidData(f"{name}: cannot be unpacked: {error}") from None


def records_of(contents: Mapping[str, bytes]) -> Records:
    """The raw records. Raises InvalidData with file and line."""
    return Records(document(contents, RUN), _rows(contents, TRIALS), _rows(contents, VERDICTS))


def _rows(contents: Mapping[str, bytes], name: str) -> list[dict[str, Any]]:
    lines = text_of(contents, name).split("\n")
    return [_object(line, f"{name}:{number}") for number, line in enumerate(lines, 1) if line]


@cache
def _rules(name: str) -> Any:
    import jsonschema  # slow to import

    place = data_dir("leaderboard") / name if name == "entry.schema.json" else files("ppbench") / "schemas" / name
    return jsonschema.Draft202012Validator(json.loads(place.read_text(encoding="utf-8")))


def breaches(contents: Mapping[str, bytes]) -> list[str]:
    """What of the files is not as their JSON Schemas say, the first of each."""
    rows = {TRIALS: _rows(contents, TRIALS), VERDICTS: _rows(contents, VERDICTS)}
    found = [_breach(name, "entry.schema.json" if name == ENTRY else "run.schema.json", document(contents, name))
             for name in (ENTRY, RUN)]  # fmt: skip
    for name, rules in ((TRIALS, "trial.schema.json"), (VERDICTS, "verdict.schema.json")):
        lines = (_breach(f"{name}:{number}", rules, _short(row)) for number, row in enumerate(rows[name], 1))
        found.append(next(filter(None, lines), ""))
    return [line for line in found if line]


def _breach(where: str, rules: str, value: Any) -> str:
    from jsonschema.exceptions import best_match

    error = best_match(_rules(rules).iter_errors(value))
    return f"{where}: {error.json_path}: {error.message[:200]}" if error else ""


def _short(value: Any) -> Any:
    """A record with its long lists of stamps cut to one of each type: they are most of it, and all alike."""
    if isinstance(value, dict):
        return {key: _short(one) for key, one in value.items()}
    if isinstance(value, list) and value and not any(isinstance(one, dict | list) for one in value):
        return list({(type(one), type(one) is not int or one >= 0): one for one in value}.values())
    return [_short(one) for one in value] if isinstance(value, list) else value
