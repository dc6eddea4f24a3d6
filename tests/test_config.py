"""Settings of a run: from the command line, the environment, a file, and the defaults; written down, and run again."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppbench.cli import main
from ppbench.commands.run import run
from ppbench.commands.settings import key_of, masked, options_of, to_toml


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line in an empty folder, with `c.toml` as given; returns stdout, stderr and the exit code."""
    monkeypatch.chdir(tmp_path)
    for option in options_of(run):
        monkeypatch.delenv(f"PPBENCH_{key_of(option).upper()}", raising=False)

    def call(*arguments: str, file: str | None = None, **environment: str) -> tuple[str, str, int]:
        if file is not None:
            Path("c.toml").write_text(file, encoding="utf-8")
        monkeypatch.setattr(sys, "argv", ["ppbench", *arguments])
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as ended:
                return *capsys.readouterr(), int(ended.code or 0)
        return *capsys.readouterr(), 0

    return call


def shown(cli: Any, *arguments: str, file: str | None = None, **environment: str) -> dict[str, tuple[Any, str]]:
    out, err, code = cli("config", "show", "--json", *arguments, file=file, **environment)
    assert code == 0, err
    return {row["name"]: (row["value"], row["source"]) for row in json.loads(out)["settings"]}


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_default(cli: Any) -> None:
    """Each value is shown with where it came from."""
    file = 'seed = 1\nrepeats = 1\nlimit = 1\nexecutor = "offline"\n'
    found = shown(cli, "-c", "c.toml", "--seed", "3", file=file, PPBENCH_SEED="2", PPBENCH_REPEATS="2")
    assert found["seed"] == (3, "command line")
    assert found["repeats"] == (2, "environment PPBENCH_REPEATS")
    assert found["limit"] == (1, "c.toml")
    assert found["cache"] == ("trial", "default")


def test_every_option_has_a_variable_and_a_place_in_a_file(cli: Any) -> None:
    """All but `resume`, which says what else is read; a file that holds all of them is taken."""
    of_type = {"integer range": 1, "integer": 1, "float range": 0.5, "boolean": True}
    values: dict[str, Any] = {}
    for option in options_of(run):
        if key_of(option) in ("config", "resume"):
            continue
        assert option.envvar == f"PPBENCH_{key_of(option).upper()}"
        some: Any = of_type.get(option.type.name, getattr(option.type, "choices", ("x",))[-1])
        values[option.name or ""] = [some] if option.multiple else some
    found = shown(cli, "-c", "c.toml", file=to_toml(run, values, "all"))
    hidden = {"suite", "task"} & {name for name, (_, source) in found.items() if "hidden" in source}
    assert {name for name, (_, source) in found.items() if source == "c.toml"} >= {
        key_of(option) for option in options_of(run) if option.name in values
    } - hidden - {"json"}


def test_lists_come_from_a_file_and_from_the_environment(cli: Any) -> None:
    """In the environment they are apart by spaces."""
    assert shown(cli, "-c", "c.toml", file='decomposer = ["sot", "dag"]')["decomposer"] == (["sot", "dag"], "c.toml")
    assert shown(cli, PPBENCH_DECOMPOSER="sot dag")["decomposer"][0] == ["sot", "dag"]


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("sed = 1", "c.toml: unknown key 'sed' (did you mean seed?); known: base_url, by,"),
        ("api_key = 'hunter2hunter2'", "unknown key 'api_key'"),
        ("seed = 1.5", "c.toml: seed is a number; give a whole number"),
        ("seed = true", "c.toml: seed is true or false; give a whole number"),
        ("limit = 0", "c.toml: limit: 0 is not in the range x>=1"),
        ("quiet = 'yes'", "c.toml: quiet is a text; give true or false"),
        ("cache = 'no'", "c.toml: cache: 'no' is not one of"),
        ("max_cost = nan", "--max-cost is nan"),
        ("decomposer = 'sot'", "c.toml: decomposer is a text; give a list of texts"),
        ("decomposer = ['sot', 3]", "c.toml: decomposer[1] is a whole number; give a text"),
        ("decomposer = []\nmethod = []", "c.toml: method stands twice"),
        ("[run]\nseed = 1", "c.toml: unknown key 'run'"),
        ("resume = 'out'", "resume cannot stand in a file; give --resume on the command line"),
        ("seed = 1979-05-27", "c.toml: seed is a date or a time"),
        ("seed = ", "c.toml is not TOML"),
    ],
)
def test_a_file_that_is_wrong_gets_one_clear_message(cli: Any, file: str, complaint: str) -> None:
    """File, key, what is known; never a value that may be a secret; exit 2."""
    _, err, code = cli("run", "-c", "c.toml", "-e", "offline", file=file)
    assert code == 2
    assert complaint in err
    assert "hunter2" not in err
    assert "Traceback" not in err


