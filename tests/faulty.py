"""A server that breaks every rule on purpose, on raw sockets, so that nothing between puts its bytes right.

An `Answer` is what is done to one request; `Faulty` gives each request the next of its answers. Knows both dialects;
knows nothing of clients, and nothing of what ought to come of a fault.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

PATIENCE_S = 15.0
"""After which a socket of the server gives up: a test that would hang fails instead."""


class Peer:
    """One connection to a client."""

    def __init__(self, server: Faulty, sock: socket.socket) -> None:
        self.server, self.sock, self.path = server, sock, ""
        self._unread = b""

    def request(self) -> tuple[str, dict[str, str], bytes] | None:
        """Method, headers and body of the next request; None when the client has left."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                return None
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, self.path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", "0"))
        while len(self._unread) < size:
            if not self._more():
                return None
        body, self._unread = self._unread[:size], self._unread[size:]
        return method, headers, body

    def _more(self) -> bool:
        more = self.sock.recv(65536)
        self._unread += more
        return bool(more)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def until_gone(self) -> None:
        """Say nothing until the client closes the connection, and raise then, as sending would."""
        while self.sock.recv(65536):
            pass
        raise ConnectionAbortedError

    def reset(self) -> None:
        """Close with a reset instead of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @property
    def claude(self) -> bool:
        return self.path.partition("?")[0].endswith("/messages")

    def event(self, payload: dict[str, Any]) -> bytes:
        name = f"event: {payload['type']}\n" if "type" in payload else ""
        return f"{name}data: {json.dumps(payload)}\n\n".encode()

    def opening(self) -> bytes:
        if self.claude:
            return self.event({"type": "message_start", "message": {"usage": {"input_tokens": 5}}})
        return self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})

    def word(self, text: str) -> bytes:
        if self.claude:
            return self.event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
        return self.event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})

    def ending(self) -> bytes:
        if self.claude:
            delta = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
            return self.event(delta) + self.event({"type": "message_stop"})
        return self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}) + b"data: [DONE]\n\n"


Answer = Callable[[Peer], object]
"""Answers one request. The connection is kept if it gives True."""


def head(status: int = 200, **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode()


def say(status: int, body: str = "", **headers: str) -> Answer:
    """A whole reply."""

    def answer(peer: Peer) -> bool:
        peer.send(head(status, content_length=str(len(body.encode())), **headers) + body.encode())
        return True

    return answer


def finish(peer: Peer) -> bool:
    """End a stream as it should be ended."""
    peer.chunk(peer.ending())
    peer.send(b"0\r\n\r\n")
    return True


def stream(*words: str, then: Answer = finish) -> Answer:
    """Words as a stream, and what becomes of it."""

    def answer(peer: Peer) -> object:
        peer.send(head(content_type="text/event-stream", transfer_encoding="chunked"))
        peer.chunk(peer.opening())
        for word in words:
            peer.chunk(peer.word(word))
        return then(peer)

    return answer


def raw(data: bytes) -> Answer:
    """These bytes, and the end of the connection."""
    return lambda peer: peer.send(data)


def endless(piece: Callable[[Peer], bytes], first: bytes = b"", pause_s: float = 0.0) -> Answer:
    """The same bytes again and again until the client has left."""

    def answer(peer: Peer) -> None:
        peer.send(first)
        data = piece(peer)
        while not peer.server.over.wait(pause_s) if pause_s else not peer.server.over.is_set():
            peer.send(data)

    return answer


def words_for_ever(peer: Peer) -> None:
    """A stream at a pace that never says it is done."""
    peer.send(head(content_type="text/event-stream", transfer_encoding="chunked"))
    peer.chunk(peer.opening() + peer.word("on "))
    peer.server.begun.release()
    while not peer.server.over.wait(0.005):
        peer.chunk(peer.word("on "))


FINE = stream("Hel", "lo ", "you")
WHOLE = "Hello you"


class Faulty:
    """Gives each POST the next of its answers, and the last one for ever, unless a word in it chooses from `by_text`.

    It is its own proxy: it answers requests for any host, and with `tunnel` it is what lies behind a CONNECT as well.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None, tunnel: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers) or [FINE]
        self.by_text: dict[str, Answer] = {}
        self.attempts_ns: list[int] = []
        """When each POST was there, whole."""
        self.headers: list[dict[str, str]] = []
        self.lines: list[str] = []
        """Method and target of every request, in order."""
        self.told = threading.Event()
        """For the answers of a test to wait for one another."""
        self.begun = threading.Semaphore(0)
        """Counts the words for ever that have their first word."""
        self.gone = threading.Semaphore(0)
        """Counts the POSTs whose client left before the answer was over."""
        self.over = threading.Event()
        self._tls, self._tunnel = tls, tunnel
        self._lock = threading.Lock()
        self._peers: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        with self._lock:
            for sock in self._peers:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError, ValueError):
            self._talk(sock, self._tls)

    def _talk(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        if tls:
            sock = tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        with sock:
            with self._lock:
                self._peers.add(sock)
            try:
                if isinstance(sock, ssl.SSLSocket):
                    sock.do_handshake()
                self._converse(Peer(self, sock))
            finally:
                with self._lock:
                    self._peers.discard(sock)

    def _converse(self, peer: Peer) -> None:
        while request := peer.request():
            method, headers, body = request
            with self._lock:
                self.lines.append(f"{method} {peer.path}")
            if method == "OPTIONS":
                peer.send(head(204))
                continue
            if method == "CONNECT":
                peer.send(head(200))
                self._talk(peer.sock, self._tunnel)
                return
            answer = self._take(headers, body.decode())
            try:
                if not answer(peer):
                    return
            except OSError:
                self.gone.release()
                return

    def _take(self, headers: dict[str, str], body: str) -> Answer:
        with self._lock:
            self.attempts_ns.append(time.monotonic_ns())
            self.headers.append(headers)
            for word, answer in self.by_text.items():
                if word in body:
                    return answer
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
