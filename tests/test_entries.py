"""Entries: what packing keeps and leaves behind, and what a check refuses."""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ppbench.board import packing
from ppbench.board.derived import Records
from ppbench.board.entry import ENTRY, RUN, TRIALS, VERDICTS, About, document, records_of, text_of, written
from ppbench.board.files import read_entry
from ppbench.board.identity import OWN, board_of, suite_of
from ppbench.board.keys import key_like
from ppbench.cli import main
from ppbench.commands.leaderboard import _gold
from ppbench.errors import InvalidData
from ppbench.prices import Prices
from ppbench.store import RunDirectory, encode_trial
from ppbench.trace import Transport

ABOUT = About("CC0-1.0", ("A. Author",), ("https://example.org/method",), "a note")
GOLD = _gold()
Edit = Callable[[Any], None]


def run(folder: Path, *arguments: str) -> Records:
    sys.argv = ["ppbench", "run", "-e", "offline", "-q", "-o", str(folder), *arguments]
    main()
    directory = RunDirectory(folder)
    trials = json.loads(json.dumps([encode_trial(trial) for trial in directory.trials()]))
    return Records(directory.run, trials, list(directory.verdicts()))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return run(tmp_path_factory.mktemp("runs") / "whole", "-d", "schema:source=rules", "-d", "truncator")


@pytest.fixture(scope="module")
def files(records: Records) -> dict[str, bytes]:
    return packing.pack(records, ABOUT, gold=GOLD, prices=Prices.load())


def checked(files: dict[str, bytes], **options: Any) -> str:
    return "\n".join(packing.check(files, gold=GOLD, **options))


def edited(files: dict[str, bytes], name: str, edit: Edit) -> dict[str, bytes]:
    """The entry with one of its files changed and everything else as it was."""
    if name.endswith(".xz"):
        rows = [json.loads(line) for line in text_of(files, name).splitlines()]
        edit(rows)
        return {**files, name: lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode())}
    value = document(files, name)
    edit(value)
    return {**files, name: json.dumps(value).encode()}


def test_an_entry_of_a_whole_run_is_consistent(files: dict[str, bytes]) -> None:
    """It stands on a board of its own, of the mock; the same records give the same bytes."""
    assert checked(files) == ""
    said = document(files, ENTRY)
    assert said["board"] == {"mock": True, "model": "mock/quick", "suite": "smoke", "version": "1", "clock": "virtual",
                             "load": "-j 1, 64 in flight"}  # fmt: skip
    assert [row["decomposer"] for row in said["scores"]] == ["serial", "schema:source=rules", "truncator"]
    assert written(said, records_of(files), None) == files


def _speedup(said: Any) -> None:
    said["scores"][1]["raw_speedup"] += 0.01


def _category(said: Any) -> None:
    said["by"]["category"]["translation"][1]["failures"] = 7


def _cost(said: Any) -> None:
    said["costs"]["methods"][0]["usd"] = 0.5


def _verdict(said: Any) -> None:
    said["scores"][2]["verdict"] = "faster and not worse"


def _real(said: Any) -> None:
    said["board"]["mock"] = False


@pytest.mark.parametrize("edit", [_speedup, _category, _cost, _verdict, _real])
def test_a_number_that_does_not_follow_from_the_records_is_refused(files: dict[str, bytes], edit: Edit) -> None:
    """The refusal names the place, what stands there, and what the records give."""
    assert "the records give" in checked(edited(files, ENTRY, edit))


def _faster(rows: Any) -> None:
    trace = rows[1]["trace"]
    trace["ended_ns"] = trace["started_ns"] + (trace["ended_ns"] - trace["started_ns"]) // 2


def _dropped(rows: Any) -> None:
    del rows[4]


def _twice(rows: Any) -> None:
    rows.append(rows[0])


def _prompt(rows: Any) -> None:
    next(row for row in rows if row["decomposer"] == "serial")["trace"]["spans"][0]["request"]["text"] = "easier"


def _clock(rows: Any) -> None:
    rows[0]["trace"]["spans"][0]["reply"]["stamp"] = "kernel"


def _header(rows: Any) -> None:
    reply = rows[0]["trace"]["spans"][0]["reply"]
    reply["transport"] = asdict(Transport(rate_limits={"x-ratelimit-key": "0123456789abcdef" * 3}))


