"""CSV and JSON Lines lists, and lists of several files: the same cities and problems as YAML rows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from weatherd.city import City
from weatherd.config.city_list import CityList, load_cities, parse_cities
from weatherd.config.loader import load_configuration
from weatherd.config.plugin_models import PluginModels
from weatherd.config.settings import Settings
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PROVIDERS = ["open-meteo", "met-norway"]
HEADING = "name,lat,lon"
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
CITIES = st.builds(
    City,
    name=NAMES,
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    interval=st.floats(1, 1e6).map(lambda seconds: round(seconds, 3)),
    providers=st.lists(st.sampled_from(PROVIDERS), min_size=1, unique=True).map(tuple),
    timezone=st.none() | st.sampled_from(["Europe/Berlin", "UTC"]),
    altitude=st.none() | st.floats(-500, 9000),
    tags=st.dictionaries(st.sampled_from(["region", "größe", "a.b"]), NAMES).map(lambda tags: tuple(tags.items())),
    warnings=st.sampled_from(["auto", "off", ("nws",), ("bright-sky", "nws")]),
)
KEYS = ("name", "lat", "lon", "id", "interval", "providers", "timezone", "altitude", "warnings")
LISTS = st.lists(CITIES, min_size=1, max_size=5, unique_by=lambda city: city.id)


class Station(BaseModel, frozen=True):
    """A plug-in's keys of a city."""

    station: int


def load(name: str, text: str) -> CityList:
    """Load the text of a file."""
    models = {"hut": PluginModels(city=Station)}
    return parse_cities([(name, text)], PROVIDERS, find_models=lambda: models)


def get_problems(found: CityList) -> list[str]:
    """Return the problems of all quarantined rows."""
    return [str(problem) for problems in found.quarantined for problem in problems]


def get_rejection(name: str, text: str) -> list[str]:
    """Return the problems of a file that is rejected as a whole."""
    with pytest.raises(ConfigError) as caught:
        load(name, text)
    return [str(problem) for problem in caught.value.problems]


@given(LISTS, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]))
def test_cities_written_as_csv_load_unchanged(cities: list[City], delimiter: str, end: str, bom: str) -> None:
    """What Python's csv module writes, with any delimiter, line end and byte order mark, loads as the same cities."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    keys = {key: None for city in cities for key, _ in city.tags}
    writer.writerow([*KEYS, *(f"tags.{key}" for key in keys)])
    for city in cities:
        values = {key: getattr(city, key) for key in KEYS} | keys | dict(city.tags)
        warnings = city.warnings if isinstance(city.warnings, str) else " ".join(city.warnings)
        texts = {"providers": " ".join(city.providers), "interval": f"{city.interval}s", "warnings": warnings}
        writer.writerow((values | texts).values())
    ordered = [
        replace(city, tags=tuple((key, dict(city.tags)[key]) for key in keys if key in dict(city.tags)))
        for city in cities
    ]
    assert load("f.csv", bom + file.getvalue()) == CityList(tuple(ordered))


@given(LISTS, st.booleans())
def test_cities_written_as_json_lines_load_unchanged(cities: list[City], is_ascii: bool) -> None:  # noqa: FBT001
    """What Python's json module writes, with or without escapes, loads as the same cities."""
    rows = [{key: getattr(city, key) for key in KEYS} | {"tags": dict(city.tags)} for city in cities]
    lines = [json.dumps(row, ensure_ascii=is_ascii) for row in rows]
    assert load("f.jsonl", "\n".join(lines)) == CityList(tuple(cities))


