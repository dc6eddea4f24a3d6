"""A metronome that speaks HTTP/2 and HTTP/1.1 over TLS, whichever the client asks for, so that both can be compared.

In Python, on asyncio: its own lateness is in both columns alike. Run as a module, with a certificate and its key, it
serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
import time
from collections.abc import Iterator
from typing import Protocol

from ppbench_plugins.endpoint.metronome import DIGITS, Beat

_EVENT = 'data: {"id": "beat", "object": "chat.completion.chunk", "created": 0, "model": "clock", "choices": [%s]}\n\n'
_CONTENT = _EVENT % '{"index": 0, "delta": {"content": "%s%s"}, "finish_reason": null}'
_END = _EVENT % '{"index": 0, "delta": {}, "finish_reason": "stop"}' + "data: [DONE]\n\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Way(Protocol):
    """How the chunks of one reply travel."""

    def __call__(self, data: bytes, last: bool) -> None: ...


def play(body: bytes, say: Way) -> None:
    """Send what a request asks for, each chunk at its instant."""
    beat = Beat(**json.loads(json.loads(body)["messages"][-1]["content"]))
    loop, arrived = asyncio.get_running_loop(), time.monotonic_ns()

    def chunk(place: int) -> None:
        last = place + 1 == beat.chunks
        second = str(arrived if place == 0 else 0).zfill(DIGITS)
        say((_CONTENT % (str(time.monotonic_ns()).zfill(DIGITS), second) + (_END if last else "")).encode(), last)
        if not last:
            at_us = beat.first_us + (place + 1) * beat.gap_us
            loop.call_at(start + at_us / 1e6, chunk, place + 1)

    start = loop.time()
    loop.call_at(start + beat.first_us / 1e6, chunk, 0)


class Older:
    """HTTP/1.1 on one connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._got = b""

    def take(self, data: bytes) -> None:
        self._got += data
        for method, body in self._requests():
            if method == b"POST":
                self._transport.write(_HEAD)
                play(body, self._say)
            else:
                self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    def _requests(self) -> Iterator[tuple[bytes, bytes]]:
        while b"\r\n\r\n" in self._got:
            head, _, rest = self._got.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            self._got = rest[size:]
            yield head.split()[0], rest[:size]

    def _say(self, data: bytes, last: bool) -> None:
        self._transport.write(b"%x\r\n%s\r\n" % (len(data), data) + (b"0\r\n\r\n" if last else b""))


class Newer:
    """HTTP/2 on one connection."""

    def __init__(self, transport: asyncio.Transport) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._transport = transport
        self._connection = H2Connection(H2Configuration(client_side=False))
        self._connection.initiate_connection()
        self._bodies: dict[int, bytes] = {}
        self._flush()

    def take(self, data: bytes) -> None:
        from h2.events import DataReceived, StreamEnded

        for event in self._connection.receive_data(data):
            if isinstance(event, DataReceived):
                self._bodies[event.stream_id] = self._bodies.get(event.stream_id, b"") + event.data
                self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self._answer(event.stream_id)
        self._flush()

    def _answer(self, stream: int) -> None:
        body = self._bodies.pop(stream, b"")
        if not body:
            self._connection.send_headers(stream, [(":status", "204")], end_stream=True)
            return
        self._connection.send_headers(stream, [(":status", "200"), ("content-type", "text/event-stream")])
        play(body, self._sayer(stream))

    def _sayer(self, stream: int) -> Way:
        def say(data: bytes, last: bool) -> None:
            self._connection.send_data(stream, data, end_stream=last)
            self._flush()

        return say

    def _flush(self) -> None:
        self._transport.write(self._connection.data_to_send())


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        self._speaker: Newer | Older = (Newer if chosen == "h2" else Older)(transport)

    def data_received(self, data: bytes) -> None:
        self._speaker.take(data)


async def serve(certificate: str, key: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, ssl=context, backlog=4096)
    print(json.dumps({"url": f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
