"""Finds plugins by entry points, one way for built-ins and strangers, and keeps a broken one from hurting the rest.

A plugin that fails to import, hangs, misspells a hook, is written for another API or offers a component without what its
contract asks for is left out and reported in one line; asking for it by name is an error with its reason. A file named by
`--plugin` is loaded as one more plugin. Knows no plugin by name.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import traceback
from contextlib import redirect_stdout
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pluggy

from ppbench import hookspecs
from ppbench.errors import BrokenPlugin, PpbenchError, UsageError
from ppbench.model import Category
from ppbench.patience import TooSlow, within
from ppbench.specs import build, options_of, split_spec

DISABLED = "PPBENCH_DISABLE_PLUGINS"
"""Variable: names of distributions or entry points to leave out, with commas between."""
FILES = "PPBENCH_PLUGIN_FILES"
"""Variable: files to load as plugins, as a search path is written. `--plugin` sets it, so that child processes see them."""
SECONDS = "PPBENCH_PLUGIN_SECONDS"
"""Variable: how long one plugin may take to load."""
PATIENCE_S = 10.0

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
    """One entry point, or one file: where it comes from, and why it cannot be used, if so."""

    name: str
    distribution: str
    """Of a file, its path."""
    version: str
    """Of a file, its digest."""
    broken: str = ""
    names: tuple[str, ...] = ()
    """What a broken one would have offered, as far as it came."""
    disabled: bool = False
    local: bool = False


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
            f"{kind} {name!r} is offered by {' and '.join(who)}; uninstall one of them, or name it in {DISABLED}"
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
        self.refuse_broken(name)
        left_out = ", ".join(p.name for p in self.found if p.broken)
        hint = f"; left out, see `ppbench plugins list`: {left_out}" if left_out else ""
        raise UsageError(f"unknown {kind} {name!r}; have: {', '.join(have) or 'none'}{hint}")

    def refuse_broken(self, name: str) -> None:
        """Raise BrokenPlugin if that names a plugin that was left out, or what it would have offered. A file is asked for
        by its being given, so a broken one answers to every name that nothing else has."""
        for plugin in self.found:
            if plugin.broken and (plugin.local or name in (plugin.name, plugin.distribution, *plugin.names)):
                what = "left out" if plugin.disabled else "broken"
                where = f"plugin {plugin.name!r} of {plugin.distribution} {plugin.version}"
                raise BrokenPlugin(f"{where} is {what}: {plugin.broken}")

    def make(self, kind: str, spec: str, **defaults: Any) -> Any:
        """Build a component from its spec string. `defaults` fill options of the same name that the spec leaves open."""
        name, options = split_spec(spec)
        component = self.get(kind, name)
        known = options_of(component)
        for key, value in defaults.items():
            if key in known and value is not None:
                options.setdefault(key, str(value))
        try:
            return build(component, options, spec=spec)
        except PpbenchError:
            raise
        except (Exception, SystemExit) as error:
            raise BrokenPlugin(f"{kind} {spec!r} cannot be made: {_reason(error)}") from error

    def category(self, name: str) -> Category:
        """The category of that id or alias. Raises UsageError."""
        for component in self.of("category").values():
            if name == component.name or name.casefold() in (alias.casefold() for alias in component.value.aliases):
                category: Category = component.value
                return category
        found: Category = self.get("category", name)
        return found

    def versions(self) -> dict[str, str]:
        """Distribution -> version of all plugins, and path -> digest of files, for the record of a run."""
        return {plugin.distribution: plugin.version for plugin in self.found if not plugin.disabled}

    def files(self) -> list[str]:
        """The files among them: what a resumed run has to be given again."""
        return [plugin.distribution for plugin in self.found if plugin.local]


def load() -> Plugins:
    """Find and load the installed plugins and the files that were named, once a process."""
    return _load(os.environ.get(FILES, ""), os.environ.get(DISABLED, ""), os.environ.get(SECONDS, ""))


@cache
def _load(files: str, disabled: str, seconds: str) -> Plugins:
    found: list[Plugin] = []
    components: list[Component] = []
    for point in points(files):
        plugin, offered = _load_one(point)
        found.append(plugin)
        components.extend(offered)
    return Plugins(found, components)


def installed(kind: str, spec: str, **defaults: Any) -> Any:
    """A component of any plugin, from its spec string, for commands that plugins bring. Raises UsageError, BrokenPlugin."""
    return load().make(kind, spec, **defaults)


def points(files: str | None = None) -> list[EntryPoint | _File]:
    """Everything that a plugin may come from, before any of it is loaded."""
    files = os.environ.get(FILES, "") if files is None else files
    found: list[EntryPoint | _File] = sorted(entry_points(group=hookspecs.GROUP), key=lambda p: p.name)
    return found + [_File(path) for path in dict.fromkeys(files.split(os.pathsep)) if path]


def installed_categories() -> list[Category]:
    """The categories of all plugins that work."""
    return [component.value for component in load().of("category").values()]


def is_disabled(*names: str) -> bool:
    """Whether the user left out a distribution or an entry point of that name."""
    off = {_plain(name) for name in os.environ.get(DISABLED, "").split(",") if name.strip()}
    return bool(off & {_plain(name) for name in names})


def _plain(name: str) -> str:
    """Names of distributions are the same whatever their case and dashes."""
    return re.sub(r"[-_.]+", "-", name.strip()).casefold()


class _File:
    """A file as if it were an entry point. What is run is what the digest is of."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.name = self._path.stem
        try:
            self._source: bytes | OSError = self._path.read_bytes()
        except OSError as error:
            self._source = error
        digest = "unread" if isinstance(self._source, OSError) else hashlib.sha256(self._source).hexdigest()
        self.dist = SimpleNamespace(name=str(self._path), version=f"sha256:{digest}")

    def load(self) -> ModuleType:
        if isinstance(self._source, OSError):
            raise self._source
        module = ModuleType(f"ppbench_file_{re.sub(r'[^A-Za-z0-9_]', '_', self.name)}")
        module.__file__ = str(self._path)
        sys.modules[module.__name__] = module  # dataclasses look their module up there
        try:
            exec(compile(self._source, self._path, "exec"), module.__dict__)
        except BaseException:
            del sys.modules[module.__name__]
            raise
        return module


