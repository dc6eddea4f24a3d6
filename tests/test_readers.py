"""Readers: each data set in its real layout, every kind of malformed row, and one row at a time."""

from __future__ import annotations

import csv
import itertools
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppbench import BrokenPlugin, InvalidData, load_items
from ppbench.readers import SOURCES, Imported, Importer, Row, Wish, code, with_template
from ppbench.readers.arrays import elements
from ppbench.readers.importing import PATIENCE
from ppbench.readers.rows import LIMIT, Rows, rows
from ppbench.tasks import Problem

IDS = ("repeated_generation", "translation", "keyword_extraction", "sentiment_analysis", "general")
CATEGORIES = {name: ident for ident in IDS for name in (ident, ident.replace("_", " "))}

PUBLISHED = {
    "source": "VARCHAR", "source_index": "BIGINT", "prompt": "VARCHAR", "parallelizable": "BOOLEAN", "category": "VARCHAR",
    "is_novel_category": "BOOLEAN", "category_description": "VARCHAR", "serial": "VARCHAR", "template": "VARCHAR",
    "context": "VARCHAR", "data": "VARCHAR", "n": "DOUBLE", "validation_passed": "BOOLEAN", "validation_tier": "VARCHAR",
}  # fmt: skip
MODERATION = 'STRUCT(categories STRUCT(harassment BOOLEAN, "self-harm" BOOLEAN), flagged BOOLEAN)[]'
LMSYS = {
    "conversation_id": "VARCHAR", "model": "VARCHAR", "conversation": "STRUCT(content VARCHAR, role VARCHAR)[]",
    "turn": "BIGINT", "language": "VARCHAR", "openai_moderation": MODERATION, "redacted": "BOOLEAN",
}  # fmt: skip
WILDCHAT = {
    "conversation_hash": "VARCHAR", "model": "VARCHAR", "timestamp": "TIMESTAMP",
    "conversation": "STRUCT(content VARCHAR, country VARCHAR, hashed_ip VARCHAR, header STRUCT(\"user-agent\" VARCHAR), "
    "language VARCHAR, redacted BOOLEAN, role VARCHAR, toxic BOOLEAN, turn_identifier BIGINT)[]",
    "turn": "BIGINT", "language": "VARCHAR", "openai_moderation": MODERATION, "toxic": "BOOLEAN", "redacted": "BOOLEAN",
}  # fmt: skip
MODERATED = [{"categories": {"harassment": True, "self-harm": False}, "flagged": True}]

COLOURS = {"serial": "Translate into French:\n- red\n- blue", "template": "Translate into French: {data}",
           "data": ["red", "blue"], "category": "Translation"}  # fmt: skip
SLOGANS = {"serial": "Write 5 slogans for Alice.", "template": "Write a slogan for Alice.", "n": 5,
           "category": "Repeated Generation"}  # fmt: skip
HEROES = {"serial": 'Describe "Ann" and "Bob",\r\nplease.', "template": "{context}\n\nDescribe {data}.", "context": "please",
          "data": ['"Ann"', '"Bob"'], "category": "Character Description"}  # fmt: skip


def parquet(path: Path, types: dict[str, str], values: Iterable[dict[str, Any]]) -> Path:
    """A Parquet file of these columns, which a row may leave null."""
    with duckdb.connect(":memory:") as connection:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        connection.execute(f"CREATE TABLE made ({columns})")
        marks = ", ".join("?" for _ in types)
        connection.executemany(f"INSERT INTO made VALUES ({marks})", [[row.get(name) for name in types] for row in values])
        connection.execute(f"COPY made TO '{path}' (FORMAT parquet)")
    return path


def published(path: Path, *annotations: dict[str, Any]) -> Path:
    """The layout of the published set: `data` as JSON text, `n` as a float."""
    made = [
        {"source": "lmsys", "source_index": index, "prompt": "with NAME_1", "parallelizable": True, "validation_passed": True,
         **row, "data": json.dumps(row["data"]) if row.get("data") else None}
        for index, row in enumerate(annotations, 100)
    ]  # fmt: skip
    return parquet(path, PUBLISHED, made)


