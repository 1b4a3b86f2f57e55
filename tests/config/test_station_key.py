"""The key ``station`` of a row: the airport whose reports are used."""

from __future__ import annotations

import pytest

from weatherd.config.city_list import parse_cities

LISTS = {
    "f.yaml": "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1, station: edhk}\n  - {name: Ulm, lat: 48.4, lon: 10}\n",
    "f.csv": "name,lat,lon,station\nKiel,54.3,10.1,EDHK\nUlm,48.4,10,\n",
    "f.jsonl": '{"name": "Kiel", "lat": 54.3, "lon": 10.1, "station": "EDHK"}\n{"name": "U", "lat": 4, "lon": 1}\n',
}


@pytest.mark.parametrize(("name", "text"), LISTS.items())
def test_a_row_may_name_an_airport(name: str, text: str) -> None:
    """In capitals, whatever the list has; without the key it is the nearest one."""
    found = parse_cities([(name, text)], ["open-meteo"])
    assert not found.quarantined
    assert [city.station for city in found.cities] == ["EDHK", ""]


@pytest.mark.parametrize("length", [1, 2000])
def test_a_long_list_has_the_same_stations(length: int) -> None:
    """Rows of one line are read without the parser, and some words mean something else in YAML."""
    rows = [f"  - {{name: C{number}, lat: 1.5, lon: 2.5, station: EDDH}}\n" for number in range(length)]
    text = "cities:\n" + "".join(rows)
    found = parse_cities([("f.yaml", text)], ["open-meteo"])
    assert {city.station for city in found.cities} == {"EDDH"}
    assert len(found.cities) == length
    bad = parse_cities([("f.yaml", text + "  - {name: x, lat: 1, lon: 1, station: NULL}\n")], ["open-meteo"])
    assert len(bad.quarantined) == 1


@pytest.mark.parametrize("station", ["EDD", "EDDHH", "12", "[EDDH]", "'E DH'", "ÄÖÜß"])
def test_what_is_no_airport_quarantines_the_row(station: str) -> None:
    """The message has the position."""
    text = f"cities:\n- {{name: Kiel, lat: 54.3, lon: 10.1, station: {station}}}\n"
    (problems,) = parse_cities([("f.yaml", text)], ["open-meteo"]).quarantined
    assert str(problems[0]).startswith("f.yaml:2:")
    assert "station" in str(problems[0])
