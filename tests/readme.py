"""Writes the output of each `$ command` block of the README into it again: `make readme`."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
PROGRAM = "from ppbench.cli import main; main()"


def rerun(match: re.Match[str]) -> str:
    arguments = shlex.split(match[1])[1:]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
        )
    return f"```text\n$ {match[1]}\n{done.stdout}```"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(re.sub(r"```text\n\$ (.+)\n(?:.*\n)*?```", rerun, text), encoding="utf-8")
