"""The command line of what asks the running daemon."""
# ruff: noqa: D301 - the mark backslash-b keeps the lines of the examples as they are

from __future__ import annotations

from typing import Annotated

import typer

from weatherd.cli.options import Config  # noqa: TC001 - Typer looks at it

Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="The daemon's address; else as the settings have it.")
]
Json = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


def status(
    config: Config = None,
    url: Url = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again every 2 s, until Ctrl-C.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002
) -> int:
    """Show every city: its value and age, its state, and when it is polled next and why; quotas and forwarders.

    \b
    Examples:
      weatherd status
      weatherd status --watch
      weatherd status --json | jq .counts
    """
    from weatherd.cli.commands.status import status  # noqa: PLC0415

    return status(config, url, watch=watch, as_json=json)


def explain(
    city: Annotated[str, typer.Argument(help="Its name or id.")], config: Config = None, url: Url = None
) -> int:
    """Say why a city was or was not updated: its last attempt in phases, what followed, and the next one.

    \b
    Examples:
      weatherd explain Kiel
    """
    from weatherd.cli.commands.explain import explain  # noqa: PLC0415

    return explain(city, config, url)


def tail(
    city: Annotated[str | None, typer.Argument(help="Its name or id; else all.")] = None,
    config: Config = None,
    url: Url = None,
    json: Json = False,  # noqa: FBT002
) -> int:
    """Print new observations as they come, until Ctrl-C.

    \b
    Examples:
      weatherd tail
      weatherd tail Kiel --json
    """
    from weatherd.cli.commands.tail import tail  # noqa: PLC0415

    return tail(city, config, url, as_json=json)


def health(config: Config = None, url: Url = None) -> int:
    """Tell whether the daemon is well: exit 0 or 1, for health checks. It is, though a weather service is down.

    \b
    Examples:
      weatherd health
    """
    from weatherd.cli.commands.health import health  # noqa: PLC0415

    return health(config, url)
