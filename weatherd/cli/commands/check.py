"""``weatherd check``: validate the configuration and show its API usage."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from weatherd import log, plugins
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile, load_user_configuration, warn_of_quarantined_rows
from weatherd.errors import ConfigError, Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.daemon.wiring import OpenProviders
    from weatherd.quota.load import ProviderLoad
    from weatherd.quota.plans import Plan

_LIMIT_NAMES = {"minute": "limit per minute", "hour": "hourly limit", "day": "daily limit", "month": "monthly limit"}


def check(
    config: ConfigFile = None,
    online: Annotated[bool, typer.Option("--online", help="Also fetch one city from each provider.")] = False,  # noqa: FBT002
    against: Annotated[
        Path | None, typer.Option("--against", metavar="LIST", help="Show the changes that this city list would make.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only problems.")] = False,  # noqa: FBT002
) -> int:
    """Validate the configuration and show its API usage.

    Exit code 78 if a file is invalid. Quarantined rows are listed on standard error; they do not affect the exit code.

    \b
    Examples:
      weatherd check && systemctl reload weatherd
      weatherd check --against edited.yaml
      weatherd check --online
    """
    if quiet:
        return _check_quietly(config)
    configuration = load_user_configuration(config)
    log.configure("critical")  # because broken plug-ins are printed below, without a traceback
    return asyncio.run(_check(configuration, online=online, against=against))


def _check_quietly(config: Path | None) -> int:
    """Log problems like the daemon, for systemd's ExecReload; print nothing if the configuration is valid."""
    log.configure("warning")
    try:
        asyncio.run(_require_providers(load_user_configuration(config)))
    except ConfigError as error:
        structlog.get_logger().error("config.rejected", problems=[str(problem) for problem in error.problems])
        return ExitCode.CONFIG
    return ExitCode.OK


async def _require_providers(configuration: Configuration) -> None:
    from weatherd.daemon.wiring import open_providers

    async with open_providers(configuration.settings) as providers:
        providers.require_usable(configuration)


async def _check(configuration: Configuration, *, online: bool, against: Path | None) -> int:
    from weatherd.config.loader import with_city_list
    from weatherd.daemon.wiring import open_providers, open_with_state

    async with open_with_state(configuration) if online else open_providers(configuration.settings) as providers:
        configuration, plans = providers.require_usable(configuration), providers.planner.plans
        _print_plan(configuration, plans)
        for name in sorted(providers.broken):
            typer.echo(f"broken plug-in: {providers.rejected[name].message}", err=True)
        _warn_of_wrong_proxies()
        if against:
            known = list(plugins.find_plugins("providers"))
            other = providers.require_usable(with_city_list(configuration.file, configuration.settings, against, known))
            typer.echo(f"\nchanges with {against}:")
            _print_changes(configuration, other, plans)
        return await _fetch_from_each(configuration, providers) if online else ExitCode.OK


def _warn_of_wrong_proxies() -> None:
    """Print each proxy variable on standard error that no request could use."""
    from yarl import URL

    from weatherd.http.proxies import find_proxy

    for scheme in ("http", "https"):
        try:
            find_proxy(URL(f"{scheme}://weatherd.invalid"), os.environ)
        except ProviderError as error:
            typer.echo(f"warning: {error}; every {scheme} request will fail", err=True)


def _print_plan(configuration: Configuration, plans: Mapping[str, Plan]) -> None:
    from weatherd.quota.load import provider_loads

    typer.echo(f"settings: {configuration.file}")
    typer.echo(f"cities:   {configuration.list_path} ({len(configuration.cities):,} valid)")
    for provider, load in provider_loads(configuration.cities, plans).items():
        _print_load(provider, load)
    warn_of_quarantined_rows(configuration)


def _print_load(provider: str, load: ProviderLoad) -> None:
    from weatherd.duration import format_duration
    from weatherd.quota.planner import RETRY_RESERVE

    for window in ("minute", "hour", "day", "month"):
        limit = load.plan.limits.get(window)
        allowed = f" (limit {limit:,})" if limit else ""
        warning = "  EXCEEDED" if limit and load.calls_per(window) > limit else ""
        typer.echo(f"{provider}: {load.calls_per(window):,.0f} calls per {window}{allowed}{warning}")
    if not load.fits:
        name = _LIMIT_NAMES.get(load.tightest_window, "rate limit")
        fitting, stretched = (
            format_duration(load.fitting_interval),
            format_duration(round(load.interval * load.share * RETRY_RESERVE)),
        )
        cities, verb = ("city", "exceeds") if load.cities == 1 else ("cities", "exceed")
        typer.echo(
            f"{provider}: {load.cities:,} {cities} every {format_duration(load.interval)} {verb} the {name}. "
            f"Shortest interval that fits: {fitting}; weatherd will use {stretched}."
        )


def _print_changes(before: Configuration, after: Configuration, plans: Mapping[str, Plan]) -> None:
    """Print the added, changed and removed cities, the quarantined rows of *after*, and the calls per day."""
    from weatherd.config import diff
    from weatherd.quota.load import provider_loads

    changes = diff.diff(before.cities, after.cities)
    for city in changes.added_or_changed.values():
        old = changes.removed_or_changed.get(city.id)
        typer.echo(f"~ {city.name}: {_describe_changes(old, city)}" if old else f"+ {city.name}")
    for city in changes.removed_or_changed.values():
        if city.id not in changes.added_or_changed:
            typer.echo(f"- {city.name}")
    typer.echo(f"{len(changes.cities):,} cities, {changes.unchanged:,} unchanged")
    warn_of_quarantined_rows(after)
    old_loads, new_loads = provider_loads(before.cities, plans), provider_loads(after.cities, plans)
    for provider in sorted({*old_loads, *new_loads}):
        old_calls, new_calls = (
            f"{loads[provider].calls_per('day'):,.0f}" if provider in loads else "0" for loads in (old_loads, new_loads)
        )
        typer.echo(f"{provider}: {new_calls} calls per day (now {old_calls})")


def _describe_changes(old: City, new: City) -> str:
    names = [field.name for field in fields(old) if getattr(old, field.name) != getattr(new, field.name)]
    return ", ".join(f"{name} {_format_field(old, name)} → {_format_field(new, name)}" for name in names)


def _format_field(city: City, name: str) -> str:
    from weatherd.duration import format_duration

    if name == "interval":
        return format_duration(city.interval)
    return " ".join(city.providers) if name == "providers" else str(getattr(city, name))


async def _fetch_from_each(configuration: Configuration, providers: OpenProviders) -> int:
    """Fetch the first city of each provider in use. Return the exit code of the worst failure."""
    first_cities: dict[str, City] = {}
    for city in configuration.cities:
        for name in city.providers:
            first_cities.setdefault(name, city)
    code = ExitCode.OK
    for name, city in first_cities.items():
        begin = time.monotonic()
        try:
            observation = await providers.usable[name].fetch(city)
        except ProviderError as error:
            typer.echo(f"{name}: {city.name}: {error}", err=True)
            code = ExitCode.CONFIG if error.failure is Failure.DENIED else code or ExitCode.UNAVAILABLE
        else:
            took = time.monotonic() - begin
            typer.echo(f"{name}: {city.name}: {observation.temperature:.0f} °C, response in {took:.2f} s")
    return code
