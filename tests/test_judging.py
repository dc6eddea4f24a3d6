"""`ppbench judge`: again, by other judges, with failures, and what its records say. Timings are never touched."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jsonschema
import pytest
from versus import FORM, Brittle, Mute, Versus

import ppbench
from ppbench import Call, Case, EndpointUnusable, InvalidData, Item, Plan, Reply, UsageError, Verdict
from ppbench.commands.common import categories, installed_items
from ppbench.controls import CONSTANT, FLATTERY, controls_of, sample
from ppbench.judging import Bench, judge_run, refuse_failures
from ppbench.plugins import load
from ppbench.specs import spec_of
from ppbench.store import RunDirectory

TESTS = Path(__file__).parent


def ppbench_in(folder: Path, *arguments: str, judges: bool = True, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The command line in a folder; with the judges of versus.py installed, or without."""
    paths = [str(folder / "site"), str(TESTS)] if judges else []
    done = subprocess.run(
        [sys.executable, "-c", "from ppbench.cli import main; main()", *arguments], cwd=folder, capture_output=True,
        text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a judged run of three prompts in it, `out`; the judges of versus.py can be installed."""
    info = tmp_path / "site/versus-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: versus\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[ppbench]\nversus = versus\n")
    ppbench_in(tmp_path, *"run -e offline -q -n 3 -d schema:source=rules -o out".split(), judges=False)
    return tmp_path


def records(folder: Path, judge: str = "") -> list[dict[str, Any]]:
    lines = (folder / "out/verdicts.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["judge"].startswith(judge)]


def _told(lines: bytes) -> list[str]:
    """The records in any order, but for what a prompt cache held."""
    found = [json.loads(line) for line in lines.splitlines()]
    return sorted(json.dumps({name: value for name, value in record.items() if name != "usage"}) for record in found)


def bench() -> Bench:
    return Bench({item.id: item for item in installed_items(load())}, categories(load()), load())


def test_what_a_judge_asked_stands_with_its_verdicts(folder: Path) -> None:
    """Calls and tokens of each case, on the first of its records, controls included; `--costs` adds them up apart."""
    ppbench_in(folder, "judge", "out", "--judge", "versus")
    mine = records(folder, "versus")
    told = [record["usage"] for record in mine if "usage" in record]
    assert len(told) == len({(r["item"], r["decomposer"], r.get("control")) for r in mine})
    assert all(usage["calls"] >= 1 and usage["tokens_out"] > 0 for usage in told)
    judged = json.loads(ppbench_in(folder, "report", "out", "--costs", "--json").stdout)["judges"]
    assert sum(line["tokens_in"] for line in judged) == sum(usage["tokens_in"] for usage in told)


def test_another_judge_judges_a_stored_run(folder: Path) -> None:
    """Its records stand behind the others and say who spoke: spec, distribution and version, prompt; trials stay."""
    before = (folder / "out/trials.jsonl").read_bytes(), records(folder)
    done = ppbench_in(folder, "judge", "out", "--judge", "versus", "--json")
    mine = records(folder, "versus")
    rules = json.loads((Path(ppbench.__file__).parent / "schemas/verdict.schema.json").read_text())

    assert {row["decomposer"] for row in json.loads(done.stdout)["rows"]} == {"serial", "schema:source=rules"}
    assert ((folder / "out/trials.jsonl").read_bytes(), records(folder)[: len(before[1])]) == before
    assert {(r["version"], r["prompt"]) for r in mine} == {("versus 2.5", hashlib.sha256(FORM.encode()).hexdigest()[:12])}
    assert {(r["version"], r["prompt"]) for r in before[1]} == {(f"ppbench {load().versions()['ppbench']}", "")}
    assert Counter(r.get("control", "") for r in mine) == {"": 6} | dict.fromkeys(controls_of(""), 3)
    assert all(r["value"] == 0.5 for r in mine if r["decomposer"] == "serial" and "control" not in r)
    for record in mine:
        jsonschema.validate(record, rules)


def test_what_is_judged_is_asked_again_only_when_told_to(folder: Path) -> None:
    """A second judging adds nothing; --again adds a round, and one row a case counts."""
    ppbench_in(folder, "judge", "out", "--judge", "versus")
    first = records(folder)
    table = ppbench_in(folder, "judge", "out", "--judge", "versus", "--judge", "structure", "--json").stdout
    assert records(folder) == first
    again = ppbench_in(folder, "judge", "out", "--judge", "structure", "--again", "--json").stdout
    added = records(folder)[len(first) :]

    assert json.loads(again)["rows"] == json.loads(table)["rows"]
    assert {r["round"] for r in added} == {1}
    assert len(added) == len([r for r in first if r["judge"] == "structure"])


def test_a_judging_that_was_cut_goes_on(folder: Path) -> None:
    """A torn line is dropped and said, and what is missing is asked for, each case once."""
    ppbench_in(folder, "judge", "out", "--judge", "versus")
    file = folder / "out/verdicts.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-700])
    done = ppbench_in(folder, "judge", "out", "--judge", "versus")

    assert "of an incomplete verdict from verdicts.jsonl" in done.stderr
    assert _told(file.read_bytes()) == _told(whole)


@pytest.mark.parametrize("options", ["ends=1", "ends=1,planning=true"])
def test_a_judge_that_fails_on_a_case_loses_that_case_alone(folder: Path, options: str) -> None:
    """The others are judged, the table is printed, and the end says how many failed, the first one, and where: exit 6."""
    done = ppbench_in(folder, "judge", "out", "--judge", f"brittle:{options}", "--judge", "versus", code=6)
    mine = records(folder, "brittle")
    failed = [r for r in mine if "failure" in r]

    assert "\nserial " in done.stdout
    assert Counter(r["item"].endswith("1") for r in mine) == {True: len(failed), False: len(mine) - len(failed)}
    assert f"failed on {len(failed)} of {len(mine)} cases; the first: {failed[0]['item']}, serial" in done.stderr
    assert "RuntimeError: out of order (versus.py:" in done.stderr
    assert "asks for what is missing, and for no more" in done.stderr
    assert records(folder, "versus")


def test_a_run_whose_judge_fails_keeps_its_trials_and_its_table(folder: Path) -> None:
    """`ppbench run` prints the table, then says what failed and exits with 6."""
    done = ppbench_in(folder, *"run -e offline -q -n 3 -d sot -o new --judge brittle --judge structure".split(), code=6)
    assert "\nsot " in done.stdout
    assert "judge brittle failed on" in done.stderr


def test_cases_on_which_a_judge_failed_are_asked_again(folder: Path) -> None:
    """A failure is no verdict: the next judging asks for it, and for nothing else."""
    directory = RunDirectory(folder / "out")

    @dataclass(frozen=True)
    class Mended(Brittle):
        calls: ClassVar[list[str]] = []

        def _break(self, case: Case) -> None:
            self.calls.append(case.item.id)

    [broken] = judge_run(bench(), [Brittle()], directory)
    [mended] = judge_run(bench(), [Mended()], directory)

    assert broken.failed == mended.shown == len(Mended.calls) > 0
    assert mended.failed == 0
    assert all(name.endswith("1") for name in Mended.calls)
    refuse_failures([mended], directory.path)


def test_a_retired_judge_is_reported_and_its_rows_stay(folder: Path) -> None:
    """Verdicts by a judge that is gone, or was another version, are named; not one is dropped."""
    ppbench_in(folder, "judge", "out", "--judge", "versus")
    before = records(folder)
    gone = ppbench_in(folder, "judge", "out", judges=False)
    assert "judge versus is retired (unknown judge 'versus'; have: " in gone.stderr
    assert f"; {len(records(folder, 'versus'))} records by versus 2.5 stay" in gone.stderr
    metadata = folder / "site/versus-2.5.dist-info/METADATA"
    metadata.write_text(metadata.read_text().replace("2.5", "3.0"))
    newer = ppbench_in(folder, "judge", "out", "--judge", "versus")
    assert "records are by versus 2.5, not by what is installed now; --again asks anew" in newer.stderr
    assert records(folder) == before


def test_a_judge_that_asks_and_says_nothing_is_counted(folder: Path) -> None:
    """Silence that was paid for is recorded, not asked for again, and makes a judge unfit if it is all there is."""
    done = ppbench_in(folder, "judge", "out", "--judge", "mute")
    assert "judge mute asked a model and said nothing on 18 cases" in done.stderr
    assert "judge mute is unfit: gave no verdict on 12 of its 12 controls" in done.stderr
    assert "said nothing" not in ppbench_in(folder, "judge", "out", "--judge", "mute").stderr
    assert all(r["silent"] for r in records(folder, "mute"))


def test_a_dead_endpoint_ends_judging_and_keeps_what_was_judged(folder: Path) -> None:
    """Nothing is recorded as failed on every case of a run because nobody answered."""
    before = records(folder)
    spec = "versus:executor='openai:base_url=http://127.0.0.1:9/v1',model=lab/m"
    hearings = judge_run(bench(), [load_spec(spec), Versus()], RunDirectory(folder / "out"))
    with pytest.raises(EndpointUnusable, match=r"could not go on: (?s:.)*All other verdicts are kept"):
        refuse_failures(hearings, folder / "out")
    assert records(folder)[: len(before)] == before
    assert {record["judge"] for record in records(folder)[len(before) :]} == {"versus"}


def test_what_a_judge_says_of_itself_ends_it_alone(folder: Path) -> None:
    """A library that is missing is missing for every case: told once, as the judge tells it, and the others go on."""

    @dataclass(frozen=True)
    class Needy(Mute):
        name: ClassVar[str] = "needy"

        def plan(self, case: Case) -> Plan | None:
            raise UsageError("install it with pip")

    directory = RunDirectory(folder / "out")
    hearings = judge_run(bench(), [Needy(), Versus(executor=""), Versus()], directory)
    with pytest.raises(UsageError, match=r"judge needy could not go on: install it with pip(?s:.)*give it an executor"):
        refuse_failures(hearings, directory.path)
    assert {record["judge"] for record in records(folder)} == {"structure", "reference", "versus"}


def load_spec(spec: str) -> Versus:
    from ppbench.specs import build, split_spec

    name, options = split_spec(spec)
    made: Versus = build(Versus, options, spec=spec)
    assert spec_of(made).startswith(name)
    return made


def test_prompts_that_changed_or_are_gone_are_named(folder: Path) -> None:
    """Answers are judged by the text that they answer, or not at all."""
    own = folder / "mine.jsonl"
    rows = [{"id": name, "text": f"Write about {name}.", "category": "general"} for name in ("cats", "dogs")]
    own.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ppbench_in(folder, *"run -e offline -q --prompts mine.jsonl -d sot -o own".split())
    ppbench_in(folder, "judge", "own")

    own.write_text(own.read_text().replace("about dogs", "about wolves"))
    assert "prompt dogs of " in (changed := ppbench_in(folder, "judge", "own", code=5).stderr)
    assert "has changed since own was run" in changed
    own.write_text(json.dumps(rows[0]) + "\n")
    assert "was run on prompt dogs, which " in ppbench_in(folder, "judge", "own", code=5).stderr
    own.unlink()
    assert "mine.jsonl" in ppbench_in(folder, "judge", "own", code=5).stderr
    ppbench_in(folder, "judge", "nowhere", code=5)


def test_two_judgings_do_not_write_at_the_same_time(folder: Path) -> None:
    """A run is judged by one process at a time."""
    with RunDirectory(folder / "out").lock(), pytest.raises(InvalidData, match="another process"):
        judge_run(bench(), [Mute()], RunDirectory(folder / "out"))


def test_a_verdict_that_cannot_be_read_in_mid_file_is_never_cut_off(folder: Path) -> None:
    """Only a torn tail is dropped; a broken line before others is an error that says where."""
    file = folder / "out/verdicts.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:3], "{broken\n", *lines[3:]]))
    done = ppbench_in(folder, "judge", "out", code=5)
    assert "verdicts.jsonl:4: is no verdict, and more lines follow; nothing was dropped" in done.stderr
    assert len(file.read_text().splitlines()) == len(lines) + 1


# Controls


def test_controls_are_drawn_alike_whatever_the_order_and_from_each_category(folder: Path) -> None:
    """The seed decides; each category has its turn before any has a second one; nothing unanswered is drawn."""
    trials = list(RunDirectory(folder / "out").trials())
    many = [ppbench.Trial(f"{kind}-{k}", 0, "serial", 0, trials[0].trace) for kind in "abc" for k in range(40)]
    category_of = {trial.item: trial.item[0] for trial in many}
    drawn = sample(many, category_of, seed=1, size=9)

    assert drawn == sample(reversed(many), category_of, seed=1, size=9)
    assert Counter(category_of[trial.item] for trial in drawn) == {"a": 3, "b": 3, "c": 3}
    assert drawn != sample(many, category_of, seed=2, size=9)
    assert sample([ppbench.Trial("a-1", 0, "serial", 0, trials[0].trace, "no reply")], category_of, 1) == []


def test_a_control_shows_nothing_of_the_real_answer_but_what_it_keeps(folder: Path) -> None:
    """The answer, the parts and the replies are those of the control; serial's own stands beside it."""
    seen: list[Case] = []

    @dataclass(frozen=True)
    class Looks:
        name: ClassVar[str] = "looks"

        def plan(self, case: Case) -> Plan | None:
            return None

        def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
            seen.append(case)
            return []

    judge_run(bench(), [Looks()], RunDirectory(folder / "out"))
    controls = seen[:12]
    for case in controls:
        assert case.trace.parts == (case.trace.answer,)
        assert case.trace.spans == ()
        assert case.serial is not None
        assert case.trace.answer in controls_of(case.serial.answer).values()
    assert sum(case.trace.answer == CONSTANT for case in controls) == 3
    assert sum(case.trace.answer == FLATTERY for case in controls) == 3


@pytest.mark.parametrize("answer", ["", "x", "短い", "1. a\n2. b"])
def test_controls_of_any_answer_can_be_made(answer: str) -> None:
    """However short serial's answer is."""
    made = controls_of(answer)
    assert len(made["truncated"]) <= len(answer)
    assert made["flattered"].startswith(answer)


def test_a_judge_whose_plan_is_no_plan_fails_on_its_cases_alone(folder: Path) -> None:
    """What a judge gives in place of a plan, or of a verdict, is told with its case."""

    @dataclass(frozen=True)
    class Odd:
        name: ClassVar[str] = "odd"

        def plan(self, case: Case) -> Plan | None:
            return "a plan"  # type: ignore[return-value]

        def verdicts(self, case: Case, replies: Sequence[Reply]) -> Iterable[Verdict]:
            return []

    [hearing] = judge_run(bench(), [Odd()], RunDirectory(folder / "out"))
    assert hearing.failed == hearing.shown == 18
    assert "TypeError: plan gave 'a plan', which is no Plan" in hearing.first


def test_a_call_that_can_never_be_sent_is_a_failure_of_its_case(folder: Path) -> None:
    """A plan that breaks off gives no reply, and the record says why."""

    @dataclass(frozen=True)
    class Stuck(Mute):
        name: ClassVar[str] = "stuck"

        def plan(self, case: Case) -> Plan | None:
            def text(answers: object) -> str:
                raise ValueError("no words")

            return Plan((Call("1", text, role="judge"),))

    [hearing] = judge_run(bench(), [Stuck()], RunDirectory(folder / "out"))
    assert hearing.failed == 18
    assert "no words" in hearing.first


def test_an_item_that_is_not_the_runs_is_named(folder: Path) -> None:
    """A trial about another prompt is bad data, not a crash."""
    few = Bench({"other": Item("other", "x")}, categories(load()), load())
    with pytest.raises(InvalidData, match="which is none of the run's prompts"):
        refuse_failures(judge_run(few, [Mute()], RunDirectory(folder / "out")), folder / "out")
