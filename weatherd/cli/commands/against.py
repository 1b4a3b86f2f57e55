"""``weatherd check --against``: what an edited list would change."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import typer

from weatherd import duration
from weatherd.city import City
from weatherd.cli.options import warn_of_rows_set_aside
from weatherd.quota.load import provider_loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.config.loader import Configuration
    from weatherd.quota.plans import Plan


def show_change(before: Configuration, after: Configuration, plans: Mapping[str, Plan]) -> None:
    """Print the cities that come, go and change, the rows that would be set aside, and the calls a day."""
    old, new = ({city.id: city for city in each.cities} for each in (before, after))
    for city in new.values():
        if city.id not in old:
            typer.echo(f"+ {city.name}")
        elif city != old[city.id]:
            typer.echo(f"~ {city.name}: {_differences(old[city.id], city)}")
    for city in old.values():
        if city.id not in new:
            typer.echo(f"- {city.name}")
    unchanged = sum(old.get(city.id) == city for city in new.values())
    typer.echo(f"{len(new)} cities, {unchanged} of them as they are")
    warn_of_rows_set_aside(after)
    loads = [provider_loads(each.cities, plans) for each in (before, after)]
    for provider in sorted({*loads[0], *loads[1]}):
        was, would = (f"{each[provider].calls_per('day'):,.0f}" if provider in each else "0" for each in loads)
        typer.echo(f"{provider}: {would} calls a day instead of {was}")


def _differences(old: City, new: City) -> str:
    names = [field.name for field in fields(City) if getattr(old, field.name) != getattr(new, field.name)]
    return ", ".join(f"{name} {_text(name, old)} → {_text(name, new)}" for name in names)


def _text(name: str, city: City) -> str:
    if name == "interval":
        return duration.format_duration(city.interval)
    return " ".join(city.providers) if name == "providers" else str(getattr(city, name))
