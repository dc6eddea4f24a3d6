"""The paced server over TLS, on real sockets: seen by the engine's libcurl and by Python's own ssl module."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from ppbench import BrokenPlugin, UsageError
from ppbench_plugins.endpoint.server import MockServer
from ppbench_plugins.executors import engine

if TYPE_CHECKING:
    from ppbench_plugins._engine import Done, Engine, PacedServer

pytestmark = pytest.mark.skipif("PPBENCH_NO_NATIVE" in os.environ, reason="the paced server is the engine's")

CHUNKS = [b"data: %d\n\n" % i for i in range(5)]
MARK = b"@" * 20
MS = 1_000_000


class Papers:
    """A certificate authority of our own, and files with what it issued."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.trusted = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.trusted)
        self.certificate, self.key = self.issue("127.0.0.1", "localhost")

    def issue(self, *names: str) -> tuple[str, str]:
        made = self._authority.issue_cert(*names)
        paths = [str(self._folder / f"{names[0]}-{part}.pem") for part in ("certificate", "key")]
        for blob, path in zip((made.cert_chain_pems[0], made.private_key_pem), paths, strict=True):
            blob.write_to_path(path)
        return paths[0], paths[1]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(autouse=True)
def trusted(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", papers.trusted)


class Streams:
    """A server that answers every request with the chunks, ten milliseconds apart."""

    def __init__(self, certificate: str = "", key: str = "") -> None:
        self.server: PacedServer = engine.load().PacedServer(certificate=certificate, key=key, libssl=engine.libssls())
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.port}/"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while (incoming := self.server.next()) is not None:
            now = time.monotonic_ns()
            chunks = [(now + i * 10 * MS, chunk) for i, chunk in enumerate(CHUNKS)]
            if incoming.path == "/mark":
                chunks = [(at_ns, b"data: %d %s\n\n" % (at_ns, MARK)) for at_ns, _ in chunks]
            self.server.respond(
                incoming.token, 200, [("content-type", "text/event-stream")], chunks, close=incoming.path == "/close", mark=MARK
            )

    def close(self) -> None:
        self.server.stop()
        self._thread.join()


@pytest.fixture
def streams(papers: Papers) -> Iterator[Streams]:
    with closing(Streams(papers.certificate, papers.key)) as server:
        yield server


@pytest.fixture
def client() -> Iterator[Engine]:
    made = engine.load().Engine(libcurl=engine.libcurls(), ca_file=engine.ca_file("https:"))
    with closing(made):
        yield made


def fetch(client: Engine, url: str) -> Done:
    made = engine.load().Transfer(id="a", url=url, headers=[], body=b"x", timeout_ms=10_000, stream=True, watch=False)
    client.submit([made])
    done: Any = client.wait()
    return done


def stamped(client: Engine, url: str) -> bool:
    """The kernel stamps every chunk, at the latest in the twentieth reply: stamping takes a moment to be switched on."""
    return any(all(event.kernel_ns for event in fetch(client, url).events) for _ in range(20))


# The engine as client


def test_a_stream_over_tls_is_read_chunk_by_chunk_on_one_handshake(streams: Streams, client: Engine) -> None:
    """Every chunk comes in a read of its own; the second request leaves on the connection of the first."""
    first, second = fetch(client, streams.url), fetch(client, streams.url)

    for done in (first, second):
        assert (done.status, done.error_kind, done.http_version) == (200, "", "1.1")
        assert [event.data for event in done.events] == [b"0", b"1", b"2", b"3", b"4"]
    assert (first.reused, second.reused) == (False, True)
    assert first.tls_ns > 0
    assert second.tls_ns == 0
    assert first.local_port == second.local_port


def test_the_kernel_stamps_chunks_over_tls_where_it_stamps_them_at_all(streams: Streams, client: Engine) -> None:
    """Encrypted chunks have the same kind of stamp as plain ones."""
    with closing(Streams()) as plain:
        assert stamped(client, plain.url) == stamped(client, streams.url)


def test_a_chunk_says_inside_the_encryption_when_it_was_sent(streams: Streams, client: Engine) -> None:
    """The instant is written before the chunk is sealed: after it was due, before it was received."""
    events = fetch(client, streams.url + "mark").events

    assert len(events) == len(CHUNKS)
    for event in events:
        due, sent = map(int, event.data.split())
        assert due <= sent <= event.user_ns


def test_a_certificate_for_another_host_is_refused(papers: Papers, client: Engine) -> None:
    """The authority is trusted, the name is wrong: error kind `tls`, and nothing was sent."""
    with closing(Streams(*papers.issue("elsewhere.example"))) as server:
        done = fetch(client, server.url)

    assert (done.error_kind, done.status, done.sent_ns) == ("tls", 0, 0)


def test_an_unknown_authority_is_refused(tmp_path: Path, client: Engine) -> None:
    """The name is right, the authority is a stranger: error kind `tls`."""
    stranger = Papers(tmp_path)
    with closing(Streams(stranger.certificate, stranger.key)) as server:
        assert fetch(client, server.url).error_kind == "tls"


