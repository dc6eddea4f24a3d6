"""A small HTTP/2 server over TLS for tests: it answers once as many requests are there as it was told, in turns.

Every reply is a stream of words of chat completions; the words of all replies alternate on the one connection.
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

WORDS = ("one ", "two ", "three ", "four ")


class Http2Server:
    """Context manager. `together`: requests that it waits for before it answers any."""

    def __init__(self, context: ssl.SSLContext, together: int) -> None:
        context.set_alpn_protocols(["h2"])
        self._context, self._together = context, together
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._socket.getsockname()[1]}"
        self.connections = 0
        self.resets = 0
        self.most_open = 0
        self.changed = threading.Condition()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what its threads do."""
        with self.changed:
            assert self.changed.wait_for(holds, timeout=10)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                raw, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(raw, server_side=True) as sock:
            self.connections += 1
            Connection(self, sock).serve(self._together)


class Connection:
    """One client."""

    def __init__(self, server: Http2Server, sock: ssl.SSLSocket) -> None:
        self._server, self._sock = server, sock
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self._methods: dict[int, str] = {}
        self._ready: list[int] = []

    def serve(self, together: int) -> None:
        self._h2.initiate_connection()
        self._flush()
        while data := self._sock.recv(65536):
            with self._server.changed:
                for event in self._h2.receive_data(data):
                    self._on(event)
                self._server.changed.notify_all()
            if len(self._ready) >= together:
                self._answer(self._ready)
                self._ready = []
            self._flush()

    def _on(self, event: Any) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self._methods[event.stream_id] = dict(event.headers)[b":method"].decode()
        elif isinstance(event, h2.events.DataReceived):
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self._server.resets += 1
        elif isinstance(event, h2.events.StreamEnded):
            if self._methods[event.stream_id] == "POST":
                self._ready.append(event.stream_id)
                self._server.most_open = max(self._server.most_open, len(self._ready))
            else:
                self._h2.send_headers(event.stream_id, [(":status", "204")], end_stream=True)

    def _answer(self, streams: list[int]) -> None:
        headers = [(":status", "200"), ("content-type", "text/event-stream"), ("x-request-id", "two-at-once")]
        for stream in streams:
            with suppress(h2.exceptions.ProtocolError):  # the client has cancelled it
                self._h2.send_headers(stream, headers)
        for word in WORDS:
            for stream in streams:
                self._put(stream, {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            self._flush()
        for stream in streams:
            self._put(stream, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, end=True)

    def _put(self, stream: int, payload: dict[str, Any], *, end: bool = False) -> None:
        with suppress(h2.exceptions.ProtocolError):
            self._h2.send_data(stream, f"data: {json.dumps(payload)}\n\n".encode(), end_stream=end)

    def _flush(self) -> None:
        self._sock.sendall(self._h2.data_to_send())
