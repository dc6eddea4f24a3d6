"""Readers of the public data sets and of plain tables: files of others to rows of ours. One door, a file a layout.

They know files and layouts, nothing of the command line, of plugins or of runs. No row is ever mended: a bad one is named.
"""

from __future__ import annotations

from ppbench.readers.conversations import LMSYS, WILDCHAT
from ppbench.readers.importing import DETECT, Counts, Imported, Importer, Wish
from ppbench.readers.languages import UNKNOWN, code
from ppbench.readers.layout import Layout
from ppbench.readers.parallelprompt import PARALLELPROMPT
from ppbench.readers.problems import MULTI_PROBLEM, with_template
from ppbench.readers.rows import Row
from ppbench.readers.tables import CSV, JSONL, PARQUET

SOURCES: dict[str, Layout] = {
    "parallelprompt": PARALLELPROMPT,
    "lmsys": LMSYS,
    "wildchat": WILDCHAT,
    "multi-problem": MULTI_PROBLEM,
    "jsonl": JSONL,
    "csv": CSV,
    "parquet": PARQUET,
}
"""Name on the command line -> what reads it."""

__all__ = [
    "DETECT",
    "SOURCES",
    "UNKNOWN",
    "Counts",
    "Imported",
    "Importer",
    "Layout",
    "Row",
    "Wish",
    "code",
    "with_template",
]
