"""Progress on stderr: rows done, rate, and how long it will take. Knows rows and nothing of what becomes of them."""

from __future__ import annotations

import sys
import time

import click

_EVERY_S = 1.0


class Progress:
    """A line a second at most; on a terminal they overwrite one another."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._quiet = total, quiet
        self._done = self._known = self._accepted = 0
        self._started = self._said = time.monotonic()

    def known(self, rows: int) -> None:
        """Rows that were settled before: they count as done, not as work of now."""
        self._known += rows
        self._done += rows

    def add(self, rows: int, accepted: int = 0) -> None:
        """So many more are settled."""
        self._done += rows
        self._accepted += accepted
        if not self._quiet and time.monotonic() - self._said >= _EVERY_S:
            self._say()

    def end(self) -> None:
        if not self._quiet:
            self._say(last=True)

    def _say(self, *, last: bool = False) -> None:
        self._said = time.monotonic()
        spent = max(1e-9, self._said - self._started)
        rate = (self._done - self._known) / spent
        left = f"about {_span((self._total - self._done) / rate)} left" if rate and self._done < self._total else ""
        line = f"[{self._done:,}/{self._total:,}] accepted {self._accepted:,}  {rate:,.0f} rows/s  {_span(spent)}  {left}"
        terminal = sys.stderr.isatty()
        click.echo(f"\r{line:<78}" if terminal else line.rstrip(), err=True, nl=not terminal or last)


def _span(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min" if whole < 7200 else f"{whole / 3600:.1f} h"
