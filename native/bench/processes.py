"""The processes that surround a measurement: the paced server, certificates for it, a neighbour that wants the core.

Knows no client and no figure.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from ppbench_plugins.endpoint.embedded import Child
from ppbench_plugins.executors.engine import libssls

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "build/native-bench"
SERVER, BARE = PROGRAMS / "bench_server", PROGRAMS / "bench_bare"


def cores() -> tuple[list[int], list[int]]:
    """A core for the server and one for the client; the same where there is only one."""
    have = sorted(os.sched_getaffinity(0))
    return have[:1], have[1:2] or have


@contextmanager
def servers(papers: Path, kinds: Sequence[str]) -> Iterator[dict[str, str]]:
    """The servers of these kinds, by kind their addresses: `plain`, `tls` and `http2`.

    Where the programs are not built the metronome serves, in Python, and there is no `tls`.
    """
    here, _ = cores()
    certificate, key = str(papers / "server.pem"), str(papers / "server.key")
    found: dict[str, str] = {}
    with ExitStack() as stack:
        if SERVER.exists():
            found["plain"] = stack.enter_context(_program([str(SERVER)], here))
            if "tls" in kinds:
                found["tls"] = stack.enter_context(_program([str(SERVER), certificate, key, *libssls()], here))
        else:
            found["plain"] = stack.enter_context(Child("ppbench_plugins.endpoint.metronome", cores=here))
        if "http2" in kinds:
            command = [sys.executable, "-m", "bench.http2", certificate, key]
            found["http2"] = stack.enter_context(_program(command, here))
        yield found


@contextmanager
def _program(command: Sequence[str], where: Sequence[int]) -> Iterator[str]:
    """Runs until its standard input ends; gives the address that it prints first."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pinned(where)) as process:
        try:
            yield json.loads(_of(process.stdout).readline())["url"]
        finally:
            _of(process.stdin).close()


@contextmanager
def neighbour(where: Sequence[int]) -> Iterator[None]:
    """Another process that is always busy on that core."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=pinned(where)) as process:
        try:
            yield
        finally:
            process.kill()


def pinned(where: Sequence[int]) -> Callable[[], None]:
    """What a child does before its program starts: its threads inherit the cores, and it may open many sockets."""

    def prepare() -> None:
        os.sched_setaffinity(0, where)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    return prepare


def issue(folder: Path) -> Path:
    """Certificates of a CA of our own, for the address that servers listen on. Returns the CA's file."""
    import trustme

    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    made.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
    made.private_key_pem.write_to_path(str(folder / "server.key"))
    return folder / "ca.pem"


def _of(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
