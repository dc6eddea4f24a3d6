"""A real headless Chromium for tests of pages, driven through its DevTools protocol over a pipe: no port, no client library.

Nothing sleeps: a page says by `aria-busy` that it works, and whoever waits is told when that ends.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
PATIENCE = 120.0
"""Seconds after which a browser that says nothing is given up."""
IDLE = """new Promise((done) => {
  const main = document.querySelector("main");
  const look = () => main.getAttribute("aria-busy") === "false" && (watch.disconnect(), done(true));
  const watch = new MutationObserver(look);
  watch.observe(main, { attributes: true });
  look();
})"""
KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Tab": 9, " ": 32, "Escape": 27}


class Browser:
    """One Chromium; `page` opens a tab."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._left = b""
        self._count = 0
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """One command and its result. What happens meanwhile is kept in `events`."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params, **({"sessionId": session} if session else {})}
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)
            if answer.get("method") == "Page.javascriptDialogOpening":  # "leave this page?"
                accept = {"id": self._count + 1_000_000, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                os.write(self._to, json.dumps({**accept, "sessionId": answer["sessionId"]}).encode() + b"\0")

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            chunk = os.read(self._from, 1 << 20) if ready else b""
            assert chunk, "the browser says nothing"
            self._left += chunk
        message, _, self._left = self._left.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def page(self, url: str) -> Page:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        page.open(url)
        return page


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def open(self, url: str) -> None:
        """Go to an address and wait until the page there has come to rest."""
        self.send("Page.navigate", url=url)
        self._loaded()

    def reload(self) -> None:
        self.js("window.old = true")
        self.send("Page.reload")
        self._loaded()

    def _loaded(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(AssertionError):  # a page that goes away takes its promise with it
                if self.js('!window.old && location.href !== "about:blank" && document.readyState === "complete"'):
                    self.idle()
                    return
        raise AssertionError("the page was not loaded")

    def idle(self) -> None:
        self.js(IDLE)

    def js(self, expression: str) -> Any:
        """The value of an expression, or of the promise that it gives."""
        done = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def text(self, selector: str) -> str:
        found: str = self.js(f"document.querySelector({json.dumps(selector)}).textContent")
        return found

    def press(self, *keys: str) -> None:
        """Real keys, one after the other, each when the page rests."""
        for key in keys:
            code = KEYS.get(key) or ord(key.upper())
            more = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **more)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
            self.idle()

    def click(self, selector: str) -> None:
        """A real click in the middle of an element."""
        x, y = self.js(f"""(() => {{
            const one = document.querySelector({json.dumps(selector)});
            one.scrollIntoView({{ block: "center" }});
            const box = one.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.idle()

    def size(self, width: int, height: int) -> None:
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def dark(self, on: bool = True) -> None:
        media = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        self.send("Emulation.setEmulatedMedia", features=media)

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def _events(self, method: str) -> list[dict[str, Any]]:
        mine = (event for event in self._browser.events if event.get("sessionId") == self._session)
        return [event["params"] for event in mine if event.get("method") == method]

    def requests(self) -> list[str]:
        """Addresses that this tab asked for."""
        return [asked["request"]["url"] for asked in self._events("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """What the browser said of errors: exceptions, what a policy forbade."""
        logged = [entry["entry"]["text"] for entry in self._events("Log.entryAdded")]
        return logged + [str(thrown["exceptionDetails"]) for thrown in self._events("Runtime.exceptionThrown")]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A running Chromium with a profile of its own. It talks over file descriptors 3 and 4."""
    read_there, write_here = os.pipe()
    read_here, write_there = os.pipe()
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
               "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={profile}"]  # fmt: skip
    join = f'exec "$0" "$@" 3<&{read_there} 4>&{write_there}'
    process = subprocess.Popen(
        ["bash", "-c", join, CHROMIUM, *options], pass_fds=(read_there, write_there), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(read_there)
    os.close(write_there)
    try:
        yield Browser(write_here, read_here)
    finally:
        os.close(write_here)
        os.close(read_here)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
