"""`--plugin PATH`: a file beside the installed plugins, in every command that loads them, and on record."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from pathlib import Path

import pytest
from outside import method, ppbench_with

from ppbench.cli import main
from ppbench.plugins import FILES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text("from __future__ import annotations\n" + method("from-a-file"))
    return path


def test_a_file_is_listed_and_shown_with_its_path_and_digest(file: Path) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    listed = json.loads(ppbench_with(file.parent, *"plugins list --json --plugin mine.py".split()).stdout)
    [row] = [row for row in listed["components"] if row["name"] == "from-a-file"]
    shown = ppbench_with(file.parent, *"plugins show from-a-file --plugin mine.py".split()).stdout

    assert (row["distribution"], row["version"]) == (str(file), f"sha256:{digest}")
    assert re.search(r"size +int +3", shown)
    assert "Sends the prompt as it is." in shown
    assert f"of {file} sha256:{digest}" in shown


def test_a_run_records_the_file_and_resumes_with_it_alone(file: Path) -> None:
    """The line that resumes names the file; without it, or with another content, the run does not go on."""
    run = "run -e offline -q -d from-a-file --plugin mine.py -o out -n 4"
    done = ppbench_with(file.parent, *run.split(), "--max-total-tokens", "300")
    versions = json.loads((file.parent / "out/run.json").read_text())["versions"]
    [line] = re.findall(r"Go on with: ppbench (.*)", done.stderr)

    assert done.returncode == 4
    assert versions[str(file)] == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert f"--plugin {file}" in line
    assert ppbench_with(file.parent, *"run --resume out -q".split()).returncode == 2
    source = file.read_text()
    file.write_text(source + "\n")
    changed = ppbench_with(file.parent, *line.split(), "-q")
    assert (changed.returncode, str(file) in changed.stderr) == (5, True)
    file.write_text(source)
    assert ppbench_with(file.parent, *"run --resume out -q --plugin mine.py".split()).returncode == 0
    assert ppbench_with(file.parent, *"judge out --plugin mine.py".split()).returncode == 0


def test_ask_and_plan_take_it(file: Path) -> None:
    for command in ("ask hello -d from-a-file -e offline --plugin mine.py", "plan hello -d from-a-file --plugin mine.py"):
        assert ppbench_with(file.parent, *command.split()).returncode == 0


def test_a_category_of_a_file_reaches_the_mock_endpoint_too(tmp_path: Path) -> None:
    """The endpoint is a process of its own, and knows the prompts all the same."""
    row = {"id": "x-1", "text": "Say the colour:\n- sky\n- grass", "language": "en", "category": "hues", "family": "x-1",
           "schema": {"template": "Say the colour: {data}", "context": None, "data": ["sky", "grass"]},
           "reference": [["blue"], ["green"]], "splittable": True, "source": "test"}  # fmt: skip
    (tmp_path / "hues.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "hues.py").write_text(
        "from pathlib import Path\nfrom ppbench import Category, hookimpl\n@hookimpl\ndef ppbench_categories():\n"
        "    path = str(Path(__file__).with_name('hues.jsonl'))\n"
        "    return [Category('hues', 'Hues', kind='data', metric='exact', prompts=path)]\n"
    )
    done = ppbench_with(tmp_path, *"run -t hues -d schema:source=given --plugin hues.py -q --json".split())
    assert {row["reference"] for row in json.loads(done.stdout)["rows"]} == {1.0}


def test_a_broken_file_is_listed_and_in_the_way_of_what_it_was_named_for(tmp_path: Path) -> None:
    """Listed with its reason; a name that nothing else has is exit 6, with that reason; what is known works on."""
    (tmp_path / "bad.py").write_text("import nothing_of_that_name")
    listed = ppbench_with(tmp_path, *"plugins list --plugin bad.py".split())
    asked = ppbench_with(tmp_path, *"plan x -d mine --plugin bad.py".split())

    assert re.search(r"broken: bad \(.*bad\.py sha256:\w+\): ModuleNotFoundError", listed.stdout)
    assert asked.returncode == 6
    assert "nothing_of_that_name" in asked.stderr
    assert ppbench_with(tmp_path, *"plan x -d serial --plugin bad.py".split()).returncode == 0
    assert ppbench_with(tmp_path, *"plan x -d serial --plugin none.py".split()).returncode == 2


def test_the_file_is_gone_when_the_command_ends(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second command in the same process knows nothing of it."""
    monkeypatch.delenv(FILES, raising=False)
    monkeypatch.setattr(sys, "argv", ["ppbench", "plan", "x", "-d", "from-a-file", "--plugin", str(file)])
    main()
    assert FILES not in os.environ
    monkeypatch.setattr(sys, "argv", ["ppbench", "plan", "x", "-d", "from-a-file"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
