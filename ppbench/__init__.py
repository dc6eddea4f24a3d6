"""ppbench measures what it gains, and what it costs, to split a prompt into calls that run at the same time.

This is all that a plugin may import. Names are listed in `__all__`; a test keeps the list true.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
from ppbench.plugins import installed, installed_categories
from ppbench.tasks import data_dir, load_items
from ppbench.trace import Failure, FailureKind, Progress, Reply, Request, Span, Trace, Transport, Trial
from ppbench.virtual import Script, VirtualExecutor

if TYPE_CHECKING:
    from ppbench.execute import Loop
    from ppbench.jobs import Job, Outcome, Policy
    from ppbench.limits import Limiter, Limits
    from ppbench.prices import Prices
    from ppbench.readers.languages import code as language_code
    from ppbench.readers.languages import detected as detected_language
    from ppbench.stats import Estimate, wilson

_LATER = {
    "Estimate": ("ppbench.stats", "Estimate"),
    "Job": ("ppbench.jobs", "Job"),
    "Limiter": ("ppbench.limits", "Limiter"),
    "Limits": ("ppbench.limits", "Limits"),
    "Loop": ("ppbench.execute", "Loop"),
    "Outcome": ("ppbench.jobs", "Outcome"),
    "Policy": ("ppbench.jobs", "Policy"),
    "Prices": ("ppbench.prices", "Prices"),
    "detected_language": ("ppbench.readers.languages", "detected"),
    "language_code": ("ppbench.readers.languages", "code"),
    "wilson": ("ppbench.stats", "wilson"),
}
"""What only commands of plugins need: imported when it is asked for, so that all others start quickly."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own = _LATER[name]
    return getattr(import_module(module), own)


__all__ = [
    "NUMBERED",
    "BrokenPlugin",
    "BudgetReached",
    "Call",
    "Case",
    "Category",
    "Decomposer",
    "EndpointUnusable",
    "Estimate",
    "Executor",
    "Failure",
    "FailureKind",
    "InvalidData",
    "Item",
    "Job",
    "Join",
    "Judge",
    "Limiter",
    "Limits",
    "Loop",
    "Outcome",
    "Plan",
    "Policy",
    "PpbenchError",
    "Prices",
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
    "detected_language",
    "hookimpl",
    "installed",
    "installed_categories",
    "language_code",
    "load_items",
    "wilson",
]
