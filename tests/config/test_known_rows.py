"""A reload that reuses unchanged rows gives what a fresh load gives."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weatherd.city import City
from weatherd.config.city_list import CityList, parse_cities
from weatherd.config.diff import diff
from weatherd.config.lists.known_rows import NO_ROWS, KnownRows
from weatherd.config.lists.yaml_lines import LONG_LIST
from weatherd.daemon.gc_tuning import gc_paused
from weatherd.errors import ConfigError

PROVIDERS = ["open-meteo", "met-norway"]
YAML_ROWS = [
    "{name: Kiel, lat: 54.3, lon: 10.1}", "{name: Kiel, lat: 54.5, lon: 10.1}", "{name: Ulm, id: kiel, lat: 8, lon: 1}",
    "{name: Bonn, lat: 50.7, lon: 7.1, interval: 5m}", "{name: Bonn, lat: 95.7, lon: 7.1}", "{name: Oslo, lat: 59.9}",
    "{name: Bergen, lat: 60.4, lon: 5.3, providers: [met-norway]}", "{name: Nome, lat: 64.5, lon: -165.4, interval: 0}",
    '{name: "Bonn", lat: 50.7, lon: 7.1, interval: 300} # same', "{name: Rom, lat: 41.9, lon: 12.5, plugins: {x: {}}}",
    "&a {name: Wien, lat: 48.2, lon: 16.4}", "*a", "Kiel", "",
    "{name: Köln, lat: 50.9, lon: 6.9, timezone: Europe/Berlin}",
]  # fmt: skip
YAML_LINES = [
    "  - {name: Kiel, lat: 54.3, lon: 10.1}",
    "",
    "# comment",
    '  - {name: "Bonn',
    "  - name: Graz\n    lat: 47.1\n    lon: 15.4",
    "    x",
    "  -",
]
JSON_ROWS = [
    '{"name": "Kiel", "lat": 54.3, "lon": 10.1}', '{"name": "Kiel", "lat": 54.5, "lon": 10.1}', '{"name": "Oslo"}', "",
    ' {"name": "Ulm", "id": "kiel", "lat": 48.4, "lon": 10}', '{"name": "Bonn", "lat": 95, "lon": 7}', '{"name": ', "7",
    '{"name": "Bergen", "lat": 60.4, "lon": 5.3, "providers": ["met-norway"]}', '{"lat": 1, "lat": 2}',
    '{"name": "Rom", "lat": 41.9, "lon": 12.5, "plugins": {"x": {"y": 1}}}',
    '{"name": "Kiel", "lat": 54.3, "lon": 10.1}\r',
]  # fmt: skip
CSV_ROWS = [
    "Kiel,54.3,10.1,,", "Kiel,54.5,10.1,,", '"Kiel",54.3,10.1,,', "Ulm,48.4,10,kiel,", "Bonn,95.7,7.1,,", "Oslo,9,,,",
    "Bergen,60.4,5.3,,met-norway", "Bergen,60.4,5.3,,dwd", '"a\nKiel,54.3,10.1,,",1,2,,', "", ",,,,", "Kiel;54.3;1;;",
    " Kiel , 54.3,10.1 , ,", "Kiel,54.3,10.1,,\r", "Kiel,54.3,10.1,\rBern,46.9,7.4,,", 'Bonn,1,2,"', "Rom,1,2,,,more",
]  # fmt: skip
LONG = f"cities: # {'x' * LONG_LIST}"  # so long that rows are read by the pattern
HEADINGS = ["name,lat,lon,id,providers", "name,lon,lat,id,providers", "name;lat;lon;id;providers"]
ANY_ROW = "{name: Kiel, lat: 54.3, lon: 10.1}"
GENERAL = [
    {},
    {"interval": 90.0, "providers": ("met-norway",)},
    {"interval": 600.0, "providers": ("open-meteo", "met-norway")},
]


@st.composite
def draw_file(draw: st.DrawFn) -> tuple[str, str]:
    """Draw the name and the text of a file."""
    kind = draw(st.sampled_from(["yaml", "yaml", "jsonl", "csv"]))
    name = f"{draw(st.sampled_from('ab'))}.{kind}"
    if kind == "jsonl":
        return name, "\n".join(draw(st.lists(st.sampled_from(JSON_ROWS), max_size=6)))
    if kind == "csv":
        return name, "\n".join(
            [draw(st.sampled_from(HEADINGS)), *draw(st.lists(st.sampled_from(CSV_ROWS), max_size=6))]
        )
    indent = draw(st.sampled_from(["  ", "  ", ""]))
    lines = [f"{indent}- {row}" for row in draw(st.lists(st.sampled_from(YAML_ROWS), max_size=6))]
    for odd in draw(st.lists(st.sampled_from(YAML_LINES), max_size=1)):
        lines.insert(draw(st.integers(0, len(lines))), odd)
    return name, "\n".join([LONG, *lines])


loads = st.tuples(
    st.lists(draw_file(), min_size=1, max_size=3, unique_by=lambda file: file[0]),
    st.sampled_from([PROVIDERS, PROVIDERS, PROVIDERS[:1]]),
    st.sampled_from(GENERAL),
)


def load(
    files: list[tuple[str, str]], providers: list[str], general: dict[str, Any], reuse: KnownRows = NO_ROWS
) -> CityList | list[str]:
    """Return the list, or the problems of a file."""
    try:
        return parse_cities(files, providers, general, reuse, find_models=dict)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]


def describe(found: CityList | list[str]) -> Any:
    """Return all that a user can notice of a list, with the types of its values."""
    if not isinstance(found, CityList) or not found.locate:
        return found
    return repr(found), [found.locate(city.id) for city in found.cities]


@pytest.mark.once
@settings(max_examples=300)
@given(st.lists(loads, min_size=2, max_size=5))
@example([([("a.yaml", f"{LONG}\n{indent}- {ANY_ROW}\n  - {ANY_ROW}")], PROVIDERS, {}) for indent in ("  ", "")])
def test_a_reload_equals_a_fresh_load(edits: list[tuple[list[tuple[str, str]], list[str], dict[str, Any]]]) -> None:
    """After any edits of files and settings: the same cities, quarantined rows, positions and errors.

    The list in force is the last one without errors, and equal cities stay the same objects.
    """
    known, cities = NO_ROWS, dict[str, City]()
    for files, providers, general in edits:
        found = load(files, providers, general, known)
        assert describe(found) == describe(load(files, providers, general))
        if isinstance(found, CityList):
            assert all(city is cities[city.id] for city in found.cities if cities.get(city.id) == city)
            known, cities = found.rows, {city.id: city for city in found.cities}


def test_unchanged_rows_are_not_parsed() -> None:
    """They are looked up by their text, also on other lines than before: a marked city comes back with its mark."""
    rows = [f"- {{name: C{number}, lat: 1.5, lon: 2.5}}" for number in range(100)]
    before = parse_cities([("f.yaml", "\n".join([LONG, *rows]))], PROVIDERS).rows
    marked = tuple(replace(city, name="marked") for city in before.cities)
    rows[50] = "- {name: C50, lat: 1.5, lon: 2.6}"
    text = "\n".join([LONG, "# moved", *rows])
    after = parse_cities([("f.yaml", text)], PROVIDERS, reuse=KnownRows(before.keys, marked)).cities
    assert [city.name for city in after] == ["marked"] * 50 + ["C50"] + ["marked"] * 49
    assert diff(marked, after).changed == {"c50"}


def test_a_load_leaves_no_cycle() -> None:
    """What a load needs for 200,000 rows is freed at once, because a reload runs without garbage collection."""
    found = parse_cities(
        [("f.yaml", f"{LONG}\n- {{name: A, lat: 1.5, lon: 2.5}}\n- {{name: B, lat: 99}}\n")], PROVIDERS
    )
    with gc_paused():
        reader = weakref.ref(found.locate.__self__)  # type: ignore[union-attr]
        del found
        assert reader() is None
