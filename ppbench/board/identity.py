"""Which board an entry stands on: model, suite and its version, load level. Derived from the run's record alone.

Never believes what an entry says of itself. Knows no row and no figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ppbench.costs import model_of
from ppbench.specs import split_spec
from ppbench.tasks import suites

IN_FLIGHT = 64
"""Requests in flight at most, where a run did not say."""
_NEUTRAL = frozenset({"model", "base_url", "timeout", "idle_timeout", "max_reply_mb", "prompts", "max_in_flight", "key_env"})
"""Options of an executor that make no other load and no other request; any other one makes another board."""


@dataclass(frozen=True, order=True)
class Board:
    """Rows stand beside one another only if all of this is the same. Boards of real models sort first."""

    mock: bool
    """Answered by the mock model: shows that the tool works, not what a model does."""
    model: str
    suite: str
    version: str
    """Of the suite; of own prompts their fingerprint."""
    clock: str
    load: str
    """What all calls of the run met, in words."""

    @property
    def title(self) -> str:
        return f"{self.model}, {self.suite} {self.version}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


OWN = "own prompts"
"""What stands for the suite of a run on anybody's own prompts, of which no text is kept."""


def suite_of(run: Mapping[str, Any]) -> tuple[str, str]:
    """Name and version of the bundled suite that a run's prompts are, by their fingerprints; else `own prompts`."""
    digest = hashlib.sha256("".join(item["digest"] for item in run["items"]).encode()).hexdigest()[:16]
    for name, suite in suites().items():
        if suite["digest"] == digest and suite["items"] == [item["id"] for item in run["items"]]:
            return name, str(suite["version"])
    return OWN, digest


def is_mock(run: Mapping[str, Any]) -> bool:
    """Whether anything in the record says that no model answered."""
    names = (model_of(run), run["endpoint"], str(run["options"].get("model") or ""))
    return run["timing"] != "live" or run["clock"] == "virtual" or any(name.startswith("mock/") for name in names)


def board_of(run: Mapping[str, Any]) -> Board:
    suite, version = suite_of(run)
    return Board(is_mock(run), model_of(run), suite, version, run["clock"], _load(run))


def _load(run: Mapping[str, Any]) -> str:
    conditions, (executor, options) = run["conditions"], split_spec(run["executor"])
    flight = options.get("max_in_flight") or run["options"].get("max_in_flight") or IN_FLIGHT
    words = [f"-j {conditions['concurrency']}", f"{flight} in flight"]
    words += [f"{conditions[name]} {unit} a minute" for name, unit in (("max_rpm", "requests"), ("max_tpm", "tokens"))
              if conditions.get(name)]  # fmt: skip
    words += ["cache shared"] * (not conditions["nonce"]) + [f"system {conditions['system']}"] * bool(conditions["system"])
    words += [f"{executor} {name}={value}" for name, value in sorted(options.items()) if name not in _NEUTRAL]
    return ", ".join(words)
