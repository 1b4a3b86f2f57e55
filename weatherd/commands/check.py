"""``weatherd check``: tells whether all is in order, and what it costs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import typer

from weatherd import quota
from weatherd.commands import CONFIG, OK, UNAVAILABLE
from weatherd.commands.loading import warn_of_rows_set_aside
from weatherd.compose import open_providers
from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from weatherd.compose import Providers
    from weatherd.configuration import Configuration


_A = {"minute": "a minute", "hour": "an hour", "day": "a day", "month": "a month"}


def check(configuration: Configuration, *, online: bool) -> int:
    """Show the plan and the rows that are set aside; with *online*, ask each provider for one city."""
    return asyncio.run(_check(configuration, online=online))


async def _check(configuration: Configuration, *, online: bool) -> int:
    async with open_providers(configuration.settings) as providers:
        configuration = providers.require(configuration)
        _show(configuration)
        return await _ask_each(configuration, providers) if online else OK


def _show(configuration: Configuration) -> None:
    typer.echo(f"settings  {configuration.file}")
    typer.echo(f"cities    {configuration.list_path}: {len(configuration.cities)} to watch")
    for cost in quota.costs(configuration.cities, _limits(configuration)):
        against = f" of {cost.limit:,}" if cost.limit else ""
        warning = "" if cost.fits else "  TOO MANY: use a longer interval or fewer cities"
        typer.echo(f"{cost.provider}: {cost.calls:,.0f} calls {_A[cost.window]}{against}{warning}")
    warn_of_rows_set_aside(configuration)


def _limits(configuration: Configuration) -> dict[str, dict[str, int]]:
    settings = configuration.settings
    plans = {"open-meteo": settings.open_meteo.plan, "openweathermap": settings.openweathermap.plan}
    return {name: quota.FREE[name] for name, plan in plans.items() if plan == "free"}


async def _ask_each(configuration: Configuration, providers: Providers) -> int:
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
