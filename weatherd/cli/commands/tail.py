"""``weatherd tail``: print new observations as they arrive."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json as jsonlib
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_watched_city
from weatherd.cli.options import (
    ConfigFile,
    DaemonUrl,
    TagFilter,
    call_daemon,
    find_daemon,
    load_client_settings,
    parse_tags,
    require_tagged,
)
from weatherd.cli.terminal import print_text
from weatherd.cli.wording import describe_latest, format_local_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.cli.client import Client
    from weatherd.text.display import Display
    from weatherd.web.schemas import CityDetail, ObservationModel


def tail(  # noqa: PLR0917 - one parameter per option
    city: Annotated[
        str | None, typer.Argument(metavar="CITY", help="The city's name or id; default: all cities.")
    ] = None,
    config: ConfigFile = None,
    url: DaemonUrl = None,
    tag: TagFilter = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["text", "jsonl"], typer.Option("--format", "-f", metavar="FORMAT", help="text or jsonl.")
    ] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,  # noqa: FBT002
) -> int:
    """Print new observations as they arrive, until Ctrl-C.

    In a cluster those of all nodes, also of nodes that join later. Exit code 69 when the daemon stops.

    \b
    Examples:
      weatherd tail
      weatherd tail Kiel --format jsonl
      weatherd tail --tag region=north
    """
    settings = load_client_settings(config)
    display = None if json or format == "jsonl" else settings.display
    call_daemon(_follow(find_daemon(settings, url), city, parse_tags(tag or ()), display))
    print_text("weatherd: the daemon has closed the stream", err=True)
    return ExitCode.UNAVAILABLE


async def _follow(client: Client, name: str | None, tags: Mapping[str, str], display: Display | None) -> None:
    """Print each observation: as *display* shows it in the city's time zone, or as JSON for None."""
    async with client:
        city = await find_watched_city(client, name) if name else None
        if tags:
            require_tagged([city async for city in client.list_cities(tags)], tags)
        if sys.stdout.isatty():
            print_text("new observations, as they arrive; Ctrl-C to stop", err=True)
        follower = _Follower(city.id if city else None, tags, display)
        if (await client.get_status()).cluster is None:
            await follower.print_stream(client)
            return
        from weatherd.cli.cluster.streams import follow_nodes

        await follow_nodes(client, follower.print_stream)


class _Follower:
    """Prints the observations of streams."""

    def __init__(self, city_id: str | None, tags: Mapping[str, str], display: Display | None) -> None:
        self._city_id = city_id
        self._tags = tags
        self._display = display
        self._cities: dict[str, CityDetail | None] = {}

    async def print_stream(self, client: Client) -> None:
        """Print each observation of a daemon's stream until it ends."""
        async for observation in client.stream_observations(self._city_id, self._tags):
            if self._display is None:
                print_text(jsonlib.dumps(observation.model_dump(), ensure_ascii=False))
                continue
            if observation.city not in self._cities:  # one request per city, instead of fetching the whole list first
                self._cities[observation.city] = await _fetch_city(client, observation.city)
            print_text(_format_line(observation, self._cities[observation.city], self._display))


async def _fetch_city(client: Client, city_id: str) -> CityDetail | None:
    """Return a city; None if it was removed from the list in the meantime."""
    from weatherd.cli.client import CityNotFoundError

    try:
        return await client.get_city_by_id(city_id)
    except CityNotFoundError:
        return None


def _format_line(observation: ObservationModel, city: CityDetail | None, display: Display) -> str:
    name, zone, weather = observation.city, None, observation.description
    if city:
        name, zone = city.name, city.timezone
        weather = describe_latest(city.model_copy(update={"observation": observation}), display)
    degrees = display.format("temperature", observation.temperature, digits=0)
    return f"{format_local_time(observation.observed_at, zone)}  {name}: {degrees} :: {weather}"