def test_problems_of_csv_rows_have_positions() -> None:
    """File, line and column are those of the cell, also after quoted cells and cells of several lines."""
    text = (
        "name;lat;lon;id;interval;providers;plugins.hut.station\r\n"
        '"Ulm ""a""; Donau";48.4;9.99;ulm;5m;met-norway, open-meteo;12\r\n'
        ";;;;;;\r\n"
        "\r\n"
        '"A\r\nB";abc;7.1;;0s;nope;x\r\n'
        "Kiel; 91 ;1;;;;;\r\n"
        'Köln;  "1" ; 2;"köln; ""1""\r\n";x\r\n'
        "Oslo;1;2;;;;;more\r\n"
        "ULM;1;2;ulm\r\n"
        "Bonn;1"
    )
    found = load("f.csv", text)
    (ulm,) = found.cities
    assert (ulm.name, ulm.interval, ulm.providers) == ('Ulm "a"; Donau', 300.0, ("met-norway", "open-meteo"))
    assert ulm.plugin("hut") == Station(station=12)
    assert [problem.partition(", not")[0] for problem in get_problems(found)] == [
        "f.csv:5:1: 'A\\r\\nB': 'name' should be one line of printable text",
        "f.csv:6:4: 'A\\r\\nB': 'lat' should be a number",
        "f.csv:6:13: 'A\\r\\nB': 'interval' should be 1s or more",
        "f.csv:6:16: 'A\\r\\nB': 'providers.0' should be one of met-norway, open-meteo",
        "f.csv:6:21: 'A\\r\\nB': 'plugins.hut.station' should be a whole number",
        "f.csv:7:6: 'Kiel': 'lat' should be at most 90",
        "f.csv:8:16: 'Köln': 'id' should be lower-case letters, digits, '-' and '_', at most 64",
        "f.csv:9:3: 'Köln': 'interval' should be a length of time such as 30s, 10m or 1h30m",
        "f.csv:10:14: 'Oslo': unknown key 'column-8'",
        "f.csv:11:1: 'ULM': the id 'ulm' is taken by f.csv:2:1; give one of them an 'id'",
        "f.csv:12:1: 'Bonn': 'lon' is missing",
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["1:1: the heading has no column 'name' and 'lat' and 'lon'"]),
        ("name,lat\nKiel,1", ["1:1: the heading has no column 'lon'"]),
        ("name,lta,lat,lon", ["1:6: unknown column 'lta'; did you mean 'lat'?"]),
        ("name,lat,lon,lat", ["1:14: the column 'lat' is there twice"]),
        (f"{HEADING},tags", ["1:14: the column 'tags' should have the form 'tags.KEY'"]),
        (f"{HEADING},tags.", ["1:14: the column 'tags.' should have the form 'tags.KEY'"]),
        (f"{HEADING},plugins.hut", ["1:14: the column 'plugins.hut' should have the form 'plugins.NAME.KEY'"]),
        (f'{HEADING}\nKiel,1,"2\n3,4', ["2:8: is not valid CSV: a quotation mark is not closed"]),
        (f'{HEADING}\n"Kiel"x,1,2', ["2:1: is not valid CSV: a quotation mark is not closed, or not at the start"]),
    ],
)
def test_a_csv_file_in_another_form_is_rejected(text: str, messages: list[str]) -> None:
    """The whole file is rejected, because its rows cannot be trusted; all problems of the heading are reported."""
    found = get_rejection("f.csv", text)
    assert len(found) == len(messages)
    assert all(problem.startswith(f"f.csv:{message}") for problem, message in zip(found, messages, strict=True))


def test_problems_of_json_rows_have_positions() -> None:
    """File, line and column are those of the value or key; of the row where YAML reads the line otherwise."""
    text = (
        '{"name": "Ulm", "lat": 48, "lon": 9.99, "plugins": {"hut": {"station": 12}}}\r\n'
        "\n"
        '  {"name": "Kiel", "lat": 91, "lonn": 10.1}\n'
        '{"name": "\\ud83c\\udf27", "lat": "1", "lon": 1}\n'
        '{"name": "Oslo", "lat": 1, "lon": 2, "plugins": {"hut": {"station": "x"}}}\n'
        '{"name": "Rome", "lat": NaN, "lon": true, "providers": ["open-meteo", "nope"]}\n'
        '["Bonn", 50, 7]\n'
        '{"name": "ulm", "lat": 1, "lon": 2}'
    )
    found = load("f.jsonl", text)
    assert [(city.name, city.lat) for city in found.cities] == [("Ulm", 48.0)]
    assert [problem.partition(", not")[0] for problem in get_problems(found)] == [
        "f.jsonl:3:27: 'Kiel': 'lat' should be at most 90",
        "f.jsonl:3:3: 'Kiel': 'lon' is missing",
        "f.jsonl:3:31: 'Kiel': unknown key 'lonn'; did you mean 'lon'?",
        "f.jsonl:4:1: '🌧': 'lat' should be a number, without quotes",
        "f.jsonl:5:69: 'Oslo': 'plugins.hut.station' should be a whole number",
        "f.jsonl:6:1: 'Rome': 'lat' should be a finite number",
        "f.jsonl:6:1: 'Rome': 'lon' should be a number, without quotes",
        "f.jsonl:6:1: 'Rome': 'providers.1' should be one of met-norway, open-meteo",
        "f.jsonl:7:1: this should be a city: {name: …, lat: …, lon: …}",
        "f.jsonl:8:1: 'ulm': the id 'ulm' is taken by f.jsonl:1:1; give one of them an 'id'",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: should have a city on each line"),
        ("\n \n", "1:1: should have a city on each line"),
        ('{"name": "Kiel", "lat": 1, "lon": 2}\n{"name": "Ul', "2:10: is not valid JSON"),
        ('{"name": "Kiel", "lat": 1, "lat": 2}', "1:1: is not valid JSON: duplicate key 'lat'"),
        ("[" * 100_000, "1:1: is nested too deep"),
    ],
)
def test_a_json_lines_file_in_another_form_is_rejected(text: str, message: str) -> None:
    """The whole file is rejected, because it may have been cut off while it was written."""
    (problem,) = get_rejection("f.ndjson", text)
    assert problem.startswith(f"f.ndjson:{message}")


