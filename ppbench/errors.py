"""Every error that ppbench raises on purpose, and the exit code each one ends the program with.

    PpbenchError
    ├── UsageError          2   a command line that cannot be carried out
    ├── TooManyFailures     3   the run ended, but too many trials failed
    ├── BudgetReached       4   the run stopped at its budget and can be resumed
    ├── InvalidData         5   prompts, annotations or records that break their rules
    ├── BrokenPlugin        6   a plugin, or the engine, that cannot be used
    └── EndpointUnusable    7   an endpoint that refuses, or answers what no model server answers

A message says what is wrong, where, what is known, and what to do next.
"""

from __future__ import annotations


class PpbenchError(Exception):
    """Root of the family; `exit_code` is what the command line exits with."""

    exit_code = 1


class UsageError(PpbenchError):
    exit_code = 2


class TooManyFailures(PpbenchError):
    exit_code = 3


class BudgetReached(PpbenchError):
    exit_code = 4


class InvalidData(PpbenchError):
    exit_code = 5


class BrokenPlugin(PpbenchError):
    exit_code = 6


class EndpointUnusable(PpbenchError):
    exit_code = 7
