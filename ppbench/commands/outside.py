"""Where the command line meets code that is not ours: a plugin in a file, and an executor that breaks down.

Knows which object raised, never why.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ppbench.commands.common import plain
from ppbench.errors import BrokenPlugin, PpbenchError
from ppbench.hookspecs import Executor
from ppbench.plugins import FILES, Plugins

F = TypeVar("F", bound=Callable[..., Any])


def plugin_option(command: F) -> F:
    """`--plugin PATH`, for a command that loads plugins: the same everywhere, and gone when the command ends."""
    return click.option("--plugin", multiple=True, type=click.Path(dir_okay=False, exists=True), metavar="PATH",
                        expose_value=False, is_eager=True, callback=_name_files,
                        help="Load a Python file as a plugin; repeat for more.")(command)  # fmt: skip


def _name_files(ctx: click.Context, parameter: click.Parameter, paths: Sequence[str]) -> None:
    """Name the files in the environment, where child processes find them as well."""
    if not paths:
        return
    before = os.environ.get(FILES)
    files = [str(Path(path).resolve()) for path in paths]
    os.environ[FILES] = os.pathsep.join(dict.fromkeys([*(before or "").split(os.pathsep), *files])).strip(os.pathsep)
    ctx.call_on_close(lambda: _put_back(before))


def _put_back(before: str | None) -> None:
    if before is None:
        os.environ.pop(FILES, None)
    else:
        os.environ[FILES] = before


def plugin_options(plugins: Plugins) -> str:
    """What a resumed run is given again: nobody's code is run because a stored record says so."""
    return "".join(f" --plugin {shlex.quote(path)}" for path in plugins.files())


@contextmanager
def blame(executor: Executor, advice: Callable[[], str] = str) -> Iterator[None]:
    """Turn what an executor raises into BrokenPlugin, with advice; its own PpbenchErrors pass."""
    try:
        yield
    except PpbenchError:
        raise
    except (Exception, SystemExit) as error:
        where = _frame_of(executor, error)
        if not where:
            raise
        text = (str(error).strip() or "no message").splitlines()[0][:300]
        more = advice()
        raise BrokenPlugin(plain(f"executor {executor.name} broke down in {where}: {type(error).__name__}: {text}")
                           + (f"\n{more}" if more else "")) from error  # fmt: skip


def _frame_of(executor: Executor, error: BaseException) -> str:
    """The method of the executor through which an error came; empty if it came from elsewhere. Nothing stands between the
    loop and the executor to find that out: it would stand in every timed call."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        own = code.co_argcount and trace.tb_frame.f_locals.get(code.co_varnames[0]) is executor
        if own and hasattr(type(executor), code.co_name):
            return code.co_name
        trace = trace.tb_next
    return ""
