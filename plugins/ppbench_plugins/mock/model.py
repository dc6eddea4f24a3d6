"""The mock model as a whole: what it answers, and when. One way for the virtual clock and for real sockets."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from ppbench import Item
from ppbench_plugins.mock.latency import Clockwork, Profile, Timing
from ppbench_plugins.mock.oracle import Ask, Oracle
from ppbench_plugins.mock.tokens import tokens


class MockModel:
    """An oracle and a latency model, set by one profile."""

    def __init__(self, profile: Profile, items: Sequence[Item]) -> None:
        self._oracle = Oracle(items, profile.habits)
        self._clockwork = Clockwork(profile.latency, profile.habits.seed)
        self._stretch = {name: self._fit(profile, [item for item in items if item.category == name], seconds)
                         for name, seconds in profile.serial_s.items()}  # fmt: skip

    def reply(self, ask: Ask, now_ns: int, *, max_tokens: int | None = None, stop: Sequence[str] = ()) -> Timing:
        """Token pieces of the reply, with their instants as offsets from `now_ns`, when the request arrived."""
        answer = self._oracle.answer(ask)
        cut = min((place for word in stop if word and (place := answer.find(word)) >= 0), default=len(answer))
        stretch = self._stretch.get(self._oracle.solves(ask), 1.0) if self._stretch else 1.0
        return self._clockwork.time(ask, answer[:cut], now_ns, max_tokens, stretch)

    def _fit(self, profile: Profile, items: Sequence[Item], seconds: float) -> float:
        """By how much a token must take longer, so that these prompts take so many seconds each, on average, in one call:
        each token of the mock's short answers stands for so many of a real model's."""
        gaps = [len(tokens(self._oracle.answer(Ask(item.text)))) - 1 for item in items]
        spare_ms = 1000 * seconds - profile.latency.first_token_ms
        return spare_ms / (profile.latency.token_ms * fmean(gaps)) if any(gaps) else 1.0
