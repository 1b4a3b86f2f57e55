"""Clients of official warnings: the cities they cover, their requests, and the failures of a service."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.fakes import new_key_values, new_limiter
from tests.support.virtual_time import now
from weatherd.city import City
from weatherd.config.settings import Settings
from weatherd.errors import ConfigError, Failure, ProviderError
from weatherd.http.session import open_session
from weatherd.providers import Resources
from weatherd.providers.bright_sky.warning_client import BrightSkyWarnings
from weatherd.providers.met_norway.warning_client import MetNorwayWarnings
from weatherd.providers.nws.warning_client import NwsWarnings
from weatherd.providers.pirate_weather.warning_client import PirateWeatherWarnings
from weatherd.providers.warning_service import WarningAnswer
from weatherd.quota.plans import UNLIMITED, find_plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from weatherd.journal.key_value import KeyValueStore
    from weatherd.providers.warning_service import WarningService
    from weatherd.quota.plans import Plan

KIEL = City(name="Kiel", lat=54.3, lon=10.123456)
OSLO = City(name="Oslo", lat=59.91, lon=10.75)
CITIES = [City(name=f"City {number}", lat=35 + number / 100, lon=-95.5) for number in range(31)]


class Server:
    """Answers each path with a JSON value, a status or a body."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.headers: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.modified = ""
        self.lifetime: float | None = None  # seconds

    async def handle(self, request: web.Request) -> web.Response:
        """Handle any request."""
        self.requests.append(request.path_qs)
        self.headers.append(request.headers)
        if self.modified and request.headers.get("If-Modified-Since") == self.modified:
            return web.Response(status=304, headers=self.make_expiry())
        answer = self.answers.get(request.path, {"features": [], "alerts": []})
        if isinstance(answer, web.Response):
            return answer
        if isinstance(answer, int):
            return web.json_response({"detail": "because"}, status=answer)
        headers = {"Last-Modified": self.modified} if self.modified else {}
        return web.json_response(answer, headers=headers | self.make_expiry())

    def make_expiry(self) -> dict[str, str]:
        """Return the headers of a response that expires."""
        if self.lifetime is None:
            return {}
        moments = {"Date": now(), "Expires": now() + timedelta(seconds=self.lifetime)}
        return {name: format_datetime(moment, usegmt=True) for name, moment in moments.items()}


@contextlib.asynccontextmanager
async def serving(
    server: Server,
    open_client: Callable[[Settings, Resources], WarningService],
    saved: KeyValueStore | None = None,
    plan: Plan = UNLIMITED,
    **values: Any,
) -> AsyncIterator[WarningService]:
    """Serve, and yield a client."""
    app = web.Application()
    app.router.add_get("/{path:.*}", server.handle)
    async with TestServer(app) as http, open_session("weatherd/test") as session:
        section = {"base_url": str(http.make_url("")).rstrip("/")}
        sections = {
            "pirate_weather": section | {"api_key": "sesame"},
            "nws": section,
            "bright_sky": section,
            "met_norway": section | {"contact": "me@example.org"},
        }
        given = Resources(session, new_limiter(plan=plan), saved or new_key_values(), now)
        yield open_client(Settings(**sections | values), given)


UNITED_STATES = (
    *[(39, -95), (61.2, -149.9), (52.9, 172.9), (21.3, -157.9), (18.4, -66.1), (13.5, 144.8), (-14.3, -170.7)],
)
NORWEGIAN = (  # Oslo, Halden, Trysil, Røros, Narvik, Kautokeino, Kirkenes, Vardø, Mandal, Stavanger, Røst, Longyearbyen
    *[(59.91, 10.75), (59.12, 11.39), (61.3, 12.26), (62.57, 11.38), (68.44, 17.43), (69.01, 23.04), (69.73, 30.05)],
    *[(70.37, 31.11), (58.03, 7.46), (58.97, 5.73), (67.52, 12.1), (78.22, 15.63)],
)
FOREIGN = (  # Strömstad, Arvika, Åre, Kiruna, Abisko, Karesuando, Utsjoki, Nikel, Skagen, Stockholm, Lerwick
    *[(58.94, 11.17), (59.65, 12.59), (63.4, 13.08), (67.85, 20.22), (68.35, 18.83), (68.44, 22.48), (69.91, 27.03)],
    *[(69.41, 30.22), (57.72, 10.58), (59.3, 18.06), (60.2, -1.2)],
)


