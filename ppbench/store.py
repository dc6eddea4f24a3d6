"""A run on disk: `run.json` at its start and its end, `trials.jsonl` and `verdicts.jsonl` append-only.

A block's trials are one write; on resume the complete blocks are kept and a torn tail is dropped. Nothing here
is derived: tables and pages are made from these files and can be deleted.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from ppbench.errors import InvalidData
from ppbench.model import Verdict
from ppbench.trace import Failure, Reply, Request, Span, Trace, Transport, Trial

FORMAT = 1


class RunDirectory:
    """Reads and writes one run directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, run: Mapping[str, Any]) -> RunDirectory:
        """Make the directory and write `run.json`. Raises InvalidData if a run is there already."""
        cls.refuse_taken(path)
        path.mkdir(parents=True, exist_ok=True)
        directory = cls(path)
        directory._write_run({"format": FORMAT, **run})
        return directory

    def keep(self, name: str, text: str) -> None:
        """Put a text beside the record, for people to use again."""
        (self.path / name).write_text(text, encoding="utf-8")

    def _write_run(self, run: Mapping[str, Any]) -> None:
        partial = self.path / "run.json.partial"
        partial.write_text(json.dumps(run, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        partial.replace(self.path / "run.json")

    @staticmethod
    def refuse_taken(path: Path) -> None:
        """Make sure that a run can be written here. Raises InvalidData."""
        if (path / "run.json").exists():
            raise InvalidData(f"{path} holds a run already; resume it with --resume {path}, or choose another -o")
        here = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
        if not here.is_dir() or not os.access(here, os.W_OK):
            raise InvalidData(f"cannot write to {path}: {here} is no folder that may be written to; choose another -o")

    @property
    def run(self) -> dict[str, Any]:
        """What was asked, and where. Raises InvalidData if this is no run directory, or its record is damaged."""
        run = self._read_run()
        if wrong := _misshapen(run, _SHAPE) or _misshapen_rows(run) or _misshapen(run["conditions"], _CONDITIONS):
            raise InvalidData(f"{self.path}/run.json is damaged: {wrong}; mend it by hand, or run again")
        return run

    def _read_run(self) -> dict[str, Any]:
        try:
            run: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InvalidData(f"{self.path} is not a run directory: run.json: {error}") from None
        if not isinstance(run, dict):
            raise InvalidData(f"{self.path}/run.json is damaged: it holds no object; mend it by hand, or run again")
        if run.get("format") != FORMAT:
            raise InvalidData(f"{self.path}/run.json has format {run.get('format')}, this ppbench reads {FORMAT}")
        return run

    def lock(self) -> IO[bytes]:
        """Hold the run for this process until the file is closed. Raises InvalidData if another one writes to it."""
        file = (self.path / "run.json").open("rb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise InvalidData(f"another process is running {self.path}; wait for it, or stop it") from None
        return file

    def append_block(self, trials: Sequence[Trial]) -> None:
        """Add all trials of one block in one write."""
        self._append("trials.jsonl", [encode_trial(trial) for trial in trials])

    def append_verdicts(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._append("verdicts.jsonl", records)

    def _append(self, name: str, records: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)
        with (self.path / name).open("ab") as file:
            file.write(text.encode("utf-8", errors="surrogatepass"))  # no fsync: other lanes' clocks are running

    def trials(self) -> Iterator[Trial]:
        """All stored trials. Raises InvalidData with file:line for a line that is no trial."""
        for where, record in self._records("trials.jsonl"):
            try:
                yield decode_trial(record)
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidData(f"{where}: is not a trial: {error!r}") from None

    def verdicts(self) -> Iterator[dict[str, Any]]:
        return (record for _, record in self._records("verdicts.jsonl"))

    def conclude(self, client: Mapping[str, Any]) -> None:
        """Put what the run says of its own client into `run.json`, once it has ended."""
        self._write_run({**self._read_run(), "client": client})

    def _records(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        path = self.path / name
        if not path.exists():
            return
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield f"{path}:{number}", json.loads(line)
                except ValueError:
                    remedy = f"`ppbench run --resume {self.path}` drops a torn tail"
                    raise InvalidData(f"{path}:{number}: is not JSON; {remedy}") from None

    def drop_tail(self, name: str, complete: Iterable[int]) -> int:
        """Cut a file after the last of the byte offsets in `complete`; returns how many bytes were dropped."""
        path = self.path / name
        if not path.exists():
            return 0
        end = max(complete, default=0)
        dropped = path.stat().st_size - end
        if dropped:
            os.truncate(path, end)
        return dropped

    def block_ends(self, methods: Sequence[str]) -> list[int]:
        """Byte offsets after each complete block of `trials.jsonl`, up to the first line that is torn."""
        ends: list[int] = []
        open_block: set[str] = set()
        block: tuple[object, ...] = ()
        offset = 0
        for number, line in enumerate(self._raw_lines("trials.jsonl"), 1):
            try:
                record = json.loads(line)
                key = (record["item"], record["repeat"], record["try"])
            except (ValueError, KeyError, TypeError):
                self._refuse_hole("trials.jsonl", number, offset + len(line), "trial")
                return ends
            if key != block:
                block, open_block = key, set()
            open_block.add(record["decomposer"])
            offset += len(line)
            if open_block == set(methods):
                ends.append(offset)
        return ends

    def verdict_ends(self) -> list[int]:
        """Byte offsets after the verdicts of each trial; those of the last one count only if nothing is torn."""
        ends: list[int] = []
        last: tuple[object, ...] = ()
        offset = 0
        for number, line in enumerate(self._raw_lines("verdicts.jsonl"), 1):
            try:
                record = json.loads(line)
                key = (record["judge"], cell(record), record.get("round", 0))
            except (ValueError, KeyError, TypeError):
                self._refuse_hole("verdicts.jsonl", number, offset + len(line), "verdict")
                return ends
            if key != last:
                ends, last = [*ends[-1:], offset], key
            offset += len(line)
        whole = offset == (self.path / "verdicts.jsonl").stat().st_size if offset else False
        return [offset] if whole else ends

    def _refuse_hole(self, name: str, number: int, end: int, what: str) -> None:
        """Raise InvalidData if a line that cannot be read, which ends at that offset, is not the last one."""
        path = self.path / name
        if end < path.stat().st_size:
            raise InvalidData(f"{path}:{number}: is no {what}, and more lines follow; nothing was dropped, mend it by hand")

    def _raw_lines(self, name: str) -> Iterator[bytes]:
        path = self.path / name
        if path.exists():
            with path.open("rb") as file:
                yield from (line for line in file if line.endswith(b"\n"))


_SHAPE: dict[str, tuple[type, ...]] = {
    "options": (dict,), "items": (list,), "methods": (list,), "judges": (list,), "executor": (str,), "clock": (str,),
    "endpoint": (str,), "timing": (str,), "seed": (int,), "conditions": (dict,), "versions": (dict,), "environment": (dict,),
}  # fmt: skip
_CONDITIONS = {"repeats": (int,), "seed": (int,), "concurrency": (int,), "nonce": (str,)}
_ROWS: dict[str, dict[str, tuple[type, ...]]] = {
    "items": {"id": (str,), "digest": (str,), "family": (str,), "category": (str,), "language": (str,),
              "splittable": (bool, type(None))},
    "methods": {"spec": (str,), "given": (bool,)},
}  # fmt: skip
"""What everything that reads a run counts on; the whole of it is in `schemas/run.schema.json`."""
_NAMES = {dict: "object", list: "list", str: "text", int: "number", bool: "true or false"}
_WORDS = {"clock": ("native", "python", "virtual"), "timing": ("live", "modelled")}


def _misshapen(record: Any, shape: Mapping[str, tuple[type, ...]]) -> str:
    """The first field that is missing or of another type; empty if there is none."""
    if not isinstance(record, dict):
        return "is no object"
    for name, types in shape.items():
        if name not in record:
            return f"{name} is missing"
        if not isinstance(record[name], types):
            return f"{name} is no {_NAMES[types[0]]}"
        if record[name] not in _WORDS.get(name, (record[name],)):
            return f"{name} is {str(record[name])[:40]!r}, not one of {', '.join(_WORDS[name])}"
    return ""


def _misshapen_rows(run: Mapping[str, Any]) -> str:
    found = (f"{name}[{place}]: {wrong}" for name, shape in _ROWS.items() for place, row in enumerate(run[name])
             if (wrong := _misshapen(row, shape)))  # fmt: skip
    return next(found, "")


def encode_trial(trial: Trial) -> dict[str, Any]:
    trace = asdict(trial.trace) if trial.trace else None
    return {"item": trial.item, "repeat": trial.repeat, "decomposer": trial.decomposer, "try": trial.try_,
            "trace": trace, "failure": trial.failure}  # fmt: skip


def decode_trial(record: Mapping[str, Any]) -> Trial:
    trace = _trace(record["trace"]) if record["trace"] else None
    return Trial(record["item"], record["repeat"], record["decomposer"], record["try"], trace, record["failure"])


def _trace(value: Mapping[str, Any]) -> Trace:
    spans = tuple(
        Span(_request(span["request"]), _reply(span["reply"]), tuple(_reply(r) for r in span["failed"]))
        for span in value["spans"]
    )
    return Trace(**{**value, "spans": spans, "parts": tuple(value["parts"])})


def _request(value: Mapping[str, Any]) -> Request:
    return Request(**{**value, "stop": tuple(value["stop"])})


def _reply(value: Mapping[str, Any]) -> Reply:
    error = Failure(**value["error"]) if value["error"] else None
    transport = value.get("transport")
    if transport is not None:
        transport = Transport(**{**transport, "lags_ns": tuple(transport["lags_ns"])})
    return Reply(**{**value, "chunks_ns": tuple(value["chunks_ns"]), "error": error, "transport": transport})


Cell = tuple[str, int, str, int, str]
"""What a judge was shown: item, repeat, method, try, and which control, if it was one."""


def cell(record: Mapping[str, Any]) -> Cell:
    """What a line of `verdicts.jsonl` is about."""
    return (record["item"], record["repeat"], record["decomposer"], record["try"], record.get("control", ""))


def encode_verdict(trial: Trial, judge: str, verdict: Verdict, **about: Any) -> dict[str, Any]:
    """One line: what a judge says. `about` are further fields: its version and prompt, which control this was."""
    said = {"criterion": verdict.criterion, "value": verdict.value, "reason": verdict.reason}
    return {**_judged(trial, judge, about), **said}


def encode_no_verdict(trial: Trial, judge: str, *, failure: str = "", **about: Any) -> dict[str, Any]:
    """One line where a value is missing: the judge failed, and why; or it asked a model and then said nothing."""
    return {**_judged(trial, judge, about), **({"failure": failure} if failure else {"silent": True})}


def _judged(trial: Trial, judge: str, about: Mapping[str, Any]) -> dict[str, Any]:
    key = {"item": trial.item, "repeat": trial.repeat, "decomposer": trial.decomposer, "try": trial.try_}
    return {**key, "judge": judge, "version": "", "prompt": "", **{name: value for name, value in about.items() if value}}
