"""Writes the output of each `$ command` block of the pages into them again: `make readme`."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATTERN = "```text\n$ "
FOLDERS = ("", "ppbench", "plugins", "tasks", "native", "leaderboard")
PAGES = sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("**/*.md" if folder else "*.md")
               if PATTERN in page.read_text(encoding="utf-8"))  # fmt: skip
"""Those that show what a command prints."""
PROGRAM = "from ppbench.cli import main; main()"


def rerun(match: re.Match[str], folder: str) -> str:
    arguments = shlex.split(match[1])[1:]
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return f"```text\n$ {match[1]}\n{done.stdout}```"


if __name__ == "__main__":
    for page in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            text = page.read_text(encoding="utf-8")
            made = re.sub(r"```text\n\$ (.+)\n(?:.*\n)*?```", lambda match: rerun(match, folder), text)
            page.write_text(made, encoding="utf-8")