def curated(path: Path, *annotations: dict[str, Any]) -> Path:
    """The layout of the curation script: a header all in quotes, minimal quotes below it, None as nothing."""
    names = ["index", "query_id", "prompt", "parallelizable", "category", "is_novel_category", "category_description", "serial",
             "template", "context", "data", "n", "validation_passed", "validation_tier", "timestamp"]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, names, quoting=csv.QUOTE_ALL).writeheader()
        writer = csv.DictWriter(file, names)
        for index, row in enumerate(annotations):
            data = json.dumps(row["data"]) if "data" in row else None
            writer.writerow({"index": index, "query_id": f"id{index}", "parallelizable": True, **row, "data": data})
    return path


def read(source: str, path: Path, wish: Wish | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """What a source gives: rows as written, and problems as said, with the folder left out."""
    found = list(Importer(source, SOURCES[source], wish or Wish(), CATEGORIES).read(path))
    good = [json.loads(one.line) for one in found if isinstance(one, Imported)]
    return good, [str(one).replace(f"{path.parent}/", "") for one in found if isinstance(one, Problem)]


def built(source: str, cells: dict[str, Any], wish: Wish | None = None, template: str | None = None) -> dict[str, Any] | str:
    """What one row becomes: a row of ours, or the complaint."""
    layout = SOURCES[source] if template is None else with_template(SOURCES[source], template)
    one = next(Importer(source, layout, wish or Wish(), CATEGORIES).convert(iter([Row("f: row 1", 1, cells)]), Path("f.x")))
    return one.what if isinstance(one, Problem) else dict(json.loads(one.line))


def test_the_published_parquet_is_read(tmp_path: Path) -> None:
    """`data` is JSON text and `n` a float; the text is the one that the schema was taken from; labels are understood."""
    good, bad = read("parallelprompt", published(tmp_path / "train-0.parquet", COLOURS, SLOGANS, HEROES))

    assert bad == []
    assert good[0] == {
        "id": "parallelprompt-train-0-1", "text": COLOURS["serial"], "language": "und", "category": "translation",
        "schema": {"template": "Translate into French: {data}", "context": None, "data": ["red", "blue"], "n": None},
        "reference": None, "family": good[0]["family"], "splittable": True, "source": "parallelprompt lmsys 100",
        "licence": "LMSYS-Chat-1M Dataset License Agreement: no redistribution",
    }  # fmt: skip
    assert good[1]["schema"] == {"template": "Write a slogan for Alice.", "context": None, "data": None, "n": 5}
    assert good[1]["category"] == "repeated_generation"
    assert (good[2]["category"], good[2]["source"]) == ("general", "parallelprompt lmsys 102 [Character Description]")


def test_another_column_can_be_taken_for_the_text(tmp_path: Path) -> None:
    """The original prompt, say, in which NAME_1 still stands; a mapped column is taken alone, whatever is empty."""
    file = published(tmp_path / "a.parquet", COLOURS, {**COLOURS, "prompt": ""})
    good, bad = read("parallelprompt", file, Wish({"text": "prompt"}))
    assert [row["text"] for row in good] == ["with NAME_1"]
    assert bad == ["a.parquet: row 2: the prompt's text is empty"]


def test_the_curation_scripts_csv_says_the_same(tmp_path: Path) -> None:
    """Quotes, line ends within cells and the JSON list come out as they went in."""
    same = ("text", "schema", "category")
    from_csv, bad = read("parallelprompt", curated(tmp_path / "wildchat_queries.csv", COLOURS, SLOGANS, HEROES))
    from_parquet, _ = read("parallelprompt", published(tmp_path / "a.parquet", COLOURS, SLOGANS, HEROES))

    assert bad == []
    assert [[row[key] for key in same] for row in from_csv] == [[row[key] for key in same] for row in from_parquet]
    assert from_csv[0]["licence"] == "ODC-BY (WildChat-1M)"
    assert from_csv[0]["source"] == "parallelprompt wildchat_queries id0"


@pytest.mark.parametrize(
    ("name", "annotation", "category"),
    [("generate_n_lmsys", {**SLOGANS, "template": "Write {n} slogan(s) for Alice."}, "repeated_generation"),
     ("keyword_extraction_synthetic", COLOURS, "keyword_extraction"), ("mine", COLOURS, "general")],
)  # fmt: skip
def test_the_early_json_files_are_read(tmp_path: Path, name: str, annotation: dict[str, Any], category: str) -> None:
    """One array over many lines; the category stands in the file's name alone."""
    row = {"original": "Ask NAME_1\\n", **annotation}
    del row["category"]
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps([row, row], indent=4), encoding="utf-8")
    good, bad = read("parallelprompt", file)

    assert bad == []
    assert [(row["text"], row["category"]) for row in good] == [(annotation["serial"], category)] * 2


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"data": '["red", "blue"'}, "data is not JSON text: Expecting ',' delimiter at character 14"),
        ({"data": '"red"'}, "data is a list, this is str"),
        ({"data": "[1, 2]"}, "data item 1 is not a string with text"),
        ({"data": '["red"]'}, "data is a list of two or more strings"),
        ({"data": '["red", "red"]'}, "data holds an item twice"),
        ({"n": 2.0}, "give exactly one of data and n, this has both"),
        ({"data": None}, "give exactly one of data and n, this has neither"),
        ({"data": None, "n": 2.5}, "n is 2.5, not 2 or more, up to 10000"),
        ({"data": None, "n": "many"}, "n is a number, this is 'many'"),
        ({"data": None, "n": True}, "n is a number, this is bool"),
        ({"template": None}, "template is empty"),
        ({"template": ["x"]}, "template is a text, this is list"),
        ({"template": "Translate"}, "template lacks {data}"),
        ({"context": "colours"}, "template lacks {context}"),
        ({"template": None, "data": None}, "has no schema: template, context, data and n are all empty"),
        ({"serial": None}, "the prompt's text is empty"),
        ({"serial": 7}, "text is a text, this is int"),
        ({"serial": "half \ud800"}, "is not UTF-8, or holds half of a character (a lone surrogate)"),
        ({"parallelizable": "perhaps"}, "parallelizable is true or false, this is 'perhaps'"),
        ({"category": 3}, "category is a text, this is int"),
    ],
)  # fmt: skip
def test_a_malformed_annotation_is_named(change: dict[str, Any], complaint: str) -> None:
    """What is wrong with it; nothing is mended."""
    assert built("parallelprompt", {**COLOURS, "data": '["red", "blue"]', **change}) == complaint


