"""A server that writes into each chunk when it sent it, so that any client's stamps can be held against the truth.

The text of a request is a beat in JSON, `{"chunks": 32, "gap_us": 20000, "first_us": 50000}`. Each chunk of the reply
has `WIDTH` digits: the instant right before it was sent, then, in the first one, the instant at which the request had
arrived. Both are nanoseconds on CLOCK_MONOTONIC, which client and server share on one machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache

from ppbench_plugins.endpoint.dialects import Call, Chunks, Dialect, read_call, reply_chunks
from ppbench_plugins.endpoint.embedded import serve_child
from ppbench_plugins.endpoint.server import paced_server
from ppbench_plugins.mock.latency import Timing
from ppbench_plugins.mock.oracle import Ask

DIGITS = 20
WIDTH = 2 * DIGITS
_MARK = "@" * DIGITS
_ARRIVED = "#" * DIGITS


@dataclass(frozen=True)
class Beat:
    """How a reply is paced."""

    chunks: int = 32
    gap_us: int = 20_000
    first_us: int = 50_000
    """From the arrival of the request to the first chunk."""

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Told:
    """What the server wrote into one reply, in nanoseconds."""

    sent_ns: tuple[int, ...]
    """One a chunk."""
    arrived_ns: int


def told(text: str) -> Told:
    """Read a reply. Raises ValueError for one that no metronome sent, or that is not whole."""
    chunks = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    if not chunks or len(chunks[-1]) != WIDTH:
        raise ValueError(f"a chunk of {WIDTH} digits was expected, not {text[-WIDTH:]!r}")
    return Told(tuple(int(chunk[:DIGITS]) for chunk in chunks), int(chunks[0][DIGITS:]))


@lru_cache
def _template(dialect: Dialect, beat: Beat) -> tuple[list[tuple[str, str]], Chunks]:
    """A reply to a request that arrives at 0."""
    pieces = (_MARK + _ARRIVED, *(_MARK + "0" * DIGITS,) * (beat.chunks - 1))
    offsets = tuple(1000 * (beat.first_us + k * beat.gap_us) for k in range(beat.chunks))
    call = Call(dialect, "metronome", Ask("", "", None, None), True, None, (), True)
    return reply_chunks(call, Timing(pieces, offsets, 1, 0, "stop"), 0, "beat")


class Metronome:
    """The server. Answers chat completions and messages, streaming, whatever the path says."""

    def __init__(self) -> None:
        self._server = paced_server("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def serve(self) -> None:
        """Answer requests until `stop`."""
        while (incoming := self._server.next()) is not None:
            dialect: Dialect = "anthropic" if incoming.path.endswith("/messages") else "openai"
            try:
                beat = Beat(**json.loads(read_call(dialect, incoming.body).ask.text))
                headers, chunks = _template(dialect, beat)
            except (TypeError, ValueError) as error:
                self._server.respond(incoming.token, 400, [], [(0, str(error).encode())])
                continue
            arrived = str(incoming.arrived_ns).zfill(DIGITS).encode()
            timed = [(incoming.arrived_ns + at, data) for at, data in chunks]
            timed = [(at, data.replace(_ARRIVED.encode(), arrived)) for at, data in timed[:4]] + timed[4:]  # it is in the first
            self._server.respond(incoming.token, 200, headers, timed, mark=_MARK.encode())

    def stop(self) -> None:
        self._server.stop()


if __name__ == "__main__":
    serve_child(Metronome)
