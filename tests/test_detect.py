"""`ppbench tasks detect` and its figures: by hand-made labels, on rows of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty import Faulty, say, stream

from ppbench import InvalidData, Schema, UsageError
from ppbench.cli import main
from ppbench.detect import Found, Label, bare, by_language, figures, read_label
from ppbench.errors import EndpointUnusable
from ppbench.stats import wilson

SPLIT = {"prompt": "Translate these words:\n- tree\n- stone", "parallelizable": True, "data": ["tree", "stone"], "lang": "en"}
ROWS: list[dict[str, Any]] = [
    SPLIT,
    {"prompt": "Écris trois petites histoires sur la neige.", "parallelizable": True, "n": 3, "lang": "fr"},
    {"prompt": "Translate these words:\n- sun\n- moon", "parallelizable": True, "data": ["sun", "star"], "lang": "en"},
    {"prompt": "Tell me all about the sun and about the moon.", "parallelizable": True, "data": ["sun", "moon"], "lang": "en"},
    {"prompt": "Translate these words:\n- up\n- down", "parallelizable": False, "data": None, "lang": "en"},
    {"prompt": "Why is the sky blue?", "parallelizable": False, "lang": "en", "note": "ignored"},
    {"prompt": "Translate these words:\n- a\n- b", "parallelizable": True, "data": ["a"], "lang": "en", "borderline": True},
    {"prompt": "Name five lakes, then describe each.", "parallelizable": True, "shape": "two-stage", "lang": "en"},
]

Run = Callable[..., str]


@pytest.fixture
def detect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command on rows and gives what it prints."""

    def run(rows: list[Any], *options: str) -> str:
        file = tmp_path / "labels.jsonl"
        file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.argv", ["ppbench", "tasks", "detect", "labels.jsonl", *options])
        main()
        return capsys.readouterr().out

    return run


def test_figures_are_those_that_a_hand_counts(detect: Run) -> None:
    """Of seven rows four are true; three of them and one false one are split, two of the three into the right items."""
    shown = json.loads(detect(ROWS, "--json"))

    assert (shown["decomposer"], shown["n"], shown["borderline"]) == ("schema:source=rules", 7, 1)
    assert (shown["precision"], shown["recall"]) == (pytest.approx(3 / 4), pytest.approx(3 / 4))
    assert shown["items_exact"] == pytest.approx(2 / 3)
    assert shown["precision_interval"] == pytest.approx([0.3006, 0.9544], abs=1e-4)
    assert set(shown["by_language"]) == {"en", "fr"}
    assert shown["by_language"]["fr"]["items_exact"] == 1.0
    assert set(shown["by_language"]["fr"]) == {
        "n", "precision", "precision_interval", "recall", "recall_interval", "items_exact", "items_exact_interval",
    }  # fmt: skip


def test_wrong_rows_are_shown_and_explained(detect: Run) -> None:
    """Each with its place and fault; why, only if asked."""
    plain = json.loads(detect(ROWS, "--json"))["wrong"]
    told = json.loads(detect(ROWS, "--json", "--explain"))["wrong"]

    assert [(row["where"], row["fault"]) for row in plain] == [
        ("labels.jsonl:3", "items"), ("labels.jsonl:4", "missed"), ("labels.jsonl:5", "false split"),
    ]  # fmt: skip
    assert (plain[0]["expected"], plain[0]["found"]) == (["sun", "star"], ["sun", "moon"])
    assert "reason" not in plain[0]
    assert [row["reason"] for row in told[::2]] == ["rule: bulleted lines"] * 2
    assert told[1]["reason"].startswith("rule: nothing found: ")


def test_the_table_says_the_same(detect: Run) -> None:
    """A line for all and one for each language, the intervals beside, and the wrong rows below."""
    text = detect(ROWS, "--explain")

    lines = [" ".join(line.split()) for line in text.splitlines()]

    assert "all 7 0.75 0.30 - 0.95 0.75 0.30 - 0.95 0.67 0.21 - 0.94" in lines
    assert "schema:source=rules: 3 rows wrong; 1 borderline rows left out." in text
    assert "  labels.jsonl:5: false split (rule: bulleted lines): Translate these words: - up - down" in text


