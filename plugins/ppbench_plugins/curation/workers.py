"""Where the stages run: in this process, in several on this machine, or on the workers of a Dask cluster.

All give the same results in the same order. A worker that dies is somebody else's loss: its batch is done again, and what a
batch gives is taken once. Knows no stage: a function of a batch is handed to it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.metadata import version
from itertools import count
from multiprocessing.connection import wait
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from ppbench import BrokenPlugin, EndpointUnusable, UsageError

B = TypeVar("B")
R = TypeVar("R")
_Result = TypeVar("_Result", covariant=True)
AHEAD = 3
"""Batches handed out for each worker: enough that none waits, few enough that memory stays small."""


class Pending(Protocol[_Result]):
    def result(self) -> _Result: ...


class Workers(Protocol):
    """Something that does work elsewhere."""

    size: int

    def submit(self, work: Callable[[B], R], batch: B) -> Pending[R]: ...


def in_order(workers: Workers, work: Callable[[B], R], batches: Iterable[B]) -> Iterator[R]:
    """The result of each batch, in the order of the batches, with a bounded number of them under way."""
    waiting: deque[Pending[R]] = deque()
    for batch in batches:
        waiting.append(workers.submit(work, batch))
        while len(waiting) > AHEAD * workers.size:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class Done:
    """The result of what was done at once."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class Here:
    """This process."""

    size = 0

    def submit(self, work: Callable[[B], R], batch: B) -> Pending[R]:
        return Done(work(batch))


class Processes:
    """Processes of this machine. They end with this one, however it ends."""

    def __init__(self, pool: ProcessPoolExecutor, size: int) -> None:
        self._pool, self.size = pool, size

    def submit(self, work: Callable[[B], R], batch: B) -> Pending[R]:
        return Told(lambda: self._pool.submit(work, batch), BrokenProcessPool, _lost_process)


class Cluster:
    """The workers of a Dask scheduler."""

    def __init__(self, client: Any, size: int) -> None:
        from distributed import CancelledError, KilledWorker
        from distributed.comm.core import CommClosedError

        self._client, self.size = client, size
        self._name, self._count = f"curate-{os.urandom(4).hex()}", count()
        self._gone = (CancelledError, CommClosedError, KilledWorker)

    def submit(self, work: Callable[[B], R], batch: B) -> Pending[R]:
        key = f"{self._name}-{next(self._count)}"
        return Told(lambda: self._client.submit(work, batch, key=key, pure=False), self._gone, _lost_cluster)


class Told:
    """A result that is not there yet; the loss of who makes it is said in this program's own words."""

    def __init__(self, begin: Callable[[], Any], gone: Any, say: Callable[[BaseException], Exception]) -> None:
        self._gone, self._say = gone, say
        self._pending = self._try(begin)

    def result(self) -> Any:
        return self._try(lambda: self._pending.result())

    def _try(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except self._gone as error:
            raise self._say(error) from None


def _lost_process(error: BaseException) -> Exception:
    return BrokenPlugin(f"a worker process died ({error}); --workers 1 does without")


def _lost_cluster(error: BaseException) -> Exception:
    said = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return EndpointUnusable(f"the cluster is gone, or lost several workers over one batch: {said}")


@contextmanager
def workers(processes: int, address: str = "") -> Iterator[Workers]:
    """As many processes, or the cluster at an address. Raises BrokenPlugin, EndpointUnusable, UsageError."""
    if address:
        with _client(address) as client:
            yield Cluster(client, _checked(client, address))
    elif processes == 1:
        yield Here()
    else:
        pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)
        try:
            yield Processes(pool, processes)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """A process leaves Ctrl-C to its parent, and does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise BrokenPlugin(f"--cluster needs dask ({error}); install it: pip install 'ppbench[cluster]'") from None
    for name in ("distributed", "tornado", "asyncio"):  # what they log of a lost connection is said in words of ours
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        _knock(address)  # a client that reaches nobody takes long to give up
        return Client(address, timeout="30s", set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, AssertionError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EndpointUnusable(f"no Dask scheduler answers at {address}: {said}") from None


def _knock(address: str) -> None:
    """Raise OSError or ValueError if nobody listens there."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if not parts.hostname or not parts.port:
        raise ValueError("it has no host or no port; give one like tcp://10.0.0.1:8786")
    socket.create_connection((parts.hostname, parts.port), timeout=10).close()


def _checked(client: Any, address: str) -> int:
    """How many threads its workers have. Refuses workers with another ppbench: their rules would be others."""
    found = client.run(_version)
    if not found:
        raise EndpointUnusable(f"the scheduler at {address} has no workers; start some: dask worker {address}")
    strange = {worker: one for worker, one in found.items() if one != _version()}
    if strange:
        worker, one = next(iter(strange.items()))
        raise UsageError(f"worker {worker} has ppbench {one or 'not installed'}, here it is {_version()}; install the same")
    return sum(client.nthreads().values())


def _version() -> str:
    return version("ppbench")
