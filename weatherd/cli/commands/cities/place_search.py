"""Search for a place by name, and the choice of a match."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import typer

from weatherd.cli.options import ArgumentError
from weatherd.cli.terminal import print_text
from weatherd.errors import WeatherdError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.config.settings import Settings
    from weatherd.providers.open_meteo.geocoding import FoundPlace


def find_places(settings: Settings, name: str) -> list[FoundPlace]:
    """Return the places called *name*, the likeliest first. Raises WeatherdError if there are none."""
    matches = search_for_places(settings, name)
    if not matches:
        raise WeatherdError(f"no place named {name!r} was found; add it with --lat and --lon")
    return matches


def search_for_places(settings: Settings, name: str) -> list[FoundPlace]:
    """Return the places called *name*, the likeliest first; [] if there are none. Raises ProviderError."""
    from weatherd.daemon.wiring import USER_AGENT
    from weatherd.http.session import open_session
    from weatherd.providers.open_meteo import geocoding

    section = settings.open_meteo
    base_url = section.geocoding_url or section.base_url or geocoding.GEOCODING_URL

    async def search() -> list[FoundPlace]:
        async with open_session(USER_AGENT, ca_file=settings.tls.ca_file) as session:
            return await geocoding.search_places(session, base_url, name)

    return asyncio.run(search())


def choose_match(matches: Sequence[FoundPlace], pick: int | None) -> FoundPlace:
    """Return match number *pick*, counted from 1, or the only match, or else the one that the user chooses.

    Raises ArgumentError for several matches if standard input or standard error is not a terminal.
    """
    if pick is not None and not 1 <= pick <= len(matches):
        raise typer.BadParameter(f"--pick {pick}: should be between 1 and {len(matches)}, the number of matches")
    if pick is not None or len(matches) == 1:
        return matches[(pick or 1) - 1]
    print_matches(matches, err=True)
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise ArgumentError(f"{len(matches)} places have that name: choose one with --pick N")
    while not 1 <= (number := int(typer.prompt("Which one? N", type=int, err=True))) <= len(matches):
        print_text(f"should be between 1 and {len(matches)}", err=True)
    return matches[number - 1]


def print_matches(matches: Sequence[FoundPlace], *, err: bool = False) -> None:
    """Print a numbered table of places."""
    from weatherd.cli.screen import find_width, open_console, print_lines
    from weatherd.cli.table import Column, format_table

    columns = [
        Column("N", [f"{number}" for number in range(1, len(matches) + 1)], is_number=True),
        Column("name", [match.name for match in matches], min_width=12),
        Column("lat", [f"{match.lat:z.4f}" for match in matches], rank=2, is_number=True),
        Column("lon", [f"{match.lon:z.4f}" for match in matches], rank=2, is_number=True),
        Column(
            "population",
            [f"{match.population:,}" if match.population else "–" for match in matches],
            rank=3,
            is_number=True,
        ),
        Column(
            "region",
            [", ".join(filter(None, (match.region, match.country))) for match in matches],
            rank=1,
            min_width=12,
        ),
    ]
    console = open_console(stderr=err)
    print_lines(console, format_table(columns, find_width(console)))
