"""The command line's entry point: the list of commands and the exit code for each kind of error."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer
from typer import exceptions

from weatherd import __version__, log
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lazy_commands import LazyCommands
from weatherd.cli.options import TYPER_SETTINGS, ArgumentError, CommandGroup, ConfigFile
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, StateError, WeatherdError
from weatherd.text.suggestions import closest_match

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = {  # by heading in the help: the module of each command
    "Run": {"run": "run", "once": "once", "simulate": "simulate"},
    "Cities": {"init": "cities.init", "cities": "cities.group", "check": "check"},
    "Look": {
        "now": "now", "status": "status", "explain": "explain", "tail": "tail", "history": "history",
        "export": "export", "import": "journal.import_", "backfill": "journal.backfill", "days": "journal.days",
        "compare": "journal.compare",
        "alerts": "alerts.group", "warnings": "warnings", "health": "status",
    },
    "Service": {"service": "service", "cluster": "cluster"},
    "Tools": {"plugins": "tools.plugins", "schema": "tools.schema"},
}  # fmt: skip
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class _Root(CommandGroup):
    """The command group of ``weatherd``, in the order of :data:`_COMMANDS`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = LazyCommands(
            {name: (heading, module) for heading, commands in _COMMANDS.items() for name, module in commands.items()}
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command and its arguments. A word that is no command is the name of a city for ``now``.

        A lower-case word that is similar to a command is a mistake: otherwise ``weatherd staus`` would search for a
        place. Raises ArgumentError then.
        """
        word = args[0]
        is_name = word not in self.commands and word.strip() and not word.startswith("-")
        if not is_name:
            return super().resolve_command(ctx, args)
        if not (word.isascii() and word.islower() and closest_match(word, self.commands)):
            return super().resolve_command(ctx, ["now", *args])
        try:
            return super().resolve_command(ctx, args)
        except exceptions.TyperException as error:
            advice = f"or, for the weather of a place, weatherd now {word}"
            raise ArgumentError(f"{_format_usage_error(error)} ({advice})") from None


app = typer.Typer(name="weatherd", **{**TYPER_SETTINGS, "cls": _Root})


@app.callback(invoke_without_command=True)
def print_overview(
    context: typer.Context,
    config: ConfigFile = None,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,  # noqa: FBT002
) -> None:
    """Record the current weather for a list of cities.

    \b
    Examples:
      weatherd run --demo               simulated weather: no account, no network
      weatherd Kiel                     the weather there now
      weatherd run                      the daemon, with config/weatherd.yaml
      weatherd once --format json       poll every city once
      weatherd cities add Flensburg     add a city to the list
      weatherd check --online           validate the files and test each provider
      weatherd history Kiel             observations of the last 24 hours
      weatherd status                   state of the running daemon
    """
    if config and (name := context.invoked_subcommand):
        command: Any = context.command
        if all(parameter.name != "config" for parameter in command.commands[name].params):
            raise ArgumentError(f"weatherd {name} does not accept --config")
    if version:
        print_text(f"weatherd {__version__}")
    elif context.invoked_subcommand is None:
        print_text(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def execute(arguments: list[str]) -> int:
    """Execute one command and return its exit code. Expected errors are printed without a traceback."""
    log.configure("warning")
    try:
        return _execute(arguments)
    except exceptions.TyperException as error:
        print_text(f"weatherd: {_format_usage_error(error)} (see {_find_command(error, arguments)} --help)", err=True)
        return ExitCode.USAGE
    except ConfigError as error:
        print_text(str(error), err=True)
        return ExitCode.CONFIG
    except WeatherdError as error:
        print_text(f"weatherd: {error}", err=True)
        if isinstance(error, ArgumentError):
            return ExitCode.USAGE
        return ExitCode.NO_STATE if isinstance(error, StateError) else ExitCode.UNAVAILABLE
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a bug is logged and has its own exit code
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            print_text(f"weatherd: cannot write the output: {error.strerror}", err=True)
            return ExitCode.UNCLEAN
        structlog.get_logger().critical("command.crashed", exc_info=error)
        print_text("weatherd: this is a bug; please report it with the log lines above", err=True)
        return ExitCode.BUG


def _execute(arguments: list[str]) -> int:
    """Run typer. Standard output may be a pipe whose reader has exited, such as ``head``: that counts as success."""
    try:
        code = int(app(arguments, prog_name="weatherd", standalone_mode=False) or ExitCode.OK)
        sys.stdout.flush()
    except BrokenPipeError:
        code = ExitCode.OK
    except SystemExit:  # raised by typer for a closed pipe
        code = ExitCode.OK
    else:
        return code
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python prints an error at exit
    return code


def _find_command(error: exceptions.TyperException, arguments: Sequence[str]) -> str:
    """Return the command whose help explains the error. One that is raised inside a command does not name it."""
    if context := getattr(error, "ctx", None):
        return str(context.command_path)
    names = [name for commands in _COMMANDS.values() for name in commands]
    return " ".join(["weatherd", *[word for word in arguments[:1] if word in names]])


def _format_usage_error(error: exceptions.TyperException) -> str:
    from pydantic import ValidationError

    from weatherd.config.messages import explain_error

    if isinstance(error, typer.BadParameter) and isinstance(error.__cause__, ValidationError):
        error.message = explain_error(error.__cause__.errors(include_url=False)[0], ()).removeprefix("this ")
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return (text or type(error).__name__).replace("Value error, ", "").rstrip(".")
