"""The mock endpoint in a process of its own, so that its work never holds up the client that is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType

from ppbench import BrokenPlugin, UsageError

_PATIENCE_S = 10


class Embedded:
    """Context manager: starts the endpoint, gives its root URL, and stops it. It dies with this process."""

    def __init__(self, profile: str, prompts: str = "") -> None:
        self._command = [sys.executable, "-m", "ppbench_plugins.endpoint.server", "--model", profile, "--prompts", prompts]

    def __enter__(self) -> str:
        """Start, and return the root URL, e.g. http://127.0.0.1:41234. Raises UsageError or BrokenPlugin."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            said = json.loads(line)
        except ValueError:
            self.__exit__(None, None, None)
            raise BrokenPlugin("the mock endpoint did not start; run `ppbench endpoint mock` to see why") from None
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