def test_a_prompt_that_is_not_parallelizable_comes_without_a_schema() -> None:
    """It is a prompt all the same, and must not be split."""
    row = built("parallelprompt", {"prompt": "Why?", "serial": float("nan"), "template": None, "parallelizable": "False"})
    assert isinstance(row, dict)
    assert (row["text"], row["schema"], row["splittable"]) == ("Why?", None, False)


def test_lmsys_gives_the_first_user_turn(tmp_path: Path) -> None:
    """With language and model; neither the answer nor the moderation is in it."""
    turns = [
        {"content": "Hallo?", "role": "user"},
        {"content": "SECRET", "role": "assistant"},
        {"content": "2", "role": "user"},
    ]
    row = {"conversation_id": "c1", "model": "vicuna-13b", "conversation": turns, "turn": 2, "language": "German",
           "openai_moderation": MODERATED, "redacted": False}  # fmt: skip
    good, bad = read("lmsys", parquet(tmp_path / "lmsys.parquet", LMSYS, [row, {**row, "language": "unknown"}]))

    assert bad == []
    assert good[0] == {
        "id": "lmsys-lmsys-1", "text": "Hallo?", "language": "de", "category": "general", "schema": None, "reference": None,
        "family": good[0]["family"], "splittable": None, "source": "lmsys-chat-1m c1", "model": "vicuna-13b",
        "licence": "LMSYS-Chat-1M Dataset License Agreement: no redistribution",
    }  # fmt: skip
    assert (good[1]["language"], good[1]["family"]) == ("und", good[0]["family"])


