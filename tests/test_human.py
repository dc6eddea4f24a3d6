"""People's verdicts without a browser: what is shown, what is stored, who may post, how far judges agree."""

from __future__ import annotations

import json
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from annotating import CRITERIA, ask, bench, desk, material, ppbench, serving, stored, told_apart, verdicts
from hypothesis import given
from hypothesis import strategies as st

import ppbench as package
from ppbench import UsageError
from ppbench.fitness import examine, standing
from ppbench.human.cases import gather, ordered, serial_is_a
from ppbench.human.desk import SAME, Desk
from ppbench.human.server import PageServer
from ppbench.human.summary import summarize
from ppbench.plugins import load
from ppbench.specs import spec_of
from ppbench.store import RunDirectory, cell

SCHEMA = json.loads((Path(package.__file__).parent / "schemas/verdict.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A stored run in which all answers differ."""
    return stored(tmp_path_factory.mktemp("run"), told_apart)


@pytest.fixture
def run(made: RunDirectory) -> RunDirectory:
    """That run, judged by nobody."""
    (made.path / "verdicts.jsonl").unlink(missing_ok=True)
    return made


def fill(at: Desk, annotator: str, number: int, choice: str) -> None:
    for criterion in CRITERIA:
        at.choose(annotator, number, criterion, choice)


def count(at: Desk, annotator: str) -> int:
    return len(at.overview(annotator)["answered"])


def test_a_draw_is_the_beginning_of_a_larger_one_and_spread_over_the_methods(run: RunDirectory) -> None:
    """-n 4 of two methods is two of each, and all of them are among -n 8."""
    small, large = material(run, 4), material(run, 8)
    drawn = [one for one in small.shown if not one.control]
    assert Counter(one.trial.decomposer for one in drawn) == {"schema:source=rules": 2, "sot": 2}
    assert {one.cell for one in drawn} <= {one.cell for one in large.shown}
    assert small.possible == 12
    assert small == material(run, 4)


def test_controls_of_each_kind_are_among_what_is_shown(run: RunDirectory) -> None:
    """One of each kind for up to sixteen comparisons, each from another prompt."""
    controls = [one for one in material(run).shown if one.control]
    assert sorted(one.control for one in controls) == ["constant", "flattered", "flattery", "truncated"]
    assert len({one.trial.item for one in controls}) == 4


def test_the_last_try_counts_and_failures_of_serial_cannot_be_compared(run: RunDirectory) -> None:
    """A block that ran twice is shown once; without serial's answer there is nothing to compare with."""
    trials = list(run.trials())
    first = trials[0].item
    again = [replace(trial, try_=1) for trial in trials if trial.item == first]
    found = gather(bench().items, [*again, *trials], 0)
    assert found.possible == 12
    assert {one.trial.try_ for one in found.shown if one.trial.item == first} == {1}
    failed = [replace(trial, failure="gone") if trial.decomposer == "serial" else trial for trial in trials]
    assert gather(bench().items, failed, 0).shown == ()


def test_what_is_shown_says_neither_method_nor_side(run: RunDirectory) -> None:
    """Prompt, language, two texts and the choices; both answers stand on both sides, and differently for each annotator."""
    at, found = desk(run), material(run)
    assert all(set(at.show("ada", k)) == {"number", "prompt", "language", "a", "b", "chosen"} for k in range(count(at, "ada")))
    assert not any(
        name in json.dumps(at.show("ada", k)) for k in range(count(at, "ada")) for name in ("sot", "schema", "serial")
    )
    sides = {name: [serial_is_a(one, 0, name) for one in found.shown] for name in ("ada", "ben")}
    assert sides["ada"] != sides["ben"]
    assert all(0 < sum(side) < len(side) for side in sides.values())
    orders = [[one.cell for one in ordered(found.shown, 0, name)] for name in ("ada", "ben", "ada")]
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_choices_are_stored_as_values_of_the_method(run: RunDirectory) -> None:
    """Serial's side chosen is 0, the other 1, a tie 0.5; the records are those of any judge, controls marked."""
    at, order = desk(run), ordered(material(run).shown, run.run["seed"], "ada")
    for number in range(len(order)):
        fill(at, "ada", number, ("a", "tie", "b")[number % 3])
    said = {cell(record): record["value"] for record in verdicts(run, "ada")}
    for number, one in enumerate(order):
        serial = "a" if serial_is_a(one, run.run["seed"], "ada") else "b"
        choice = ("a", "tie", "b")[number % 3]
        assert said[one.cell] == (0.5 if choice == "tie" else float(choice != serial))
    for record in verdicts(run, "ada"):
        jsonschema.validate(record, SCHEMA)
        assert record["version"].startswith("ppbench ")
        assert record["prompt"]
        assert record.get("compares", False) == bool(record.get("control"))


def test_a_change_takes_the_place_of_what_was_said(run: RunDirectory) -> None:
    """The case is written again as its next round; the same choice twice writes nothing; no value counts twice."""
    at = desk(run)
    fill(at, "ada", 0, "a")
    size = (run.path / "verdicts.jsonl").stat().st_size
    fill(at, "ada", 0, "a")
    assert (run.path / "verdicts.jsonl").stat().st_size == size
    at.choose("ada", 0, "detail", "tie")
    records = verdicts(run, "ada")
    assert [record.get("round", 0) for record in records] == [0] * 4 + [1] * 4
    last = [record for record in records if record.get("round")]
    assert {record["criterion"]: record["value"] for record in last}["detail"] == 0.5
    kept = list(standing(records, examine(records)))
    assert len({record["criterion"] for record in kept}) == len(kept)
    assert run.verdict_ends()[-1] == (run.path / "verdicts.jsonl").stat().st_size


def test_choices_are_there_when_an_annotator_comes_back(run: RunDirectory) -> None:
    """At another desk too, and what was half answered; another annotator sees none of it."""
    at = desk(run)
    fill(at, "ada", 1, "b")
    at.choose("ada", 1, "grammar", "a")
    at.choose("ada", 2, "detail", "tie")
    assert len(verdicts(run, "ada")) == 8
    at.close()
    assert len(verdicts(run, "ada")) == 9
    again = desk(run)
    assert again.show("ada", 1)["chosen"] == {"accuracy": "b", "grammar": "a", "detail": "b", "preference": "b"}
    assert again.show("ada", 2)["chosen"] == {"detail": "tie"}
    assert again.show(" ada  ", 2) == again.show("ada", 2)
    assert again.show("ben", 1)["chosen"] == {}
    assert again.overview("ada")["answered"][:3] == [0, 4, 1]
    fill(again, "ada", 2, "a")
    assert again.show("ada", 2)["chosen"] == dict.fromkeys(CRITERIA, "a")
    with pytest.raises(UsageError, match="has ended"):
        at.choose("ada", 0, "detail", "a")


def test_a_choice_that_could_not_be_written_is_tried_again(run: RunDirectory) -> None:
    """A file that cannot be opened loses nothing: the next choice writes it."""
    at = desk(run)
    at.overview("ada")
    (run.path / "verdicts.jsonl").mkdir()
    with pytest.raises(OSError):
        fill(at, "ada", 0, "a")
    (run.path / "verdicts.jsonl").rmdir()
    at.choose("ada", 0, "preference", "a")
    assert len(verdicts(run, "ada")) == 4


def test_the_same_text_twice_is_a_tie_in_step_with_what_was_judged(tmp_path: Path) -> None:
    """Never shown, and stored only in the share that the annotator judged."""
    directory = stored(tmp_path, lambda trial: told_apart(replace(trial, decomposer="x" * (trial.decomposer == "sot"))))
    found, at = material(directory), desk(directory)
    assert len(found.same) == 6
    assert {one.trial.decomposer for one in found.same} == {"schema:source=rules"}
    methods = [k for k, one in enumerate(ordered(found.shown, directory.run["seed"], "ada")) if not one.control]
    for done, number in enumerate(methods, 1):
        fill(at, "ada", number, "a")
        ties = [record for record in verdicts(directory) if record["reason"] == SAME]
        assert len(ties) == 4 * done
    assert {record["value"] for record in ties} == {0.5}
    [[name, *counts, standing]] = summarize(verdicts(directory), {"human:annotator=ada": "ada"}, CRITERIA).annotators
    assert (name, counts) == ("ada", [6, 6, 0])
    assert standing.startswith("no control could be shown")


@pytest.mark.parametrize("careless", ["a", "tie", "b"])
def test_whoever_does_not_read_is_unfit(run: RunDirectory, careless: str) -> None:
    """Always the same key misses a control; choosing serial over every bad control is fit."""
    at, order = desk(run), ordered(material(run).shown, run.run["seed"], "ada")
    for number, one in enumerate(order):
        fill(at, "ben", number, careless)
        serial = "a" if serial_is_a(one, run.run["seed"], "ada") else "b"
        fill(at, "ada", number, "tie" if one.control == "flattered" else serial)
    judges = examine(run.verdicts()).judges
    assert judges["human:annotator=ada"].fit
    sides = {serial_is_a(one, run.run["seed"], "ben") for one in material(run).shown if one.control in ("constant", "flattery")}
    assert not judges["human:annotator=ben"].fit or (careless != "tie" and len(sides) == 1)


@given(st.text(max_size=70))
def test_a_name_is_a_name_everywhere_or_refused(name: str) -> None:
    """The spec of whatever is taken leads back to the same judge."""
    try:
        judge = load().make("judge", "human", annotator=name)
    except UsageError:
        return
    assert load().make("judge", spec_of(judge)) == judge


def test_no_choice_but_those_of_the_page_is_taken(run: RunDirectory) -> None:
    at = desk(run)
    for bad in (("ada", 0, "beauty", "a"), ("ada", 0, "detail", "c"), ("ada", -1, "detail", "a"), ("ada", 99, "detail", "a"),
                ("\n", 0, "detail", "a"), ("x" * 61, 0, "detail", "a"), ("\ud800", 0, "detail", "a")):  # fmt: skip
        with pytest.raises(UsageError):
            at.choose(*bad)
    assert desk(run, only="ada").overview("ben")["annotator"] == "ada"


def test_only_the_page_itself_gets_in(run: RunDirectory) -> None:
    """Another path, name, origin or form is refused, and nothing is stored; every answer carries the policy."""
    choice = json.dumps({"annotator": "ada", "number": 0, "criterion": "detail", "choice": "a"}).encode()
    at = desk(run)
    with PageServer(at) as server:
        other = server.url.replace(server.url[-6:-1], "wrong")
        refused: list[tuple[int, dict[str, Any]]] = [
            (404, {"url": other}), (404, {"url": server.url, "path": "/"}), (404, {"url": server.url, "path": "other"}),
            (404, {"url": server.url, "path": "../../../etc/passwd"}),
            (404, {"url": server.url, "path": "other", "body": b"{}"}),
            (403, {"url": server.url, "Host": "evil.example"}), (403, {"url": server.url, "Host": "127.0.0.1.evil.example:80"}),
            (403, {"url": server.url, "Host": ""}),
            *((403, {"url": server.url, "path": "choice", "body": choice, "Origin": origin})
              for origin in ("http://evil.example", "null", "", "http://127.0.0.1:1")),
            (404, {"url": other, "path": "choice", "body": choice}),
            (415, {"url": server.url, "path": "choice", "body": choice, "Content_Type": "text/plain"}),
            (413, {"url": server.url, "path": "choice", "body": b"", "Length": "10001"}),
            (413, {"url": server.url, "path": "choice", "body": b"", "Length": "-1"}),
            (400, {"url": server.url, "path": "choice", "body": b"", "Length": "x"}),
            *((400, {"url": server.url, "path": "choice", "body": body})
              for body in (b"{", b"[]", b"\xff", b"[" * 5000, b"{}")),
            (400, {"url": server.url, "path": "comparison?annotator=ada"}),
            (409, {"url": server.url, "path": "comparison?annotator=ada&number=99"}),
            (409, {"url": server.url, "path": "overview"}),
        ]  # fmt: skip
        for status, request in refused:
            found, headers, body = ask(**request)
            assert (found, "error" in json.loads(body)) == (status, True), request
            assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert not at.show("ada", 0)["chosen"]
        found, headers, _ = ask(server.url)
        assert (found, headers["Cache-Control"], headers["Referrer-Policy"]) == (200, "no-store", "no-referrer")
        assert ask(server.url, Host="localhost:8080")[0] == 200
        assert ask(server.url, "choice", choice)[0] == 200
    assert at.show("ada", 0)["chosen"] == {"detail": "a"}


def test_a_taken_port_is_named(run: RunDirectory) -> None:
    with PageServer(desk(run)) as server, pytest.raises(UsageError, match="choose another --port"):
        PageServer(desk(run), urlsplit(server.url).port or 0)


def test_ctrl_c_ends_the_page_and_prints_what_came_of_it(run: RunDirectory) -> None:
    """The table, how much was judged and how far a model agrees; half a comparison is stored; timings are untouched."""
    trials = (run.path / "trials.jsonl").read_bytes()
    ppbench(run.path.parent, "judge", "out", "--judge", "pairwise:model=mock/quick")
    with serving(run.path.parent, "--annotator", "ada, the first", "-n", "6") as (process, url):
        for number in range(3):
            for criterion in CRITERIA[: 4 - (number == 2)]:
                body = {"number": number, "criterion": criterion, "choice": "tie"}
                assert ask(url, "choice", json.dumps(body).encode())[0] == 200
        ppbench(run.path.parent, "judge", "out", code=5)  # the run is held meanwhile
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "decomposer" in out
    assert "ada, the first" in out
    assert "pairwise:model=mock/quick" in out
    assert (run.path / "trials.jsonl").read_bytes() == trials
    assert len(verdicts(run)) == 11
    table = ppbench(run.path.parent, "judge", "out", "--judge", "structure", "--json")
    assert "retired" not in table.stderr
    assert json.loads(table.stdout)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--annotator", "ada"], "add --human"),
        (["-n", "3", "--port", "0"], "--port, --limit"),
        (["--human", "--judge", "structure"], "a second command"),
        (["--human", "--again"], "changed at any time"),
        (["--human", "--annotator", " "], "give a name"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run: RunDirectory, arguments: list[str], complaint: str) -> None:
    assert complaint in ppbench(run.path.parent, "judge", "out", *arguments, code=2).stderr


def test_people_are_not_made_up(run: RunDirectory) -> None:
    """As an ordinary judge it says how people are asked; a run with nothing to compare says so."""
    done = ppbench(run.path.parent, "judge", "out", "--judge", "human:annotator=ada", code=2)
    assert "--human" in done.stderr
    assert verdicts(run) == []
    ppbench(run.path.parent, "run", "-e", "offline", "-q", "-n", "1", "-d", "serial", "-o", "alone")
    assert "nothing for people to compare" in ppbench(run.path.parent, "judge", "alone", "--human", code=5).stderr
