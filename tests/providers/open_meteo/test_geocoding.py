"""The search for places by name with Open-Meteo's geocoding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.http.session import open_session
from weatherd.providers.open_meteo.geocoding import FoundPlace, parse_places, search_places

if TYPE_CHECKING:
    from pathlib import Path

KIEL = {
    "name": "Kiel",
    "latitude": 54.32133,
    "longitude": 10.13489,
    "country": "Germany",
    "admin1": "Schleswig-Holstein",
    "population": 246601,
    "timezone": "Europe/Berlin",
    "elevation": 5.0,
}


def parse_found(*results: Any) -> list[FoundPlace]:
    """Return the places in a response with *results*."""
    return parse_places(Response(200, json.dumps({"results": results}).encode()))


def test_each_value_of_a_place_is_parsed() -> None:
    """Unknown texts are empty, an unknown number is None."""
    assert parse_found(KIEL, {"name": "X", "latitude": 1, "longitude": 2}) == [
        FoundPlace("Kiel", 54.32133, 10.13489, "Germany", "Schleswig-Holstein", 246601, "Europe/Berlin", 5.0),
        FoundPlace("X", 1.0, 2.0, "", "", None, "", None),
    ]


def test_an_unknown_name_is_an_empty_list() -> None:
    """The service omits ``results`` if there are none."""
    assert parse_places(Response(200, b'{"generationtime_ms": 0.1}')) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": None},
        {"latitude": "54"},
        {"latitude": True},
        {"latitude": 91},
        {"longitude": -181},
        {"longitude": 10**400},
        {"name": ""},
        {"name": 5},
        {"name": "\x1b\n"},
    ],
)
def test_a_result_without_name_or_coordinates_is_skipped(wrong: dict[str, Any]) -> None:
    """An invalid result is skipped; the other places remain."""
    assert [place.name for place in parse_found(KIEL | wrong, "Kiel", None, KIEL)] == ["Kiel"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    """Names and countries are one printable line."""
    place = parse_found(KIEL | {"name": "Ki\x1b[31mel", "country": "a\nb", "admin1": {"x": 1}, "population": True})[0]
    assert (place.name, place.country, place.region, place.population) == ("Ki [31mel", "a b", "", None)


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (500, b"", Failure.BROKEN),
        (429, b"", Failure.RATE_LIMITED),
        (400, b"{}", Failure.REJECTED),
        (200, b"", Failure.MALFORMED),
        (200, b"<html>", Failure.MALFORMED),
        (200, b"[]", Failure.MALFORMED),
        (200, b'{"results": null}', Failure.MALFORMED),
        (200, b'{"results": {}}', Failure.MALFORMED),
    ],
)
def test_anything_but_a_list_of_places_is_a_provider_error(status: int, body: bytes, failure: Failure) -> None:
    """The error has the kind of failure of the status."""
    with pytest.raises(ProviderError) as caught:
        parse_places(Response(status, body))
    assert caught.value.failure is failure


@given(
    st.binary()
    | st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"results": [{"name": "a", "latitude": value, "longitude": 1}, value]}).encode()
    )
)
def test_any_response_is_places_or_a_provider_error(body: bytes) -> None:
    """Nothing else is raised, and every place has valid coordinates."""
    try:
        places = parse_places(Response(200, body))
    except ProviderError:
        return
    assert all(abs(place.lat) <= 90 and abs(place.lon) <= 180 for place in places)


async def test_a_search_requests_the_name() -> None:
    """The name is sent unchanged, with umlauts and spaces; ten places are requested."""
    queries: list[dict[str, str]] = []

    async def respond(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        return web.json_response({"results": [KIEL]})

    app = web.Application()
    app.router.add_get("/v1/search", respond)
    async with TestServer(app) as server, open_session("test") as session:
        places = await search_places(session, str(server.make_url("")).rstrip("/"), "Bad Münster & Co")
    assert [place.name for place in places] == ["Kiel"]
    assert queries == [{"name": "Bad Münster & Co", "count": "10", "language": "en", "format": "json"}]


def test_recorded_responses(recorded: Path) -> None:
    """The places of recorded responses are parsed."""
    files = sorted(recorded.rglob("*geocod*.json"))
    if not files:
        pytest.skip("no geocoding responses are recorded")
    assert any(place.population for file in files for place in parse_places(Response(200, file.read_bytes())))