def test_wildchat_gives_the_language_of_the_turn(tmp_path: Path) -> None:
    """Which the row's own may differ from; address, country and header of the user stay behind."""
    turn = {"content": "Привет", "role": "user", "language": "Russian", "country": "SECRET", "hashed_ip": "SECRET",
            "header": {"user-agent": "SECRET"}, "redacted": False, "toxic": True, "turn_identifier": 1}  # fmt: skip
    row = {"conversation_hash": "h1", "model": "gpt-4", "conversation": [{**turn, "role": "system", "content": "S"}, turn],
           "turn": 1, "language": "English", "openai_moderation": MODERATED, "toxic": True}  # fmt: skip
    good, bad = read("wildchat", parquet(tmp_path / "wild.parquet", WILDCHAT, [row]))

    assert bad == []
    assert (good[0]["text"], good[0]["language"], good[0]["source"]) == ("Привет", "ru", "wildchat-1m h1")
    assert "SECRET" not in json.dumps(good)
    assert "toxic" not in json.dumps(good)


@pytest.mark.parametrize(
    ("conversation", "complaint"),
    [
        (None, "has an empty conversation"),
        ([], "has an empty conversation"),
        ("[]", "has an empty conversation"),
        ("[{", "conversation is not JSON text"),
        ({"role": "user"}, "conversation is a list, this is dict"),
        (["Hello"], "a turn is an object, this is str"),
        ([{"role": "assistant", "content": "Hello"}], "no turn of the conversation is the user's"),
        ([{"role": "user", "content": None}], "the prompt's text is empty"),
        ([{"role": "user", "content": " \n"}], "the prompt's text is empty"),
        ([{"role": "user", "content": ["Hello"]}], "content is a text, this is list"),
    ],
)
def test_a_malformed_conversation_is_named(conversation: Any, complaint: str) -> None:
    """The first user turn must be there and hold text."""
    what = built("lmsys", {"conversation": conversation, "conversation_id": "c", "language": "English"})
    assert isinstance(what, str)
    assert what.startswith(complaint)


def test_listed_problems_become_a_schema_with_gold() -> None:
    """Instruction, problems and answers; numbers are text, and a list is the accepted variants."""
    row = built("multi-problem", {"id": 7, "instruction": "Add.", "problems": ["1 + 1", "2 + 2", "3 + 3"],
                                  "answers": [2, 4.0, ["6", "six"]], "language": "en"})  # fmt: skip
    assert isinstance(row, dict)
    assert row["text"] == "Add.\n\n1. 1 + 1\n2. 2 + 2\n3. 3 + 3"
    assert row["schema"]["template"] == "Add.\n\n{data}"
    assert row["reference"] == ["2", "4", ["6", "six"]]
    assert (row["source"], row["splittable"], row["language"]) == ("f 7", True, "en")


BATCH = "Sentiments of the 3 lines.\n\nTexts:\n\n1. good film .\n2. 3. is the worst\n3. so so .\n\nThe 3 sentiments:\n"


def test_numbered_problems_of_a_prompt_are_cut_out_by_a_template() -> None:
    """As ZeMPE writes them: the prompt stays as it is, a template says how one line is asked."""
    row = {"taskIndex": 1, "prompt": BATCH, "answer": '["Positive", "Negative", "Neutral"]', "task": "BatchClf", "taskSize": 3}
    made = built("multi-problem", row, Wish(category="sentiment_analysis", language="en"), "Sentiment of: {data}")

    assert isinstance(made, dict)
    assert made["text"] == BATCH
    assert made["schema"]["data"] == ["good film .", "3. is the worst", "so so ."]
    assert made["reference"] == ["Positive", "Negative", "Neutral"]
    assert (made["category"], made["language"]) == ("sentiment_analysis", "en")


def test_questions_of_a_prompt_are_cut_out_too() -> None:
    """Q1: and its kin, over several lines each."""
    prompt = "Questions\nQ1: How many?\nChoices: (A) 1 (B) 2\nQ2: Which?\n\nAnswer all, one per line:\nA1:"
    row = built("multi-problem", {"prompt": prompt, "answer": ["A", "B"]}, template="{data}")
    assert isinstance(row, dict)
    assert row["schema"]["data"] == ["How many?\nChoices: (A) 1 (B) 2", "Which?"]


