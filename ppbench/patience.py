"""A time limit for code that is not ours: a plugin that hangs is given up, and the rest goes on. Knows no plugin.

An alarm of the operating system interrupts the main thread, whatever Python code runs in it: a sleep, a lock, a loop. It
comes again every second, so that a `finally` that sleeps is left as well. Three things it cannot end: code of C that never
returns to Python, code that swallows every BaseException for ever, and anything outside the main thread, where no limit is
set. A process that has to survive those runs the code in a child.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN_S = 1.0


class TooSlow(BaseException):
    """The time is up. No Exception, so that `except Exception` in a plugin does not keep it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the body once that many seconds have passed."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow(f"not done within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    rest, again = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, rest, again)
        signal.signal(signal.SIGALRM, before)
