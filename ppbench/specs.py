"""Spec strings: `top:breadth=3,depth=2` <-> Top(breadth=3, depth=2). Knows dataclasses, nothing else of plugins."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ppbench.errors import UsageError

_OPTION = re.compile(r"""\s*([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^,]*)\s*(?:,|$)""")
_QUOTED = re.compile(r"[,\s\"'\\]|^$")


def split_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Split at the first colon into a name and its options, as text. Values may be quoted. Raises UsageError."""
    name, _, rest = spec.partition(":")
    options: dict[str, str] = {}
    place = 0
    while place < len(rest):
        match = _OPTION.match(rest, place)
        if not match:
            raise UsageError(f"spec {spec!r}: cannot read options from {rest[place:]!r}; write name:key=value,key=value")
        key, value = match[1], match[2].strip()
        if key in options:
            raise UsageError(f"spec {spec!r}: option {key!r} stands twice")
        options[key] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] in ("'", '"') and len(value) > 1 else value
        place = match.end()
    return name.strip(), options


def options_of(component: type) -> dict[str, Any]:
    """Name -> type of the options of a component class."""
    hints = get_type_hints(component)
    return {f.name: hints[f.name] for f in fields(component) if f.init}


def build(component: type, options: dict[str, str], *, spec: str) -> Any:
    """Make the component. Unknown names and unreadable values raise a UsageError that lists what is known."""
    known = options_of(component)
    values = {}
    for key, text in options.items():
        if key not in known:
            have = ", ".join(known) or "none"
            raise UsageError(f"spec {spec!r}: {spec.partition(':')[0]} has no option {key!r}; have: {have}")
        values[key] = _read(text, known[key], where=f"spec {spec!r}: option {key}")
    missing = [f.name for f in fields(component) if f.init and f.name not in values and _required(f)]
    if missing:
        raise UsageError(f"spec {spec!r}: give {', '.join(missing)}")
    try:
        return component(**values)
    except ValueError as error:
        raise UsageError(f"spec {spec!r}: {error}") from error


def spec_of(component: Any) -> str:
    """The canonical spec string: the name, then the options that differ from their defaults, in field order, those
    that are given by keyword alone last."""
    parts = []
    for f in sorted(fields(component), key=lambda f: f.kw_only is True):
        value = getattr(component, f.name)
        if f.init and (_required(f) or value != f.default):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if _QUOTED.search(text):
                text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
            parts.append(f"{f.name}={text}")
    name: str = component.name
    return f"{name}:{','.join(parts)}" if parts else name


def _required(f: Any) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _read(text: str, kind: Any, *, where: str) -> Any:
    if get_origin(kind) in (Union, UnionType):
        if text.lower() in ("none", "") and NoneType in get_args(kind):
            return None
        return _read_any(text, [k for k in get_args(kind) if k is not NoneType], where=where)
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise UsageError(f"{where}: {text!r} is not one of {', '.join(filter(None, map(str, get_args(kind))))}")
        return text
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise UsageError(f"{where}: {text!r} is neither true nor false")
        return text.lower() in ("true", "1", "yes")
    try:
        return kind(text)
    except (TypeError, ValueError):
        raise UsageError(f"{where}: {text!r} is not {'a number' if kind in (int, float) else kind}") from None


def _read_any(text: str, kinds: list[Any], *, where: str) -> Any:
    """The value as the first of several types that can read it."""
    problems = []
    for kind in kinds:
        try:
            return _read(text, kind, where=where)
        except UsageError as error:
            problems.append(str(error).removeprefix(f"{where}: "))
    raise UsageError(f"{where}: {', and '.join(problems)}")
