"""What tests of plugins share: packages laid out as if installed, and the command line in a process that sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def ppbench_with(site: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with one more folder of installed packages."""
    program = "from ppbench.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(site), **variables}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, cwd=site, capture_output=True, text=True, check=False
    )


def distribution(site: Path, name: str, entry: str, source: str, group: str = "ppbench", attribute: str = "") -> None:
    """Lay out an installed distribution by hand: one module and its entry point."""
    module = name.replace("-", "_")
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry} = {module}{attribute}\n")
    (site / f"{module}.py").write_text(source)


METHOD = '''\
from dataclasses import dataclass
from typing import ClassVar
from ppbench import Call, Plan, Prompt, hookimpl

@dataclass(frozen=True)
class Method:
    """Sends the prompt as it is."""
    name: ClassVar[str] = "NAME"
    size: int = 3

    def decompose(self, prompt: Prompt) -> Plan:
        BODY

@hookimpl
def ppbench_decomposers(): return [Method]
'''


def method(name: str, body: str = "return Plan.serial(prompt)") -> str:
    """The source of a plugin with one method."""
    return METHOD.replace("NAME", name).replace("BODY", body.replace("\n", "\n        "))
