"""The scripted day of warnings, as weatherd's parsers and differences see it in each service's form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from weatherd.providers.bright_sky.warnings import parse_bright_sky_warnings
from weatherd.providers.met_norway.warnings import parse_met_norway_warnings
from weatherd.providers.nws.warnings import parse_nws_warnings
from weatherd.providers.warning_areas import Place, match_places
from weatherd.simulator.bright_sky_alerts import handle_alerts
from weatherd.simulator.met_norway.alerts import handle_current
from weatherd.simulator.nws.alerts import handle_active_alerts
from weatherd.simulator.query import ServiceRequest, ServiceResponse
from weatherd.simulator.sky.clock import REAL_TIME, WeatherClock
from weatherd.warnings.difference import compare_warnings

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.official_warning import OfficialWarning

    Look = Callable[[datetime, WeatherClock], list[OfficialWarning]]

MIDNIGHT = datetime(2026, 8, 21, tzinfo=UTC)
AGENT = {"User-Agent": "weatherd/1 me@example.org"}


def look_at_nws(now: datetime, clock: WeatherClock) -> list[OfficialWarning]:
    """Return the warnings of a point in Kansas."""
    request = ServiceRequest({"point": ["39.7456,-97.0892"], "status": ["actual"]}, headers=AGENT)
    return parse_nws_warnings(handle_active_alerts(request, now, clock).body).warnings


def look_at_the_country(now: datetime, clock: WeatherClock) -> list[OfficialWarning]:
    """Return the warnings of the same point from the national list."""
    reply = handle_active_alerts(ServiceRequest({}, headers=AGENT), now, clock)
    place = Place("kansas", 39.7456, -97.0892, frozenset({"forecast/SIZ001"}))
    return match_places(parse_nws_warnings(reply.body).found, [place])["kansas"]


def look_at_bright_sky(now: datetime, clock: WeatherClock) -> list[OfficialWarning]:
    """Return the warnings of Kiel."""
    body = handle_alerts(ServiceRequest({"lat": ["54.3"], "lon": ["10.1"]}), now, clock)[1]
    return parse_bright_sky_warnings(body, "en").warnings


def look_at_met_norway(now: datetime, clock: WeatherClock) -> list[OfficialWarning]:
    """Return the warnings of Oslo."""
    reply = handle_current(ServiceRequest({"lang": ["en"]}, headers=AGENT), now, clock)
    return match_places(parse_met_norway_warnings(reply.body, "en").found, [Place("oslo", 59.9, 10.8)])["oslo"]


LOOKS: list[Look] = [look_at_nws, look_at_the_country, look_at_bright_sky, look_at_met_norway]


def follow(look: Look, times: list[datetime], clock: WeatherClock = REAL_TIME) -> list[tuple[str, str, str]]:
    """Return the changes that polls at *times* find: the hour and minute, the kind, and the reason of an end."""
    known: Any = {}
    found = []
    for now in times:
        known, changes = compare_warnings(known, look(now, clock), now)
        found += [(f"{now:%H:%M}", change.kind.value, change.reason or "") for change in changes]
    return found


@pytest.mark.parametrize("look", LOOKS)
def test_a_scripted_day(look: Look) -> None:
    """Polls every two minutes see each step of the script once; the flicker, the test and the renewal tell nobody."""
    times = [MIDNIGHT + timedelta(minutes=minutes) for minutes in range(0, 24 * 60, 2)]
    reason, end = ("cancelled", "18:00") if look in LOOKS[:2] else ("absent", "18:02")
    assert follow(look, times) == [
        ("02:00", "new", ""),
        ("06:00", "new", ""),
        ("09:00", "updated", ""),
        ("10:00", "ended", "expired"),
        ("12:00", "renewed", ""),
        (end, "ended", reason),
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_the_storm_is_missing_for_some_seconds(look: Look) -> None:
    """At 15:00 a poll sees no storm, as in a stale cache; the one before and the next one do."""
    moments = [MIDNIGHT.replace(hour=14, minute=59, second=30) + timedelta(minutes=minutes) for minutes in range(3)]
    assert [len(look(now, REAL_TIME)) for now in moments] == [1, 0, 1]


@pytest.mark.parametrize("look", LOOKS)
def test_a_fast_day(look: Look) -> None:
    """With a day of weather in an hour, the times of the messages are real ones, and the day has the same steps."""
    clock = WeatherClock(MIDNIGHT.timestamp(), 3600.0)
    times = [MIDNIGHT + timedelta(seconds=seconds) for seconds in range(0, 3600, 60)]
    kinds = [kind for _, kind, _ in follow(look, times, clock)]
    assert [kind for kind in kinds if kind != "renewed"] == ["new", "new", "updated", "ended", "ended"]
    [fog] = look(MIDNIGHT + timedelta(minutes=6), clock)
    assert fog.ends == MIDNIGHT + timedelta(minutes=25)


def test_local_warnings_are_local() -> None:
    """The fog is only in a part of each service's area."""
    now = MIDNIGHT.replace(hour=3)
    reply = handle_active_alerts(ServiceRequest({"point": ["47.6,-122.3"], "status": ["actual"]}, headers=AGENT), now)
    assert parse_nws_warnings(reply.body).warnings == []
    munich = handle_alerts(ServiceRequest({"lat": ["48.1"], "lon": ["11.6"]}), now)[1]
    assert parse_bright_sky_warnings(munich, "en").warnings == []


@pytest.mark.parametrize(
    ("query", "status"),
    [({"point": ["51.5,0"]}, 404), ({"point": ["north"]}, 400), ({"zone": ["SIZ001"]}, 400), ({}, 200)],
)
def test_the_nws_checks_requests(query: dict[str, list[str]], status: int) -> None:
    """A point abroad, a text that is no point and an unknown parameter are problems."""
    assert handle_active_alerts(ServiceRequest(query, headers=AGENT), MIDNIGHT).status == status


def test_met_norway_answers_conditional_requests() -> None:
    """304 while nothing has changed; a message that ends changes the time too. Agents without a contact get 403."""

    def ask(hour: int, minute: int, since: str = "") -> ServiceResponse:
        headers = AGENT | ({"If-Modified-Since": since} if since else {})
        return handle_current(ServiceRequest({}, headers=headers), MIDNIGHT.replace(hour=hour, minute=minute))

    first = ask(3, 0)
    assert ask(3, 30, first.headers["Last-Modified"]).status == 304
    for hour in (6, 11, 19):
        later = ask(hour, 1, first.headers["Last-Modified"])
        assert later.status == 200
        assert ask(hour, 2, later.headers["Last-Modified"]).status == 304
        first = later
    assert handle_current(ServiceRequest({}), MIDNIGHT).status == 403


def test_bright_sky_is_germany_only() -> None:
    """Places abroad are not covered, and coordinates have to be numbers."""
    for lat, lon, status in (("59.9", "10.8", 404), ("north", "10", 422), ("48.1", "11.6", 200)):
        assert handle_alerts(ServiceRequest({"lat": [lat], "lon": [lon]}), MIDNIGHT)[0] == status