@pytest.mark.parametrize(
    ("cells", "template", "complaint"),
    [
        ({"prompt": BATCH, "answer": ["a", "b", "c"]}, None, "lists no problems; name their column"),
        ({"prompt": BATCH, "answer": [1, 3]}, "{data}", "holds 3 problems and 2 answers"),
        ({"prompt": BATCH, "answer": {"positive": [1]}}, "{data}", "answers is a list, this is dict"),
        ({"prompt": "1. one", "answer": ["a"]}, "{data}", "data is a list of two or more strings"),
        ({"problems": ["a", "b"], "answers": ["x", "y"]}, None, "has no instruction"),
        ({"problems": ["a", "b"], "answers": ["x", "y"], "instruction": "{data}?"}, None, "the instruction holds a"),
        ({"problems": ["a", 2], "answers": ["x", "y"], "instruction": "Do"}, None, "a problem is a text"),
        ({"problems": ["a", "b"], "answers": ["x", None], "instruction": "Do"}, None, "an answer is a text"),
        ({"problems": ["a", "b"], "answers": None, "instruction": "Do"}, None, "holds 2 problems and 0 answers"),
        ({"problems": ["a", "b"], "instruction": "Do"}, None, "has no answers or answer"),
    ],
)  # fmt: skip
def test_a_malformed_problem_set_is_named(cells: dict[str, Any], template: str | None, complaint: str) -> None:
    """An answer for each problem, and a way to ask one alone."""
    what = built("multi-problem", cells, template=template)
    assert isinstance(what, str)
    assert what.startswith(complaint)