# Python as client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_pythons_own_tls_is_understood(streams: Streams, papers: Papers, version: ssl.TLSVersion) -> None:
    """Both versions; keep-alive; http/1.1 chosen from what is offered; no session ticket on the wire."""
    context = ssl.create_default_context(cafile=papers.trusted)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    connection = http.client.HTTPSConnection("127.0.0.1", streams.server.port, context=context, timeout=10)
    with closing(connection):
        ports = set()
        for path in ("/", "/", "/close"):
            connection.request("GET", path)
            raw: Any = connection.sock
            ports.add(raw.getsockname())
            assert raw.selected_alpn_protocol() == "http/1.1"
            assert not raw.session.has_ticket
            assert connection.getresponse().read() == b"".join(CHUNKS)
    assert len(ports) == 1


def test_a_session_ends_with_a_notice(streams: Streams, papers: Papers) -> None:
    """Reading to the end raises nothing: the end is told, not cut off."""
    context = ssl.create_default_context(cafile=papers.trusted)
    raw = socket.create_connection(("127.0.0.1", streams.server.port), timeout=10)
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as tls:
        tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
        reply = b"".join(iter(lambda: tls.recv(65536), b""))
    assert reply.endswith(b"\r\n\r\n" + b"".join(CHUNKS))


def test_a_client_that_offers_only_http2_is_told_so(streams: Streams, papers: Papers) -> None:
    """It gets the alert of the standard, instead of a protocol that it did not offer."""
    context = ssl.create_default_context(cafile=papers.trusted)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", streams.server.port), timeout=10) as raw,
        pytest.raises(ssl.SSLError, match="no application protocol"),
    ):
        context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\xff" * 3000])
def test_who_speaks_no_tls_is_dropped(streams: Streams, client: Engine, said: bytes) -> None:
    """The connection ends, with an alert at most; the server serves on."""
    with socket.create_connection(("127.0.0.1", streams.server.port), timeout=10) as raw:
        raw.sendall(said)
        answer = b""
        try:
            while more := raw.recv(4096):
                answer += more
        except ConnectionResetError:
            pass
    assert answer == b"" or (answer[0], len(answer)) == (21, 7)  # an alert record
    assert fetch(client, streams.url).status == 200


def test_clients_that_never_speak_do_no_harm(streams: Streams, client: Engine) -> None:
    """Silent connections, and one that stops within its first message, stay open beside others."""
    address = ("127.0.0.1", streams.server.port)
    silent = [socket.create_connection(address, timeout=10) for _ in range(20)]
    try:
        silent[0].sendall(b"\x16\x03\x01\x02")
        assert fetch(client, streams.url).status == 200
    finally:
        for raw in silent:
            raw.close()


# Files and libraries


def test_files_that_cannot_be_used_are_told(papers: Papers, tmp_path: Path) -> None:
    """What, where, and what to give instead; no key is repeated."""
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing of use")
    _, other_key = papers.issue("other.example")
    for certificate, key, said in [
        (str(tmp_path / "none.pem"), papers.key, r"cannot read the certificate .*none\.pem: No such file"),
        (str(broken), papers.key, r"cannot use the certificate .*broken\.pem: no start line; give a PEM file"),
        (papers.certificate, str(broken), r"cannot use the key .*broken\.pem: .*; give the PEM file, without"),
        (papers.certificate, other_key, r"cannot use the key .*other\.example-key\.pem: key values mismatch; give"),
        (papers.certificate, "", "certificate and key go together"),
    ]:
        with pytest.raises(UsageError, match=said):
            MockServer("quick", certificate=certificate, key=key)


def test_without_a_libssl_every_candidate_is_listed(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its fault, and what to install; a plain server needs none."""
    monkeypatch.setattr("ppbench_plugins.endpoint.server.libssls", lambda: ["libno-such.so", "libc.so.6"])
    with pytest.raises(BrokenPlugin, match=r"(?s)libno-such\.so: .*libc\.so\.6: has no symbol.*pip install pycurl"):
        MockServer("quick", certificate=papers.certificate, key=papers.key)
    MockServer("quick").stop()


def test_the_library_is_the_named_one_else_pycurls_else_the_systems(
    papers: Papers, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate by path finds the libcrypto beside it, and the server says which file it took."""
    assert streams.server.tls_library.startswith("OpenSSL ")
    assert engine.libssls()[-2:] == ["libssl.so.3", "libssl.so.1.1"]
    monkeypatch.setenv("PPBENCH_LIBSSL", "mine.so")
    assert engine.libssls()[0] == "mine.so"
    for path in filter(os.path.exists, engine.libssls()):
        server = engine.load().PacedServer(certificate=papers.certificate, key=papers.key, libssl=[path])
        server.stop()
        assert server.tls_library.endswith(f"({path})")


# The command


def test_the_mock_endpoint_serves_https(papers: Papers) -> None:
    """`ppbench endpoint mock --certificate --key` prints an https address and answers there."""
    program = "from ppbench.cli import main; main()"
    files = ["--certificate", papers.certificate, "--key", papers.key]
    command = [sys.executable, "-c", program, "endpoint", "mock", "--port", "0", *files]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().split("at ")[1].split(" ")[0]
        context = ssl.create_default_context(cafile=papers.trusted)
        with urllib.request.urlopen(f"{url}/models", context=context, timeout=10) as reply:
            assert json.load(reply)["data"][0]["id"] == "quick"
        process.terminate()
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""
    assert url.startswith("https://127.0.0.1:")
