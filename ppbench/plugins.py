"""Finds plugins by entry points, one way for built-ins and strangers, and keeps a broken one from hurting the rest.

A plugin that fails to import, misspells a hook or offers a component without what its contract asks for is left
out and reported in one line; asking for it by name is an error with its reason. Knows no plugin by name.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import pluggy

from ppbench import hookspecs
from ppbench.errors import BrokenPlugin, UsageError
from ppbench.model import Category
from ppbench.specs import build, options_of, split_spec

KINDS = ("decomposer", "executor", "judge", "category")
_HOOKS = {
    "decomposer": "ppbench_decomposers",
    "executor": "ppbench_executors",
    "judge": "ppbench_judges",
    "category": "ppbench_categories",
}
_NEEDS = {
    "decomposer": "name decompose",
    "executor": "name clock honours endpoint timing now send wait cancel __enter__ __exit__",
    "judge": "name plan verdicts",
}


@dataclass(frozen=True)
class Plugin:
    """One entry point: where it comes from, and why it cannot be used, if so."""

    name: str
    distribution: str
    version: str
    broken: str = ""


@dataclass(frozen=True)
class Component:
    """One thing that a plugin offers: a class, or for a category its value."""

    kind: str
    name: str
    value: Any
    plugin: Plugin


class Plugins:
    """All plugins that were found, and the components of those that work."""

    def __init__(self, found: list[Plugin], components: list[Component]) -> None:
        self.found = tuple(sorted(found, key=lambda p: (p.distribution, p.name)))
        self.components = tuple(components)

    def of(self, kind: str) -> dict[str, Component]:
        """Usable components of one kind by name; a name that two distributions claim is left out."""
        named: dict[str, list[Component]] = {}
        for component in self.components:
            if component.kind == kind:
                named.setdefault(component.name, []).append(component)
        return {name: claims[0] for name, claims in sorted(named.items()) if len(claims) == 1}

    def duplicates(self) -> list[str]:
        """One line for each name that more than one distribution claims."""
        claims: dict[tuple[str, str], list[str]] = {}
        for component in self.components:
            claims.setdefault((component.kind, component.name), []).append(component.plugin.distribution)
        return [
            f"{kind} {name!r} is offered by {' and '.join(who)}; uninstall one of them"
            for (kind, name), who in sorted(claims.items())
            if len(who) > 1
        ]

    def get(self, kind: str, name: str) -> Any:
        """The class or value of that name. Raises UsageError for an unknown name, BrokenPlugin for a broken one."""
        have = self.of(kind)
        if name in have:
            return have[name].value
        for line in self.duplicates():
            if line.startswith(f"{kind} {name!r} "):
                raise BrokenPlugin(line)
        for plugin in self.found:
            if plugin.broken and plugin.name == name:
                raise BrokenPlugin(f"plugin {name!r} of {plugin.distribution} {plugin.version} is broken: {plugin.broken}")
        hint = "; broken plugins: " + ", ".join(p.name for p in self.found if p.broken)
        hint = hint if any(p.broken for p in self.found) else ""
        raise UsageError(f"unknown {kind} {name!r}; have: {', '.join(have) or 'none'}{hint}")

    def make(self, kind: str, spec: str, **defaults: Any) -> Any:
        """Build a component from its spec string. `defaults` fill options of the same name that the spec leaves open."""
        name, options = split_spec(spec)
        component = self.get(kind, name)
        known = options_of(component)
        for key, value in defaults.items():
            if key in known and value is not None:
                options.setdefault(key, str(value))
        return build(component, options, spec=spec)

    def category(self, name: str) -> Category:
        """The category of that id or alias. Raises UsageError."""
        for component in self.of("category").values():
            if name == component.name or name.casefold() in (alias.casefold() for alias in component.value.aliases):
                category: Category = component.value
                return category
        found: Category = self.get("category", name)
        return found

    def versions(self) -> dict[str, str]:
        """Distribution -> version of all plugins, for the record of a run."""
        return {plugin.distribution: plugin.version for plugin in self.found}


@cache
def load() -> Plugins:
    """Find and load the installed plugins, once a process."""
    found: list[Plugin] = []
    components: list[Component] = []
    for point in sorted(entry_points(group=hookspecs.GROUP), key=lambda p: p.name):
        plugin, offered = _load_one(point)
        found.append(plugin)
        components.extend(offered)
    return Plugins(found, components)


def installed(kind: str, spec: str, **defaults: Any) -> Any:
    """A component of any plugin, from its spec string, for commands that plugins bring. Raises UsageError, BrokenPlugin."""
    return load().make(kind, spec, **defaults)


def installed_categories() -> list[Category]:
    """The categories of all plugins that work."""
    return [component.value for component in load().of("category").values()]


def _load_one(point: EntryPoint) -> tuple[Plugin, list[Component]]:
    name = point.dist.name if point.dist else "?"
    plugin = Plugin(point.name, name, point.dist.version if point.dist else "?")
    try:
        return plugin, list(_offers(plugin, point.load()))
    except (Exception, SystemExit) as error:
        return Plugin(plugin.name, plugin.distribution, plugin.version, _reason(error)), []


def _offers(plugin: Plugin, module: ModuleType) -> Iterator[Component]:
    """Register one module with pluggy, call its hooks and check what they give."""
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, plugin.name)
    manager.check_pending()
    callers = manager.get_hookcallers(module)
    if not callers:
        raise TypeError(f"implements no hook; have: {', '.join(_HOOKS.values())}")
    for kind, hook in _HOOKS.items():
        for offer in getattr(manager.hook, hook)():
            for value in offer:
                yield _component(kind, value, plugin)


def _component(kind: str, value: Any, plugin: Plugin) -> Component:
    if kind == "category":
        if not isinstance(value, Category):
            raise TypeError(f"{_HOOKS[kind]} gave {value!r}, which is not a ppbench.Category")
        return Component(kind, value.id, value, plugin)
    label = getattr(value, "__name__", repr(value))
    if not isinstance(value, type) or not is_dataclass(value):
        raise TypeError(f"{kind} {label} is not a dataclass")
    missing = [need for need in _NEEDS[kind].split() if not hasattr(value, need)]
    if missing:
        raise TypeError(f"{kind} {label} lacks {', '.join(missing)}")
    if not isinstance(getattr(value, "name", None), str):
        raise TypeError(f"{kind} {label} has a name that is no text")
    return Component(kind, value.name, value, plugin)  # type: ignore[attr-defined]


def _reason(error: BaseException) -> str:
    """One line: what was raised, and the last frame that raised it."""
    text = (str(error).strip() or "no message").splitlines()[0]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {text}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return f"{type(error).__name__}: {text}{where}"