def test_a_table_is_read_by_its_mapping(tmp_path: Path) -> None:
    """Columns of any name; JSON text in cells; a template, context, data and n make a schema."""
    file = tmp_path / "mine.csv"
    lines = [
        "no,question,tongue,kind,t,d,gold",
        '7,"red, blue",Portuguese,translation,Say {data}.,"[""red"", ""blue""]","[""a"", ""b""]"',
        "8,only this,fr,Haiku,,,",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    chosen = {"id": "no", "text": "question", "language": "tongue", "category": "kind", "template": "t", "data": "d"}
    good, bad = read("csv", file, Wish(chosen | {"reference": "gold"}))

    assert bad == []
    assert [(row["id"], row["language"], row["category"]) for row in good] == [
        ("7", "pt", "translation"),
        ("8", "fr", "general"),
    ]
    assert (good[0]["schema"]["data"], good[0]["reference"]) == (["red", "blue"], ["a", "b"])
    assert (good[1]["schema"], good[1]["source"]) == (None, "mine [Haiku]")


def test_a_table_of_our_own_rows_comes_back_as_it_was(tmp_path: Path) -> None:
    """Ids, families, edges and constraints are kept; an id that stands twice is refused, whatever file it is in."""
    row = {"id": "a", "text": "x y", "language": "en", "category": "general", "family": "f", "source": "s", "edges": [[0, 1]],
           "schema": {"template": "{data}", "context": None, "data": ["x", "y"], "n": None}, "reference": None,
           "splittable": True, "dependency": "partial", "constraints": ["distinct"]}  # fmt: skip
    for name in ("1.jsonl", "2.jsonl"):
        (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    good, bad = read("jsonl", tmp_path)

    assert good == [row]
    assert bad[0].endswith("2.jsonl: row 1: id 'a' stands already in an earlier row")


@pytest.mark.parametrize("field", ["id", "family", "source"])
def test_a_name_is_no_list(field: str) -> None:
    """A row whose id, family or source is a list or an object is named, and gets no other in its place."""
    assert built("jsonl", {"text": "x", field: ["a"]}) == f"{field} is a text or a number, this is list"
    row = built("jsonl", {"text": "x", field: 7.0})
    assert isinstance(row, dict)
    assert row[field] == "7"


def test_a_parquet_table_holds_lists(tmp_path: Path) -> None:
    """A list column is the list that JSON text would say."""
    types = {"prompt": "VARCHAR", "template": "VARCHAR", "data": "VARCHAR[]", 'od"d': "INTEGER"}
    good, bad = read("parquet", parquet(tmp_path / "t", {k: v for k, v in types.items() if k != 'od"d'},
                     [{"prompt": "x y", "template": "{data}", "data": ["x", "y"]}]))  # fmt: skip
    assert (good[0]["schema"]["data"], bad) == (["x", "y"], [])


def test_malformed_lines_are_named_and_the_others_read(tmp_path: Path) -> None:
    """By line, in a file of JSON lines."""
    file = tmp_path / "a.jsonl"
    lines = [b'\xef\xbb\xbf{"text": "one"}', b"{", b"", b"[1]", b'{"text": "\xff"}', b'{"prompt": "two"}\r', b'{"name": "x"}',
             b"[" * 100_000, b'{"text": null}', b'{"text": "three"}']  # fmt: skip
    file.write_bytes(b"\n".join(lines))
    good, bad = read("jsonl", file)

    assert [(row["id"], row["text"]) for row in good] == [("jsonl-a-1", "one"), ("jsonl-a-6", "two"), ("jsonl-a-10", "three")]
    assert [line.split(": ")[1] for line in bad] == ["row 2", "row 4", "row 5", "row 7", "row 8", "row 9"]
    assert bad[0].startswith("a.jsonl: row 2: is not JSON: Expecting property name enclosed in double quotes at column")
    assert bad[3] == "a.jsonl: row 7: has no text or prompt: it has name"


def test_malformed_elements_of_an_array_are_named_and_the_others_read(tmp_path: Path) -> None:
    """A broken one is cut at its comma; a file that ends too early ends in a problem."""
    file = tmp_path / "a.json"
    file.write_text(
        '[{"prompt": "one, [two]"}, {"prompt" "two"}, 3, , {"prompt": "\\"four\\""},\n {"prompt": "fi', encoding="utf-8"
    )
    good, bad = read("multi-problem", file)
    assert good == []
    assert [line.split(": ")[1] for line in bad] == ["row 1", "row 2", "row 3", "row 4", "row 5", "row 6"]
    found = list(rows(file, set(), []))
    assert [one.cells["prompt"] for one in found if isinstance(one, Row)] == ["one, [two]", '"four"']


def test_malformed_records_of_a_csv_are_named_and_the_others_read(tmp_path: Path) -> None:
    """With the line too, as a record may have many."""
    file = tmp_path / "a.csv"
    file.write_bytes(b'text,n\n"two\nlines",\nshort\n\n"bad"quote,1\nlong,1,2\nb\xff,\nfine,\n"open')
    good, bad = read("csv", file)

    assert [row["text"] for row in good] == ["two\nlines", "fine"]
    assert bad == [
        "a.csv: row 2 (line 4): has 1 cells, the header has 2",
        "a.csv: row 3 (line 6): is no CSV: ',' expected after '\"'",
        "a.csv: row 4 (line 7): has 3 cells, the header has 2",
        "a.csv: row 5 (line 8): is not UTF-8, or holds half of a character (a lone surrogate)",
        "a.csv: row 7 (line 10): is no CSV: unexpected end of data",
    ]


def test_a_row_beyond_the_limit_is_named(tmp_path: Path) -> None:
    """A missing line end, bracket or quote costs its own row, or the rest, and never the memory."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "' + b"x" * (2 * LIMIT) + b'"}\n{"text": "two"}\n')
    (tmp_path / "a.json").write_bytes(b'[{"text": "' + b"x" * (2 * LIMIT) + b'"}, {"text": "two"}]')
    (tmp_path / "a.csv").write_bytes(b'text\n"' + b"x" * (LIMIT + 1) + b'"\ntwo\n')
    said = {ending: list(rows(tmp_path / f"a{ending}", {"text"}, [["text"]])) for ending in (".jsonl", ".json", ".csv")}

    assert [one.cells for one in said[".jsonl"] + said[".csv"] if isinstance(one, Row)] == [{"text": "two"}] * 2
    problems = [str(one) for found in said.values() for one in found if isinstance(one, Problem)]
    assert [line.split(": ", 2)[2] for line in problems] == [
        "is longer than 16 MB", "is longer than 16 MB; nothing after it can be read",
        f"is no CSV: field larger than field limit ({LIMIT})",
    ]  # fmt: skip


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ANY), st.sampled_from([None, 1]), st.integers(1, 9), st.booleans())
def test_an_array_is_cut_where_its_elements_end(values: list[Any], indent: int | None, piece: int, plain: bool) -> None:
    """Whatever the elements hold, and wherever the text is torn."""
    text = " " + json.dumps(values, indent=indent, ensure_ascii=plain) + "\n"
    pieces = iter([text[at : at + piece] for at in range(0, len(text), piece)])
    assert [json.loads(cut or "") for cut in elements(lambda _: next(pieces, ""), 1 << 20)] == values


def test_one_row_is_taken_for_each_that_is_given() -> None:
    """Of a source without end no more is read than is asked for."""
    taken = itertools.count(1)

    def endless() -> Rows:
        for number in taken:
            yield Row(f"f: row {number}", number, {"text": f"prompt {number}"})

    found = Importer("jsonl", SOURCES["jsonl"], Wish(), CATEGORIES).convert(endless(), Path("f.jsonl"))
    assert [json.loads(one.line)["id"] for one in itertools.islice(found, 5) if isinstance(one, Imported)][-1] == "jsonl-f-5"
    assert next(taken) == 6


def _jsonl(path: Path, texts: Iterator[str]) -> None:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def _json(path: Path, texts: Iterator[str]) -> None:
    path.write_text(json.dumps([{"text": text} for text in texts], indent=2))


def _csv(path: Path, texts: Iterator[str]) -> None:
    path.write_text("text\n" + "".join(f'"{text}\n"\n' for text in texts))


def _parquet(path: Path, texts: Iterator[str]) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE made AS SELECT unnest(?) AS text", [list(texts)])
        connection.execute(f"COPY made TO '{path}' (FORMAT parquet)")


@pytest.mark.parametrize("write", [_jsonl, _json, _csv, _parquet])
def test_nothing_is_held_whole(tmp_path: Path, write: Callable[[Path, Iterator[str]], None]) -> None:
    """A file of 8 MB passes through in a quarter of that; what duckdb itself holds is a row group."""
    file = tmp_path / f"big.{write.__name__[1:]}"
    write(file, (f"{number} " + "x" * 1000 for number in range(8_000)))
    layout = SOURCES["parquet" if write is _parquet else "csv" if write is _csv else "jsonl"]
    importer = Importer("big", layout, Wish(), CATEGORIES)
    next(importer.read(file) if write is not _json else importer.convert(rows(file, set(), []), file))  # imports and caches
    tracemalloc.start()
    try:
        found = importer.read(file) if write is not _json else importer.convert(rows(file, set(), []), file)
        assert sum(isinstance(one, Imported) for one in found) == 8_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_the_shards_of_a_folder_are_one_set(tmp_path: Path) -> None:
    """In order of their names; ids and positions tell the files apart; hidden files are none of it."""
    for name in ("train-1", "train-0"):
        published(tmp_path / f"{name}.parquet", COLOURS, {**COLOURS, "template": "x"})
    (tmp_path / ".hidden.json").write_text("[]")
    good, bad = read("parallelprompt", tmp_path)
    assert [row["id"] for row in good] == ["parallelprompt-train-0-1", "parallelprompt-train-1-1"]
    assert [line.rpartition("/")[2] for line in bad] == [
        "train-0.parquet: row 2: template lacks {data}",
        "train-1.parquet: row 2: template lacks {data}",
    ]


@pytest.mark.parametrize(
    ("source", "name", "content", "complaint"),
    [
        ("lmsys", "a.parquet", b"PAR1 is not enough", "a.parquet is no whole Parquet file, or is damaged after row 0"),
        ("lmsys", "a.xlsx", b"x", "its ending is none of .jsonl, .json, .csv, .tsv, .parquet"),
        ("csv", "a.csv", b"prompts,lang\nx,en\n", "has no column text or prompt; it has: prompts, lang; is it another SOURCE"),
        ("csv", "a.csv", b"text,text\nx,en\n", "its header names a column twice: text, text"),
        ("csv", "a.csv", b'te"xt,"a"b\n', "its header is no CSV"),
        ("csv", "a.csv", b"", "it has no header"),
        ("lmsys", "a.jsonl", b'{"text": "x"}\n' * 2000, f"none of the first {PATIENCE} rows"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_source_is_refused(
    tmp_path: Path, source: str, name: str, content: bytes, complaint: str
) -> None:
    """Once, with what is known, and not row by row to its end."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidData) as caught:
        read(source, tmp_path / name)
    assert complaint in str(caught.value)


def test_a_parquet_file_of_another_set_names_its_columns(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"has no column conversation; it has: source, source_index, prompt, parallel"):
        read("lmsys", published(tmp_path / "a.parquet", COLOURS))


def test_a_parquet_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    """Cut off, or with a page that cannot be unpacked: after which row is said."""
    file = tmp_path / "a.parquet"
    made = "SELECT i || repeat('xyz', (i % 97)::INT) AS text FROM range(150_000) made(i)"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY ({made}) TO '{file}' (FORMAT parquet)")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidData, match="is no whole Parquet file, or is damaged after row 0: "):
        list(rows(file, {"text"}, [["text"]]))
    late = len(whole) * 9 // 10
    file.write_bytes(whole[:late] + b"\xff" * 4000 + whole[late + 4000 :])
    with pytest.raises(InvalidData, match=r"or is damaged after row [1-9]\d*: "):
        list(rows(file, {"text"}, [["text"]]))


@pytest.mark.parametrize("names", [[], ["a.csv", "b.jsonl"]])
def test_a_folder_must_hold_one_kind(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(
        InvalidData, match="holds " + ("files of several kinds \\(.csv, .jsonl\\)" if names else "no file to read")
    ):
        read("lmsys", tmp_path)


def test_without_duckdb_parquet_alone_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install; the other kinds are read."""
    file = published(tmp_path / "a.parquet", COLOURS)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(BrokenPlugin, match=r"needs duckdb .*pip install 'ppbench\[data\]'"):
        read("parallelprompt", file)
    assert len(read("parallelprompt", curated(tmp_path / "b.csv", COLOURS))[0]) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("English", "en"), ("Western Frisian", "fy"), ("chinese", "zh"), ("pt-BR", "pt"), ("zh_Hant", "zh"), ("ja", "ja"),
     ("Persian", "fa"), ("Norwegian", "no"), ("unknown", "und"), ("Klingon", "und"), ("", "und"), (None, "und"), (7, "und")],
)  # fmt: skip
def test_languages_become_codes(name: object, expected: str) -> None:
    """The names of the logs, or tags; what is not known is not guessed."""
    assert code(name) == expected


def test_a_language_that_is_not_said_can_be_detected() -> None:
    """By the small model that comes with the package; one that is said stands."""
    text = "Traduis ces phrases en anglais, s'il te plaît."
    wish = Wish(language="detect")
    rows_of = [built("jsonl", {"text": text, "language": said}, wish) for said in (None, "Klingon", "German")]
    assert [row["language"] for row in rows_of if isinstance(row, dict)] == ["fr", "fr", "de"]


def test_what_is_written_is_what_prompts_are_read_from(tmp_path: Path) -> None:
    """Each line is a row that `load_items` takes, with the same item."""
    importer = Importer("parallelprompt", SOURCES["parallelprompt"], Wish(), CATEGORIES)
    found = [one for one in importer.read(curated(tmp_path / "a.csv", COLOURS, SLOGANS, HEROES)) if isinstance(one, Imported)]
    file = tmp_path / "out.jsonl"
    file.write_text("".join(one.line + "\n" for one in found), encoding="utf-8")
    assert load_items(file, categories=CATEGORIES) == ([one.item for one in found], [])