def _load_one(point: EntryPoint | _File) -> tuple[Plugin, list[Component]]:
    name = point.dist.name if point.dist else "?"
    plugin = Plugin(point.name, name, point.dist.version if point.dist else "?", local=isinstance(point, _File))
    if is_disabled(plugin.name, plugin.distribution):
        return replace(plugin, broken=f"named in {DISABLED}", disabled=True), []
    names: list[str] = []
    try:
        with within(_patience()), redirect_stdout(sys.stderr):  # stdout is for results
            values = _values(plugin, point.load())
            names += [str(getattr(value, "name", None) or getattr(value, "id", "")) for _, value in values]
            return plugin, [_component(kind, value, plugin) for kind, value in values]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return replace(plugin, broken=_reason(error), names=tuple(names)), []


def _patience() -> float:
    try:
        return max(0.1, float(os.environ.get(SECONDS, "") or PATIENCE_S))
    except ValueError:
        return PATIENCE_S


def _values(plugin: Plugin, module: ModuleType) -> list[tuple[str, Any]]:
    """Register one module with pluggy and call its hooks: kind and value of all that it offers."""
    api = getattr(module, "PPBENCH_API", hookspecs.API)
    if api != hookspecs.API:
        raise TypeError(f"is written for plugin API {api!r}, this ppbench has {hookspecs.API}; install a version for it")
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, plugin.name)
    manager.check_pending()
    callers = manager.get_hookcallers(module)
    if not callers:
        raise TypeError(f"implements no hook; have: {', '.join(_HOOKS.values())}")
    found = []
    for kind, hook in _HOOKS.items():
        offers = getattr(manager.hook, hook)()
        if not offers and hook in [caller.name for caller in callers]:  # pluggy drops None
            raise TypeError(f"{hook} gave None; return a list")
        found += [(kind, value) for offer in offers for value in offer]
    return found


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
    options_of(value)  # its annotations can be resolved
    return Component(kind, value.name, value, plugin)  # type: ignore[attr-defined]


def _reason(error: BaseException) -> str:
    """One line: what was raised, and the last frame that raised it."""
    text = (str(error).strip() or "no message").splitlines()[0]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {text}"
    ours = ("patience.py",) if isinstance(error, TooSlow) else ()
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.endswith(ours or "\0")]
    where = f" ({frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    kind = "hangs" if isinstance(error, TooSlow) else type(error).__name__
    return f"{kind}: {text}{where}"