@given(
    st.sampled_from(["f.csv", "f.jsonl"]), st.text(st.sampled_from('namelto,;"\n\r{}[]:1 .\t\ud800\x00'), max_size=40)
)
def test_any_text_is_a_list_or_an_error_with_a_position(name: str, text: str) -> None:
    """No text raises another error than ConfigError."""
    for prefix in ("", f"{HEADING}\n"):
        try:
            load(name, prefix + text)
        except ConfigError as error:
            positions = [problem.where for problem in error.problems]
        else:
            positions = []
        assert all(position.startswith(f"{name}:") for position in positions)


def test_several_files_are_one_list(tmp_path: Path) -> None:
    """Files and folders are read in their order; an id that another file uses is reported with both positions."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.CSV").write_text("name,lat,lon\nBonn,50,7\nKiel,1,1\n")
    (tmp_path / "folder" / "a.jsonl").write_text('{"name": "Oslo", "lat": 59.9, "lon": 10.7}')
    (tmp_path / "z.yaml").write_text("cities:\n- {name: Kiel, lat: 54.3, lon: 10.1}\n")
    file = tmp_path / "weatherd.yaml"
    file.write_text("cities: [z.yaml, folder]")
    loaded = load_configuration(file, {}, PROVIDERS)
    assert loaded.list_paths == (tmp_path / "z.yaml", tmp_path / "folder")
    assert [city.name for city in loaded.cities] == ["Kiel", "Oslo", "Bonn"]
    ((problem,),) = loaded.quarantined
    taken = f"the id 'kiel' is taken by {tmp_path}/z.yaml:2:3; give one of them an 'id'"
    assert str(problem) == f"{tmp_path}/folder/b.CSV:3:1: 'Kiel': {taken}"


@pytest.mark.parametrize(
    ("text", "environ", "names"),
    [
        ("cities: a.yaml", {}, ["a.yaml"]),
        ("cities: [a.yaml, 'b, c.csv']", {}, ["a.yaml", "b, c.csv"]),
        ("", {"WEATHERD_CITIES": "a.yaml, b.csv"}, ["a.yaml", "b.csv"]),
        ("", {"WEATHERD_CITIES": '["b, c.csv"]'}, ["b, c.csv"]),
    ],
)
def test_the_setting_is_one_path_or_several(
    text: str, environ: dict[str, str], names: list[str], tmp_path: Path
) -> None:
    """Several are a list in the file; in a variable they are separated by commas, or a JSON list."""
    file = tmp_path / "weatherd.yaml"
    file.write_text(text)
    for name in names:
        heading = "cities: []" if name.endswith("yaml") else HEADING
        (tmp_path / name).write_text(heading)
    assert load_configuration(file, environ, PROVIDERS).list_paths == tuple(tmp_path / name for name in names)


def test_the_schema_accepts_one_path_or_several() -> None:
    """The JSON Schema of the settings has both forms."""
    forms: list[dict[str, Any]] = Settings.model_json_schema()["properties"]["cities"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "array"]


def test_a_missing_file_among_several_is_an_error(tmp_path: Path) -> None:
    """The problem names that file, and nothing is loaded."""
    (tmp_path / "a.csv").write_text(HEADING)
    with pytest.raises(ConfigError) as caught:
        load_cities([tmp_path / "a.csv", tmp_path / "b.csv"], PROVIDERS)
    assert str(caught.value) == f"{tmp_path}/b.csv: cannot be read: No such file or directory"


def test_defaults_do_not_hide_the_position_in_a_line() -> None:
    """A mistake in a JSON line is at its value, also if the row gets an interval and providers from the settings."""
    defaults = {"interval": 600.0, "providers": ("open-meteo",)}
    text = '{"name": "Kiel", "lat": 54.3, "lon": 10.1}\n{"name": "Oslo", "lat": 99.9, "lon": 10.7}\r\n'
    found = parse_cities([("f.jsonl", text)], PROVIDERS, defaults)
    assert get_problems(found) == ["f.jsonl:2:25: 'Oslo': 'lat' should be at most 90, not 99.9"]
