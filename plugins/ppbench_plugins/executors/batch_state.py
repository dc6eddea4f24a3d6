"""Which requests lie in which batches, so that what was paid for once is collected and not sent again.

In memory, and with a path in a file too: a line of JSON for each batch, appended as soon as the batch is made. It holds digests
of requests and no text of any; answers stay with the provider. Knows no network.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ppbench import InvalidData, UsageError
from ppbench_plugins import wire


@dataclass(frozen=True)
class Place:
    """Where the answer to a request lies, or will."""

    batch: str
    name: str
    """Of the row."""


class State:
    """`executor` and `endpoint` tell the lines of this one from those of others in the same file. One process at a time.

    Raises UsageError for a file that cannot be used, InvalidData for one that is something else.
    """

    def __init__(self, path: str, executor: str, endpoint: str) -> None:
        self._mine = {"executor": executor, "endpoint": endpoint}
        self._places: dict[str, deque[Place]] = defaultdict(deque)
        self._file = self._open(Path(path)) if path else None

    @property
    def kept(self) -> bool:
        """Another process can go on with it."""
        return self._file is not None

    def claim(self, digest: str) -> Place | None:
        """Where such a request lies that nobody has claimed yet, the oldest first; None if it has to be sent."""
        places = self._places.get(digest)
        return places.popleft() if places else None

    def give_back(self, place: Place) -> None:
        """It was not collected; who asks next may claim it."""
        self._places[wire.batches.digest_of(place.name)].appendleft(place)

    def record(self, batch: str, names: Sequence[str]) -> None:
        """A batch was made. Its rows are claimed."""
        if self._file is not None:
            line = {**self._mine, "batch": batch, "names": list(names)}
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self, path: Path) -> IO[bytes]:
        try:
            file = path.open("a+b")
        except OSError as error:
            raise UsageError(f"state={path}: {error.strerror}; name a file in a folder that is there") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read(path, file)
        except BlockingIOError:
            file.close()
            raise UsageError(f"state={path}: another process uses it; wait for its end, or name another file") from None
        except BaseException:
            file.close()
            raise
        return file

    def _read(self, path: Path, file: IO[bytes]) -> None:
        """Take in what is there. A last line that is torn was never whole, and is cut off."""
        file.seek(0)
        good = 0
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                file.truncate(good)
                break
            good += len(line)
            self._take(line, f"{path}:{number}")

    def _take(self, line: bytes, where: str) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
            mine = all(told[name] == value for name, value in self._mine.items())
            places = [Place(str(told["batch"]), str(name)) for name in told["names"]]
        except (ValueError, KeyError, TypeError):
            raise InvalidData(f"{where}: this is no record of a batch; name another file for state") from None
        for place in places if mine else ():
            self._places[wire.batches.digest_of(place.name)].append(place)
