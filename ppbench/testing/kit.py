"""The door of the kit: finds what is to be tested, has it tested, and gives the report. Prints and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack
from functools import partial

from ppbench import plugins as loader
from ppbench.plugins import Component, Plugins
from ppbench.specs import split_spec
from ppbench.testing import categories, decomposers, executors, judges
from ppbench.testing.probe import Probed, probe
from ppbench.testing.report import Failed, Figures, Report, carry_out

IMPORT_MS = 500
Named = tuple[str, Callable[[], Figures]]


def assert_conforms(kind: str, spec: str, *, plugins: Plugins | None = None, model: str | None = None) -> None:
    """For a test: AssertionError with every check that failed."""
    report = conformance(kind, spec, plugins=plugins, model=model)
    assert report.passed, "\n".join(f"{check.name}: {check.why}" for check in report.failed)


def conformance(
    kind: str, spec: str, *, plugins: Plugins | None = None, model: str | None = None, base_url: str | None = None,
    only: Container[str] | None = None,
) -> Report:  # fmt: skip
    """Test one component: a decomposer, an executor, a judge or a category. Raises UsageError or BrokenPlugin if there is
    none of that name. `model` and `base_url` are for an executor that cannot do without; `only` names checks, for a look
    at these alone."""
    plugins = plugins or loader.load()
    name = split_spec(spec)[0]
    plugins.get(kind, name)
    component = plugins.of(kind)[name]
    started = time.monotonic()
    with ExitStack() as stack:
        named = _checks(plugins, component, spec, stack, model, base_url)
        checks = carry_out((name, check) for name, check in named if only is None or name in only)
    return Report(kind, spec, component.plugin, checks, time.monotonic() - started)


def _checks(
    plugins: Plugins, component: Component, spec: str, stack: ExitStack, model: str | None, base_url: str | None
) -> Iterator[Named]:
    yield from _in_a_process_of_its_own(component, spec)
    if component.kind == "decomposer":
        yield from decomposers.checks(decomposers.Subject(plugins, component.plugin, spec, stack))
    elif component.kind == "executor":
        yield from executors.checks(executors.Subject(plugins, spec, stack, model, base_url))
    elif component.kind == "judge":
        yield from judges.checks(judges.Subject(plugins, spec, stack))
    else:
        yield from categories.checks(plugins, component.value)


def _in_a_process_of_its_own(component: Component, spec: str) -> Iterator[Named]:
    """How it loads, and whether it plans alike whatever the seed of hashes."""
    answer: list[Probed | Failed] = []

    def once() -> Probed:
        if not answer:
            try:
                answer.append(probe(component.plugin, component.kind, spec))
            except Failed as failed:
                answer.append(failed)
        if isinstance(answer[0], Failed):
            raise answer[0]
        return answer[0]

    yield "import-time", partial(_import_time, once)
    yield "import-is-quiet", partial(_import_is_quiet, once)
    if component.kind == "decomposer":
        yield "same-plan-in-any-process", partial(_alike, once)


def _import_time(probed: Callable[[], Probed]) -> Figures:
    figures = {"import_ms": probed().import_ms, "limit_ms": IMPORT_MS}
    if probed().import_ms >= IMPORT_MS:
        raise Failed(f"its import takes {probed().import_ms:g} ms; import large libraries where they are used", **figures)
    return figures


def _import_is_quiet(probed: Callable[[], Probed]) -> Figures:
    if probed().reached:
        raise Failed(f"its import reaches out: {', '.join(probed().reached)}")
    return {}


def _alike(probed: Callable[[], Probed]) -> Figures:
    if len(probed().plans) > 1:
        raise Failed("its plans differ from one process to another, as the order of a set does, or unseeded chance")
    return {"processes": 3}
