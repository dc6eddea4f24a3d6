"""Tries prompts without a model: each is split by its own schema, answered with dummies, merged and judged.

What fails here would fail in a run, after it was paid for. Sends nothing and keeps nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, Literal, cast, get_args

from ppbench.execute import Loop
from ppbench.hookspecs import Case, Decomposer, Executor, Judge
from ppbench.jobs import Job
from ppbench.model import Category, Item, Kind, Metric
from ppbench.plan import Plan
from ppbench.tasks import Placed, Problem
from ppbench.trace import Request, Trace
from ppbench.virtual import Script, VirtualExecutor

_VARIABLE = re.compile(r"\{\{\s*\w+\s*\}\}|\{(?:data|context|n)\}")
_TEMPLATE_VARIABLE = re.compile(r"\{(?!(?:data|context|n)\})\w+\}")
_PLACEHOLDER = re.compile(r"(?<![A-Za-z0-9_])NAME_\d+")


def category_problems(category: Category) -> list[str]:
    """What is undefined in a category."""
    found = []
    if category.metric not in get_args(Metric):
        found.append(f"metric {category.metric!r} is not defined; have: {', '.join(get_args(Metric))}")
    if category.kind not in get_args(Kind):
        found.append(f"kind {category.kind!r} is not defined; have: {', '.join(get_args(Kind))}")
    if not isinstance(category.criteria, tuple):  # a lone text would be read letter by letter
        found.append(f"criteria is a tuple of texts, this is {type(category.criteria).__name__}")
    elif not all(isinstance(criterion, str) and criterion.strip() for criterion in category.criteria):
        found.append("a criterion is empty or no text")
    elif len(set(category.criteria)) < len(category.criteria):
        found.append("a criterion stands twice")
    return found


def text_problems(item: Item) -> list[str]:
    """What was left in a prompt by whoever made it, and what its schema claims that it does not hold."""
    schema, found = item.schema, []
    if match := _VARIABLE.search(item.text):
        found.append(f"the text holds a template variable: {match[0]}")
    if schema and (match := _TEMPLATE_VARIABLE.search(schema.template)):
        found.append(f"the template holds an unknown variable: {match[0]}")
    texts = [item.text, *((schema.template, schema.context or "", *(schema.data or ())) if schema else ())]
    if match := next(filter(None, map(_PLACEHOLDER.search, texts)), None):
        found.append(f"a name was left anonymous: {match[0]}")
    parts = [*(schema.data or ()), *([schema.context] if schema.context else [])] if schema else []
    found += [f"does not stand in the text: {part[:60]!r}" for part in parts if part not in item.text]
    return found


def doubles(items: Iterable[Placed]) -> Iterator[Problem]:
    """Prompts that say what an earlier one says, white space and case aside."""
    seen: dict[str, Placed] = {}
    for where, item in items:
        text = " ".join(item.text.casefold().split())
        if text in seen:
            yield Problem(where, f"{item.id} says the same as {seen[text][1].id} ({seen[text][0]})")
        else:
            seen[text] = where, item


def run_problems(item: Item, method: Decomposer, judges: Iterable[Judge], categories: Mapping[str, Category]) -> list[str]:
    """What goes wrong when a prompt runs: through the method's plan, its merge, and each judge that needs no model."""
    prompt = item.prompt(getattr(method, "given", ()))
    job = Job("dry", lambda: method.decompose(prompt), lambda reason: Plan.fallback(prompt, reason))
    [outcome] = Loop(cast(Executor, _Nobody(_dummy))).run([[job]])
    if outcome.failure:
        return [outcome.failure]
    found = [f"fell back: {outcome.trace.reason}"] if outcome.trace.status == "fallback" else []
    return found + [problem for judge in judges if (problem := _judged(judge, item, outcome.trace, categories))]


class _Nobody(VirtualExecutor):
    """Answers at once and says nothing."""

    endpoint = "nobody"
    timing: ClassVar[Literal["modelled"]] = "modelled"


def _dummy(request: Request, now_ns: int) -> Script:
    return Script(((1, "1. dry"),), 1, tokens_in=1, tokens_out=1)


def _judged(judge: Judge, item: Item, trace: Trace, categories: Mapping[str, Category]) -> str:
    if item.category not in categories:
        return f"category {item.category!r} is not installed"
    case = Case(item, categories[item.category], trace, trace)
    try:
        if judge.plan(case) is None:
            list(judge.verdicts(case, ()))
    except Exception as error:
        return f"judge {judge.name}: {type(error).__name__}: {error}"
    return ""