@pytest.mark.parametrize(
    ("client", "inside", "outside"),
    [
        (NwsWarnings, UNITED_STATES, [(54, 10), (19.4, -99.1), (52, 150)]),
        (BrightSkyWarnings, [(54.3, 10.1), (47.6, 10.2)], [(59.9, 10.7), (45, 9)]),
        (MetNorwayWarnings, NORWEGIAN, FOREIGN),
    ],
)
async def test_the_area_of_a_service(client: Any, inside: list[Any], outside: list[Any]) -> None:
    """The rectangles of the others contain places abroad, which these services reject; MET Norway rejects nothing."""
    async with serving(Server(), client) as service:
        for places, expected in ((inside, True), (outside, False)):
            assert [service.covers(City(name="x", lat=lat, lon=lon)) for lat, lon in places] == [expected] * len(places)


async def test_a_point_of_the_nws() -> None:
    """The coordinates have at most four decimals, and tests are not requested."""
    async with serving(server := Server(), NwsWarnings, nws={"contact": "me@example.org"}) as service:
        assert service.group(CITIES[:30]) == [[city] for city in CITIES[:30]]
    async with serving(server, NwsWarnings) as service:
        assert await service.fetch([KIEL]) == {"kiel": WarningAnswer([], [])}
    assert server.requests == ["/alerts/active?status=actual&point=54.3,10.1235"]
    assert server.headers[0]["Accept"] == "application/geo+json"


ZONES = {"properties": {"forecastZone": "https://x/zones/forecast/KSZ001"}}
ALERTS = [
    {
        "id": "u:1",
        "geometry": None,
        "properties": {"id": "1", "event": "Frost", "affectedZones": ["/zones/forecast/KSZ001"]},
    },
    {
        "id": "u:2",
        "geometry": {"type": "Polygon", "coordinates": [[[-96, 34.9], [-95, 34.9], [-95, 35.005], [-96, 35.005]]]},
        "properties": {"id": "2", "event": "Flood", "affectedZones": ["/zones/forecast/KSZ001"]},
    },
]


def get_events(answers: Mapping[str, WarningAnswer]) -> dict[str, list[str]]:
    """Return the kinds of the warnings of each city; of those with a partial answer, with a question mark."""
    return {
        city: [warning.event for warning in answer.warnings] + ["?"] * answer.is_partial
        for city, answer in answers.items()
    }


async def test_the_national_list() -> None:
    """Above thirty cities the zones of each are requested once; a warning with a polygon needs no zones."""
    server = Server()
    server.answers = {f"/points/{city.lat:g},-95.5": ZONES for city in CITIES} | {"/points/35.01,-95.5": 404}
    server.answers["/alerts/active"] = {"features": ALERTS}
    async with serving(server, NwsWarnings) as service:
        assert service.group(CITIES) == [CITIES]
        first = get_events(await service.fetch(CITIES))
        assert first == {city.id: ["?"] for city in CITIES} | {"city-0": ["Flood", "?"]}
        await service.prepare(CITIES, 1000)
        second = get_events(await service.fetch(CITIES))
        assert second == {c.id: ["Frost"] for c in CITIES if c.id != "city-1"} | {"city-0": ["Frost", "Flood"]}
        await service.prepare(CITIES, 1000)
        await service.prepare(CITIES[:1], 1000)
    assert server.requests.count("/alerts/active?status=actual") == 2
    assert len(server.requests) == 31 + 2


