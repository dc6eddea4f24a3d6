"""The engine that keeps the clock, and a paced server to try it on.

The module knows bytes and time: no JSON, no retries, no policy. Every `*_ns` is an integer of
nanoseconds on CLOCK_MONOTONIC, the clock of `time.monotonic_ns()`, unless it is called a
duration; 0 stands for a moment that never came. All classes may be used from several threads.
"""

from typing import final

@final
class Transfer:
    """One request to be made: a POST when `body` is not empty, else a GET."""

    def __init__(
        self,
        *,
        id: str,
        url: str,
        headers: list[str],
        body: bytes,
        timeout_ms: int,
        stream: bool,
        watch: bool,
        idle_ms: int = 0,
    ) -> None:
        """Raise ValueError for a header that is not one line of the form `Name: value`.

        `timeout_ms` runs from the moment the transfer leaves the engine's queue and covers
        connecting too; `idle_ms` is the longest silence within a reply that has begun; 0 means
        no limit. With `stream`, a reply of type text/event-stream is
        split into events. With `watch`, `Engine.wait` reports `Progress` as events come.
        `Accept-Encoding` and `Expect` in `headers` are ignored: the engine sets them itself.
        """
    @property
    def id(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> list[str]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def timeout_ms(self) -> int: ...
    @property
    def stream(self) -> bool: ...
    @property
    def watch(self) -> bool: ...
    @property
    def idle_ms(self) -> int: ...

@final
class Event:
    """One server-sent event, with the stamps of the read that completed it."""

    @property
    def data(self) -> bytes:
        """The `data:` lines, joined by a line feed."""
    @property
    def name(self) -> bytes:
        """The `event:` field, or empty."""
    @property
    def kernel_ns(self) -> int:
        """When the kernel received it; 0 when the kernel gave no stamp. See `shared`."""
    @property
    def user_ns(self) -> int:
        """When the engine read it, taken before any parsing. Never before `kernel_ns`."""
    @property
    def shared(self) -> bool:
        """True when the read that completed it held several segments of TCP.

        `kernel_ns` is when the newest of them came, or, if some came so late that no stamp is
        theirs, when they had been read: this event was there by then, or before.
        """
    @property
    def waited_ns(self) -> int:
        """How long the oldest byte of its read lay unread; 0 when the kernel gave no stamp.

        The kernel joins segments that wait and keeps the newest stamp alone, so of several
        this is the longer of what the stamps tell and of how late the engine's thread woke.
        """

@final
class Progress:
    """Events of a watched transfer that came since its last Progress."""

    @property
    def id(self) -> str: ...
    @property
    def events(self) -> list[Event]:
        """These events come again in the `Done`. A fresh list each time it is read."""

@final
class Done:
    """What came of a transfer. Whether the reply was a good one is told by `status`."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> int:
        """The HTTP status, 0 when no reply came."""
    @property
    def error_kind(self) -> str:
        """Empty when a whole reply came, whatever its status, else one of these.

        connect: no connection (name, route, proxy, refused). tls: handshake or certificate.
        timeout. dropped: the connection broke. cancelled: by `cancel` or `close`. too_large:
        beyond `max_reply_bytes`. other. What came before the error is kept.
        """
    @property
    def error(self) -> str:
        """The error in words, empty when there is none."""
    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers of the reply in their order, names in lower case."""
    @property
    def body(self) -> bytes:
        """The raw body, empty when it was split into events."""
    @property
    def events(self) -> list[Event]:
        """All events. A fresh list each time it is read.

        A last event without its blank line is among them only when the reply ended well.
        """
    def columns(self) -> tuple[list[bytes], list[int], list[int], list[int], list[bool]]:
        """`data`, `kernel_ns`, `user_ns`, `waited_ns` and `shared` of all events, at a fraction of their price."""
    @property
    def queued_ns(self) -> int:
        """When `submit` was called."""
    @property
    def sent_ns(self) -> int:
        """When the request was about to leave, on a connection that was ready.

        It leaves once: one that a kept-alive connection lost ends as "dropped".
        """
    @property
    def headers_ns(self) -> int:
        """When the headers of the reply were complete."""
    @property
    def first_byte_ns(self) -> int:
        """When the first byte of the body was read."""
    @property
    def last_kernel_ns(self) -> int:
        """When the kernel received the newest bytes of the body; 0 when it gave no stamp."""
    @property
    def last_user_ns(self) -> int:
        """When the newest bytes of the body were read."""
    @property
    def done_ns(self) -> int:
        """When the transfer ended, well or not."""
    @property
    def connect_ns(self) -> int:
        """The duration of the TCP connect, 0 when the connection was reused."""
    @property
    def tls_ns(self) -> int:
        """The duration of the TLS handshake, 0 when there was none."""
    @property
    def reused(self) -> bool:
        """The request left on a connection that was open already."""
    @property
    def http_version(self) -> str:
        """`1.1`, `1.0` or `2`, empty when no reply came."""
    @property
    def bytes(self) -> int:
        """The bytes of the body that were received."""
    @property
    def local_port(self) -> int:
        """The client's port of the connection, 0 when there was none."""
    @property
    def clock_stepped(self) -> bool:
        """The wall clock was set meanwhile. The kernel stamps by it, so every `kernel_ns` is 0."""

@final
class Engine:
    """An HTTP client on a thread of its own, driving a libcurl found at run time.

    Certificates are always verified, redirects never followed, connections kept and reused.
    Proxies are taken from the environment as libcurl does, never for loopback addresses.
    Requests beyond `max_in_flight` wait in the engine's queue, first come first served.
    """

    def __init__(
        self,
        *,
        libcurl: list[str],
        ca_file: str = "",
        max_in_flight: int = 64,
        max_reply_bytes: int = 67108864,
        http2: bool = False,
    ) -> None:
        """Load the first of `libcurl` (paths, or names the loader finds) that is usable.

        Raise RuntimeError that lists every candidate with its fault when none is. `ca_file`
        holds the trusted certificates; when empty, libcurl's own default is used. With `http2`
        that is spoken where a TLS server takes it, replies share connections, and the kernel
        gives no stamps: those of a shared connection belong to no reply. `max_reply_bytes`
        bounds what is kept of one reply, the book-keeping of its events included.
        """
    @property
    def libcurl_version(self) -> str: ...
    @property
    def libcurl_path(self) -> str:
        """The file that was loaded."""
    def now(self) -> int:
        """Now, on the clock of all stamps."""
    def submit(self, transfers: list[Transfer]) -> None:
        """Hand over requests, all or none; never blocks on the network.

        Raise ValueError for an id that is under way (its `Done` has not been read yet), and
        RuntimeError once the engine is closed.
        """
    def wait(self, until_ns: int | None = None) -> Done | Progress | None:
        """The next report of any transfer, None when `until_ns` has passed.

        Without `until_ns` it waits as long as it takes, and raises RuntimeError when nothing
        is under way, for it would never return. A closed engine gives what is left, then
        None. Ctrl-C interrupts it.
        """
    def cancel(self, id: str) -> None:
        """End a transfer: its `Done` follows with what came so far.

        An id that is unknown or has ended is ignored.
        """
    def prewarm(self, url: str, connections: int, timeout_ms: int) -> int:
        """Have so many open connections to the server of `url`; return how many there are.

        Each is proved by an OPTIONS request, and any status will do, unless the server
        announces that it closes the connection. Idle ones are counted and proved anew. The
        requests run at the same time, beside `max_in_flight`; the engine keeps at most the
        larger of `max_in_flight` and 64 connections.
        """
    def close(self) -> None:
        """Stop the thread; may be called twice. What is under way ends as cancelled."""

@final
class Incoming:
    """A request that reached a PacedServer."""

    @property
    def token(self) -> int:
        """Names the request in `respond`."""
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str:
        """The target as it was sent, with its query."""
    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; repeated headers are joined by a comma."""
    @property
    def body(self) -> bytes: ...
    @property
    def arrived_ns(self) -> int:
        """When its last byte was read."""

@final
class PacedServer:
    """An HTTP/1.1 server on a thread of its own that sends bytes at appointed instants.

    It answers OPTIONS and HEAD by itself with 204, bad requests with 400, 413 or 431.

    Over TLS, 1.2 or 1.3, a chunk of up to 16 KiB leaves as one record in one packet. Handshakes
    are made one step at a time between chunks that are due: a chunk may be late by what a step
    takes, least with an EC key.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        certificate: str = "",
        key: str = "",
        libssl: list[str] = ...,
    ) -> None:
        """Listen; port 0 takes a free one. Raise RuntimeError when that fails.

        `certificate` and `key` are PEM files, the chain behind the certificate; with them the
        server speaks TLS and nothing else, through the first of `libssl` (paths, or names the
        loader finds) that is usable. Raise ValueError for files that cannot be used, and
        ImportError that lists every candidate with its fault when no libssl can.
        """
    @property
    def port(self) -> int: ...
    @property
    def tls_library(self) -> str:
        """The version and file of the libssl that was loaded, empty for a plain server."""
    def next(self, until_ns: int | None = None) -> Incoming | None:
        """The next request, None when `until_ns` has passed or the server was stopped."""
    def respond(
        self,
        token: int,
        status: int,
        headers: list[tuple[str, str]],
        chunks: list[tuple[int, bytes]],
        *,
        close: bool = False,
        abort: bool = False,
        mark: bytes = b"",
    ) -> None:
        """Answer a request with chunks, each sent at its instant or later, never earlier.

        The times must not descend. One chunk makes a reply with Content-Length, several a
        chunked one, each sent by itself; status and headers leave with the first, at once
        when there is none. `close` ends the connection after the reply; `abort` resets it
        after the last chunk, leaving the reply unfinished. Headers on framing are ignored.
        The first `mark` (19 bytes or more) in a chunk is replaced by the instant right before
        the chunk is sent, in zero-padded decimal nanoseconds on CLOCK_MONOTONIC.
        Raise ValueError for what cannot be sent. A token whose client is gone is ignored.
        """
    def stop(self) -> None:
        """Close all connections and stop the thread; may be called twice."""
