"""``weatherd cluster``: the nodes that share the list."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import json as jsonlib
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import (
    TYPER_SETTINGS,
    ArgumentError,
    AsJson,
    Command,
    ConfigFile,
    DaemonUrl,
    JsonOrText,
    call_daemon,
    find_daemon,
    load_client_settings,
)
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, Problem, WeatherdError

if TYPE_CHECKING:
    from weatherd.cli.client import Client
    from weatherd.config.settings import Settings
    from weatherd.web.cluster.models import ClusterModel

_HELP = """Show the nodes that share the list of cities through PostgreSQL.

\b
Examples:
  weatherd cluster status
  weatherd cluster status --database
"""
cluster = typer.Typer(help=_HELP, **TYPER_SETTINGS)


class NoAnswerError(WeatherdError):
    """Neither a daemon nor the database has answered: exit code 69."""


@cluster.callback()
def describe_group() -> None:
    """Make this a group, although it has one command."""


@cluster.command("status", cls=Command)
def show_status(
    config: ConfigFile = None,
    url: DaemonUrl = None,
    database: Annotated[  # noqa: FBT002
        bool, typer.Option("--database", help="Ask the tables in the database if no daemon answers.")
    ] = False,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Show the nodes, the shards and cities that each polls, and what is wrong.

    Any node can be asked. Exit code 69 if the daemon does not answer, or with --database if neither does.

    \b
    Examples:
      weatherd cluster status
      weatherd cluster status --url http://10.0.0.12:8080
      weatherd cluster status --database
      weatherd cluster status --json | jq .nodes
    """
    settings = load_client_settings(config)
    found, quotas = _find_cluster(settings, url, uses_tables=database)
    if json or format == "json":
        print_text(jsonlib.dumps(found.model_dump(), ensure_ascii=False, indent=2))
        return ExitCode.OK
    from weatherd.cli.cluster.report import format_cluster
    from weatherd.cli.screen import find_width, open_console, print_lines

    console = open_console()
    print_lines(console, format_cluster(found, quotas, find_width(console)))
    return ExitCode.OK


def _find_cluster(settings: Settings, url: str | None, *, uses_tables: bool) -> tuple[ClusterModel, list[str]]:
    """Return the cluster and the used calls as texts. Raises ClientError, NoAnswerError or ConfigError."""
    from weatherd.cli.client import ClientError

    try:
        return call_daemon(_ask_daemon(find_daemon(settings, url)))
    except ClientError as error:
        if not uses_tables:
            raise
        reason = str(error)
    if settings.cluster is None:
        raise ArgumentError("the settings have no section cluster, so there is no database to ask")
    from weatherd.cli.cluster.tables import read_tables
    from weatherd.cluster.database import DatabaseError
    from weatherd.plugins import explain_missing_library

    try:
        return asyncio.run(read_tables(settings.cluster))
    except ImportError:
        raise ConfigError(Problem("cluster", explain_missing_library("postgres"))) from None
    except DatabaseError as error:
        raise NoAnswerError(f"no daemon and no database: {reason}; {error}") from None


async def _ask_daemon(client: Client) -> tuple[ClusterModel, list[str]]:
    async with client:
        daemon = await client.get_status()
    if daemon.cluster is None:
        raise ArgumentError("the daemon polls the whole list: its settings have no section cluster")
    quotas = [
        f"{entry.provider}: {quota.used:,.0f} of {quota.limit:,} calls of this {quota.window} used"
        for entry in daemon.providers
        for quota in entry.quotas
        if quota.used and quota.window != "minute"
    ]
    return daemon.cluster, quotas
