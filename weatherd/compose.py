"""The parts that every command needs, opened as the settings say: session, providers, sinks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from weatherd import __version__, plugins
from weatherd.errors import ConfigError, Problem
from weatherd.foreign import contained, words
from weatherd.http import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import City
    from weatherd.configuration import Configuration
    from weatherd.providers import Provider
    from weatherd.settings import Settings
    from weatherd.sinks import Sink

log = structlog.get_logger()

T = TypeVar("T")

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
        """Return *configuration*, with the cities set aside that name a provider which cannot serve.

        Raises ConfigError when one of the general providers cannot.
        """
        if missing := [self.refused[name] for name in configuration.settings.providers if name in self.refused]:
            raise ConfigError(*missing)
        unfit = {city: self._problem(city, configuration) for city in configuration.cities if self._refuses(city)}
        if not unfit:
            return configuration
        fit = tuple(city for city in configuration.cities if city not in unfit)
        quarantined = (*configuration.quarantined, *((problem,) for problem in unfit.values()))
        return replace(configuration, cities=fit, quarantined=quarantined)

    def _refuses(self, city: City) -> bool:
        return not self.refused.keys().isdisjoint(city.providers)

    def _problem(self, city: City, configuration: Configuration) -> Problem:
        reasons = [self.refused[name].message for name in city.providers if name in self.refused]
        return Problem(str(configuration.list_path), f"{city.name!r}: {'; '.join(reasons)}")


@contextlib.asynccontextmanager
async def open_providers(settings: Settings, now: Callable[[], datetime] = now) -> AsyncIterator[Providers]:
    """Open the session and on it every provider that is installed and set up."""
    usable: dict[str, Provider] = {}
    refused: dict[str, Problem] = {}
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(AGENT))
        for name, point in plugins.find("providers").items():
            try:
                with contained():
                    usable[name] = await _enter(stack, name, point.load()(settings, session, now))
            except ConfigError as error:
                refused[name] = error.problems[0]
            except Exception as error:
                log.error("plugin.broken", plugin=name, exc_info=error)
                refused[name] = Problem(point.value, f"the provider {name!r} cannot be opened: {words(error)}")
        yield Providers(usable, refused)


@contextlib.asynccontextmanager
async def open_sinks(settings: Settings) -> AsyncIterator[dict[str, Sink]]:
    """Open every sink that is installed and switched on."""
    sinks: dict[str, Sink] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, point in plugins.find("sinks").items():
            try:
                with contained():
                    if opened := point.load()(settings):
                        sinks[name] = await _enter(stack, name, opened)
            except ConfigError:
                raise
            except Exception as error:
                log.error("plugin.broken", plugin=name, exc_info=error)
        yield sinks


async def _enter(stack: contextlib.AsyncExitStack, name: str, opened: AbstractAsyncContextManager[T]) -> T:
    """Open a plug-in, to be closed with the stack; what goes wrong then is logged and hurts nobody."""
    entered = await opened.__aenter__()
    stack.push_async_callback(_close, name, opened)
    return entered


async def _close(name: str, opened: AbstractAsyncContextManager[Any]) -> None:
    try:
        with contained():
            await opened.__aexit__(None, None, None)
    except Exception as error:
        log.error("plugin.broken", plugin=name, exc_info=error)
