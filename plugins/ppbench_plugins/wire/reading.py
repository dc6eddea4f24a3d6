"""What is answered: a stream of events, or a reply in one piece, made into text, counts and how it ended.

The same for every dialect; what an event holds is told by the dialect's module.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jiter

from ppbench import Failure
from ppbench_plugins.wire.dialects import SPEECH
from ppbench_plugins.wire.failures import failure, failure_in, failure_of
from ppbench_plugins.wire.shapes import DONE
from ppbench_plugins.wire.targets import Target


@dataclass(frozen=True)
class Answer:
    """What a reply says, without its times. What came before a failure is kept."""

    text: str = ""
    pieces: tuple[int, ...] = ()
    """Places of the events that brought visible text: no role, no ping, no reasoning, nothing empty."""
    tokens_in: int | None = None
    """With cached ones, in every dialect."""
    tokens_out: int | None = None
    """With reasoning, in every dialect."""
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    finish: str | None = None
    failure: Failure | None = None


_DONE = DONE.encode()
Payload = bytes | str | Mapping[str, Any]


def text_of(target: Target, event: Payload) -> str:
    """The visible text that one event of a stream brings."""
    try:
        return SPEECH[target.dialect].text(_load(event))
    except ValueError:
        return ""


def read_events(target: Target, events: Iterable[Payload], *, key: str = "", cut: Failure | None = None) -> Answer:
    """Read a stream. It is whole once it has said how it finished; until then `cut` tells what ended it."""
    speech = SPEECH[target.dialect]
    texts: list[str] = []
    pieces: list[int] = []
    counts: dict[str, int] = {}
    finish, over, seen, error = None, False, 0, None
    for place, event in enumerate(events):
        seen = place + 1
        try:
            payload = _load(event)
        except ValueError:
            error = failure("bad_reply", f"event {seen} of the stream is not JSON", target=target, key=key, status=200)
            break
        if told := speech.counts(payload):
            counts |= told
        if broken := speech.broken(payload):
            error = failure_in(broken, target=target, key=key)
            break
        if text := speech.text(payload):
            texts.append(text)
            pieces.append(place)
        finish = speech.finish(payload) or finish
        over = over or finish is not None or payload.get("type") in speech.ENDS
    if error is None and (not over or (cut and cut.kind == "cancelled")):
        said = f"the stream ended after {seen} events, before it had said so"
        error = cut or failure("dropped", said, target=target, key=key, status=200)
    return Answer(_whole("".join(texts)), tuple(pieces), **_tokens(counts), finish=finish, failure=error)


def read_body(target: Target, status: int, headers: Mapping[str, str], body: bytes, *, key: str = "") -> Answer:
    """Read a reply that came in one piece, good or bad. Names of headers in lower case."""
    speech = SPEECH[target.dialect]
    try:
        payload = _load(body)
    except ValueError:
        payload = {}
    good = 200 <= status < 300
    if good and (broken := speech.broken(payload)):
        return Answer(**_tokens(speech.counts(payload)), failure=failure_in(broken, target=target, key=key, status=status))
    if not good or not speech.is_whole(payload):
        return Answer(failure=failure_of(status, headers, body, target=target, key=key))
    text = speech.text(payload)
    return Answer(_whole(text), (0,) if text else (), **_tokens(speech.counts(payload)), finish=speech.finish(payload))


def _load(event: Payload) -> Mapping[str, Any]:
    """The JSON object of an event. Raises ValueError."""
    if not isinstance(event, (bytes, str)):
        return event
    if event == _DONE:
        return {"type": DONE}
    try:
        payload = jiter.from_json(event.encode() if isinstance(event, str) else event)
    except ValueError:
        payload = _load_odd(event)
    if not isinstance(payload, dict):
        raise ValueError("not an object")
    return payload


def _load_odd(event: bytes | str) -> Any:
    """What is no JSON, or holds half a character, as the quick reader will not have it. Raises ValueError."""
    if event.strip() in (_DONE, DONE):
        return {"type": DONE}
    try:
        return json.loads(event)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(text: str) -> str:
    """Put together characters outside the first plane whose halves came in two events."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _tokens(counts: Mapping[str, int]) -> dict[str, Any]:
    beside = counts.get("beside", 0) + counts.get("written", 0)
    total = {"tokens_in": counts["in"] + beside} if "in" in counts else {}
    return {f"tokens_{name}": counts.get(name) for name in ("out", "cached", "reasoning")} | total
