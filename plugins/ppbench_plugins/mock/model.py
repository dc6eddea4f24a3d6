"""The mock model as a whole: what it answers, and when. One way for the virtual clock and for real sockets."""

from __future__ import annotations

from collections.abc import Sequence

from ppbench import Item
from ppbench_plugins.mock.latency import Clockwork, Profile, Timing
from ppbench_plugins.mock.oracle import Ask, Oracle


class MockModel:
    """An oracle and a latency model, set by one profile."""

    def __init__(self, profile: Profile, items: Sequence[Item]) -> None:
        self._oracle = Oracle(items, profile.habits)
        self._clockwork = Clockwork(profile.latency, profile.habits.seed)

    def reply(self, ask: Ask, now_ns: int, *, max_tokens: int | None = None, stop: Sequence[str] = ()) -> Timing:
        """Token pieces of the reply, with their instants as offsets from `now_ns`, when the request arrived."""
        answer = self._oracle.answer(ask)
        cut = min((place for word in stop if word and (place := answer.find(word)) >= 0), default=len(answer))
        return self._clockwork.time(ask, answer[:cut], now_ns, max_tokens)
