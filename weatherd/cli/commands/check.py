"""``weatherd check``: tells whether all is in order, and what it costs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
import typer

from weatherd import duration, log, plugins
from weatherd.cli.commands.against import show_change
from weatherd.cli.exit_codes import CONFIG, OK, UNAVAILABLE
from weatherd.cli.options import load as load_all
from weatherd.cli.options import warn_of_rows_set_aside
from weatherd.config.loader import with_city_list
from weatherd.daemon.wiring import open_providers, open_with_state, plans_in
from weatherd.errors import ConfigError, Failure, ProviderError
from weatherd.quota.load import provider_loads
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.plans import WINDOW_LABEL

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.config.loader import Configuration
    from weatherd.daemon.wiring import OpenProviders
    from weatherd.quota.load import ProviderLoad


def check(configuration: Configuration, *, online: bool, against: Path | None) -> int:
    """Show the plan and the rows that are set aside; with *online*, ask each provider for one city.

    With *against*, show also what that list would change in place of the present one. Raises ConfigError when it
    cannot be read.
    """
    return asyncio.run(_check(configuration, online=online, against=against))


async def _check(configuration: Configuration, *, online: bool, against: Path | None) -> int:
    opened = open_with_state(configuration) if online else open_providers(configuration.settings)
    async with opened as providers:
        configuration = providers.require_usable(configuration)
        _show(configuration)
        if against:
            other = providers.require_usable(
                with_city_list(configuration, against, list(plugins.find_plugins("providers")))
            )
            typer.echo(f"\nwith {against}:")
            show_change(configuration, other, plans_in(configuration.settings))
        return await _ask_each(configuration, providers) if online else OK


def _show(configuration: Configuration) -> None:
    typer.echo(f"settings  {configuration.file}")
    typer.echo(f"cities    {configuration.list_path}: {len(configuration.cities)} to watch")
    for provider, load in provider_loads(configuration.cities, plans_in(configuration.settings)).items():
        _show_load(provider, load)
    warn_of_rows_set_aside(configuration)


def _show_load(provider: str, load: ProviderLoad) -> None:
    for window in ("minute", "hour", "day", "month"):
        limit = load.plan.limits.get(window)
        against = f" of {limit:,}" if limit else ""
        warning = "  TOO MANY" if limit and load.calls_per(window) > limit else ""
        typer.echo(f"{provider}: {load.calls_per(window):,.0f} calls {WINDOW_LABEL[window]}{against}{warning}")
    if not load.fits:
        every, fitting = duration.format_duration(load.interval), duration.format_duration(load.fitting_interval)
        stretched = duration.format_duration(round(load.interval * load.share * RETRY_RESERVE))
        typer.echo(f"{provider}: {load.cities:,} cities do not fit every {every}: the smallest interval is {fitting}")
        typer.echo(f"{provider}: a run stretches it to {stretched}, which leaves room for retries")


async def _ask_each(configuration: Configuration, providers: OpenProviders) -> int:
    code = OK
    asked: set[str] = set()
    for city in configuration.cities:
        for name in city.providers:
            if name in asked:
                continue
            asked.add(name)
            begin = time.monotonic()
            try:
                observation = await providers.usable[name].fetch(city)
            except ProviderError as error:
                typer.echo(f"{name}: {city.name}: {error}", err=True)
                code = CONFIG if error.failure is Failure.DENIED else code or UNAVAILABLE
            else:
                took = time.monotonic() - begin
                typer.echo(f"{name}: {city.name}: {observation.temperature:.0f} °C, answered in {took:.2f} s")
    return code


def check_quietly(config: Path | None) -> int:
    """Log what is wrong as the daemon would, for whoever keeps its log; nothing when all is right."""
    log.configure("warning")
    try:
        asyncio.run(_look(load_all(config)))
    except ConfigError as error:
        structlog.get_logger().error("config.rejected", problems=[str(problem) for problem in error.problems])
        return CONFIG
    return OK


async def _look(configuration: Configuration) -> None:
    async with open_providers(configuration.settings) as providers:
        providers.require_usable(configuration)
