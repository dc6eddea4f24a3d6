"""How close an answer is to the serial one, by sentence embeddings of each subtask's answer. Knows no reference.

Embeddings are model2vec's: static ones, of numpy alone, the same on every machine and quick on a processor. They see
which words stand there, not their order; a judge that reads says more. The model is read from a folder, or from the
cache of the hub if it was fetched before. Nothing is ever downloaded here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

from ppbench import BrokenPlugin, Case, Plan, Reply, UsageError, Verdict
from ppbench_plugins.judges.align import slots

_KNOWN = "minishlab/potion-multilingual-128M"
_LONGEST = 20_000
"""Letters of an answer that are embedded."""


@dataclass(frozen=True)
class Similarity:
    name: ClassVar[str] = "similarity"
    model: str = _KNOWN
    """A folder with a model2vec model, or the name of one that the hub's cache holds."""

    def plan(self, case: Case) -> Plan | None:
        """None: no model is asked. Raises BrokenPlugin without the library and UsageError without the model, before
        anything is judged."""
        _encoder(self.model)
        return None

    def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
        """One verdict `similarity`: the mean over subtasks of the cosine of both answers. A subtask that one of them
        answers alone is 0, one that neither answers says nothing. Nothing without a serial answer."""
        if case.serial is None:
            return []
        mine, serial = _parts(case, case.trace.answer), _parts(case, case.serial.answer)
        values = [self._alike(one, other) for one, other in zip(mine, serial, strict=True) if one or other]
        if not values:
            return []
        lowest = min(range(len(values)), key=values.__getitem__)
        reason = f"cosine by {self.model}; {len(values)} compared, lowest {values[lowest]:.2f}"
        return [Verdict("similarity", fmean(values), reason)]

    def _alike(self, one: str | None, other: str | None) -> float:
        if not one or not other:
            return 0.0
        if one == other:
            return 1.0
        a, b = _encoder(self.model).encode([one[:_LONGEST], other[:_LONGEST]])
        length = float((a @ a) ** 0.5 * (b @ b) ** 0.5)
        return min(1.0, max(0.0, float(a @ b) / length)) if length > 0 else 0.0


def _parts(case: Case, answer: str) -> list[str | None]:
    """The answers of the subtasks, cut as every judge cuts them; of a prompt without a schema the whole."""
    schema = case.item.schema
    return slots(answer, schema.size, schema.data or ()) if schema else [answer.strip() or None]


@cache
def _encoder(model: str) -> Any:
    try:
        from model2vec import StaticModel
    except ImportError:
        raise BrokenPlugin(
            "judge similarity needs the library model2vec, which is not installed; pip install 'ppbench[embeddings]'"
        ) from None
    folder = _folder(model)
    try:
        return StaticModel.from_pretrained(folder)
    except Exception as error:  # whatever a library finds wrong with a folder of files
        raise UsageError(
            f"judge similarity cannot read the model in {folder}: {type(error).__name__}: {error}; "
            "give the folder of a model2vec model: similarity:model=PATH"
        ) from error


def _folder(model: str) -> Path:
    """Where a model lies: a folder, or what the hub's cache holds under a name. Raises UsageError if it lies nowhere."""
    if Path(model).is_dir():
        return Path(model)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        raise UsageError(
            f"judge similarity has no model {model!r}: it is no folder, and the hub's cache does not hold it. Nothing is "
            f"downloaded while judging; fetch it once with `hf download {_KNOWN}`, or give a folder: similarity:model=PATH"
        ) from None