def _unclean(rows: Any) -> None:
    rows[0]["trace"]["spans"][0]["reply"]["connect_ns"] = 5


def _torn(rows: Any) -> None:
    rows[0]["trace"]["spans"] = 7


@pytest.mark.parametrize(("edit", "reason"), [
    (_faster, "outside the time of its trial"), (_dropped, "incomplete: prompt"), (_twice, "stands twice"),
    (_prompt, "something else than prompt"), (_clock, "stamps of another clock"), (_header, "holds a long token"),
    (_unclean, "try 1 lacks serial"), (_torn, "trials.jsonl.xz:1: $.trace.spans"),
])  # fmt: skip
def test_trials_that_are_not_one_whole_run_are_refused(files: dict[str, bytes], edit: Edit, reason: str) -> None:
    assert reason in checked(edited(files, TRIALS, edit))


def test_trials_of_another_run_are_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    """A block that was answered elsewhere bears another mark, whatever its figures."""
    other = run(tmp_path / "other", "--seed", "1", "-d", "schema:source=rules", "-d", "truncator")
    item = other.trials[0]["item"]

    def swap(rows: Any) -> None:
        rows[:] = [row for row in rows if row["item"] != item] + [row for row in other.trials if row["item"] == item]

    assert "does not bear this run's mark" in checked(edited(files, TRIALS, swap))


def test_verdicts_that_are_left_out_are_missed(files: dict[str, bytes]) -> None:
    """Those of a trial, those of a control, and those of a whole judge."""

    def without(drop: Callable[[Any], bool]) -> str:
        def edit(rows: Any) -> None:
            rows[:] = [row for row in rows if not drop(row)]

        return checked(edited(files, VERDICTS, edit))

    assert "judge structure has no verdict on 1 of" in without(
        lambda row: (
            (row["item"], row["decomposer"], row["judge"], "control" in row) == ("gc-002", "truncator", "structure", False)
        )
    )
    assert "has no verdict on" in without(lambda row: row.get("control") == "constant")
    assert "judge reference has no verdict" in without(lambda row: row["judge"] == "reference")


def test_verdicts_on_a_whole_prompt_are_missed_where_others_of_its_kind_have_them(tmp_path: Path) -> None:
    """Leaving a prompt out for all methods alike is seen: there are two of each category and language, and one is judged."""
    whole = run(tmp_path / "run", "--suite", "multilingual", "-d", "truncator")
    item = next(item["id"] for item in whole.run["items"] if item["category"] == "translation")
    kept = replace(whole, verdicts=[record for record in whole.verdicts if record["item"] != item])
    with pytest.raises(InvalidData, match=f"no verdict on .* the first .*{item}"):
        packing.pack(kept, ABOUT, gold=GOLD, prices=Prices.load())


def _limited(said: Any) -> None:
    said["options"]["limit"] = 14


def _family(said: Any) -> None:
    said["items"][0]["family"] = "another"


def _digest(said: Any) -> None:
    said["items"][0]["digest"] = "0" * 16


def _serial(said: Any) -> None:
    said["methods"] = said["methods"][1:]


def _live(said: Any) -> None:
    said["timing"] = "live"


def _spec(said: Any) -> None:
    said["methods"].append({"spec": "truncator:", "given": False})
    said["methods"].append({"spec": "truncator:share", "given": False})


def _more(said: Any) -> None:
    said["verified"] = True


@pytest.mark.parametrize(("edit", "reason"), [
    (_limited, "limited (-n 14)"), (_spec, "is no spec"), (_family, "family, category"), (_digest, "not those of suite smoke"),
    (_serial, "serial pair is missing"), (_live, "mock model answered"), (_more, "unexpected"),
])  # fmt: skip
def test_a_record_that_is_not_of_a_whole_suite_is_refused(files: dict[str, bytes], edit: Edit, reason: str) -> None:
    assert reason in checked(edited(files, RUN, edit))


def test_nobody_verifies_their_own_entry(files: dict[str, bytes]) -> None:
    """`entry.json` has no field for it."""
    assert "verified" in checked(edited(files, ENTRY, _more))


