"""The author's path: what the page shows works as it stands, and what `plugins new` writes installs and conforms."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from outside import ppbench_with

PAGE = (Path(__file__).parents[1] / "plugins/README.md").read_text(encoding="utf-8")
CODE = {re.search(r"hookimpl\ndef ppbench_(\w+)", code)[1]: code  # type: ignore[index]
        for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)}  # fmt: skip


def test_the_decomposer_of_the_page_is_twenty_lines_that_work(tmp_path: Path) -> None:
    """Saved as the page says, each command of the page is carried out, and the method has its row beside the others."""
    (tmp_path / "lines.py").write_text(CODE["decomposers"])
    [commands] = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    done = [ppbench_with(tmp_path, *shlex.split(line)[1:]) for line in commands.splitlines()]

    assert len([line for line in CODE["decomposers"].splitlines() if line.strip()]) <= 20
    assert [one.returncode for one in done] == [0, 0, 0], done[-1].stderr
    assert json.loads((tmp_path / "conformance.json").read_text())["passed"]
    rows = [line.split()[0] for line in done[2].stdout.splitlines() if line]
    assert {"serial", "lines", "schema:source=rules", "sot"} <= set(rows)


@pytest.mark.parametrize(("kind", "name"), [("executors", "parrot"), ("judges", "brief")])
def test_the_other_plugins_of_the_page_conform(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text(CODE[kind])
    done = ppbench_with(tmp_path, *f"plugins test {name} --plugin {name}.py".split())
    assert done.returncode == 0, done.stdout


def test_the_category_of_the_page_runs(tmp_path: Path) -> None:
    row = {"id": "o-1", "text": "Opposites:\n- hot\n- wet", "language": "en", "category": "opposites", "family": "o-1",
           "schema": {"template": "The opposite of {data}", "context": None, "data": ["hot", "wet"]},
           "reference": [["cold"], ["dry"]], "splittable": True, "source": "test"}  # fmt: skip
    (tmp_path / "opposites.jsonl").write_text(json.dumps(row) + "\n")
    (tmp_path / "opposites.py").write_text(CODE["categories"])
    for command in ("plugins test opposites --plugin opposites.py", "run -e offline -q -t opposites --plugin opposites.py"):
        assert ppbench_with(tmp_path, *command.split()).returncode == 0


@pytest.mark.parametrize(("kind", "name"), [("decomposer", "my-method"), ("executor", "my-line"), ("judge", "my-view"),
                                            ("category", "my_words")])  # fmt: skip
def test_a_new_plugin_installs_conforms_and_passes_its_own_test(kind: str, name: str, tmp_path: Path) -> None:
    """Written, installed by pip into a folder, listed with its distribution, tested."""
    site, source = tmp_path / "site", tmp_path / "source"
    site.mkdir()
    assert ppbench_with(tmp_path, "plugins", "new", name, "--kind", kind, "-o", str(source)).returncode == 0
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    listed = json.loads(ppbench_with(site, "plugins", "list", "--json").stdout)["components"]
    tested = ppbench_with(site, "plugins", "test", name)

    assert (kind, name, f"ppbench-{name.replace('_', '-')}") in {(r["kind"], r["name"], r["distribution"]) for r in listed}
    assert tested.returncode == 0, tested.stdout
    assert json.loads((site / "conformance.json").read_text())["passed"]
    again = ppbench_with(site, "plugins", "new", name, "--kind", kind, "-o", str(tmp_path / "other"))
    assert (again.returncode, "names an installed" in again.stderr) == (2, True)


def test_the_test_that_is_written_passes(tmp_path: Path) -> None:
    """As its README says: pytest, in the folder that was written."""
    ppbench_with(tmp_path, "plugins", "new", "my-view", "--kind", "judge", "-o", "source")
    (tmp_path / "source/my_view-0.1.dist-info").mkdir()
    (tmp_path / "source/my_view-0.1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: my-view\nVersion: 0.1\n")
    entry = "[ppbench]\nmy-view = ppbench_my_view\n"
    (tmp_path / "source/my_view-0.1.dist-info/entry_points.txt").write_text(entry)
    code = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'tests']))"
    environment = {"PYTHONPATH": str(tmp_path / "source"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "source", env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["Bad", "a b", "../x", "a--b", "schema"])
def test_a_name_that_cannot_be_taken_is_refused(name: str, tmp_path: Path) -> None:
    assert ppbench_with(tmp_path, "plugins", "new", name).returncode == 2
    assert not [path for path in tmp_path.iterdir() if path.name != "__pycache__"]
