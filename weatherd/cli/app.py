"""The command line. Each command is a thin door to its file in ``commands/``, which is imported when it is used."""
# ruff: noqa: D301 - the mark backslash-b keeps the lines of the examples as they are

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Annotated, Literal

import structlog
import typer
from typer import exceptions

from weatherd import __version__, log
from weatherd.cli.cli_cities import cities
from weatherd.cli.cli_daemon import explain, health, status, tail
from weatherd.cli.cli_journal import export, history
from weatherd.cli.cli_service import service
from weatherd.cli.exit_codes import BUG, CONFIG, NO_STATE, OK, UNAVAILABLE, UNCLEAN, USAGE
from weatherd.cli.options import PLAIN, Against, Config, load
from weatherd.errors import ConfigError, StateError, WeatherdError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
app = typer.Typer(name="weatherd", **PLAIN)
app.add_typer(cities, name="cities")
app.add_typer(service, name="service")
app.command()(history)
app.command()(export)
for _command in (status, explain, tail, health):
    app.command()(_command)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code. Whatever is expected to go wrong is told in one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ° shows ?
    log.configure("warning")
    try:
        return _run(arguments)
    except exceptions.TyperException as error:
        typer.echo(f"weatherd: {_message(error)} (weatherd --help explains)", err=True)
        return USAGE
    except ConfigError as error:
        typer.echo(str(error), err=True)
        return CONFIG
    except WeatherdError as error:
        typer.echo(f"weatherd: {error}", err=True)
        return NO_STATE if isinstance(error, StateError) else UNAVAILABLE
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:  # noqa: BLE001 - the last line of defence
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            typer.echo(f"weatherd: the output cannot be written: {error.strerror}", err=True)
            return UNCLEAN
        structlog.get_logger().critical("command.crashed", exc_info=error)
        typer.echo("weatherd: this is a bug; please report it with the lines above", err=True)
        return BUG


def _run(arguments: list[str]) -> int:
    """Let Typer do it; the reader of our output, such as head, may have had enough, and that is no failure."""
    try:
        code = int(app(arguments, prog_name="weatherd", standalone_mode=False) or OK)
        sys.stdout.flush()
    except BrokenPipeError:
        code = OK
    except SystemExit:  # Typer's own answer to the same
        code = OK
    else:
        return code
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


@app.callback(invoke_without_command=True)
def weatherd(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,  # noqa: FBT002
) -> None:
    """Watch the weather of a list of cities, for years, without being looked after.

    \b
    Examples:
      weatherd run --demo               simulated weather: no account, no network
      weatherd run                      the real thing, by config/weatherd.yaml
      weatherd once --format json       every city, one time
      weatherd cities add Flensburg     put another city on the list
      weatherd check --online           is all in order?
      weatherd history Kiel             the last day, from the journal
      weatherd status                   how is the daemon?
    """
    if version:
        typer.echo(f"weatherd {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(USAGE)


@app.command()
def run(
    config: Config = None,
    demo: Annotated[bool, typer.Option("--demo", help="Show it: simulated weather, every 5 s.")] = False,  # noqa: FBT002
) -> int:
    """Run the daemon until Ctrl-C or SIGTERM; SIGHUP, or an edited file, makes it read its list again.

    \b
    Examples:
      weatherd run --demo
      weatherd run --config /etc/weatherd/weatherd.yaml 2>>weatherd.log
    """
    from weatherd.cli.commands.run import run  # noqa: PLC0415

    return run(config, demo=demo)


@app.command()
def once(
    config: Config = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["text", "json", "csv"], typer.Option("--format", "-f", help="How to print it.")
    ] = "text",
) -> int:
    """Poll every city once and print what came; exit 69 if a city failed.

    \b
    Examples:
      weatherd once
      weatherd once --format csv > now.csv
    """
    from weatherd.cli.commands.once import once  # noqa: PLC0415

    return once(load(config), format)


@app.command()
def check(
    config: Config = None,
    online: Annotated[bool, typer.Option("--online", help="Ask each provider for one city, too.")] = False,  # noqa: FBT002
    against: Against = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong, as the daemon does.")] = False,  # noqa: FBT002
) -> int:
    """Check both files, show what the list costs, and name the rows that are set aside; exit 78 if a file is wrong.

    \b
    Examples:
      weatherd check && systemctl reload weatherd
      weatherd check --against edited.yaml
      weatherd check --online
    """
    from weatherd.cli.commands.check import check, check_quietly  # noqa: PLC0415

    if quiet:
        return check_quietly(config)
    return check(load(config), online=online, against=against)


@app.command()
def schema(
    file: Annotated[Literal["weatherd", "cities"] | None, typer.Argument(help="One of them; else both.")] = None,
) -> int:
    """Print the JSON Schemas of the settings and of the list, for editors.

    \b
    Examples:
      weatherd schema cities > config/cities.schema.json
    """
    from weatherd.cli.commands.schema import schema  # noqa: PLC0415

    return schema(file)


@app.command()
def simulate(  # noqa: PLR0917 - an option each
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="0 takes a free one.")] = 8081,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    day: Annotated[str, typer.Option(help="How long a day's weather takes to pass: 10m, 1h, 24h.")] = "24h",
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", metavar="KIND:RATE", help="A fault and its share of the answers."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another run of bad luck.")] = 0,
    quotas: Annotated[bool, typer.Option("--quotas", help="Refuse what the free plans do not allow.")] = False,  # noqa: FBT002
) -> int:
    """Serve simulated weather by the protocols of all five services, with faults on demand; /_stats counts.

    \b
    Examples:
      weatherd simulate --day 10m
      weatherd simulate --fault 429:0.2 --fault hang:0.05
    """
    from weatherd.cli.commands.simulate import simulate  # noqa: PLC0415

    return simulate(host, port, day, fault or (), seed, quotas=quotas)


def _message(error: exceptions.TyperException) -> str:
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    return (text or type(error).__name__).replace("Value error, ", "").rstrip(".")