def test_a_limited_run_is_not_packed(tmp_path: Path) -> None:
    """What the check would refuse is never written."""
    with pytest.raises(InvalidData, match="limited"):
        packing.pack(run(tmp_path / "r", "-n", "3", "-d", "truncator"), ABOUT, gold=GOLD, prices=Prices.load())


@pytest.mark.parametrize("text", [
    "sk-ant-api03-abcdefgh", "key sk-proj-abcDEF1234567890xyz", "AIzaSyA1234567890abcdefghijklmnop", "hf_" + "a1" * 15,
    "Authorization: Bearer abcdefghijklmnop1234", "https://me:secret@host.example/v1",
])  # fmt: skip
def test_what_looks_like_a_key_is_found(text: str, files: dict[str, bytes]) -> None:
    """In any file, compressed ones too, and the line that refuses does not repeat it."""

    def leak(rows: Any) -> None:
        rows[0]["trace"]["answer"] += text

    line = checked(edited(files, TRIALS, leak))
    assert "looks like" in line
    assert text not in line


def test_ordinary_words_are_no_keys() -> None:
    for text in ("a risk-management-plan-for-2026 and task-oriented-dialogue-systems", "sk-learn", "the bearer of good news"):
        assert key_like(text) == ""


def test_the_values_of_own_keys_are_found(files: dict[str, bytes]) -> None:
    assert "*_API_KEY" in checked(files, own_keys=["truncator"])


def test_a_packed_bomb_is_not_unpacked_without_end(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Compressed records are unpacked up to a limit."""
    monkeypatch.setattr("ppbench.board.entry.LARGEST", 1 << 20)
    assert "unpacks to more than" in checked({**files, TRIALS: lzma.compress(b" " * (2 << 20))})


def test_of_own_prompts_only_hashes_travel(tmp_path: Path) -> None:
    """No text of a prompt, of an answer or of a name is in any file; the figures are the run's, and the check holds."""
    rows = [{"id": f"secret-{k}", "prompt": f"Translate to German, xyzzy:\n1. house {k}\n2. tree\n3. dog", "family": "plugh"}
            for k in range(3)]  # fmt: skip
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    own = run(tmp_path / "r", "--prompts", str(path), "-d", "schema:source=rules")
    assert suite_of(own.run)[0] == OWN
    files = packing.pack(own, ABOUT, gold=GOLD, prices=Prices.load())
    assert checked(files) == ""
    text = "".join(text_of(files, name) for name in files)
    assert not [word for word in ("xyzzy", "plugh", "secret-", str(tmp_path), "house", "tree") if word in text]
    assert document(files, ENTRY)["scores"][1]["pairs"] == 3


def test_boards_are_apart_by_load_and_by_what_calls_ask(records: Records) -> None:
    """Another -j, another number in flight, a shared cache, a system text: each is another board; an address is none."""
    run, conditions = records.run, records.run["conditions"]
    others = [
        {**run, "conditions": {**conditions, "concurrency": 8}}, {**run, "conditions": {**conditions, "nonce": ""}},
        {**run, "conditions": {**conditions, "system": "category"}}, {**run, "executor": "native:api=responses"},
        {**run, "options": {**run["options"], "max_in_flight": 4}}, {**run, "items": run["items"][:3]},
    ]  # fmt: skip
    assert len({board_of(one) for one in [run, *others]}) == len(others) + 1
    assert board_of({**run, "executor": "native:base_url=http://a,model=x"}).load == board_of(run).load


def test_submit_and_check_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An entry is written, checks, and is refused once a file is put beside its own or a figure is changed."""
    run(tmp_path / "run", "-d", "truncator")
    (tmp_path / "c.json").write_text('{"passed": true}')
    sys.argv = ["ppbench", "leaderboard", "submit", str(tmp_path / "run"), "-o", str(tmp_path / "mine"), "--author", "Me",
                "--conformance", str(tmp_path / "c.json")]  # fmt: skip
    main()
    sys.argv = ["ppbench", "leaderboard", "check", str(tmp_path / "mine")]
    main()
    assert "mine: consistent" in capsys.readouterr().out
    assert document(read_entry(tmp_path / "mine"), "conformance.json") == {"passed": True}
    (tmp_path / "mine/notes.txt").write_text("x")
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 5
    assert "plain files alone" in capsys.readouterr().out
