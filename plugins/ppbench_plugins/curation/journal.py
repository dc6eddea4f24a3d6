"""A curation on disk: what was asked, replies that were paid for, rows that are settled; and the sets made of them.

`curation.json` is written once, `replies.jsonl` and `settled.jsonl` are only appended to, a line in one write; a torn last
line is dropped. All else is derived from them and the source, and is written whole or not at all. Knows no model and no rule.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from heapq import merge
from pathlib import Path
from typing import IO, Any

from ppbench import InvalidData
from ppbench_plugins.curation.rows import Settled

FORMAT = 2
_SETTINGS, _REPLIES, _SETTLED, _FILTERED = "curation.json", "replies.jsonl", "settled.jsonl", "filtered.jsonl"
BATCHES = "batches.jsonl"
"""Which requests lie in which batches; an executor writes it."""
_HEAD = 160
"""Bytes of a line in which its row and stage stand."""


class Journal:
    """Reads and writes one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open = ExitStack()
        self._files: dict[str, IO[bytes]] = {}
        self.settled: set[int] = set()
        """Rows that need nothing more."""
        self.replies: dict[str, dict[str, Any]] = {}
        """Key -> the last reply that was paid for, of rows that are not settled."""
        self.paid: list[dict[str, Any]] = []
        """What all replies used, in the order in which they came."""
        self._made: list[Path] | None = None
        """Of a folder that was begun by this process: folders that were not there before, the innermost first."""

    @classmethod
    def create(cls, path: Path, settings: Mapping[str, Any]) -> Journal:
        """A new folder. Raises InvalidData if a curation is there already."""
        if (path / _SETTINGS).exists():
            raise InvalidData(f"{path} holds a curation already; go on with it by --resume {path}, or choose another -o")
        made = [folder for folder in (path, *path.parents) if not folder.exists()]
        path.mkdir(parents=True, exist_ok=True)
        _replace(path / _SETTINGS, json.dumps({"format": FORMAT, **settings}, ensure_ascii=False, indent=1) + "\n")
        journal = cls(path)
        journal._made = made
        return journal

    def drop(self) -> bool:
        """Take away what this process began, if nothing is in it that cost anything: then the start can be made once more."""
        worth = self.settled or any(one["tokens_in"] or one["tokens_out"] for one in self.paid)
        batches = self.path / BATCHES
        if self._made is None or worth or (batches.exists() and batches.stat().st_size):
            return False
        for name in (_REPLIES, _SETTLED, _FILTERED, BATCHES, _SETTINGS):
            (self.path / name).unlink(missing_ok=True)
        for folder in self._made:
            with suppress(OSError):  # somebody else's files are in it
                folder.rmdir()
        return True

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked. Raises InvalidData if this is no curation."""
        try:
            found: dict[str, Any] = json.loads((self.path / _SETTINGS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidData(f"{self.path} holds no curation: {_SETTINGS}: {error}") from None
        if found.get("format") != FORMAT:
            raise InvalidData(f"{self.path}/{_SETTINGS} has format {found.get('format')}, this ppbench reads {FORMAT}")
        return found

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder for this process, and know what is in it. Raises InvalidData if another one writes to it."""
        with self._open:
            lock = self._open.enter_context((self.path / _SETTINGS).open("rb"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._made = None
                raise InvalidData(f"another process is curating {self.path}; wait for it, or stop it") from None
            self.settled = {record["row"] for _, record in self._records(_SETTLED)}
            for _, record in self._records(_REPLIES):
                self._remember(record)
            for name in (_REPLIES, _SETTLED):
                self._files[name] = self._open.enter_context((self.path / name).open("ab", buffering=0))
            yield

    def _remember(self, record: dict[str, Any]) -> None:
        self.paid.append({key: value for key, value in record.items() if key != "text"})
        if record["text"] is not None and int(record["key"].partition("/")[0]) not in self.settled:
            self.replies[record["key"]] = record

    def _records(self, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Offset and record of each line; what is torn at the end is cut off."""
        path, offset = self.path / name, 0
        if not path.exists():
            return
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    record = json.loads(line) if line.endswith(b"\n") else None
                except ValueError:
                    raise InvalidData(f"{path}:{number}: is no record; mend it by hand") from None
                if record is None:
                    break
                yield offset, record
                offset += len(line)
        if path.stat().st_size > offset:
            os.truncate(path, offset)

    # What is added

    def pay(self, key: str, digest: str, text: str | None, **used: Any) -> None:
        """Keep a reply as soon as it is there; `text` is None for an attempt that failed and may have cost something."""
        record = {"key": key, "digest": digest, "text": text, **used}
        self._append(_REPLIES, [json.dumps(record, ensure_ascii=False, separators=(",", ":"))])
        self.paid.append({**used, "key": key, "digest": digest})

    def settle(self, found: Iterable[Settled]) -> list[Settled]:
        """Add rows that are settled, in one write; those that were before are left out. Returns the new ones."""
        fresh = [one for one in found if one.row not in self.settled]
        if fresh:
            self._append(_SETTLED, [one.line for one in fresh])
            self.settled.update(one.row for one in fresh)
        return fresh

    def _append(self, name: str, lines: Iterable[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", errors="surrogatepass")
        while data:  # a full disk may take a part of it
            data = data[self._files[name].write(data) :]

    @contextmanager
    def filtered(self) -> Iterator[IO[str]]:
        """Where the rows go that the pre-filter refuses: written anew each time, for it is cheap to find them again."""
        with (self.path / _FILTERED).open("w", encoding="utf-8") as file:
            yield file

    # What is made of it

    def finish(self, unsettled: Iterable[Settled] = ()) -> Iterator[dict[str, Any]]:
        """Write the two sets, in the order of the source, and give each line's record on the way. `unsettled` are rows that
        are refused for now."""
        open_rows = sorted((one.row, f"{one.line}\n".encode("utf-8", "surrogatepass")) for one in unsettled)
        places = sorted((record["row"], offset) for offset, record in self._records(_SETTLED))
        parts = {name: self.path / f".{name}.part" for name in ("accepted.jsonl", "rejected.jsonl")}
        with (self.path / _SETTLED).open("rb") as settled, (self.path / _FILTERED).open("rb") as filtered, ExitStack() as stack:
            files = {name: stack.enter_context(part.open("wb")) for name, part in parts.items()}
            ours = ((row, _line_at(settled, offset)) for row, offset in places)
            for _, line in merge(ours, open_rows, ((_row(line), line) for line in filtered), key=lambda pair: pair[0]):
                record = json.loads(line)
                files["accepted.jsonl" if record["stage"] == "accepted" else "rejected.jsonl"].write(line)
                yield record
        for name, part in parts.items():
            part.replace(self.path / name)
        (self.path / _FILTERED).unlink()

    def write(self, name: str, text: str) -> None:
        """A file of the folder, whole."""
        _replace(self.path / name, text)


def _line_at(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.readline()


def _row(line: bytes) -> int:
    return int(line[:_HEAD].split(b":", 1)[1].split(b",", 1)[0])


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
