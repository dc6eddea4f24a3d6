"""Replies without measure: each fails its own call, what flies beside it ends well, and memory stays bounded."""

from __future__ import annotations

from typing import Any

import pytest
from asking import ANTHROPIC, NATIVE, OPENAI, Make, measured, needs_engine
from faulty import WHOLE, Answer, Faulty, Peer, finish, head, stream

MB = 1 << 20
BULK = 100
"""MB of junk. By default a reply may take 64."""
CHUNKED = head(content_type="text/event-stream", transfer_encoding="chunked")


def bulk(opening: bytes, piece: bytes) -> Answer:
    """100 MB, really sent, after a beginning."""

    def answer(peer: Peer) -> None:
        block = piece * (MB // len(piece))
        try:
            peer.send(opening)
            for _ in range(BULK):
                peer.send(block)
        finally:
            peer.server.told.set()

    return answer


def framed(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def hostage(peer: Peer) -> object:
    """The end of a good stream, once the junk has had its own."""
    assert peer.server.told.wait(30)
    return finish(peer)


def words(peer: Peer) -> None:
    """Good words without an end, far more than a limit."""
    block = framed(peer.word("word " * 20) * 1000)
    peer.send(CHUNKED + framed(peer.opening()))
    try:
        while True:
            peer.send(block)
    finally:
        peer.server.told.set()


PLAIN = head(content_type="application/json", content_length=str(BULK * MB))
TOO_LARGE = "max_reply_mb="
JUNK: dict[str, tuple[Answer, int, str, str]] = {
    "body": (bulk(PLAIN, b"\0junk\xff\n"), 64, "bad_reply", TOO_LARGE),
    "error-page": (bulk(PLAIN.replace(b"200", b"500"), b"<p>junk</p>\n"), 64, "server", "HTTP 500: junk"),
    "line": (bulk(CHUNKED, framed(b"x" * 65536)), 64, "bad_reply", TOO_LARGE),
    "tiny-events": (bulk(CHUNKED, framed(b"data: {}\n\n" * 1000)), 12, "bad_reply", TOO_LARGE),
    "empty-events": (bulk(CHUNKED, framed(b"data:\n\n" * 1000)), 24, "bad_reply", "not JSON"),
    "comments": (bulk(CHUNKED, framed(b": ping\n\n" * 1000)), 64, "bad_reply", TOO_LARGE),
    "words": (words, 12, "bad_reply", TOO_LARGE),
    "headers": (bulk(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n"), 24, "bad_reply", "--base-url"),
    "interim-replies": (bulk(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), 24, "bad_reply", "--base-url"),
    "one-header": (bulk(b"HTTP/1.1 200 OK\r\nx-more: ", b"x" * 65536), 24, "bad_reply", "--base-url"),
    "trailers": (bulk(CHUNKED + b"0\r\n", b"x-more: 1\r\n"), 24, "bad_reply", "--base-url"),
}  # fmt: skip
"""What is sent, the limit in MB, and what becomes of it."""


def meet(make: Make, answer: Answer, limit_mb: int) -> dict[str, Any]:
    """One call that gets the junk, and three in flight with it that get good streams."""
    with Faulty() as server:
        server.by_text = {"junk": answer, "beside": stream("Hel", "lo ", "you", then=hostage)}
        return measured("junk", make, server.url, max_reply_mb=limit_mb)


@needs_engine
@pytest.mark.parametrize(("answer", "limit_mb", "kind", "said"), JUNK.values(), ids=JUNK)
def test_junk_fails_its_own_call_in_bounded_memory(answer: Answer, limit_mb: int, kind: str, said: str) -> None:
    """100 MB cost a multiple of the limit at most, whatever they are made of; three calls in flight are answered."""
    found = meet(NATIVE, answer, limit_mb)
    assert found["answers"] == [WHOLE] * 3
    assert found["kind"] == kind
    assert said in found["message"]
    assert found["rose_mb"] < 3 * limit_mb + 8
    assert (found["text"] > 0) == (found["chunks"] > 0) == (answer is words), "what came is kept"


@pytest.mark.parametrize(("make", "junk"), [(OPENAI, "words"), (ANTHROPIC, "body")], ids=["openai", "anthropic"])
def test_an_sdk_is_bounded_as_well(make: Make, junk: str) -> None:
    """Its own copies of a reply take several times its bytes, and there it ends; the calls beside it are answered."""
    answer, _, kind, said = JUNK[junk]
    found = meet(make, answer, 2)
    assert (found["answers"], found["kind"]) == ([WHOLE] * 3, kind)
    assert said in found["message"]
    assert found["rose_mb"] < 100
