"""What `ppbench curate` reads row by row: JSON lines, CSV and Parquet that are ragged, mixed, empty or of another type."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ppbench import InvalidData
from ppbench_plugins.curation.logs import Read, count, read

TEXT = "Translate into German: tree, stone, cloud"
NO_CSV = "is no CSV: ',' expected after '\"'"


def all_of(source: Path) -> list[Read]:
    found = [row for batch in read(source) for row in batch]
    assert [row.number for row in found] == list(range(1, count(source) + 1))
    return found


def written(path: Path, lines: Sequence[Any]) -> Path:
    said = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{line}\n" for line in said), encoding="utf-8", newline="")
    return path


def test_a_csv_row_that_is_wrong_is_refused_alone(tmp_path: Path) -> None:
    """With its reason and its line; a quote that is not closed takes no other row with it."""
    file = written(tmp_path / "a.csv", [
        "id,text,lang", f'1,"{TEXT}",en', "2,missing", f'3,"{TEXT}",en,more', f'4,"{TEXT}"x,en', f'5,"{TEXT}\n""twice""",en',
        "", '7,"never closed,en', f'8,"{TEXT}",de', "9,,en",
    ])  # fmt: skip
    found = [(row.name, row.line, row.reason, row.language) for row in all_of(file)]

    assert found == [
        ("1", 2, "", "en"), ("", 3, "has 2 cells, the header has 3", ""), ("", 4, "has 4 cells, the header has 3", ""),
        ("", 5, NO_CSV, ""), ("5", 6, "", "en"),
        ("", 9, NO_CSV, ""), ("8", 10, "", "de"), ("9", 11, "no text of a user", "en"),
    ]  # fmt: skip
    assert all_of(file)[4].text == f'{TEXT}\n"twice"'


def test_a_quote_that_is_open_at_the_end_takes_nothing_along(tmp_path: Path) -> None:
    file = written(tmp_path / "a.csv", ["text,id", '"never closed,1', f'"{TEXT}",2', '"at the end,3'])
    assert [row.reason for row in all_of(file)] == [
        NO_CSV,
        "",
        "is no CSV: unexpected end of data",
    ]


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ";"), ("a.tsv", "\t"), ("a.csv", ",")])
def test_the_header_says_what_parts_cells(tmp_path: Path, name: str, mark: str) -> None:
    [row] = all_of(written(tmp_path / name, [f"id{mark}prompt", f'1{mark}"{TEXT}"']))
    assert (row.name, row.text) == ("1", TEXT)


def test_each_line_is_read_by_its_own_keys(tmp_path: Path) -> None:
    """However late they come; lines are counted with those that are blank, rows without."""
    turns = [{"role": "system", "content": "no"}, {"role": "user", "content": TEXT}]
    file = written(tmp_path / "a.jsonl", [
        *[{"id": 1, "other": 2}] * 30, "", {"prompt": TEXT, "lang": "de"}, {"conversation": turns, "conversation_id": "c"},
        {"text": TEXT, "schema": {"n": 5}}, "  ", {"conversation": 5}, [1], "{", {"text": "\ud800" + TEXT},
        {"text": TEXT, "template": "x", "data": None, "n": 2}, {"text": TEXT, "template": "x", "n": 2, "splittable": False},
    ])  # fmt: skip
    found = all_of(file)

    assert {row.reason for row in found[:30]} == {"has neither a conversation nor text or prompt or serial"}
    assert [(row.line, row.reason.partition(":")[0]) for row in found[30:]] == [
        (32, ""), (33, ""), (34, ""), (36, "its conversation is no list of turns"), (37, "is no JSON object"),
        (38, "is no JSON"), (39, "holds what is no UTF-8"), (40, ""), (41, ""),
    ]  # fmt: skip
    assert [(row.text, row.language, row.name) for row in found[30:33]] == [(TEXT, "de", ""), (TEXT, "", "c"), (TEXT, "", "")]
    assert json.loads(found[32].given) == {"n": 5}
    assert json.loads(found[37].given)["n"] == "2"
    assert found[38].given == ""


def test_of_several_files_each_row_names_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written(tmp_path / f"{name}.jsonl", ["", {"text": TEXT}])
    assert [(row.number, row.file, row.line) for row in all_of(tmp_path)] == [(1, "a.jsonl", 2), (2, "b.jsonl", 2)]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.jsonl", "", "is empty"),
        ("a.jsonl", "\n \n", "is empty"),
        ("a.csv", "", "is empty"),
        ("a.jsonl", '{"b": 1}\n{"c": 1}', "neither a conversation nor text or prompt or serial; it has: b, c"),
        ("a.csv", "b,c\n1,2", "neither a conversation nor text or prompt or serial; it has: b, c"),
        ("a.csv", "text,text\n1,2", "names a column twice"),
    ],
)
def test_a_file_without_any_row_to_read_is_refused(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidData, match=reason):
        list(read(tmp_path / name))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("5 AS text", "column text is INTEGER"),
        ("'x'::BLOB AS prompt", "column prompt is BLOB"),
        ("['x'] AS conversation", r"column conversation is VARCHAR\[\]"),
        ("'[]' AS conversation", "column conversation is VARCHAR"),
        ("[{'role': 'user', 'content': 5}] AS conversation", "column conversation is STRUCT"),
        ("[{'role': 'user', 'value': 'x'}] AS conversation", "column conversation is STRUCT"),
        ("5 AS other", "neither a conversation nor text"),
    ],
)
def test_a_parquet_column_of_another_type_is_named(tmp_path: Path, columns: str, said: str) -> None:
    """With its type, and those that are known; nothing of the database's own words."""
    file = tmp_path / "a.parquet"
    duckdb.sql(f"SELECT {columns}").write_parquet(str(file))
    with pytest.raises(InvalidData, match=said) as refused:
        list(read(file))
    assert "Error" not in str(refused.value)


def test_parquet_columns_beside_the_text_may_be_of_any_type(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    duckdb.sql("SELECT $text AS text, 5 AS id, 7 AS language, true AS splittable, [1] AS template, 2 AS data, 3 AS n",
               params={"text": TEXT}).write_parquet(str(file))  # fmt: skip
    [row] = all_of(file)
    assert (row.text, row.name, row.language, row.line) == (TEXT, "5", "7", 0)
