"""A run on disk: what is written comes back, and a torn tail is dropped without losing a whole block."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import ppbench
from ppbench import Failure, InvalidData, Reply, Request, Span, Trace, Trial, Verdict
from ppbench.cli import main
from ppbench.run import Block, remaining
from ppbench.store import RunDirectory, encode_verdict

METHODS = ["serial", "sot"]

WHOLE = {"format": 1, "options": {}, "items": [], "methods": [], "judges": [], "executor": "offline", "clock": "virtual",
         "endpoint": "x", "timing": "live", "seed": 0, "conditions": {}, "versions": {}, "environment": {}}  # fmt: skip


def trial(item: str, method: str, *, try_: int = 0, clean: bool = True, text: str = "answer") -> Trial:
    failed = () if clean else (Reply("r", error=Failure("server", "planted", 500)),)
    reply = Reply("r", text, chunks_ns=(1, 2), first_ns=1, done_ns=2, tokens_out=2, tokens_source="usage")
    span = Span(Request("r", "ask", stop=("x",)), reply, failed)
    return Trial(item, 0, method, try_, Trace((span,), text, (text,), 0, 2, 1))


def run_directory(path: Path, *items: str) -> RunDirectory:
    directory = RunDirectory.create(path / "run", {"methods": METHODS})
    for item in items:
        directory.append_block([trial(item, method) for method in METHODS])
    return directory


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    """Traces, failures, stamps and any text survive the file."""
    directory = run_directory(tmp_path)
    block = [trial("a", "serial", text='"\n\u2028 עברית \x00'), trial("a", "sot", clean=False)]
    directory.append_block(block)
    assert list(directory.trials()) == block


def test_a_run_directory_is_not_taken_twice(tmp_path: Path) -> None:
    run_directory(tmp_path)
    with pytest.raises(InvalidData, match="holds a run already; resume it"):
        run_directory(tmp_path)


def test_a_folder_without_a_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="is not a run directory"):
        _ = RunDirectory(tmp_path).run


@pytest.mark.parametrize("cut", [1, 40, 4000])
def test_a_torn_tail_is_dropped_and_whole_blocks_stay(tmp_path: Path, cut: int) -> None:
    """Wherever a write was cut, the blocks before it are kept and the torn one is run again."""
    directory = run_directory(tmp_path, "a", "b")
    file = directory.path / "trials.jsonl"
    whole = file.read_bytes()
    second = whole.index(b'{"item":"b"')
    file.write_bytes(whole[: min(second + cut, len(whole) - 1)])
    directory.drop_tail("trials.jsonl", directory.block_ends(METHODS))
    done = list(directory.trials())

    assert file.read_bytes() == whole[:second]
    assert remaining([Block("a", 0), Block("b", 0)], done) == [Block("b", 0)]


def test_a_second_try_that_was_due_is_still_due(tmp_path: Path) -> None:
    """An unclean block whose second try is missing gets it on resume; one that has it does not."""
    first = [trial("a", "serial", clean=False), trial("a", "sot")]
    second = [trial("a", method, try_=1) for method in METHODS]

    assert remaining([Block("a", 0)], first) == [Block("a", 0, 1)]
    assert remaining([Block("a", 0)], first + second) == []


def test_a_bad_line_in_the_middle_drops_nothing(tmp_path: Path) -> None:
    """Finished blocks after it are not thrown away; the line is named."""
    directory = run_directory(tmp_path, "a")
    with (directory.path / "trials.jsonl").open("a") as file:
        file.write("garbage\n")
    directory.append_block([trial("b", method) for method in METHODS])
    with pytest.raises(InvalidData, match=r"trials.jsonl:3: is no trial, and more lines follow"):
        directory.block_ends(METHODS)


def test_a_run_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    """A second one is refused while the first holds the run, and may go on afterwards."""
    directory = run_directory(tmp_path)
    with directory.lock(), pytest.raises(InvalidData, match="another process is running"):
        directory.lock()
    directory.lock().close()


def test_a_line_that_is_no_trial_is_named(tmp_path: Path) -> None:
    directory = run_directory(tmp_path, "a")
    with (directory.path / "trials.jsonl").open("a") as file:
        file.write('{"item": 1}\n')
    with pytest.raises(InvalidData, match=r"trials.jsonl:3: is not a trial"):
        list(directory.trials())


def test_a_run_obeys_its_published_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """run.json, each trial and each verdict pass the JSON Schemas that ship with the package."""
    monkeypatch.setattr("sys.argv", ["ppbench", "run", "-e", "offline", "-q", "-n", "3", "-o", str(tmp_path / "out")])
    main()
    folder = Path(ppbench.__file__).parent / "schemas"
    for name, lines in {
        "run": [(tmp_path / "out/run.json").read_text()],
        "trial": (tmp_path / "out/trials.jsonl").read_text().splitlines(),
        "verdict": (tmp_path / "out/verdicts.jsonl").read_text().splitlines(),
    }.items():
        rules = jsonschema.Draft202012Validator(json.loads((folder / f"{name}.schema.json").read_text()))
        assert lines
        for line in lines:
            rules.validate(json.loads(line))


def test_a_torn_verdict_takes_its_trial_with_it(tmp_path: Path) -> None:
    """The verdicts of a trial are kept whole or not at all."""
    directory = run_directory(tmp_path)
    one, two = trial("a", "serial"), trial("a", "sot")
    records = [encode_verdict(t, "j", Verdict(c, 1.0)) for t in (one, two) for c in ("x", "y")]
    directory.append_verdicts(records)
    file = directory.path / "verdicts.jsonl"
    whole = file.read_bytes()
    assert directory.drop_tail("verdicts.jsonl", directory.verdict_ends()) == 0
    file.write_bytes(whole[:-3])
    directory.drop_tail("verdicts.jsonl", directory.verdict_ends())
    assert [record["decomposer"] for record in directory.verdicts()] == ["serial", "serial"]


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ("[]", "holds no object"),
        ('{"format": 1}', "options is missing"),
        ('{"format": 1, "options": 3}', "options is no object"),
        (json.dumps({**WHOLE, "clock": "sundial"}), "clock is 'sundial', not one of native"),
        (json.dumps({**WHOLE, "items": [{"id": 3}]}), r"items\[0\]: id is no text"),
        (json.dumps({**WHOLE, "conditions": {}}), "repeats is missing"),
    ],
)
def test_a_damaged_record_is_refused_with_the_field(tmp_path: Path, record: str, complaint: str) -> None:
    """Not with a traceback, whatever the file holds."""
    (tmp_path / "run.json").write_text(record)
    with pytest.raises(InvalidData, match=complaint):
        _ = RunDirectory(tmp_path).run
