"""The README is true: its figures are reproduced, its code runs, its tree is the tree."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import readme

from ppbench.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = "".join(page.read_text(encoding="utf-8") for page in readme.PAGES)
SHOWN = re.findall(r"```text\n\$ (.+)\n((?:.*\n)*?)```", PAGES)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands of the pages are run, one after another: a later one may read what an earlier one wrote."""
    return tmp_path_factory.mktemp("pages")


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_shown_output_is_what_the_command_prints(
    command: str, shown: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each `$ ppbench ...` block is run, and prints what stands there."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    main()
    assert capsys.readouterr().out == shown


def test_every_command_exists(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each `ppbench NAME` of the README has a help page, and the options shown with it are in it."""
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("ppbench ")]
    named = re.findall(r"`ppbench ([a-z]+(?: mock| list)?)", README)
    for line in lines + [f"ppbench {name}" for name in named]:
        words = shlex.split(line, comments=True)[1:]
        path = [word for word in words[:2] if re.fullmatch("[a-z]+", word)]
        monkeypatch.setattr(sys, "argv", ["ppbench", *path, "--help"])
        main()
        text = capsys.readouterr().out
        for option in (word for word in words if word.startswith("-")):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{option} of: {line}"


def test_the_decomposer_of_the_readme_works(tmp_path: Path) -> None:
    """Laid out as the README says, it is listed and takes part in a run."""
    [code] = blocks("python")
    [entry] = blocks("toml")
    (tmp_path / "halves.py").write_text(code)
    info = tmp_path / "halves-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: halves\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ppbench]\n" + entry.splitlines()[1].replace('"', "") + "\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from ppbench.cli import main; main()"
    run = "run -e offline -d halves:least=3 -n 3 -q".split()
    done = subprocess.run(
        [sys.executable, "-c", program, *run], cwd=tmp_path, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert "\nhalves:least=3 " in done.stdout


def tree() -> list[str]:
    """Paths of the README's tree."""
    [text] = [block for block in blocks("text") if block.startswith("pyproject.toml")]
    paths, folder = [], ""
    for line in text.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
        paths.append(name if not line.startswith(" ") else folder + name)
    return paths


def test_the_tree_is_the_tree() -> None:
    """Each path of the tree exists; each tracked top-level entry and each module of core and built-ins is in it."""
    listed = set(tree())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    top = {path.split("/")[0] + ("/" if "/" in path else "") for path in tracked if path}
    here = {f"{folder}/{entry.name}{'/' if entry.is_dir() else ''}" for folder in ("ppbench", "plugins/ppbench_plugins")
            for entry in (ROOT / folder).iterdir()}  # fmt: skip
    built = {path for path in here if "__pycache__" in path or "_engine" in path or path.endswith("plugins/__init__.py")}

    assert [path for path in listed if not (ROOT / path).exists()] == []
    assert here - built - listed == set()
    assert top - {"plugins/", ".gitignore", ".ci/"} - listed == set()


def test_every_hook_and_exit_code_is_in_the_docs() -> None:
    """Four hooks are said to be, and each exit code that an error can have is explained."""
    from ppbench import errors

    codes = {
        error.exit_code for error in vars(errors).values() if isinstance(error, type) and error.__module__ == errors.__name__
    }
    explained = {int(code) for code in re.findall(r"\s(\d)(?=\s[a-z])", README[README.index("Exit codes:") :][:400])}
    assert codes - {1, 4} <= explained


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
