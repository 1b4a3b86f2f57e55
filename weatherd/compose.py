"""The parts that every command needs, opened as the settings say: session, providers, sinks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from weatherd import __version__, plugins
from weatherd.errors import ConfigError, Problem
from weatherd.http import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from weatherd.configuration import Configuration
    from weatherd.providers import Provider
    from weatherd.settings import Settings
    from weatherd.sinks import Sink

log = structlog.get_logger()

AGENT = f"weatherd/{__version__}"


def now() -> datetime:
    """Return the wall clock's time, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers that can serve, and for each of the others why it cannot."""

    usable: Mapping[str, Provider]
    refused: Mapping[str, Problem]

    def require(self, configuration: Configuration) -> Configuration:
        """Return *configuration* if all providers that it names can serve; else raise ConfigError."""
        named = set(configuration.settings.providers)
        named.update(name for city in configuration.cities for name in city.providers)
        if missing := [self.refused[name] for name in sorted(named) if name in self.refused]:
            raise ConfigError(*missing)
        return configuration


@contextlib.asynccontextmanager
async def open_providers(settings: Settings, now: Callable[[], datetime] = now) -> AsyncIterator[Providers]:
    """Open the session and on it every provider that is installed and set up."""
    usable: dict[str, Provider] = {}
    refused: dict[str, Problem] = {}
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(AGENT))
        for name, point in plugins.find("providers").items():
            try:
                usable[name] = await stack.enter_async_context(point.load()(settings, session, now))
            except ConfigError as error:
                refused[name] = error.problems[0]
            except Exception as error:
                log.error("plugin.broken", provider=name, exc_info=error)
                refused[name] = Problem(point.value, f"the provider {name!r} cannot be opened: {error!r}")
        yield Providers(usable, refused)


@contextlib.asynccontextmanager
async def open_sinks(settings: Settings) -> AsyncIterator[dict[str, Sink]]:
    """Open every sink that is installed and switched on."""
    sinks: dict[str, Sink] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, point in plugins.find("sinks").items():
            try:
                if opened := point.load()(settings):
                    sinks[name] = await stack.enter_async_context(opened)
            except ConfigError:
                raise
            except Exception as error:
                log.error("plugin.broken", sink=name, exc_info=error)
        yield sinks