async def test_zones_survive_a_restart() -> None:
    """They are in the key-value store; a damaged entry is requested again."""
    server, saved = Server(), new_key_values()
    server.answers = {f"/points/{city.lat:g},-95.5": ZONES for city in CITIES}
    async with serving(server, NwsWarnings, saved) as service:
        await service.prepare(CITIES, 1000)
    saved.put("35.0000,-95.5000", "[1]", now())
    saved.put("35.0100,-95.5000", "[", now())
    async with serving(server, NwsWarnings, saved) as service:
        await service.prepare(CITIES, 1000)
    assert len(server.requests) == 31 + 2


async def test_places_without_zones_delay_no_others() -> None:
    """However often requests for the zones of some places fail, those for the others have their turn."""
    server = Server()
    server.answers = {f"/points/{city.lat:g},-95.5": {"x": 1} for city in CITIES} | {"/points/35.3,-95.5": ZONES}
    async with serving(server, NwsWarnings) as service:
        await service.prepare(CITIES, 1000)
        assert len(server.requests) == 31
        answers = await service.fetch(CITIES)
        assert [city for city, answer in answers.items() if not answer.is_partial] == ["city-30"]
        server.answers |= {f"/points/{city.lat:g},-95.5": ZONES for city in CITIES[1:]}
        server.requests.clear()
        await service.prepare(CITIES, 1000)
        await service.prepare([*CITIES, KIEL], 1000)
        assert server.requests[-2:] == ["/points/54.3,10.1235", "/points/35,-95.5"]


async def test_zones_are_requested_at_the_pace_of_the_rate_limiter() -> None:
    """Two a second for the NWS, and for no longer than the time that is given; none while the service is paused."""
    server = Server()
    server.answers = {f"/points/{city.lat:g},-95.5": ZONES for city in CITIES}
    async with serving(server, NwsWarnings, plan=find_plan("nws", "free")) as service:
        clock = asyncio.get_running_loop().time
        began = clock()
        await service.prepare(CITIES, 5.0)
        assert 5.0 <= clock() - began <= 6.5
        assert 12 <= len(server.requests) <= 16  # four at once, then two a second
        server.answers = dict.fromkeys(server.answers, 429)
        began = clock()
        await service.prepare(CITIES, 1000)
        assert clock() - began < 10


async def test_a_large_list_is_read() -> None:
    """The national list is larger than what any other response may have."""
    server = Server()
    server.answers = {"/alerts/active": {"features": [], "title": "x" * 3_000_000}}
    async with serving(server, NwsWarnings) as service:
        assert len(await service.fetch(CITIES[:2])) == 2


async def test_the_warnings_of_germany() -> None:
    """Above thirty cities the commune of each is requested once, then all warnings in one request."""
    cities = [replace(KIEL, id=f"city-{number}", lat=50 + number / 100) for number in range(31)]
    server = Server()
    alerts = [{"alert_id": str(n), "event_en": f"gusts {n}", "warn_cell_ids": [801, n]} for n in (802, 803)]
    server.answers["/alerts"] = {"alerts": alerts, "location": {"warn_cell_id": 802}}
    async with serving(server, BrightSkyWarnings) as service:
        assert service.group(cities) == [cities]
        assert service.group(cities[:30]) == [[city] for city in cities[:30]]
        assert get_events(await service.fetch(cities)) == {city.id: ["?"] for city in cities}
        await service.prepare(cities, 1000)
        assert get_events(await service.fetch(cities)) == {city.id: ["gusts 802"] for city in cities}
        assert server.requests.count("/alerts") == 2
        assert len(server.requests) == 31 + 2
        server.answers["/alerts"] = {"alerts": [{"alert_id": "9", "event_en": "frost"}]}
        answers = await service.fetch(cities)
        assert answers["city-3"].problems == ["alert 9: it has no communes"]


