"""The mock's latency model, and the profiles that set it.

    time to first token = first_token_ms + input_token_ms x uncached input tokens
    time between tokens = token_ms

each multiplied by a log-normal factor exp(sigma z), drawn from the seed and the whole request, its system text
included. A leading part of the input counts as cached once a request with the same leading part has shown its first
token; cached parts are counted in blocks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ppbench import UsageError
from ppbench_plugins.mock.filler import chance
from ppbench_plugins.mock.oracle import Ask, Habits
from ppbench_plugins.mock.tokens import tokens

MS = 1_000_000
_BLOCK = 64
"""Input tokens that are cached together; servers use blocks of 16 to 128."""


@dataclass(frozen=True)
class Latency:
    first_token_ms: float = 40.0
    input_token_ms: float = 0.0
    token_ms: float = 2.0
    sigma: float = 0.0
    """Spread of the log-normal jitter."""
    max_tokens: int = 150
    """A reply ends here with finish reason `length`."""


@dataclass(frozen=True)
class Profile:
    """A mock model: how it behaves and how long it takes."""

    name: str
    latency: Latency = Latency()
    habits: Habits = field(default_factory=Habits)
    serial_s: Mapping[str, float] = field(default_factory=dict)
    """By category, the mean seconds that its prompts are to take in one call: the time a token is fitted to that."""


def load_profile(name: str) -> Profile:
    """A packaged profile, with changes after a question mark: `quick?item_error=0.1&token_ms=5`. Raises UsageError."""
    base, _, changes = name.partition("?")
    folder = Path(__file__).parent / "profiles"
    have = sorted(path.stem for path in folder.glob("*.json"))
    if base not in have:
        raise UsageError(f"unknown mock model {'mock/' + base!r}; have: {', '.join('mock/' + h for h in have)}")
    values = json.loads((folder / f"{base}.json").read_text(encoding="utf-8"))
    for change in filter(None, changes.split("&")):
        key, _, value = change.partition("=")
        values[key] = value
    serial_s = values.pop("serial_s", {})
    return Profile(name, _fill(Latency, values, name), _fill(Habits, values, name), serial_s)


def pace(model: str) -> dict[str, float] | None:
    """Seconds to a first token, between tokens and for a token read, of a mock model; None where they depend on the prompt,
    and for any other model."""
    provider, _, name = model.partition("/")
    if provider != "mock" or (profile := load_profile(name)).serial_s:
        return None
    latency = profile.latency
    return {"ttft": latency.first_token_ms / 1000, "tok": latency.token_ms / 1000, "read": latency.input_token_ms / 1000}


def _fill(kind: Any, values: dict[str, Any], name: str) -> Any:
    known: dict[str, Any] = {f.name: f.default for f in fields(kind)}
    unknown = set(values) - {f.name for part in (Latency, Habits) for f in fields(part)} - {"description"}
    if unknown:
        raise UsageError(f"mock/{name}: unknown knob {sorted(unknown)[0]!r}; have: "
                         f"{', '.join(f.name for part in (Latency, Habits) for f in fields(part))}")  # fmt: skip
    try:
        return kind(**{key: type(default)(values[key]) for key, default in known.items() if key in values})
    except ValueError as error:
        raise UsageError(f"mock/{name}: {error}") from None


@dataclass(frozen=True)
class Timing:
    """When each output token of a reply is there, in nanoseconds from the request's arrival."""

    pieces: tuple[str, ...]
    offsets_ns: tuple[int, ...]
    tokens_in: int
    tokens_cached: int
    finish: str


@dataclass
class Clockwork:
    """Times replies by a latency model; remembers which leading parts of inputs are cached, and from when."""

    latency: Latency
    seed: int = 0
    _warm: dict[int, int] = field(default_factory=dict)

    def time(self, ask: Ask, answer: str, now_ns: int, max_tokens: int | None = None, stretch: float = 1.0) -> Timing:
        """Token pieces of an answer with their instants. `now_ns` is when the request arrived; `stretch` multiplies the
        time between tokens."""
        model, dice = self.latency, chance("latency", self.seed, ask.system, ask.text, ask.prefix or "")
        read = tokens(f"{ask.system}\n{ask.text}{ask.prefix or ''}")
        cached = self._cached(read, now_ns)
        limit = min(model.max_tokens, max_tokens or model.max_tokens)
        pieces = tokens(answer)
        finish = "length" if len(pieces) > limit else "stop"
        at = (model.first_token_ms + model.input_token_ms * (len(read) - cached)) * MS * dice.lognormvariate(0, model.sigma)
        offsets = []
        for _ in pieces[:limit] or [""]:
            offsets.append(int(at))
            at += stretch * model.token_ms * MS * dice.lognormvariate(0, model.sigma)
        self._remember(read, now_ns + offsets[0])
        return Timing(tuple(pieces[:limit]), tuple(offsets), len(read), cached, finish)

    def _blocks(self, read: list[str]) -> list[int]:
        """One key for each leading run of whole blocks."""
        keys = [0]
        for end in range(_BLOCK, len(read) + 1, _BLOCK):
            keys.append(hash((keys[-1], *read[end - _BLOCK : end])))
        return keys[1:]

    def _cached(self, read: list[str], now_ns: int) -> int:
        count = 0
        for block in self._blocks(read):
            if self._warm.get(block, now_ns + 1) > now_ns:
                break
            count += _BLOCK
        return count

    def _remember(self, read: list[str], at_ns: int) -> None:
        for block in self._blocks(read):
            self._warm[block] = min(at_ns, self._warm.get(block, at_ns))
        while len(self._warm) > 100_000:
            self._warm.pop(next(iter(self._warm)))
