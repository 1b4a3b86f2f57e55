"""Options that several commands share, and functions that evaluate them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

import typer
from typer.core import TyperCommand, TyperGroup

from weatherd.cli.terminal import print_text
from weatherd.errors import WeatherdError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from weatherd.cli.client import Client
    from weatherd.config.loader import Configuration
    from weatherd.config.settings import Settings

_T = TypeVar("_T")
_TAG_OPTION = "'--tag'"
_START_ADVICE = "is weatherd running? Start it with weatherd run, or pass its address with --url"


class ArgumentError(WeatherdError):
    """A well-formed command line cannot be executed, for example because there is no such city: exit code 64."""


class Command(TyperCommand):
    """A command whose help shows its arguments as ``CITY`` or ``[CITY]...``, without their Python types."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the options and arguments of the usage line; typer writes a required argument as ``{CITY}``."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options; typer writes an argument as ``CITY <str>``."""
        rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for parameter in self.get_params(ctx):
            name, text = parameter.get_help_record(ctx) or ("", "")
            is_argument = parameter.param_type_name == "argument"
            rows[parameter.param_type_name].append((name.partition(" ")[0] if is_argument else name, text))
        for heading, parameters in (("Arguments", rows["argument"]), ("Options", rows["option"])):
            if parameters:
                with formatter.section(heading):
                    formatter.write_dl(parameters)


class CommandGroup(TyperGroup):
    """A command group whose help lists complete summaries under the headings in ``rich_help_panel``, without rich."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in the order of :meth:`list_commands`; summaries are aligned across headings."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in names:
            command: Any = self.commands[name]
            row = (name.ljust(width), command.get_short_help_str(limit=1000))
            panels.setdefault(command.rich_help_panel or "Commands", []).append(row)
        for heading, rows in panels.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


# For every typer.Typer. Without rich, so that names from files and services are not interpreted as markup.
TYPER_SETTINGS: dict[str, Any] = {
    "cls": CommandGroup,
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


def _inherit(context: typer.Context, value: Path | None) -> Path | None:
    """Return the ``--config`` after the command, or else the one before it, as in ``weatherd -c FILE run``."""
    return value or (context.parent.params.get("config") if context.parent else None)


def _validate_url(value: str | None) -> str | None:
    """Return the address of a daemon. Raises typer.BadParameter if it is not an HTTP URL."""
    try:
        valid = value is None or (urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname))
    except ValueError:  # a bracket without its pair, as in http://[::1
        valid = False
    if not valid:
        raise typer.BadParameter("should be a URL such as http://127.0.0.1:8080")
    return value


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", callback=_inherit, help="The settings file; default: the first one found."
    ),
]
DaemonUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        callback=_validate_url,
        help="The daemon's address; default: the one in the settings.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
JsonOrText = Annotated[
    Literal["text", "json"],
    typer.Option("--format", "-f", metavar="FORMAT", help="The output format: text or json."),
]
OutputFormat = Annotated[
    Literal["text", "json", "csv"],
    typer.Option("--format", "-f", metavar="FORMAT", help="The output format: text, json or csv."),
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="24h, 3 days, 1w (before now), today, yesterday or a date."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="The same forms; default: now.")]


TagFilter = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="Only cities with this tag; may be repeated."),
]


def parse_tags(texts: Sequence[str]) -> dict[str, str]:
    """Return the tags in texts such as ``region=north``.

    Raises typer.BadParameter for another form, and for two values of a key, because a city has one.
    """
    tags: dict[str, str] = {}
    for text in texts:
        key, _, value = (part.strip() for part in text.partition("="))
        if not key or not value:
            raise typer.BadParameter(f"should be KEY=VALUE such as region=north, not {text!r}", param_hint=_TAG_OPTION)
        if tags.setdefault(key, value) != value:
            reason = f"{key}={tags[key]} and {key}={value} exclude each other: a city has one value of a key"
            raise typer.BadParameter(reason, param_hint=_TAG_OPTION)
    return tags


def require_tagged(found: Iterable[object], tags: Mapping[str, str]) -> None:
    """Raise ArgumentError if *tags* are wanted and no city was found."""
    if tags and not any(True for _ in found):
        raise ArgumentError(f"no city has the {'tag' if len(tags) == 1 else 'tags'} {format_tags(tags)}")


