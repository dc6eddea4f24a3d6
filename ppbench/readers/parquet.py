"""Rows of a Parquet file, by duckdb: batch by batch, wanted columns alone. The one place of the core that imports duckdb.

duckdb is the optional extra `data`. Nothing is fetched: no network, no extension, no glob beyond the file that is named.
A Parquet file is checked by the page, not by the row: one that is damaged, or holds a text that is not UTF-8, ends the reading.
duckdb decodes 2048 rows at once, whatever their size: a file of rows of megabytes takes gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ppbench.errors import BrokenPlugin, InvalidData

_BATCH = 16
_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_FROM = "FROM read_parquet(?, hive_partitioning=false)"


def parquet_rows(path: Path, choose: Callable[[Sequence[str]], Sequence[str]]) -> Iterator[dict[str, Any]]:
    """The rows of a file, with the columns that `choose` picks of those it has. Raises InvalidData, BrokenPlugin."""
    try:
        import duckdb
    except ImportError as error:
        raise BrokenPlugin(f"reading Parquet needs duckdb ({error}); install it: pip install 'ppbench[data]'") from None
    read = 0
    try:
        with duckdb.connect(":memory:", config=_OFFLINE) as connection:
            columns = choose([row[0] for row in connection.execute(f"DESCRIBE SELECT * {_FROM}", [str(path)]).fetchall()])
            names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
            connection.execute(f"SELECT {names} {_FROM}", [str(path)])
            while batch := connection.fetchmany(_BATCH):
                for values in batch:
                    yield dict(zip(columns, values, strict=True))
                read += len(batch)
    except duckdb.Error as error:
        first = str(error).strip().splitlines()[0][:200]
        raise InvalidData(f"{path} is no whole Parquet file, or is damaged after row {read}: {first}; get it again") from None
