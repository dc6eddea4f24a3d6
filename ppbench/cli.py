"""The command line: names of commands, and how errors become messages and exit codes.

Commands are imported when called, so `--help` stays quick and a broken plugin cannot break it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version

import click

from ppbench.errors import BrokenPlugin, PpbenchError
from ppbench.hookspecs import COMMANDS

_BUILTIN = {
    "run": ("ppbench.commands.run:run", "Run methods on prompts and print the leaderboard table."),
    "ask": ("ppbench.commands.ask:ask", "Answer one prompt with a method and show the answer as it arrives."),
    "plan": ("ppbench.commands.plan:plan", "Show how a method would split a prompt; sends nothing."),
    "report": ("ppbench.commands.report:report", "Print the table of a stored run."),
    "judge": ("ppbench.commands.judge:judge", "Judge the stored answers of a run."),
    "compare": ("ppbench.commands.compare:command", "Hold two methods of stored runs against each other."),
    "experiment": ("ppbench.commands.experiment:experiment", "The paper's experiments: vary-n, end-to-end, paper."),
    "leaderboard": ("ppbench.commands.leaderboard:leaderboard", "Pack and check entries; build tables and the page."),
    "tasks": ("ppbench.commands.tasks:tasks", "List, show, validate and import prompts; score a method's detection."),
    "config": ("ppbench.commands.config:config", "Show the settings of a run and where each comes from."),
    "plugins": ("ppbench.commands.plugins:plugins", "List, show, write and test plugins, broken ones included."),
}
INTERRUPTED = 130


class _Lazy(click.Group):
    """A group that imports a command only when it is called; plugins add theirs by entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_BUILTIN, *sorted({point.name for point in _points()} - set(_BUILTIN))]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _BUILTIN:
            module, _, attribute = _BUILTIN[name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return next((_load(point) for point in _points() if point.name == name), None)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _BUILTIN[name][1] if name in _BUILTIN else "(plugin)") for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _points() -> list[EntryPoint]:
    """Commands of plugins, but for those that the user left out."""
    off = os.environ.get("PPBENCH_DISABLE_PLUGINS")
    found = list(entry_points(group=COMMANDS))
    if off:
        from ppbench.plugins import is_disabled

        found = [point for point in found if not is_disabled(point.name, point.dist.name if point.dist else "")]
    return found


def _load(point: EntryPoint) -> click.Command:
    try:
        command = point.load()
    except (Exception, SystemExit) as error:
        raise BrokenPlugin(f"command {point.name!r} cannot be imported: {error}") from error
    if not isinstance(command, click.Command):
        raise BrokenPlugin(f"command {point.name!r} is not a click command")
    return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("ppbench"), prog_name="ppbench")
def cli() -> None:
    """Measure what it gains, and what it costs, to answer the subtasks of a prompt at the same time."""


def main() -> None:
    """Entry point: errors end in one message on stderr and the exit code of their kind."""
    try:
        code = cli.main(standalone_mode=False)
        if isinstance(code, int) and code:
            sys.exit(code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PpbenchError as error:
        click.echo(f"error: {error}", err=True)
        _show_notes(error)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        _show_notes(error)
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except UnicodeError as error:
        click.echo(f"error: text that is not UTF-8, or that this terminal cannot show ({type(error).__name__})", err=True)
        sys.exit(5)
    except OSError as error:  # a full disk, a folder that went away: what was written stays
        click.echo(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""), err=True)
        sys.exit(1)


def _show_notes(error: BaseException) -> None:
    """What those who let an error pass had to add: an executor says what goes on without it. click wraps an interrupt."""
    for note in getattr(error, "__notes__", []) + getattr(error.__cause__, "__notes__", []):
        click.echo(note, err=True)
