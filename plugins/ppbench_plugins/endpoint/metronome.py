"""A server that writes into each chunk when it sent it, so that any client's stamps can be held against the truth.

The text of a request is a beat in JSON, `{"chunks": 32, "gap_us": 20000, "first_us": 50000}`. Each chunk of the reply
has `WIDTH` digits: the instant right before it was sent, then, in the first one, the instant at which the request had
arrived. Both are nanoseconds on CLOCK_MONOTONIC, which client and server share on one machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ppbench_plugins.endpoint.dialects import Chunks, Dialect, read_call, reply_chunks
from ppbench_plugins.endpoint.dialects.asked import Asked
from ppbench_plugins.endpoint.embedded import serve_child
from ppbench_plugins.endpoint.server import dialect_of, paced_server
from ppbench_plugins.mock.latency import Timing

if TYPE_CHECKING:
    from ppbench_plugins._engine import Incoming

DIGITS = 20
WIDTH = 2 * DIGITS
_MARK = "@" * DIGITS
_ARRIVED = b"#" * DIGITS
_EARLY = 8
"""The first chunk is among so many events of a reply, in every dialect."""
Template = tuple[list[tuple[str, str]], Chunks]
"""Headers, and what is sent; instants are places until a beat makes them times."""


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

    def offset_ns(self, place: int) -> int:
        """From the arrival of the request to a place of the template: 1 is half-way to the first chunk, 2 is it, 4 the next."""
        return 1000 * (self.first_us // 2 if place < 2 else self.first_us + (place // 2 - 1) * self.gap_us)


@dataclass(frozen=True)
class Told:
    """What the server wrote into one reply, in nanoseconds."""

    sent_ns: tuple[int, ...]
    """One a chunk."""
    arrived_ns: int


def _template(dialect: Dialect, asked: Asked, chunks: int) -> Template:
    """A reply in places instead of times, so that one serves every beat of so many chunks."""
    pieces = (_MARK + _ARRIVED.decode(), *(_MARK + "0" * DIGITS,) * (chunks - 1))
    places = tuple(range(2, 2 * chunks + 2, 2))
    return reply_chunks(dialect, asked, Timing(pieces, places, 1, 0, "stop"), 0, "beat")


def told(text: str) -> Told:
    """Read a reply. Raises ValueError for one that no metronome sent, or that is not whole."""
    chunks = [text[at : at + WIDTH] for at in range(0, len(text), WIDTH)]
    if not chunks or len(chunks[-1]) != WIDTH:
        raise ValueError(f"a chunk of {WIDTH} digits was expected, not {text[-WIDTH:]!r}")
    return Told(tuple(int(chunk[:DIGITS]) for chunk in chunks), int(chunks[0][DIGITS:]))


class Metronome:
    """The server. Speaks what the mock endpoint speaks, streaming."""

    def __init__(self) -> None:
        self._server = paced_server("127.0.0.1", 0)
        self._templates: dict[tuple[Dialect, int], Template] = {}
        self.url = f"http://127.0.0.1:{self._server.port}"

    def serve(self) -> None:
        """Answer requests until `stop`."""
        while (incoming := self._server.next()) is not None:
            try:
                headers, chunks = self._reply(incoming)
            except (TypeError, ValueError) as error:
                self._server.respond(incoming.token, 400, [], [(0, str(error).encode())])
                continue
            self._server.respond(incoming.token, 200, headers, chunks, mark=_MARK.encode())

    def _reply(self, incoming: Incoming) -> Template:
        """The reply to one request. Raises ValueError or TypeError for one that holds no beat."""
        dialect = dialect_of(incoming.path)
        if dialect is None:
            raise ValueError(f"no {incoming.path}")
        asked = read_call(dialect, incoming.body)
        beat = Beat(**json.loads(asked.ask.text))
        if (dialect, beat.chunks) not in self._templates:
            self._templates[dialect, beat.chunks] = _template(dialect, asked, beat.chunks)
        headers, chunks = self._templates[dialect, beat.chunks]
        arrived = str(incoming.arrived_ns).zfill(DIGITS).encode()
        timed = [(incoming.arrived_ns + beat.offset_ns(place), data) for place, data in chunks]
        early = [(at, data.replace(_ARRIVED, arrived)) for at, data in timed[:_EARLY]]
        return headers, early + timed[_EARLY:]

    def stop(self) -> None:
        self._server.stop()


if __name__ == "__main__":
    serve_child(Metronome)
