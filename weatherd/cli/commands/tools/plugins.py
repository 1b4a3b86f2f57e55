"""``weatherd plugins``: the installed providers, sinks and forwarders, and their states."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weatherd import log
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile, OutputFormat, load_user_configuration
from weatherd.cli.terminal import print_text, write_csv
from weatherd.errors import ConfigError
from weatherd.plugins import contain, explain_plugin_error, find_plugins

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from importlib.metadata import EntryPoint

    from weatherd.config.loader import Configuration
    from weatherd.config.settings import Settings

State = Literal["enabled", "disabled", "unconfigured", "broken", "unknown"]
_STYLES = {"enabled": "green", "disabled": "dim", "unconfigured": "yellow", "broken": "red", "unknown": "dim"}


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """A provider, sink or forwarder that an installed package has registered as an entry point."""

    name: str
    kind: str  # provider, sink or forwarder
    distribution: str  # name of the package
    version: str
    built_in: bool
    state: State
    reason: str  # why it is unconfigured, broken or unknown, else ""


def plugins(config: ConfigFile = None, format: OutputFormat = "text") -> int:  # noqa: A002 - the option's name
    """List the installed providers, sinks and forwarders.

    Each is enabled, disabled by the configuration, unconfigured (a setting is missing) or broken. If the configuration
    is invalid, the exit code is 78, and those that are not broken are unknown.

    \b
    Examples:
      weatherd plugins
      weatherd plugins --format json
    """
    rejection: ConfigError | None = None
    try:
        configuration = load_user_configuration(config)
        log.configure("critical")  # because the table shows why a plug-in is broken, without a traceback
        found = asyncio.run(_inspect(configuration))
    except ConfigError as error:
        rejection, found = error, _import_all()
    rows = [dataclasses.asdict(plugin) for plugin in found]
    match format:
        case "text":
            _print_table(found)
        case "json":
            print_text(json.dumps(rows, ensure_ascii=False, indent=2))
        case "csv":
            names = [field.name for field in dataclasses.fields(InstalledPlugin)]
            write_csv(sys.stdout, names, rows)
    if rejection:
        raise rejection
    return ExitCode.OK


def _print_table(found: Sequence[InstalledPlugin]) -> None:
    from weatherd.cli.screen import find_width, open_console, print_lines
    from weatherd.cli.table import Column, format_table

    packages = ["built-in" if plugin.built_in else f"{plugin.distribution} {plugin.version}" for plugin in found]
    columns = [
        Column("kind", [plugin.kind for plugin in found]),
        Column("name", [plugin.name for plugin in found]),
        Column("package", packages, rank=2, min_width=10),
        Column("state", [plugin.state for plugin in found], styles=_STYLES),
        Column("reason", [plugin.reason for plugin in found], rank=1, min_width=18),
    ]
    console = open_console()
    print_lines(console, format_table(columns, find_width(console)))


def _import_all() -> list[InstalledPlugin]:
    """Return which plug-ins can be imported: all that can be found out without a valid configuration."""
    from weatherd.config.plugin_models import read_models

    found: list[InstalledPlugin] = []
    for kind in ("provider", "sink", "forwarder"):
        for point in find_plugins(f"{kind}s").values():
            try:
                with contain():
                    read_models(point.load())
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
                found.append(_build(kind, point, "broken", explain_plugin_error(point, error)))
            else:
                found.append(_build(kind, point, "unknown", "the configuration is invalid"))
    return found


async def _inspect(configuration: Configuration) -> list[InstalledPlugin]:
    return [
        *[plugin async for plugin in _inspect_providers(configuration)],
        *_inspect_sinks(configuration.settings),
        *[plugin async for plugin in _inspect_forwarders(configuration.settings)],
    ]


async def _inspect_providers(configuration: Configuration) -> AsyncIterator[InstalledPlugin]:
    """Open every provider, because that is the only way to find out whether an API key is missing."""
    from weatherd.daemon.wiring import open_providers

    in_use = {*configuration.settings.providers, *(name for city in configuration.cities for name in city.providers)}
    async with open_providers(configuration.settings) as providers:
        for name, point in find_plugins("providers").items():
            if name in providers.usable:
                yield _build("provider", point, "enabled" if name in in_use else "disabled", "")
                continue
            state: State = "broken" if name in providers.broken else "unconfigured"
            yield _build("provider", point, state, providers.rejected[name].message)


def _inspect_sinks(settings: Settings) -> Iterator[InstalledPlugin]:
    from weatherd.daemon.wiring import call_opener

    for point in find_plugins("sinks").values():
        yield _build("sink", point, *_find_state(point, functools.partial(call_opener, point, settings)))


async def _inspect_forwarders(settings: Settings) -> AsyncIterator[InstalledPlugin]:
    """Create every forwarder. None of them connects before the daemon starts it."""
    from weatherd.daemon.wiring import USER_AGENT, create_forwarder, utc_now
    from weatherd.http.session import open_session
    from weatherd.journal.provider_state import in_memory_state
    from weatherd.pipeline.forwarders import ForwarderResources

    state = in_memory_state(utc_now)
    async with open_session(USER_AGENT, ca_file=settings.tls.ca_file) as session:
        for name, point in find_plugins("forwarders").items():
            resources = ForwarderResources(session, state.key_values(f"forwarder {name}"), lambda: (), utc_now)
            create = functools.partial(create_forwarder, point, settings, resources)
            yield _build("forwarder", point, *_find_state(point, create))


def _find_state(point: EntryPoint, create: Callable[[], object]) -> tuple[State, str]:
    """Create a sink or forwarder as the daemon does, and return its state and the reason."""
    try:
        with contain():
            return ("disabled" if create() is None else "enabled"), ""
    except ConfigError as error:
        return "unconfigured", error.problems[0].message
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
        return "broken", explain_plugin_error(point, error)


def _build(kind: str, point: EntryPoint, state: State, reason: str) -> InstalledPlugin:
    package = point.dist
    name, version = (package.name, package.version) if package else ("unknown", "")
    return InstalledPlugin(point.name, kind, name, version, name == "weatherd", state, reason)
