"""The built-in judges. They judge the merged answer, cut by one aligner, so that serial and split answers are
judged from the same material."""

from __future__ import annotations

from ppbench import hookimpl
from ppbench_plugins.judges.human import Human
from ppbench_plugins.judges.pairwise import Pairwise
from ppbench_plugins.judges.reference import Reference
from ppbench_plugins.judges.similarity import Similarity
from ppbench_plugins.judges.structure import Structure


@hookimpl
def ppbench_judges() -> tuple[type, ...]:
    return (Structure, Reference, Pairwise, Similarity, Human)
