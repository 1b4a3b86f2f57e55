"""Where the weather of a name comes from: the running daemon, the list, or a search for the place."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from weatherd.city import City, is_zone, make_slug
from weatherd.cli.card.current_weather import CurrentWeather
from weatherd.cli.client import CityNotFoundError, ClientError
from weatherd.cli.commands.cities.place_search import search_for_places
from weatherd.cli.lookup import find_journal
from weatherd.cli.options import ArgumentError, call_daemon, find_daemon, load_user_settings
from weatherd.cli.single_poll import poll_once
from weatherd.cli.terminal import print_text
from weatherd.config import loader
from weatherd.config.loader import Configuration
from weatherd.errors import StateError, WeatherdError
from weatherd.formatting import format_count
from weatherd.journal.reader import Reader
from weatherd.observation import Observation, find_suspect_fields
from weatherd.text.name_folding import fold_name
from weatherd.text.suggestions import did_you_mean, explain_namesakes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weatherd.cli.client import Client
    from weatherd.config.settings import Settings
    from weatherd.providers.open_meteo.geocoding import FoundPlace
    from weatherd.web.schemas import CityDetail, ObservationModel

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WeatherLookup:
    """Finds the weather of a name with the settings of a file, and *url*, the address of a daemon, if one is given."""

    file: Path
    settings: Settings
    providers: Sequence[str]
    url: str | None

    @classmethod
    def open(cls, config: Path | None, url: str | None) -> WeatherLookup:
        """Load the settings. Raises ConfigError."""
        from weatherd import plugins

        return cls(*load_user_settings(config), list(plugins.find_plugins("providers")), url)

    def find(self, name: str) -> CurrentWeather:
        """Return the weather of the city with this name or id, or else of the likeliest place with this name.

        Raises WeatherdError if there is none, or if no service responded.
        """
        city = None
        try:
            detail, history = call_daemon(_ask_daemon(find_daemon(self.settings, self.url), name))
            city = _to_city(detail)
            if detail.observation:
                return build_weather(detail, detail.observation, history)
        except CityNotFoundError:
            pass
        except ClientError:
            if self.url:
                raise
            city = self._find_listed(name)
        if city:
            return self._poll(city)
        return self._find_elsewhere(name)

    def _find_listed(self, name: str) -> City | None:
        """Return the city of the list with this id or name. Raises ArgumentError if several have the name."""
        paths = loader.find_list_paths(self.file, self.settings)
        cities = loader.with_city_list(self.file, self.settings, paths, self.providers).cities
        folded = fold_name(name)
        matches = (
            [city for city in cities if city.id == name]
            or [city for city in cities if folded in (fold_name(city.name), city.id)]
            or [city for city in cities if city.id == make_slug(name)]
        )
        if len(matches) > 1:
            raise ArgumentError(explain_namesakes(name, [city.id for city in matches]))
        return matches[0] if matches else None

    def _find_elsewhere(self, name: str) -> CurrentWeather:
        """Return the weather of the likeliest place with this name, and print a note if there are several."""
        places = search_for_places(self.settings, name)
        if not places:
            raise WeatherdError(f"no place named {name!r} was found{did_you_mean(name, self._list_names())}")
        if len(places) > 1:
            others = format_count(len(places) - 1, "other place has", "other places have")
            print_text(f"{others} that name; weatherd cities search {name!r} lists them", err=True)
        place = places[0]
        found = self._poll(_place_to_city(place, self.settings))
        return replace(found, region=", ".join(filter(None, (place.region, place.country))))

    def _list_names(self) -> list[str]:
        paths = loader.find_list_paths(self.file, self.settings)
        with contextlib.suppress(WeatherdError):
            return [city.name for city in loader.with_city_list(self.file, self.settings, paths, self.providers).cities]
        return []

    def _poll(self, city: City) -> CurrentWeather:
        """Poll a city now. Raises the error of its service."""
        configuration = Configuration(self.file, self.settings, (city,), ())
        outcomes = asyncio.run(poll_once(configuration, lambda _: None, lambda _: None))
        fetched, error = outcomes.get(city, (None, None))
        if fetched is None:
            raise WeatherdError(f"{city.name}: {error}")
        history = _read_history(configuration, city.id)
        return CurrentWeather(city, fetched.observation, fetched.stale, str(error or ""), history=history)


async def _ask_daemon(client: Client, name: str) -> tuple[CityDetail, list[tuple[datetime, float]]]:
    async with client:
        city = await client.get_city(name)
        slots = (await client.get_chart(city.id, "24h")).slots
        points = zip(slots.begin, slots.temperature, slots.suspect, strict=True)
        return city, [(datetime.fromtimestamp(at, UTC), value) for at, value, is_suspect in points if not is_suspect]


def _read_history(configuration: Configuration, city_id: str) -> list[tuple[datetime, float]]:
    """Return the temperatures of the last 24 hours in the journal; [] without a journal."""
    now = datetime.now(UTC)
    try:
        with contextlib.closing(Reader(find_journal(configuration))) as reader:
            rows = reader.read_columns([city_id], ["temperature", "quality"], now - _DAY, now + timedelta(hours=2))
    except StateError:
        return []
    return [
        (datetime.fromtimestamp(at, UTC), temperature)
        for _, at, temperature, quality in rows
        if "temperature" not in find_suspect_fields(quality)
    ]


def build_weather(
    detail: CityDetail, last: ObservationModel, history: Sequence[tuple[datetime, float]]
) -> CurrentWeather:
    """Return the weather of a city of the daemon. The polls of one that is down fail, but its weather is not stale."""
    problem = (detail.failure or "") if detail.state != "fresh" else ""
    is_stale = detail.state == "stale"
    return CurrentWeather(_to_city(detail), _to_observation(last), is_stale, problem, history=history)


def _to_city(detail: CityDetail) -> City:
    return City(
        name=detail.name,
        lat=detail.lat,
        lon=detail.lon,
        id=detail.id,
        providers=tuple(detail.providers),
        timezone=detail.timezone if is_zone(detail.timezone or "") else None,  # the daemon may know newer ones
        altitude=detail.altitude,
        tags=tuple(detail.tags.items()),
    )


def _to_observation(model: ObservationModel) -> Observation:
    values: dict[str, Any] = model.model_dump()
    values |= {name: datetime.fromisoformat(values[name]) for name in ("observed_at", "fetched_at")}
    observation = Observation(**values)
    if problem := observation.find_problem():
        raise ClientError(f"the daemon sent an invalid observation: {problem}")
    return observation


def _place_to_city(place: FoundPlace, settings: Settings) -> City:
    zone = place.timezone if is_zone(place.timezone) else None
    return City(
        name=place.name,
        lat=place.lat,
        lon=place.lon,
        providers=settings.providers,
        timezone=zone,
        altitude=place.altitude,
    )
