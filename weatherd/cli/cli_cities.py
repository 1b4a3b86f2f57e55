"""The command line of ``weatherd cities``."""
# ruff: noqa: D301 - the mark backslash-b keeps the lines of the examples as they are

from __future__ import annotations

from typing import Annotated

import typer

from weatherd.cli.options import PLAIN, Config, load

_HELP = """Keep the list of cities; comments and order stay as they are.

\b
Examples:
  weatherd cities list
  weatherd cities add Flensburg
"""
cities = typer.Typer(help=_HELP, **PLAIN)


@cities.command("list")
def cities_list(config: Config = None) -> int:
    """Show every city that is watched.

    \b
    Examples:
      weatherd cities list
      weatherd cities list --config /etc/weatherd/weatherd.yaml
    """
    from weatherd.cli.commands.cities import show  # noqa: PLC0415

    return show(load(config))


@cities.command("search")
def cities_search(name: str, config: Config = None) -> int:
    """Find places by their name, with country, region and population.

    \b
    Examples:
      weatherd cities search Springfield
    """
    from weatherd.cli.commands.cities import search  # noqa: PLC0415

    return search(load(config).settings, name)


@cities.command("add")
def cities_add(
    name: str,
    config: Config = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90, help="Latitude; then nothing is looked up.")] = None,
    lon: Annotated[float | None, typer.Option(min=-180, max=180, help="Longitude.")] = None,
    pick: Annotated[int | None, typer.Option(help="Which of several places, as `search` numbers them.")] = None,
) -> int:
    """Add a city at the end of the list.

    \b
    Examples:
      weatherd cities add Frankfurt --pick 2
      weatherd cities add "Weather station" --lat 54.33 --lon 10.18
    """
    from weatherd.cli.commands.cities import add  # noqa: PLC0415

    if (lat is None) != (lon is None):
        raise typer.BadParameter("--lat and --lon go together")
    place = (lat, lon) if lat is not None and lon is not None else None
    return add(load(config), name, place, pick)


@cities.command("remove")
def cities_remove(name: Annotated[str, typer.Argument(help="Its name or id.")], config: Config = None) -> int:
    """Take a city off the list.

    \b
    Examples:
      weatherd cities remove Kiel
      weatherd cities remove sao-paulo
    """
    from weatherd.cli.commands.cities import remove  # noqa: PLC0415

    return remove(load(config), name)