async def test_bright_sky_requests_a_place() -> None:
    """One request for each city; 404 means that the place is not covered."""
    async with serving(server := Server(), BrightSkyWarnings) as service:
        assert await service.fetch([KIEL]) == {"kiel": WarningAnswer([], [])}
        assert server.requests == ["/alerts?lat=54.30000&lon=10.12346"]
        server.answers["/alerts"] = 404
        with pytest.raises(ProviderError, match="404: because") as raised:
            await service.fetch([KIEL])
        assert raised.value.failure is Failure.REJECTED


async def test_met_norway_is_asked_for_changes() -> None:
    """One request for all cities, in the reader's language; 304 is the same good answer again."""
    server = Server()
    server.modified = "Thu, 01 Jan 2026 00:00:00 GMT"
    async with serving(server, MetNorwayWarnings, language="nn") as service:
        assert service.group([OSLO, KIEL]) == [[OSLO, KIEL]]
        assert service.group([]) == []
        answers = [await service.fetch([OSLO]) for _ in range(3)]
    assert answers == [{"oslo": WarningAnswer([], [])}] * 3
    assert server.requests == ["/weatherapi/metalerts/2.0/current.json?lang=no"] * 3
    assert ["If-Modified-Since" in headers for headers in server.headers] == [False, True, True]
    assert all("me@example.org" in headers["User-Agent"] for headers in server.headers)


@pytest.mark.parametrize(
    ("lifetime", "interval"), [(None, 120), (-5, 120), (60, 120), (300, 300), (1500, 1500), (86400, 1800)]
)
async def test_met_norway_is_not_asked_before_its_answer_expires(lifetime: float | None, interval: float) -> None:
    """Its terms demand that; after 304 too. A time in the far future would hide the next warning, and is cut."""
    server = Server()
    server.lifetime, server.modified = lifetime, "Thu, 01 Jan 2026 00:00:00 GMT"
    async with serving(server, MetNorwayWarnings) as service:
        assert service.interval == 120
        for _ in range(2):
            await service.fetch([OSLO])
            assert service.interval == interval


async def test_pirate_weather_is_asked_for_warnings_alone() -> None:
    """The key is in the path, and never in an error, whatever the service says."""
    server, path = Server(), "/forecast/sesame/54.3000,10.1235"
    async with serving(server, PirateWeatherWarnings) as service:
        assert service.group([KIEL, OSLO]) == [[KIEL], [OSLO]]
        assert await service.fetch([KIEL]) == {"kiel": WarningAnswer([], [])}
        assert server.requests == [f"{path}?exclude=currently,minutely,hourly,daily&version=2"]
        for status, failure in ((400, Failure.REJECTED), (401, Failure.DENIED)):
            server.answers[path] = web.json_response({"detail": "no sesame"}, status=status)
            with pytest.raises(ProviderError) as raised:
                await service.fetch([KIEL])
            assert raised.value.failure is failure
            assert "sesame" not in str(raised.value)


async def test_met_norway_needs_a_contact() -> None:
    """As for the forecasts."""
    with pytest.raises(ConfigError, match=r"met_norway\.contact"):
        MetNorwayWarnings(Settings(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("client", [NwsWarnings, BrightSkyWarnings, MetNorwayWarnings, PirateWeatherWarnings])
@pytest.mark.parametrize("answer", [503, 429, 403, {"title": "a page"}, []])
async def test_no_answer_is_an_error(client: Any, answer: Any) -> None:
    """Neither an error nor a response without a list means that there is no warning."""
    server = Server()
    paths = ("/alerts/active", "/alerts", "/weatherapi/metalerts/2.0/current.json", "/forecast/sesame/54.3000,10.1235")
    server.answers = dict.fromkeys(paths, answer)
    async with serving(server, client) as service:
        with pytest.raises(ProviderError):
            await service.fetch([KIEL])
