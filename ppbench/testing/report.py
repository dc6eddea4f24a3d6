"""What the kit found: checks with their reasons and figures, and the record that is kept of them. Checks nothing itself.

`conformance.json` obeys `schemas/conformance.schema.json`; a field is added with a new `format`, never renamed.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from ppbench.hookspecs import API
from ppbench.patience import TooSlow, within
from ppbench.plugins import Plugin

FORMAT = 1
SECONDS, ALL_SECONDS, LAST_SECONDS = 10.0, 60.0, 1.0
"""For one check, for all of them, and for one when those are used up: a component that hangs in each ends all the same."""

Figures = Mapping[str, int | float | str]


class Failed(Exception):
    """A check that did not pass: why, and what was measured."""

    def __init__(self, why: str, **figures: int | float | str) -> None:
        super().__init__(why)
        self.figures = figures


class Skipped(Exception):
    """A check that could not be made here."""


@dataclass(frozen=True)
class Check:
    name: str
    status: Literal["pass", "fail", "skip"]
    why: str = ""
    """Why it failed or was skipped."""
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All checks of one component."""

    kind: str
    spec: str
    plugin: Plugin
    checks: tuple[Check, ...]
    seconds: float

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if check.status == "fail"]

    @property
    def passed(self) -> bool:
        return not self.failed

    def to_json(self) -> dict[str, Any]:
        plugin = {"name": self.plugin.name, "distribution": self.plugin.distribution, "version": self.plugin.version}
        return {
            "format": FORMAT, "created": datetime.now(UTC).isoformat(timespec="seconds"), "ppbench": version("ppbench"),
            "api": API, "kind": self.kind, "spec": self.spec, "plugin": plugin, "passed": self.passed,
            "seconds": round(self.seconds, 2), "checks": [asdict(check) for check in self.checks],
            "environment": {"python": platform.python_version(), "platform": platform.platform()},
        }  # fmt: skip


def carry_out(checks: Iterable[tuple[str, Callable[[], Figures]]]) -> tuple[Check, ...]:
    """Make each check within its time; whatever it raises is its own failure."""
    until = time.monotonic() + ALL_SECONDS
    return tuple(_one(name, check, min(SECONDS, max(LAST_SECONDS, until - time.monotonic()))) for name, check in checks)


def _one(name: str, check: Callable[[], Figures], seconds: float) -> Check:
    try:
        with within(seconds):
            return Check(name, "pass", "", dict(check()))
    except Skipped as skipped:
        return Check(name, "skip", str(skipped))
    except Failed as failed:
        return Check(name, "fail", _line(str(failed)), dict(failed.figures))
    except TooSlow as slow:
        return Check(name, "fail", str(slow))
    except (Exception, SystemExit) as error:
        return Check(name, "fail", _line(f"{type(error).__name__}: {error}"))


def _line(text: str) -> str:
    """One line that any file can hold; it may hold words of a prompt."""
    return " ".join(text.encode("utf-8", "replace").decode().split())[:500]
