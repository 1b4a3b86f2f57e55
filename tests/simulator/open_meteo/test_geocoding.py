"""The simulated geocoding follows Open-Meteo's documentation."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from weatherd.simulator.open_meteo.geocoding import handle_get, handle_search
from weatherd.simulator.places.gazetteer import nearest_place
from weatherd.simulator.places.places import COUNTRIES, PLACES


def search(**query: str) -> list[dict[str, Any]]:
    """Return the results of a search, an empty list if the key is missing."""
    status, body = handle_search({name: [value] for name, value in query.items()})
    assert status == 200
    return list(body.get("results", []))


@pytest.mark.parametrize("name", ["München", "munchen", "muenchen", "MUNICH", " Munich ", "münch"])
def test_spellings(name: str) -> None:
    """Case, accents and the language of a name do not matter."""
    assert [place["name"] for place in search(name=name)] == ["Munich"]


def test_short_names() -> None:
    """Three letters match prefixes, two match only exactly, one matches nothing."""
    assert {"Berlin"} == {place["name"] for place in search(name="Ber") if place["country_code"] == "DE"}
    assert search(name="Be") == []
    assert [place["name"] for place in search(name="ås")] == ["Ås"]
    assert search(name="Y") == []  # although the gazetteer has this place
    assert search(name="") == []


def test_no_match_has_no_results() -> None:
    """Without a match there is no ``results`` key."""
    assert handle_search({"name": ["Atlantis"]})[1].keys() == {"generationtime_ms"}


@pytest.mark.parametrize(
    ("name", "countries"), [("Paris", ["FR", "US"]), ("London", ["GB", "CA"]), ("Perth", ["AU", "GB"])]
)
def test_same_names(name: str, countries: list[str]) -> None:
    """Places of the same name are sorted by population; ``countryCode`` filters them."""
    assert [place["country_code"] for place in search(name=name)] == countries
    assert [place["country_code"] for place in search(name=name, countryCode=countries[1])] == countries[1:]


def test_exact_matches_come_first() -> None:
    """An exact match precedes a prefix match of a larger place, and equal matches are sorted by population."""
    frankfurts = search(name="Frankfurt")
    assert [place["name"] for place in frankfurts] == ["Frankfurt am Main", "Frankfurt (Oder)"]
    springfields = [place["population"] for place in search(name="Springfield")]
    assert len(springfields) >= 3
    assert springfields == sorted(springfields, reverse=True)


def test_count() -> None:
    """``count`` limits the results; a value outside 1 to 100 is rejected."""
    assert len(search(name="Springfield", count="1")) == 1
    for count in ("0", "101", "many"):
        status, body = handle_search({"name": ["Berlin"], "count": [count]})
        assert (status, body) == (400, {"error": True, "reason": "Parameter count must be between 1 and 100."})


def test_rejected_requests() -> None:
    """A missing name and an unsupported format are rejected with a reason."""
    assert handle_search({}) == (400, {"error": True, "reason": "Parameter 'name' is required"})
    status, body = handle_search({"name": ["Berlin"], "format": ["protobuf"]})
    assert status == 400
    assert "protobuf" in body["reason"]


def test_get() -> None:
    """A place is found by its id; an unknown id is rejected."""
    status, body = handle_get({"id": ["2950159"]})
    assert (status, body["name"], body["timezone"]) == (200, "Berlin", "Europe/Berlin")
    for unknown in ("1", "Berlin"):
        assert handle_get({"id": [unknown]}) == (400, {"error": True, "reason": "Location ID not found."})


def test_gazetteer_is_consistent() -> None:
    """Ids are unique, time zones and countries exist, and each place is nearest to itself."""
    assert len({place.id for place in PLACES}) == len(PLACES) >= 140
    for place in PLACES:
        assert ZoneInfo(place.timezone).key == place.timezone
        assert COUNTRIES[place.country_code]
        assert nearest_place(place.latitude, place.longitude) == (place, 0)


def test_position_of_kiel() -> None:
    """Kiel has the coordinates of the example configuration."""
    kiel = search(name="Kiel")[0]
    assert kiel["latitude"] == pytest.approx(54.32, abs=0.01)
    assert kiel["longitude"] == pytest.approx(10.13, abs=0.01)
