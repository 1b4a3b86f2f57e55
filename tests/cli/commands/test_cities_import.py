"""``weatherd cities import``: lists of other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd


CSV = "Name;Latitude;LNG;country;id\nUlm;48.4;10.0;DE;123\nKiel;54.31;10.12;DE;4\nUlm;40.7;-88;US;5\n;1;2;;\nX;99;1;;\n"


GEOJSON = """{"type": "FeatureCollection", "features": [
 {"type": "Feature", "properties": {"name": "Ulm"}, "geometry": {"type": "Point", "coordinates": [10.0, 48.4, 478]}},
 {"type": "Feature", "properties": {"name": "Kiel"}, "geometry": {"type": "Point", "coordinates": [10.12, 54.31]}},
 {"type": "Feature", "properties": {"name": "Ulm", "state": "US"},
  "geometry": {"type": "Point", "coordinates": [-88, 40.7]}},
 {"type": "Feature", "properties": null, "geometry": {"type": "Point", "coordinates": [2, 1]}},
 {"type": "Feature", "properties": {"name": "X"}, "geometry": {"type": "Polygon", "coordinates": []}}]}"""


OWM = """[{"id": 1, "name": "Ulm", "state": "", "country": "DE", "coord": {"lon": 10.0, "lat": 48.4}},
 {"id": 2, "name": "Kiel", "state": "", "country": "DE", "coord": {"lon": 10.12, "lat": 54.31}},
 {"id": 3, "name": "Ulm", "state": "", "country": "US", "coord": {"lon": -88, "lat": 40.7}},
 {"id": 4}, {"name": "X", "coord": {"lat": 99, "lon": 1}}]"""


def test_altitude_and_tags_are_imported(weatherd: Weatherd, rows: Path, tmp_path: Path) -> None:
    """Columns with the names of other programs become the keys of a row."""
    (tmp_path / "places").write_text(
        "city,latitude,lng,elevation,tz,tags.Region\nUlm,48.4,10,478,Europe/Berlin,south\n"
    )
    assert weatherd("cities", "import", str(tmp_path / "places"))[0] == 0
    keys = "timezone: Europe/Berlin, altitude: 478.0, tags: {region: south}"
    assert rows.read_text().endswith(f"- {{name: Ulm, lat: 48.4, lon: 10.0, {keys}}}\n")


@pytest.mark.parametrize(("text", "line"), [(CSV, ":6: "), (GEOJSON, ": item 5: "), (OWM, ": item 5: ")])
def test_cities_are_imported(weatherd: Weatherd, rows: Path, tmp_path: Path, text: str, line: str) -> None:
    """A city in the list is skipped, one with the name of another gets an id with its region; others are reported."""
    (tmp_path / "places").write_text(text)
    before = rows.read_bytes()
    expected = "- {name: Ulm, lat: 48.4, lon: 10.0}\n- {name: Ulm, lat: 40.7, lon: -88.0, id: ulm-us}\n"
    code, out, err = weatherd("cities", "import", str(tmp_path / "places"), "--dry-run")
    assert (code, out.replace("-88,", "-88.0,"), rows.read_bytes()) == (78, expected, before)
    assert f"{tmp_path / 'places'}{line}'X': " in err
    code, out, _ = weatherd("cities", "import", str(tmp_path / "places"))
    assert (code, out) == (78, "added 2, in the list already 1, invalid 2\n")
    assert [row.split()[0] for row in weatherd("cities", "list")[1].splitlines()[-2:]] == ["ulm", "ulm-us"]
    assert weatherd("cities", "import", str(tmp_path / "places"))[1] == "added 0, in the list already 3, invalid 2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'name' and 'lat' and 'lon' in its heading (found: none)"),
        ("name,breite,lon\nA,1,2\n", "has no column 'lat' in its heading (found: name, breite, lon)"),
        ("{", "is not valid JSON: "),
        ("{}", "should be a GeoJSON FeatureCollection, or a list of objects"),
        ("[" * 100_000, "is not valid JSON: "),
    ],
)
def test_a_file_of_another_kind_is_explained(weatherd: Weatherd, tmp_path: Path, text: str, message: str) -> None:
    """Exit code 78 and one line."""
    (tmp_path / "places").write_text(text)
    code, _, err = weatherd("cities", "import", str(tmp_path / "places"))
    assert (code, err.startswith(f"{tmp_path / 'places'}: {message}"), err.count("\n")) == (78, True, 1)
