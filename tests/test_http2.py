"""HTTP/2 by option: one connection for all replies, found by ALPN, recorded; the kernel's stamps are not claimed there."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from asking import NATIVE, flat, needs_engine, only, run
from http2 import WORDS, Http2Server

from ppbench import Failure, Reply, Request
from ppbench_plugins.executors.engine import libssls

pytestmark = needs_engine
AUTHORITY = trustme.CA()
LONG = "a" * 300_000


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(made)
    return made


def test_replies_share_one_connection() -> None:
    """Eight at once, their words in turns: each reply is whole, its version is recorded, its stamps are the engine's."""
    with Http2Server(context(), together=8) as server, NATIVE(server.url, http="2", max_in_flight=8) as executor:
        outcome = run(executor, flat(*"abcdefgh"))
        replies = [span.reply for span in outcome.trace.spans]

    assert (server.connections, server.most_open) == (1, 8)
    assert [reply.text for reply in replies] == ["".join(WORDS)] * 8
    for reply in replies:
        assert reply.transport is not None
        assert (reply.stamp, reply.transport.lags_ns) == ("user", ())
        assert (reply.transport.http_version, reply.transport.reused, reply.connect_ns) == ("2", True, 0)
        assert reply.transport.remote_id == "two-at-once"
        assert len(reply.chunks_ns) == len(WORDS)
        assert reply.sent_ns < reply.transport.headers_ns <= reply.chunks_ns[0] <= reply.chunks_ns[-1] <= reply.done_ns


def test_a_cancelled_reply_leaves_the_others_alone() -> None:
    """Its stream is reset; the connection and the other replies go on."""
    with Http2Server(context(), together=3) as server, NATIVE(server.url, http="2", max_in_flight=4) as executor:
        executor.send([Request("a", "a"), Request("b", "b")])
        server.until(lambda: server.most_open == 2)
        executor.cancel("a")
        gone = executor.wait()
        server.until(lambda: server.resets == 1)
        executor.send([Request("c", "c")])
        rest = [executor.wait(), executor.wait()]

    assert isinstance(gone, Reply)
    assert isinstance(gone.error, Failure)
    assert (gone.request_id, gone.error.kind) == ("a", "cancelled")
    assert {reply.request_id: (reply.text, reply.error) for reply in rest if isinstance(reply, Reply)} == {
        "b": ("".join(WORDS), None), "c": ("".join(WORDS), None),
    }  # fmt: skip
    assert server.connections == 1


@pytest.mark.parametrize("http", ["1.1", "2"])
def test_a_server_without_it_gets_what_it_speaks(tmp_path: Path, http: str) -> None:
    """Asked for or not: HTTP/1.1, and the record says so. Without being asked for, HTTP/2 is not offered.

    The request is too long to be sent in one go: libcurl, which reads right after the first part, then finds nothing to
    read without a look at its stamp.
    """
    from ppbench_plugins._engine import PacedServer

    pem = AUTHORITY.issue_cert("localhost")
    pem.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    pem.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    server = PacedServer(certificate=str(tmp_path / "cert.pem"), key=str(tmp_path / "key.pem"), libssl=libssls())
    event = b'data: {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}\n\n'
    try:
        with NATIVE(f"https://localhost:{server.port}", http=http) as executor:
            executor.send([Request("a", LONG)])
            incoming = server.next(executor.now() + 10**10)
            assert incoming is not None
            server.respond(incoming.token, 200, [("content-type", "text/event-stream")], [(0, event)])
            reply = executor.wait()
    finally:
        server.stop()

    assert isinstance(reply, Reply)
    assert reply.transport is not None
    assert (reply.text, reply.error, reply.transport.http_version) == ("hi", None, "1.1")
    assert reply.stamp == ("kernel" if http == "1.1" else "user")


def test_the_connection_is_kept() -> None:
    """The next trial goes over the same one, without a handshake."""
    with Http2Server(context(), together=1) as server, NATIVE(server.url, http="2", max_in_flight=1) as executor:
        first = only(run(executor))
        again = only(run(executor))

    assert (first.text, again.text, server.connections) == ("".join(WORDS), "".join(WORDS), 1)
    assert again.connect_ns == 0
