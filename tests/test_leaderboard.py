"""The entries that ship: they check, their tables stand in the README, and rows of different boards never meet."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppbench.board import packing, tables
from ppbench.board.files import entry_folders, read_entry, verified
from ppbench.board.rows import Loaded, boards, frontier, measure_of
from ppbench.cli import main
from ppbench.commands.leaderboard import _gold
from ppbench.errors import InvalidData
from ppbench.plugins import load

ROOT = Path(__file__).parents[1]
ENTRIES = entry_folders(ROOT / "leaderboard/entries")
LOADED = [packing.opened(folder.name, read_entry(folder), {}) for folder in ENTRIES]


@pytest.mark.parametrize("folder", ENTRIES, ids=lambda folder: folder.name)
def test_every_shipped_entry_is_consistent(folder: Path) -> None:
    assert packing.check(read_entry(folder), gold=_gold()) == []


def test_every_builtin_decomposer_has_a_row_and_the_folder_is_small() -> None:
    """All on one board, the mock's, which says so."""
    [(board, rows)] = boards(LOADED).items()
    assert board.mock
    builtin = {c.name for c in load().of("decomposer").values() if c.plugin.distribution == "ppbench"}
    assert builtin <= {row.spec.partition(":")[0] for row in rows}
    assert "serial:copy=1" in {row.spec for row in rows}
    assert sum(path.stat().st_size for path in (ROOT / "leaderboard").rglob("*") if path.is_file()) < 2_000_000


def test_the_tables_of_the_readme_are_those_that_the_command_makes(tmp_path: Path) -> None:
    """`make leaderboard` writes them; nothing else is in them."""
    page = ROOT / "leaderboard/README.md"
    copy = tmp_path / "README.md"
    copy.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    sys.argv = ["ppbench", "leaderboard", "tables", "--into", str(copy)]
    main()
    assert copy.read_text(encoding="utf-8") == page.read_text(encoding="utf-8")


def of_board(entry: Loaded, **changed: Any) -> Loaded:
    return replace(entry, said={**entry.said, "board": {**entry.said["board"], **changed}})


def test_rows_of_different_boards_never_stand_together() -> None:
    """A mock entry is on no real board, and real boards come first; a model, a load or a suite's version parts as well."""
    [first, second] = LOADED
    for changed in ({"mock": False}, {"model": "other/m"}, {"load": "-j 8, 64 in flight"}, {"version": "2"}):
        found = boards([first, of_board(second, **changed)])
        assert len(found) == 2
        assert all(len({row.entry.name for row in rows}) == 1 for rows in found.values())
    assert [board.mock for board in boards([first, of_board(second, mock=False)])] == [False, True]


def test_ranks_are_of_the_whole_board_and_serial_stands_once() -> None:
    """Rows of different entries are ranked together; a row that was shown labels has no rank."""
    [rows] = boards(LOADED).values()
    assert [row.spec for row in rows].count("serial") == 1
    ranked = [row for row in rows if row.rank]
    assert max(row.rank[1] for row in ranked if row.rank) == len(ranked)
    assert all((row.rank is None) == row.given for row in rows)


def test_the_frontier_holds_no_adversary() -> None:
    """The fastest rows without a faster and better one, serial at parity among them where nothing beats it."""
    [rows] = boards(LOADED).values()
    best = frontier(rows, measure_of(rows))
    assert [row.spec for row in best] == ["schema:source=rules"]


def test_a_board_is_drawn_by_the_measure_that_most_methods_have() -> None:
    """One entry that was judged by comparison does not take the others off the figure."""
    [rows] = boards(LOADED).values()
    assert measure_of(rows) == "reference"
    one = [replace(row, quality={**row.quality, "preference": row.quality["reference"]}) for row in rows[1:3]]
    assert measure_of([*one, *rows[3:]]) == "reference"
    assert measure_of(one) == "preference"


def test_the_check_for_forks_runs_the_plain_command() -> None:
    """It needs no key, and may not write."""
    workflow = (ROOT / "leaderboard/check.yml").read_text(encoding="utf-8")
    assert "- run: ppbench leaderboard check leaderboard/entries" in workflow
    assert "contents: read" in workflow
    assert "secrets." not in workflow


def test_names_in_a_table_are_text() -> None:
    """Bars, markup and lines of a name stay what they are."""
    assert tables.text("a|b\n<img> *x* [y](z)") == r"a\|b \<img\> \*x\* \[y\]\(z\)"


def test_verified_is_what_maintainers_wrote_beside_the_entries(tmp_path: Path) -> None:
    """By the fingerprint of all that an entry holds: another byte, and it is nobody's word any more."""
    (tmp_path / "entries").mkdir()
    files = read_entry(ENTRIES[0])
    mark = packing.fingerprint(files)
    assert verified(tmp_path / "entries") == {}
    (tmp_path / "verified.json").write_text(f'{{"{mark}": "M. Maintainer, 2026-12-01"}}')
    words = verified(tmp_path / "entries")
    assert packing.opened("e", files, words).verified == "M. Maintainer, 2026-12-01"
    changed = {**files, "entry.json": files["entry.json"] + b"\n"}
    assert packing.opened("e", changed, words).verified == ""
    (tmp_path / "verified.json").write_text("[]")
    with pytest.raises(InvalidData, match="no object"):
        verified(tmp_path / "entries")
