"""``weatherd tail``: print new observations as they arrive."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_watched_city
from weatherd.cli.options import AsJson, ConfigFile, DaemonUrl, call_daemon, find_daemon
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from weatherd.cli.client import Client


def tail(
    city: Annotated[
        str | None, typer.Argument(metavar="CITY", help="The city's name or id; default: all cities.")
    ] = None,
    config: ConfigFile = None,
    url: DaemonUrl = None,
    json: AsJson = False,  # noqa: FBT002
) -> int:
    """Print new observations as they arrive, until Ctrl-C.

    Exit code 69 when the daemon stops.

    \b
    Examples:
      weatherd tail
      weatherd tail Kiel --json
    """
    call_daemon(_follow(find_daemon(config, url), city, as_json=json))
    print_text("weatherd: the daemon has closed the stream", err=True)
    return ExitCode.UNAVAILABLE


async def _follow(client: Client, name: str | None, *, as_json: bool) -> None:
    from weatherd.cli.client import CityNotFoundError

    names: dict[str, str] = {}
    async with client:
        city = await find_watched_city(client, name) if name else None
        async for observation in client.stream_observations(city.id if city else None):
            if as_json:
                print_text(observation.model_dump_json())
                continue
            if observation.city not in names:  # one request per city, instead of fetching the whole list first
                try:
                    names[observation.city] = (await client.get_city_by_id(observation.city)).name
                except CityNotFoundError:  # removed from the list in the meantime
                    names[observation.city] = observation.city
            text = f"{names[observation.city]}: {observation.temperature:z.0f} °C :: {observation.description}"
            print_text(f"{observation.observed_at}  {text}")
