"""Where the values of `run`'s options come from: the command line, then the environment, then a file (-c), then defaults.

click does the ranking: a file becomes its map of defaults, a variable is an option's own. What is here names the settings,
reads and writes the file, and refuses what does not belong in one. Knows no option by what it means, and runs nothing.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ppbench.errors import UsageError

PREFIX = "PPBENCH_"
_NOWHERE_ELSE = {"config", "resume", "plugin"}
"""They say what else is read, and whose code is run, so they stand on the command line; `config` has a variable besides."""
_ONE_OF = ("suite", "task", "prompts")
"""They answer one question: the one that is asked nearest to the command line hides the others."""
_NEAR = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT, ParameterSource.DEFAULT_MAP, ParameterSource.DEFAULT)
_EPILOG = (
    "Every option but --resume and --plugin may also stand in a TOML file (-c), by its long name, e.g. max_cost = 2.5, and in "
    "the environment, e.g. PPBENCH_MAX_COST=2.5; the command line wins over the environment, the environment over the file. "
    "Values of an option that can be repeated are a list in the file, and apart by spaces in the environment. "
    "`ppbench config show` says which value came from where."
)


class Configured(click.Command):
    """A command whose options have variables and may stand in a file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epilog = self.epilog or _EPILOG
        for option in options_of(self):
            if key_of(option) not in ("resume", "plugin"):
                option.envvar = PREFIX + key_of(option).upper()
        if "config" not in {option.name for option in self.params}:
            self.params.insert(0, _config_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            rest = super().parse_args(ctx, args)
        except click.BadParameter as error:
            option = error.param
            if option and option.name and ctx.get_parameter_source(option.name) is ParameterSource.ENVIRONMENT:
                error.param_hint = f"the environment variable {option.envvar}"
            raise
        _refuse_no_number(ctx)
        _hide(ctx)
        return rest


def _config_option() -> click.Option:
    return click.Option(["-c", "--config"], envvar=f"{PREFIX}CONFIG", type=click.Path(dir_okay=False), metavar="FILE",
                        is_eager=True, expose_value=False, callback=_take_file,
                        help="Options from a TOML file; a run's own config.toml repeats it.")  # fmt: skip


def options_of(command: click.Command) -> list[click.Option]:
    return [param for param in command.params if isinstance(param, click.Option)]


def key_of(option: click.Parameter) -> str:
    """The name of a setting: the first long name of its option."""
    return _names(option)[0]


def _names(option: click.Parameter) -> list[str]:
    return [name[2:].replace("-", "_") for name in option.opts if name.startswith("--")]


def source_of(ctx: click.Context, option: click.Option) -> str:
    """Where the value of an option came from, in words."""
    source = ctx.get_parameter_source(option.name or "")
    if source is ParameterSource.ENVIRONMENT:
        return f"environment {option.envvar}"
    if source is ParameterSource.DEFAULT_MAP:
        return str(ctx.meta.get("ppbench.config", "a file"))
    return "command line" if source is ParameterSource.COMMANDLINE else "default"


def hidden_by(ctx: click.Context, option: click.Option) -> str:
    """The option that was asked for nearer to the command line, and answers the same question; empty if none was."""
    return str(ctx.meta.get("ppbench.hidden", {}).get(option.name, ""))


def given_now(ctx: click.Context, name: str) -> bool:
    """Whether a value was asked for on this command line, or in the file that it names."""
    source = ctx.get_parameter_source(name)
    named = ctx.get_parameter_source("config") is ParameterSource.COMMANDLINE
    return source is ParameterSource.COMMANDLINE or (source is ParameterSource.DEFAULT_MAP and named)


def _take_file(ctx: click.Context, param: click.Parameter, file: str | None) -> None:
    if file:
        ctx.meta["ppbench.config"] = file
        ctx.default_map = read_file(ctx, Path(file))


def read_file(ctx: click.Context, file: Path) -> dict[str, Any]:
    """The values of a file by the names that a command calls its options. Raises UsageError that names file and key."""
    known = {name: option for option in options_of(ctx.command) for name in _names(option) if name not in _NOWHERE_ELSE}
    values: dict[str, Any] = {}
    for key, value in _toml(file).items():
        option = known.get(key.replace("-", "_"))
        if option is None or option.name is None:
            raise UsageError(_unknown(file, key, [key_of(one) for one in dict.fromkeys(known.values())], list(known)))
        if option.name in values:
            raise UsageError(f"{file}: {key} stands twice, under two of its names")
        values[option.name] = _value(ctx, option, value, f"{file}: {key}")
    return values


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        what = "is not UTF-8" if isinstance(error, UnicodeError) else f"is not TOML: {error}"
        raise UsageError(f"{file} {what}; write one option a line, e.g. model = \"mock/quick\"") from None  # fmt: skip


def _unknown(file: Path, key: str, keys: list[str], names: list[str]) -> str:
    """Never says the value: a key that nobody knows may hold a secret."""
    if key in _NOWHERE_ELSE:
        return f"{file}: {key} cannot stand in a file; give --{key} on the command line"
    near = get_close_matches(key.replace("-", "_"), names, 1)
    guess = f" (did you mean {near[0]}?)" if near else ""
    return f"{file}: unknown key {key!r}{guess}; known: {', '.join(sorted(keys))}"


def _value(ctx: click.Context, option: click.Option, value: Any, where: str) -> Any:
    if option.multiple:
        if not isinstance(value, list):
            raise UsageError(f'{where} is {_kind(value)}; give a list of texts, e.g. {key_of(option)} = ["..."]')
        return [_one(ctx, option, one, f"{where}[{place}]") for place, one in enumerate(value)]
    return _one(ctx, option, value, where)


def _one(ctx: click.Context, option: click.Option, value: Any, where: str) -> Any:
    wanted, kinds = _wanted(option)
    if type(value) not in kinds:
        raise UsageError(f"{where} is {_kind(value)}; give {wanted}")
    try:
        read = option.type.convert(value, option, ctx)
    except click.BadParameter as error:
        raise UsageError(f"{where}: {error.message}") from None
    if isinstance(option.type, click.Path) and value:  # what a file names stands beside it, wherever one is
        return str((Path(where.rpartition(": ")[0]).parent / value).resolve())
    return read


def _wanted(option: click.Option) -> tuple[str, tuple[type, ...]]:
    if option.is_flag:
        return "true or false", (bool,)
    if isinstance(option.type, click.types.IntParamType):
        return "a whole number", (int,)
    if isinstance(option.type, click.types.FloatParamType):
        return "a number", (int, float)
    return "a text in quotes", (str,)


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or a time")


def _refuse_no_number(ctx: click.Context) -> None:
    """`nan` is below no bound and above none, so ranges let it through."""
    for option in options_of(ctx.command):
        value = ctx.params.get(option.name or "")
        if isinstance(value, float) and not isfinite(value):
            raise UsageError(f"--{key_of(option).replace('_', '-')} is {value}; give a number ({source_of(ctx, option)})")


def _hide(ctx: click.Context) -> None:
    """Of options that answer one question, those asked for farther from the command line than another are left out."""
    options = {option.name: option for option in options_of(ctx.command) if option.name in _ONE_OF}
    asked = {name: _rank(ctx, name) for name in options if name and ctx.params.get(name)}
    nearest = min(asked, key=lambda name: asked[name], default="")
    for name, rank in asked.items():
        if rank > asked[nearest]:
            ctx.params[name] = () if options[name].multiple else None
            ctx.meta.setdefault("ppbench.hidden", {})[name] = f"--{nearest}"


def _rank(ctx: click.Context, name: str) -> int:
    source = ctx.get_parameter_source(name)
    return _NEAR.index(source) if source in _NEAR else len(_NEAR)


def to_toml(command: click.Command, values: Mapping[str, Any], heading: str) -> str:
    """Values, by the names that a command calls its options, as a file that gives them again; None is left out."""
    keys = {option.name: key_of(option) for option in options_of(command)}
    lines = [f"{keys[name]} = {_written(value)}" for name, value in values.items() if value is not None and name in keys]
    return "\n".join([f"# {heading}", *lines, ""])


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


_SECRET_OPTION = re.compile(r"((?:^|[:,?&\s])\w*(?:key|secret|password|token)=)[^,&\s]+", re.IGNORECASE)


def masked(text: str) -> str:
    """A value without what might be a secret: keys of the environment, those that look like one, and parts of an address."""
    keys = [value for name, value in os.environ.items() if name.upper().endswith("_KEY") and len(value) >= 8]
    for key in sorted(keys, key=len, reverse=True):
        text = text.replace(key, "***")
    text = re.sub(r"://[^/@\s]*@", "://***@", text)
    text = re.sub(r"(://[^?\s]*\?)\S+", r"\1***", text)
    return _SECRET_OPTION.sub(r"\1***", re.sub(r"\bsk-[\w*.-]+", "***", text))
