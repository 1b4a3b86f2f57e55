"""What a start of the daemon needs, tried without changing anything."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from weatherd.cli.exit_codes import ExitCode
from weatherd.errors import DeliveryError, Failure, ProviderError, WeatherdError, describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterable
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.daemon.wiring import OpenProviders
    from weatherd.freshness import AgeBudgets
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.text.display import Display

_CONNECT_TIMEOUT = 30.0  # seconds, as in the contract of a forwarder


@dataclass(frozen=True, slots=True)
class OnlineResult:
    """The result of a request to a weather service, or of a connection to a forwarder's destination."""

    name: str
    text: str
    code: ExitCode  # OK if it succeeded


async def find_startup_errors(configuration: Configuration, budgets: AgeBudgets) -> list[WeatherdError]:
    """Return the errors with which ``weatherd run`` would end.

    It creates the sinks, and the forwarders without connecting them. If a daemon runs with the same state folder, that
    and its port are not errors.
    """
    errors = []
    for check in (_check_plugins(configuration, budgets), _check_state(configuration)):
        try:
            await check
        except WeatherdError as error:
            errors.append(error)
    return errors


def find_warnings(providers: OpenProviders, cities: Iterable[City]) -> list[str]:
    """Return the faults that the daemon runs with: broken providers, unusable proxies, outdated time zones."""
    from yarl import URL

    from weatherd.http.proxies import find_proxy
    from weatherd.zone_data import explain_outdated_zones

    warnings = [f"broken plug-in: {providers.rejected[name].message}" for name in sorted(providers.broken)]
    for scheme in ("http", "https"):
        try:
            find_proxy(URL(f"{scheme}://weatherd.invalid"), os.environ)
        except ProviderError as error:
            warnings.append(f"{error}; every {scheme} request will fail")
    zones = explain_outdated_zones((city.timezone for city in cities if city.timezone), datetime.now(UTC))
    return [*warnings, zones] if zones else warnings


async def _check_plugins(configuration: Configuration, budgets: AgeBudgets) -> None:
    from weatherd.daemon.wiring import check_sinks

    check_sinks(configuration.settings)
    async with _create_forwarders(configuration, budgets):
        pass


def _create_forwarders(
    configuration: Configuration, budgets: AgeBudgets
) -> AbstractAsyncContextManager[dict[str, Forwarder]]:
    from weatherd.daemon.wiring import open_forwarders, utc_now
    from weatherd.journal.provider_state import in_memory_state

    return open_forwarders(configuration.settings, in_memory_state(utc_now), lambda: configuration.cities, budgets)


async def _check_state(configuration: Configuration) -> None:
    from weatherd.journal.schema import check_journal_version
    from weatherd.journal.state_folder import check_state_folder, find_state_folder, is_state_folder_locked
    from weatherd.journal.store import JOURNAL_FILE
    from weatherd.web.listener import check_address

    folder = find_state_folder(configuration.settings.state, configuration.file, os.environ)
    check_state_folder(folder)
    check_journal_version(folder / JOURNAL_FILE)
    http = configuration.settings.http
    if http.enabled and not is_state_folder_locked(folder):
        await check_address(http)


async def try_online(configuration: Configuration, providers: OpenProviders) -> AsyncIterator[OnlineResult]:
    """Fetch the first city of each provider in use, and connect each forwarder; yield the results one by one."""
    for name, city in _first_cities(configuration.cities).items():
        yield await _fetch(name, city, providers, configuration.settings.display)
    async with _create_forwarders(configuration, providers.budgets) as forwarders:
        for name, forwarder in forwarders.items():
            yield await _connect(name, forwarder)


def _first_cities(cities: Iterable[City]) -> dict[str, City]:
    first: dict[str, City] = {}
    for city in cities:
        for name in city.providers:
            first.setdefault(name, city)
    return first


async def _fetch(name: str, city: City, providers: OpenProviders, display: Display) -> OnlineResult:
    begin = time.monotonic()
    try:
        observation = await providers.usable[name].fetch(city)
    except ProviderError as error:
        code = ExitCode.CONFIG if error.failure is Failure.DENIED else ExitCode.UNAVAILABLE
        return OnlineResult(name, f"{city.name}: {error}", code)
    degrees = display.format("temperature", observation.temperature, digits=0)
    text = f"{city.name}: {degrees}, response in {time.monotonic() - begin:.2f} s"
    return OnlineResult(name, text, ExitCode.OK)


async def _connect(name: str, forwarder: Forwarder) -> OnlineResult:
    """Connect a forwarder as the daemon does, or call the ``probe`` of one that has no connection."""
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT):
            probe: Awaitable[str] | None = forwarder.probe() if hasattr(forwarder, "probe") else None
            if probe is not None:
                return OnlineResult(name, await probe, ExitCode.OK)
            async with forwarder.connect():
                return OnlineResult(name, "connected", ExitCode.OK)
    except TimeoutError:
        return OnlineResult(name, f"no connection within {_CONNECT_TIMEOUT:.0f} s", ExitCode.UNAVAILABLE)
    except (DeliveryError, OSError) as error:
        return OnlineResult(name, describe(error), ExitCode.UNAVAILABLE)