def test_any_method_that_shows_its_schema_can_be_scored(detect: Run) -> None:
    """One that never splits finds nothing, and there is no precision of nothing."""
    shown = json.loads(detect(ROWS, "--json", "-d", "serial"))

    assert (shown["precision"], shown["precision_interval"], shown["recall"]) == (None, None, 0.0)
    assert shown["items_exact"] is None


@pytest.mark.parametrize("spec", ["schema:source=llm", "sot", "sot:router=prompt", "dag", "top"])
def test_a_method_that_asks_a_model_is_scored_by_what_the_model_makes_it_split(detect: Run, spec: str) -> None:
    """Its planning calls are sent, a second one after the first where it takes two, and no other."""
    known = {
        "prompt": "Tell me all about the sun and about the moon.",
        "parallelizable": True,
        "lang": "en",
        "data": ["the sun", "the moon"],
        "annotation": {"template": "All about {data}.", "data": ["the sun", "the moon"]},
    }
    shown = json.loads(detect([known], "--json", "-d", spec, "-e", "offline"))

    assert (shown["asked_a_model"], shown["failed"], shown["endpoint"]) == (1, 0, "mock/quick (virtual clock)")
    assert (shown["precision"], shown["recall"]) == (1.0, 1.0)


def test_only_what_a_method_leaves_open_is_asked(detect: Run) -> None:
    """Rules first, and a model where they find nothing; who sends nothing names no endpoint."""
    rules = json.loads(detect(ROWS, "--json"))
    both = json.loads(detect(ROWS, "--json", "-d", "schema:source=rules+llm", "-e", "offline"))

    assert (rules["asked_a_model"], rules["endpoint"], both["asked_a_model"]) == (0, None, 3)
    text = detect(ROWS, "-d", "schema:source=rules+llm", "-e", "offline")
    assert "mock/quick (virtual clock) was asked about 3 rows; 0 got no answer, and count as not split. Mock figures" in text


def test_a_planning_call_that_fails_counts_as_not_split(detect: Run) -> None:
    """And is said; the other rows are asked all the same."""
    with Faulty(stream("1. tree\n2. stone"), say(400)) as server:
        text = detect([SPLIT, ROWS[0]], "-d", "sot", "-m", "vllm/m", "--base-url", server.url, "-j", "1", "--explain")

    assert "was asked about 2 rows; 1 got no answer" in text
    assert text.count(": missed (call outline failed: bad_request") == 1


