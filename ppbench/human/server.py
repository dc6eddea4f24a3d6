"""Serves the page to browsers of this machine, and to nobody else. Knows HTTP, and of judging only the desk.

It listens on loopback. A random token in the path keeps pages of others from finding it, the checks of Host and Origin
from using it: a name that resolves to this machine is no way in. The page may run its own script and fetch nothing else.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ppbench.errors import PpbenchError, UsageError
from ppbench.human.desk import Desk

LOCAL = ("127.0.0.1", "localhost")
LARGEST = 10_000
"""Bytes of what a page may post."""
_FILES = {"": ("page.html", "text/html"), "page.js": ("page.js", "text/javascript"), "page.css": ("page.css", "text/css")}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _Refused(Exception):
    """A request that is answered with a status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class PageServer:
    """A context manager: serves a desk until somebody is done. `wait` blocks until then, or until Ctrl-C."""

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self._done = Event()
        token, done = secrets.token_urlsafe(24), self._done

        class Handler(_Handler):
            pass

        Handler.desk, Handler.token, Handler.done = desk, token, done
        try:
            self._server = ThreadingHTTPServer((LOCAL[0], port), Handler)
        except OSError as error:
            raise UsageError(f"port {port} of {LOCAL[0]} cannot be served ({error.strerror}); choose another --port") from None
        self._thread = Thread(target=self._server.serve_forever, name="page", daemon=True)
        self.url = f"http://{LOCAL[0]}:{self._server.server_address[1]}/{token}/"

    def __enter__(self) -> PageServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        self._done.wait()


class _Handler(BaseHTTPRequestHandler):
    desk: Desk
    token: str
    done: Event
    last = False
    timeout = 60  # a connection that says nothing holds a thread no longer

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, what: Callable[[], tuple[str, bytes]]) -> None:
        try:
            status, kind, body = 200, *what()
        except _Refused as refused:
            status, kind, body = refused.status, *_as_json({"error": str(refused)})
        except PpbenchError as error:
            status, kind, body = 409, *_as_json({"error": str(error)})
        except OSError as error:  # a full disk, say: the page keeps what was not stored
            status, kind, body = 500, *_as_json({"error": f"the verdict could not be written: {error.strerror}"})
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.last:  # only now: what waits for this may end the process
            self.done.set()

    def _path(self) -> tuple[str, dict[str, str]]:
        """What is asked for below the token. Raises _Refused for a stranger."""
        host = self.headers.get("Host", "")
        if host.rpartition(":")[0] not in LOCAL and host not in LOCAL:
            raise _Refused(403, "this page is for 127.0.0.1 alone")
        parts = urlsplit(self.path)
        token, _, rest = parts.path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            raise _Refused(404, "nothing is here; open the address that ppbench printed")
        return rest, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _get(self) -> tuple[str, bytes]:
        rest, query = self._path()
        if rest in _FILES:
            name, kind = _FILES[rest]
            return kind, files("ppbench.human").joinpath(name).read_bytes()
        if rest == "who":
            return _as_json({"annotator": self.desk.annotator})
        if rest == "overview":
            return _as_json(self.desk.overview(query.get("annotator", "")))
        if rest == "comparison":
            return _as_json(self.desk.show(query.get("annotator", ""), _number(query.get("number"))))
        raise _Refused(404, "nothing is here")

    def _post(self) -> tuple[str, bytes]:
        rest, _ = self._path()
        if self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            raise _Refused(403, "only the page itself may post")
        said = self._body()
        if rest == "choice":
            who, criterion, choice = (str(said.get(name, "")) for name in ("annotator", "criterion", "choice"))
            return _as_json({"answered": self.desk.choose(who, _number(said.get("number")), criterion, choice)})
        if rest == "done":
            self.desk.close()
            self.last = True
            return _as_json({})
        raise _Refused(404, "nothing is here")

    def _body(self) -> Mapping[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise _Refused(415, "post JSON")
        length = _number(self.headers.get("Content-Length"))
        if not 0 <= length <= LARGEST:
            raise _Refused(413, f"post at most {LARGEST} bytes")
        try:
            said = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            raise _Refused(400, "this is no JSON") from None
        if not isinstance(said, dict):
            raise _Refused(400, "this is no JSON object")
        return said

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The terminal is for the address and the end; a log would hold the token."""


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise _Refused(400, "a whole number is missing") from None


def _as_json(value: object) -> tuple[str, bytes]:
    """In ASCII: half a surrogate pair of an answer travels too."""
    return "application/json", json.dumps(value, ensure_ascii=True).encode("ascii")
