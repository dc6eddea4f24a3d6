"""Serves the mock model over the engine's paced server. Knows routes; what is answered and when is the model's.

Run as a module it serves until its standard input ends, so that it never outlives whoever started it.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from ppbench import BrokenPlugin, UsageError
from ppbench_plugins.endpoint.batches import ROUTES as BATCHES
from ppbench_plugins.endpoint.batches import Batches, Manner
from ppbench_plugins.endpoint.dialects import Dialect, failure, read_call, reply_chunks, whole_reply
from ppbench_plugins.endpoint.embedded import serve_child
from ppbench_plugins.executors.engine import libssls
from ppbench_plugins.mock.items import known_items
from ppbench_plugins.mock.latency import load_profile
from ppbench_plugins.mock.model import MockModel

if TYPE_CHECKING:
    from ppbench_plugins._engine import Incoming, PacedServer

JSON = [("content-type", "application/json")]
ROUTES: dict[str, Dialect] = {"/chat/completions": "chat", "/responses": "responses", "/messages": "messages"}
"""How the path of a request ends, and the dialect spoken there."""


def dialect_of(path: str) -> Dialect | None:
    """The dialect spoken at a path; None if none is."""
    return next((dialect for end, dialect in ROUTES.items() if path.endswith(end)), None)


class MockServer:
    """The mock endpoint on one address. `model` answers requests that name it, or no other profile.

    With the PEM files `certificate` and `key` it speaks https, and nothing else. `batches` says how those go on.
    """

    def __init__(
        self, model: str, *, host: str = "127.0.0.1", port: int = 0, prompts: str = "", certificate: str = "", key: str = "",
        batches: str = "",
    ) -> None:  # fmt: skip
        self._batches = Batches(self._answer_row, Manner.of(batches))
        self._items = known_items(prompts)
        self._default = model
        self._models = {model: MockModel(load_profile(model), self._items)}
        self._served = 0
        self._server = paced_server(host, port, certificate, key)
        self.url = f"{'https' if certificate else 'http'}://{host}:{self._server.port}"

    def serve(self) -> None:
        """Answer requests until `stop`."""
        while (incoming := self._server.next()) is not None:
            self._served += 1
            try:
                self._answer(incoming)
            except Exception as error:  # a request must not end the endpoint for all others
                self._say(incoming, 500, failure("chat", "server_error", f"{type(error).__name__}: {error}"))

    def stop(self) -> None:
        self._server.stop()

    def _answer(self, incoming: Incoming) -> None:
        path = incoming.path.partition("?")[0].rstrip("/")
        if incoming.method == "GET" and path.endswith("/models"):
            models = [{"id": name, "object": "model"} for name in self._models]
            self._say(incoming, 200, json.dumps({"object": "list", "data": models}).encode())
        elif incoming.method == "POST" and (dialect := dialect_of(path)):
            self._generate(incoming, dialect)
        elif said := self._batches.serve(incoming.method, path, incoming.headers, incoming.body, self._root(incoming)):
            status, kind, body = said
            self._server.respond(incoming.token, status, [("content-type", kind)], [(incoming.arrived_ns, body)])
        else:
            known = ", ".join([*(f"POST /v1{end}" for end in ROUTES), "GET /v1/models", *BATCHES])
            self._say(incoming, 404, failure("chat", "not_found_error", f"no {incoming.method} {path}; have: {known}"))

    def _generate(self, incoming: Incoming, dialect: Dialect) -> None:
        try:
            call = read_call(dialect, incoming.body)
        except ValueError as error:
            self._say(incoming, 400, failure(dialect, "invalid_request_error", str(error)))
            return
        try:
            model = self._model(call.model)
        except UsageError as error:
            self._say(incoming, 404, failure(dialect, "not_found_error", str(error)))
            return
        timed = model.reply(call.ask, incoming.arrived_ns, max_tokens=call.max_tokens, stop=call.stop)
        headers, chunks = reply_chunks(dialect, call, timed, incoming.arrived_ns, f"mock-{self._served}")
        self._server.respond(incoming.token, 200, headers, chunks)

    def _answer_row(self, dialect: Dialect, body: bytes) -> tuple[int, dict[str, Any]]:
        """A row of a batch: as it would be answered alone, but for the time."""
        try:
            call = read_call(dialect, body)
            model = self._model(call.model)
        except (ValueError, UsageError) as error:
            code, kind = (404, "not_found_error") if isinstance(error, UsageError) else (400, "invalid_request_error")
            return code, json.loads(failure(dialect, kind, str(error)))
        self._served += 1
        timed = model.reply(call.ask, 0, max_tokens=call.max_tokens, stop=call.stop)
        return 200, whole_reply(dialect, call, timed, f"mock-{self._served}")

    def _root(self, incoming: Incoming) -> str:
        """This endpoint as the client names it."""
        scheme, _, here = self.url.partition("://")
        return f"{scheme}://{incoming.headers.get('host', here)}"

    def _model(self, name: str) -> MockModel:
        name = name.removeprefix("mock/")
        if name not in self._models:
            self._models[name] = MockModel(load_profile(name), self._items)
        return self._models[name]

    def _say(self, incoming: Incoming, status: int, body: bytes) -> None:
        self._server.respond(incoming.token, status, JSON, [(incoming.arrived_ns, body)])


def paced_server(host: str, port: int, certificate: str = "", key: str = "") -> PacedServer:
    try:
        from ppbench_plugins._engine import PacedServer
    except ImportError:
        raise BrokenPlugin("the endpoint needs the native engine, which is not built here; install a C++20 compiler and "
                           "Python's headers, then ppbench again; -e offline runs without it") from None  # fmt: skip
    try:
        return PacedServer(host, port, certificate=certificate, key=key, libssl=libssls())
    except ImportError as error:
        raise BrokenPlugin(f"the mock endpoint speaks https through OpenSSL: {error}; `pip install pycurl`, or install your "
                           "system's libssl, or set PPBENCH_LIBSSL; http needs none") from None  # fmt: skip
    except ValueError as error:
        raise UsageError(str(error)) from None
    except RuntimeError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error}; choose another --port") from None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompts", default="")
    parser.add_argument("--batches", default="")
    options = parser.parse_args()
    serve_child(lambda: MockServer(options.model, prompts=options.prompts, batches=options.batches))


if __name__ == "__main__":
    main()
