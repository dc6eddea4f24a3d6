"""An endpoint in a process of its own, so that its work never holds up the client that is measured: both of its ends.

The child prints one line of JSON, its address or why there is none, and serves until its standard input ends, so that
it never outlives whoever started it. Knows no model and no dialect.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol

from ppbench import BrokenPlugin, PpbenchError, UsageError

_PATIENCE_S = 10


class Server(Protocol):
    url: str

    def serve(self) -> None: ...
    def stop(self) -> None: ...


class Child:
    """Context manager: runs a module that calls `serve_child`, gives its root URL, and stops it. It dies with this process."""

    def __init__(self, module: str, *arguments: str, cores: Sequence[int] = ()) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._cores = cores

    def __enter__(self) -> str:
        """Start, and return the root URL, e.g. http://127.0.0.1:41234. Raises UsageError or BrokenPlugin."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        if self._cores:  # its threads, which it has not started yet, inherit them
            os.sched_setaffinity(self._process.pid, self._cores)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            said = json.loads(line)
        except ValueError:
            self.__exit__(None, None, None)
            raise BrokenPlugin(f"the endpoint did not start; `{' '.join(self._command)}` shows why") from None
        if "error" in said:
            self.__exit__(None, None, None)
            raise (UsageError if said["exit_code"] == UsageError.exit_code else BrokenPlugin)(said["error"])
        return str(said["url"])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(timeout=_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


class Embedded(Child):
    """The mock endpoint."""

    def __init__(self, profile: str, prompts: str = "", batches: str = "") -> None:
        arguments = ("--model", profile, "--prompts", prompts, "--batches", batches)
        super().__init__("ppbench_plugins.endpoint.server", *arguments)


def serve_child(make: Callable[[], Server]) -> None:
    """The child's end. It may hold as many connections as the system lets it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        server = make()
    except PpbenchError as error:
        print(json.dumps({"error": str(error), "exit_code": error.exit_code}), flush=True)
        return
    print(json.dumps({"url": server.url}), flush=True)
    watcher = threading.Thread(target=_stop_with_parent, args=(server,), daemon=True)
    watcher.start()
    server.serve()
    watcher.join()  # it is on its way out of `stop`; leaving it there would end the process with an abort


def _stop_with_parent(server: Server) -> None:
    sys.stdin.buffer.read()
    server.stop()