def format_tags(tags: Mapping[str, str]) -> str:
    """Return tags as a text: ``region=north and tier=1``."""
    return " and ".join(map("=".join, tags.items()))


def load_user_configuration(config: Path | None) -> Configuration:
    """Load the configuration, and redact its secrets in the log. Raises ConfigError."""
    from weatherd import plugins
    from weatherd.config import loader

    file, settings = load_user_settings(config)
    providers = list(plugins.find_plugins("providers"))
    return loader.with_city_list(file, settings, loader.find_list_paths(file, settings), providers)


def load_journal_configuration(config: Path | None) -> Configuration:
    """Load the configuration for a command that reads the journal, which works without the list of cities.

    A list that cannot be read is reported on standard error, and has no cities then: a bad edit must not hide what was
    recorded. Raises ConfigError for other mistakes.
    """
    from weatherd import plugins
    from weatherd.config import loader
    from weatherd.errors import ConfigError

    file, settings = load_user_settings(config)
    try:
        paths = loader.find_list_paths(file, settings)
        return loader.with_city_list(file, settings, paths, list(plugins.find_plugins("providers")))
    except ConfigError as error:
        print_text(str(error), err=True)
        print_text("continuing without the list: cities have their ids for names, and no tags or time zones", err=True)
        return loader.Configuration(file, settings, (), ())


def load_user_settings(config: Path | None) -> tuple[Path, Settings]:
    """Return the settings file and its settings, without the city list, which may be broken. Raises ConfigError."""
    from weatherd import log, plugins
    from weatherd.cli.demo.running import find_demo_settings
    from weatherd.config import loader
    from weatherd.config.plain_settings import collect_secrets

    file = loader.find_settings_file(config, os.environ)
    providers = list(plugins.find_plugins("providers"))
    settings = loader.load_settings(file, os.environ, providers, **find_demo_settings(file))
    log.configure("error", secrets=collect_secrets(settings))
    return file, settings


def load_client_settings(config: Path | None, *, tolerant: bool = False) -> Settings:
    """Load the settings for a command that calls the daemon, and redact their secrets in the log.

    Raises ConfigError if they are invalid, unless *tolerant*: a bad edit may have followed the start of the daemon, so
    the defaults are used.
    """
    from weatherd import log
    from weatherd.cli.demo.running import find_demo_settings
    from weatherd.config import loader
    from weatherd.config.plain_settings import collect_secrets
    from weatherd.config.settings import Settings
    from weatherd.errors import ConfigError

    try:
        file = loader.find_settings_file(config, os.environ)
        settings = loader.load_settings(file, os.environ, **find_demo_settings(file))
    except ConfigError:
        if not tolerant:
            raise
        settings = Settings()
    log.configure("error", secrets=collect_secrets(settings))
    return settings


def find_daemon(settings: Settings, url: str | None) -> Client:
    """Return a client for the daemon at *url*, or else at the address in the settings.

    Raises ClientError if the settings have no address to connect to.
    """
    from weatherd.cli.client import Client, ClientError
    from weatherd.text.addresses import format_url

    http = settings.http
    if not (url or http.enabled):
        raise ClientError("the daemon has no HTTP interface: http.enabled is false in the settings")
    if not (url or http.port):
        raise ClientError("http.port is 0 in the settings: use --url with the address that the daemon logs at startup")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)  # noqa: S104 - an address to connect to
    token = http.token.get_secret_value() if http.token else None
    return Client(url or format_url(host, http.port), token=token, ca_file=settings.tls.ca_file)


def call_daemon(call: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine that uses a client. Raises ClientError; its text suggests a fix if the daemon is unreachable."""
    from weatherd.cli.client import ClientError, UnreachableError

    try:
        return asyncio.run(call)
    except UnreachableError as error:
        raise ClientError(f"{error}; {_START_ADVICE}") from None


def warn_of_quarantined_rows(configuration: Configuration) -> None:
    """Print every problem of every quarantined row on standard error."""
    for problems in configuration.quarantined:
        for problem in problems:
            print_text(f"quarantined: {problem}", err=True)
