"""ppbench measures what it gains, and what it costs, to split a prompt into calls that run at the same time.

This is all that a plugin may import. Names are listed in `__all__`; a test keeps the list true.
"""

from ppbench.errors import (
    BrokenPlugin,
    BudgetReached,
    EndpointUnusable,
    InvalidData,
    PpbenchError,
    TooManyFailures,
    UsageError,
)
from ppbench.hookspecs import Case, Decomposer, Executor, Judge, hookimpl
from ppbench.model import Category, Item, Prompt, Schema, Verdict
from ppbench.plan import NUMBERED, Call, Join, Plan
from ppbench.plugins import installed_categories
from ppbench.tasks import data_dir, load_items
from ppbench.trace import Failure, FailureKind, Progress, Reply, Request, Span, Trace, Transport, Trial
from ppbench.virtual import Script, VirtualExecutor

__all__ = [
    "NUMBERED",
    "BrokenPlugin",
    "BudgetReached",
    "Call",
    "Case",
    "Category",
    "Decomposer",
    "EndpointUnusable",
    "Executor",
    "Failure",
    "FailureKind",
    "InvalidData",
    "Item",
    "Join",
    "Judge",
    "Plan",
    "PpbenchError",
    "Progress",
    "Prompt",
    "Reply",
    "Request",
    "Schema",
    "Script",
    "Span",
    "TooManyFailures",
    "Trace",
    "Transport",
    "Trial",
    "UsageError",
    "Verdict",
    "VirtualExecutor",
    "data_dir",
    "hookimpl",
    "installed_categories",
    "load_items",
]
