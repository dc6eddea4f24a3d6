"""Reading prompts: a user's own rows and the packaged ones; each complaint names file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ppbench import InvalidData, UsageError, load_items
from ppbench.tasks import data_dir, refuse, select, suites


def write(path: Path, *rows: Any) -> Path:
    file = path / "prompts.jsonl"
    file.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))
    return file


def test_names_that_users_take_are_understood(tmp_path: Path) -> None:
    """prompt or text, lang or language, annotation or schema, a category by label, or none."""
    annotation = {"template": "{data}?", "data": ["a", "b"], "category": "Keyword Extraction"}
    file = write(
        tmp_path, {"prompt": "a, b", "lang": "fr", "annotation": annotation}, {"text": "x", "language": "de", "id": "z"}
    )
    items, problems = load_items(file, categories={"keyword extraction": "keyword_extraction", "general": "general"})

    assert problems == []
    assert [(i.id, i.language, i.category) for i in items] == [
        ("line-1", "fr", "keyword_extraction"),
        ("z", "de", "general"),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (b"{", "is not JSON"),
        (b"[1]", "a row is a JSON object"),
        (b'{"prompt": "\xff"}', "is not UTF-8"),
        ({"question": "x"}, "has no text; give `text` or `prompt`, have: question"),
        ({"prompt": " "}, "text is empty"),
        ({"prompt": "x", "category": "nope"}, "unknown category 'nope'; have: general"),
        ({"prompt": "x", "annotation": {"template": "t", "data": ["a", "b"]}}, "template lacks {data}"),
        ({"prompt": "x", "annotation": {"template": "{data}", "data": ["a", "b"], "n": 2}}, "both"),
        ({"prompt": "x", "annotation": "y"}, "a schema is an object"),
        ({"prompt": "x", "schema": {"template": "{data}", "data": ["a", "b"]}, "reference": ["a"]}, "1 references for 2"),
        ({"prompt": "x", "reference": ["a"]}, "a reference needs a schema"),
        ({"prompt": "x", "id": "first"}, "id 'first' stands already at"),
        ({"prompt": "x", "constraints": 5}, "constraints is a list"),
        ({"prompt": "x", "edges": [[None, 1]]}, "edges is a list of pairs"),
        ({"prompt": "x", "splittable": "maybe"}, 'splittable is one of null, true, false, this is "maybe"'),
        ({"prompt": "x", "dependency": 7}, "dependency is one of"),
        (b'{"prompt": "x", "id": "\\ud800"}', "lone surrogate"),
        (b'{"a":' * 100_000, "is n"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_are_kept(tmp_path: Path, row: Any, complaint: str) -> None:
    """The line number, what is wrong, and no other row lost."""
    file = write(tmp_path, {"prompt": "fine", "id": "first"}, row, {"prompt": "fine too"})
    items, problems = load_items(file, categories={"general": "general"})

    assert len(items) == 2
    [problem] = problems
    assert problem.where == f"{file}:2"
    assert complaint in problem.what


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    """Files from other editors, with a mark at the start and two-character line ends, are read as they are meant."""
    file = tmp_path / "mine.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\r\n{"prompt": "b"}\r\n')
    items, problems = load_items(file)
    assert ([item.text for item in items], problems) == (["a", "b"], [])


def test_all_bad_rows_are_refused_at_once(tmp_path: Path) -> None:
    """One message holds every bad row, and what to do."""
    _, problems = load_items(write(tmp_path, b"{", {"prompt": "x"}, b"["))
    with pytest.raises(InvalidData, match=r"(?s)2 rows are bad.*:1: is not JSON.*:3: is not JSON.*--skip-bad"):
        refuse(problems)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="cannot read"):
        load_items(tmp_path / "none.jsonl")


def test_packaged_prompts_obey_their_rules() -> None:
    """Every row passes prompt.schema.json; what else they have to be is held by test_prompts."""
    loaded = [load_items(file, strict=True) for file in data_dir("tasks").rglob("*.jsonl")]
    assert [str(problem) for _, bad in loaded for problem in bad] == []
    assert sum(len(good) for good, _ in loaded) >= 800


def test_a_dependency_in_words_of_other_sets_says_nothing(tmp_path: Path) -> None:
    """A user's rows with other vocabularies are read; ours are kept."""
    (tmp_path / "a.jsonl").write_text(
        '{"prompt": "x", "dependency": "tree (split, sort, merge)"}\n{"prompt": "y", "dependency": "partial"}'
    )
    assert [item.dependency for item in load_items(tmp_path)[0]] == ["none", "partial"]


def test_a_folder_is_read_as_one(tmp_path: Path) -> None:
    """The files of a folder, in the order of their names."""
    (tmp_path / "b.jsonl").write_text('{"id": "2", "prompt": "y"}')
    (tmp_path / "a.jsonl").write_text('{"id": "1", "prompt": "x"}\n[')
    items, [problem] = load_items(tmp_path)
    assert [item.id for item in items] == ["1", "2"]
    assert problem.where == f"{tmp_path / 'a.jsonl'}:2"


def test_smoke_holds_two_prompts_of_each_category() -> None:
    items = [item for file in data_dir("tasks").rglob("*.jsonl") for item in load_items(file)[0]]
    chosen = [item.category for item in select(items, "smoke")]
    assert {category: chosen.count(category) for category in chosen} == {
        item.category: 2 for item in items if item.category != "general"
    }


def test_an_unknown_suite_says_which_there_are() -> None:
    with pytest.raises(UsageError, match=f"have: {', '.join(suites())}"):
        select([], "nope")


def test_a_strict_row_may_hold_no_other_key(tmp_path: Path) -> None:
    """A packaged row with a key that prompt.schema.json does not know is refused."""
    row = json.loads(next(iter(data_dir("tasks").rglob("*.jsonl"))).read_text(encoding="utf-8").splitlines()[0])
    _, problems = load_items(write(tmp_path, {**row, "extra": 1}), strict=True)
    assert "extra" in problems[0].what