def test_a_file_that_is_not_there_and_a_wrong_variable_are_named(cli: Any) -> None:
    """Exit 2; the variable, not an option that nobody wrote."""
    assert "cannot read nowhere" in cli("run", "-c", "nowhere")[1]
    _, err, code = cli("run", PPBENCH_SEED="x")
    assert (code, "environment variable PPBENCH_SEED" in err) == (2, True)


def test_prompts_of_the_nearer_source_hide_those_of_the_farther(cli: Any) -> None:
    """A suite in the file gives way to a task on the command line; two on one command line are refused as before."""
    found = shown(cli, "-c", "c.toml", "-t", "translation", file='suite = "smoke"')
    assert found["suite"] == (None, "c.toml, hidden by --task")
    assert "give one of" in cli("run", "--suite", "smoke", "-t", "translation", "-e", "offline")[1]


def test_paths_stand_beside_the_file(cli: Any, tmp_path: Path) -> None:
    """Wherever the command is called from."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/c.toml").write_text('prompts = "mine.jsonl"')
    assert shown(cli, "-c", "sub/c.toml")["prompts"][0] == str(tmp_path / "sub/mine.jsonl")


def test_a_run_writes_its_settings_and_they_repeat_it(cli: Any, tmp_path: Path) -> None:
    """From the config.toml of a run comes the same run, byte for byte on the virtual clock, and the same config.toml."""
    file = 'executor = "offline"\nlimit = 2\nseed = 5\ndecomposer = ["top:breadth=2"]\nmax_cost = 3\n'
    assert cli("run", "-c", "c.toml", "-o", "a", "-q", file=file)[2] == 0
    assert cli("run", "-c", "a/config.toml", "-o", "b", "-q")[2] == 0
    for name in ("trials.jsonl", "verdicts.jsonl", "config.toml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    written = tomllib.loads((tmp_path / "a/config.toml").read_text(encoding="utf-8"))
    assert (written["seed"], written["max_cost"]) == (5, 3.0)
    assert {"output_dir", "quiet", "format"}.isdisjoint(written)


def test_a_resumed_run_keeps_what_it_was_started_with(cli: Any) -> None:
    """The environment does not change it; a file that is named now and differs is refused."""
    cli("run", "-e", "offline", "-n", "1", "-d", "serial", "-o", "out", "-q")
    assert cli("run", "--resume", "out", "-q", PPBENCH_SEED="9")[2] == 0
    _, err, code = cli("run", "--resume", "out", "-q", "-c", "c.toml", file="seed = 9")
    assert (code, "was started with seed = 0, not 9" in err) == (5, True)


def test_a_run_that_is_older_than_an_option_is_resumed_without_it(cli: Any) -> None:
    """What its record does not name has its default, not what the environment says."""
    cli("run", "-e", "offline", "-n", "1", "-d", "serial", "-o", "out", "-q")
    record = json.loads(Path("out/run.json").read_text(encoding="utf-8"))
    for name in ("noise", "max_in_flight", "max_rpm", "task"):
        assert record["options"].pop(name) in (False, None, [])
    before = Path("out/trials.jsonl").read_bytes()
    Path("out/run.json").write_text(json.dumps(record), encoding="utf-8")
    _, err, code = cli("run", "--resume", "out", "-q", PPBENCH_NOISE="1")
    assert code == 0, err
    assert Path("out/trials.jsonl").read_bytes() == before


def test_secrets_are_masked(cli: Any) -> None:
    """Keys of the environment, parts of an address, options that are named like one."""
    out, _, _ = cli("config", "show", "--base-url", "http://me:hush@h/v1?sig=hush", "-e", "x:key=hush",
                    OPENAI_API_KEY="hush-hush-hush", PPBENCH_MODEL="m/hush-hush-hush", PPBENCH_SEEDS="1")  # fmt: skip
    assert "hush" not in out
    assert "OPENAI_API_KEY: set (masked)" in out
    assert "did you mean PPBENCH_SEED?" in out
    assert masked("schema:max_tokens=5,tok=0.1") == "schema:max_tokens=5,tok=0.1"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_written_is_read_again(several: list[str], one: str) -> None:
    """Any text, control characters and quotes included."""
    text = to_toml(run, {"decomposers": several, "model": one, "seed": -3, "max_cost": 1e-9, "skip_bad": True}, "x")
    assert tomllib.loads(text) == {"decomposer": several, "model": one, "seed": -3, "max_cost": 1e-9, "skip_bad": True}