def test_an_endpoint_that_answers_nothing_scores_nothing(detect: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """An endpoint that is not there is no method that never splits."""
    with pytest.raises(SystemExit) as stopped:
        detect([SPLIT], "-d", "schema", "-m", "vllm/m", "--base-url", "http://127.0.0.1:1/v1")

    assert stopped.value.code == EndpointUnusable.exit_code
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_a_method_that_is_shown_labels_is_refused(detect: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is scored that has seen the answer."""
    with pytest.raises(SystemExit) as stopped:
        detect(ROWS, "-d", "schema:source=given")
    assert stopped.value.code == UsageError.exit_code
    assert "schema:source=given is shown labels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{", "is not JSON"),
        ('{"prompt": "x', "is not JSON: Unterminated string starting at column 12"),
        ({"prompt": " ", "parallelizable": True}, "its prompt is empty"),
        ({"prompt": "x"}, "does not say whether it is parallelizable; give true or false"),
        ({"prompt": "x", "parallelizable": None}, "parallelizable is true or false, this is null"),
        ({"text": 7, "parallelizable": True}, "has no prompt; give `prompt`, have: text, parallelizable"),
        ({"parallelizable": True}, "has no prompt"),
        ({"prompt": "x", "parallelizable": "yes"}, "parallelizable is true or false"),
        ({"prompt": "x", "parallelizable": True}, "has either data or n, this has neither"),
        ({"prompt": "x", "parallelizable": True, "n": 2, "data": ["a", "b"]}, "this has both"),
        ({"prompt": "x", "parallelizable": True, "n": 2.5}, "n is a whole number"),
        ({"prompt": "x", "parallelizable": True, "n": True}, "n is a whole number"),
        ({"prompt": "x", "parallelizable": True, "data": [1, 2]}, "data is a list of strings"),
        ({"prompt": "x", "parallelizable": False, "borderline": 1}, "borderline is true or false"),
    ],
)
def test_a_bad_row_is_named(detect: Run, row: Any, complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With file and line, before anything is scored."""
    with pytest.raises(SystemExit) as stopped:
        detect([SPLIT, row])
    assert stopped.value.code == InvalidData.exit_code
    error = capsys.readouterr().err
    assert "labels.jsonl:2: " in error
    assert complaint in error


def test_a_row_does_not_drive_the_terminal(detect: Run) -> None:
    """Control characters of a prompt are left out of the table, and escaped in JSON."""
    row = SPLIT | {"prompt": "\x9b2J\x1b]0;x\x07 Why?"}
    text, data = detect([row]), detect([row], "--json")

    assert "2J]0;x Why?" in text
    assert not {"\x1b", "\x9b", "\x07"} & set(text + data)
    assert json.loads(data)["wrong"][0]["prompt"] == row["prompt"]


def test_no_rows_is_an_error(detect: Run) -> None:
    """An empty file is no perfect score."""
    with pytest.raises(SystemExit):
        detect([])


@pytest.mark.parametrize(
    ("left", "right"),
    [("1. tree.", "tree"), ("- a  tree", "a tree"), ("（2）树。", "树"), ("③ 树！", "树"), ("“tree”", "tree"),
     ("tree;", "tree"), ("tree?", "tree"), ("•tree", "tree"), ("3.5 trees", "3.5trees"), ("A", "A."), ("?", "？")],
)  # fmt: skip
def test_items_are_compared_without_marks_ends_and_space(left: str, right: str) -> None:
    """What a person would call the same item is the same."""
    assert bare(left) == bare(right)


@pytest.mark.parametrize(
    ("left", "right"), [("tree", "trees"), ("-5", "5."), ("a tree", "tree"), ("10", "1.0"), ("3.5 trees", "5 trees")]
)
def test_different_items_stay_different(left: str, right: str) -> None:
    """A sign or a digit is no mark."""
    assert bare(left) != bare(right)


def test_order_and_number_of_items_count() -> None:
    """Items in another order are wrong, and so is a number where items are named."""
    label = Label("x:1", "p", "en", True, data=("a", "b"))

    assert Found(label, Schema("{data}", data=("a", "b"))).exact
    assert not Found(label, Schema("{data}", data=("b", "a"))).exact
    assert not Found(label, Schema("x", n=2)).exact
    assert not Found(Label("x:1", "p", "en", True, n=3), Schema("x", n=2)).exact


def test_borderline_rows_count_nowhere() -> None:
    """Neither in the figures nor among the languages."""
    label = Label("x:1", "p", "de", True, n=3, borderline=True)

    assert figures([Found(label, None)]).n == 0
    assert by_language([Found(label, None)]) == {}


@pytest.mark.parametrize(
    ("shape", "true"), [("flat", True), ("repeat", True), (None, True), ("two-stage", False), ("dag", False)]
)
def test_only_a_flat_split_is_true(shape: str | None, true: bool) -> None:
    """What must be planned first, or whose parts need each other, is rightly declined."""
    row = {"prompt": "p", "parallelizable": True, "n": 2, "lang": "en", "shape": shape}

    assert read_label("x:1", row).parallelizable is true


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)]
)
def test_wilson_intervals_are_those_of_the_literature(hits: int, of: int, low: float, high: float) -> None:
    """The last is an example of Newcombe's (1998)."""
    share = wilson(hits, of)

    assert share is not None
    assert (share.low, share.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert wilson(0, 0) is None
